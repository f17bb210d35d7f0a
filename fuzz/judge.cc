#include "fuzz/judge.h"

#include <algorithm>
#include <vector>

namespace manifolddb::fuzz {
namespace {

// One walk over a table; true if it came to the end.
bool Walk(const ReadTable& table, bool forward, Entries& seen, const OnError& on_error,
          const char*& contradiction) {
  auto cursor = table.NewCursor();
  if (!cursor) {
    on_error(cursor.error());
    return false;
  }
  std::optional<std::string> before;
  auto more = forward ? cursor->First() : cursor->Last();
  for (; more && *more; more = forward ? cursor->Next() : cursor->Prev()) {
    std::string key(AsText(cursor->key()));
    if (before && (forward ? *before >= key : *before <= key)) {
      contradiction = "a cursor shows keys out of order";
      return false;
    }
    before = key;
    const auto value = cursor->value();
    if (!value) {
      on_error(value.error());
      return false;
    }
    seen.emplace(std::move(key), AsText(*value));
  }
  if (!more) on_error(more.error());
  return more.has_value();
}

SeenTable ReadTableOf(const ReadTable& table, const OnError& on_error, const char*& contradiction) {
  SeenTable seen;
  seen.forward_whole = Walk(table, true, seen.forward, on_error, contradiction);
  seen.backward_whole = Walk(table, false, seen.backward, on_error, contradiction);
  const auto length = table.Length();
  if (length && seen.forward_whole && *length != seen.forward.size()) {
    contradiction = "a table has another length than it has entries";
  }
  if (seen.forward_whole && seen.backward_whole && seen.forward != seen.backward) {
    contradiction = "a table is another one backward";
  }
  return seen;
}

void ReadFamily(ReadTransaction& snapshot, const std::string& name, Seen& all, const OnError& on_error) {
  SeenFamily& seen = all.families[name];
  const auto family = snapshot.OpenColumnFamily(name);
  if (!family) return on_error(family.error());
  const auto names = snapshot.ListTables(*family);
  if (!names) return on_error(names.error());
  seen.listed = true;
  for (const std::string& table_name : *names) {
    const auto table = snapshot.OpenTable(*family, table_name);
    if (!table) {
      on_error(table.error());
      seen.tables[table_name];
      continue;
    }
    seen.tables[table_name] = ReadTableOf(*table, on_error, all.contradiction);
  }
}

std::string Short(const std::string& text) {
  std::string shown;
  for (const char c : text.substr(0, 60)) shown.push_back(c >= ' ' && c <= '~' ? c : '?');
  return "'" + shown + "' (" + std::to_string(text.size()) + " bytes)";
}

// `whole`: nothing is missing. Otherwise what is shown must be what a walk meets first.
std::optional<std::string> WhyWrong(const Entries& seen, const Entries& expected, bool whole, bool forward) {
  for (const auto& [key, value] : seen) {
    const auto found = expected.find(key);
    if (found == expected.end()) return "key " + Short(key) + " was never there";
    if (found->second != value)
      return "key " + Short(key) + " has value " + Short(value) + ", not " + Short(found->second);
  }
  if (whole) {
    if (seen.size() == expected.size()) return std::nullopt;
    for (const auto& [key, value] : expected) {
      if (!seen.contains(key)) return "key " + Short(key) + " is missing";
    }
  }
  // All of them are in `expected`; as many from one end are the first ones, or some were left out.
  if (seen.empty()) return std::nullopt;
  const auto outermost = forward
                             ? std::next(expected.begin(), static_cast<ptrdiff_t>(seen.size()) - 1)->first
                             : std::next(expected.rbegin(), static_cast<ptrdiff_t>(seen.size()) - 1)->first;
  const auto& last = forward ? seen.rbegin()->first : seen.begin()->first;
  if (last != outermost) return "a walk left out a key before " + Short(last);
  return std::nullopt;
}

std::optional<std::string> WhyWrong(const SeenFamily& seen, const Tables& expected) {
  if (!seen.listed) return std::nullopt;
  for (const auto& [name, table] : seen.tables) {
    const auto found = expected.find(name);
    if (found == expected.end()) return "table " + Short(name) + " was never there";
    auto why = WhyWrong(table.forward, *found->second, table.forward_whole, true);
    if (!why) why = WhyWrong(table.backward, *found->second, table.backward_whole, false);
    if (why) return "table " + Short(name) + ": " + *why;
  }
  if (seen.tables.size() != expected.size()) return "a table is missing";
  return std::nullopt;
}

}  // namespace

State Seen::ToState() const {
  Expect(whole, "a state of what was read in part only");
  State state;
  for (const auto& [name, family] : families) {
    Tables& tables = state[name];
    for (const auto& [table_name, table] : family.tables) {
      tables[table_name] = std::make_shared<const Entries>(table.forward);
    }
  }
  return state;
}

Seen ReadAll(ReadTransaction& snapshot, const OnError& on_error) {
  Seen seen;
  const auto failed = [&](const Error& error) {
    seen.whole = false;
    on_error(error);
  };
  const auto names = snapshot.ListColumnFamilies();
  if (!names) {
    failed(names.error());
    return seen;
  }
  seen.listed = true;
  for (const std::string& name : *names) ReadFamily(snapshot, name, seen, failed);
  return seen;
}

Seen ReadAll(const Database& database, const OnError& on_error) {
  auto snapshot = database.BeginRead();
  if (snapshot) return ReadAll(*snapshot, on_error);
  on_error(snapshot.error());
  Seen seen;
  seen.whole = false;
  return seen;
}

std::optional<std::string> WhyWrong(const Seen& seen, const State& expected) {
  if (seen.contradiction != nullptr) return seen.contradiction;
  if (!seen.listed) return std::nullopt;
  for (const auto& [name, family] : seen.families) {
    const auto found = expected.find(name);
    if (found == expected.end()) return "family " + Short(name) + " was never there";
    if (const auto why = WhyWrong(family, found->second)) return "family " + Short(name) + ", " + *why;
  }
  if (seen.families.size() != expected.size()) return "a family is missing";
  return std::nullopt;
}

}  // namespace manifolddb::fuzz
