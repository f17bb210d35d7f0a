// What a program does to an open database, each with what the model says of it.
#include <algorithm>
#include <utility>

#include "fuzz/session.h"

namespace manifolddb::fuzz {

template <class T>
bool Session::Fails(const Result<T>& result, Errc code, const char* what) {
  if (!modelled()) return !result.has_value();
  if (result.has_value()) Violation(std::string(what) + " succeeded, it must be " + std::string(Name(code)));
  if (result.error().code() != code) Accept(result.error());
  return true;
}

bool Session::Has(const State& state, const std::string& family, const std::string& table) const {
  const auto found = state.find(family);
  return found != state.end() && found->second.contains(table);
}

// The open write transaction, over all families; begun if there is none. Null if that was refused.
Session::Working* Session::Begin() {
  if (working_) return &*working_;
  if (!Open()) return nullptr;
  State state = *history_.Newest();
  std::vector<ColumnFamily> families;
  const auto names = database_->ListColumnFamilies();
  if (!Ok(names)) return nullptr;
  for (const std::string& name : *names) {
    const auto family = database_->OpenColumnFamily(name);
    if (!Ok(family)) return nullptr;
    families.push_back(*family);
    if (!modelled()) state[name];  // so that steps have something to do
  }
  auto begun = database_->BeginWrite(families);
  if (!Ok(begun)) return nullptr;
  working_.emplace(std::move(*begun), std::move(state));
  return &*working_;
}

// The table, if the model has it and the database does not refuse it.
std::optional<WriteTable> Session::Open(Working& working, const std::string& family,
                                        const std::string& table) {
  if (!working.state.contains(family)) return std::nullopt;
  const auto handle = database_->OpenColumnFamily(family);
  if (!Ok(handle)) return std::nullopt;
  auto opened = working.transaction.OpenTable(*handle, table);
  if (modelled() && !Has(working.state, family, table)) {
    Fails(opened, Errc::kNoSuchTable, "opening a table that is not there");
    return std::nullopt;
  }
  if (Ok(opened)) return *opened;
  return std::nullopt;
}

void Session::CreateTable(const std::string& family, const std::string& table) {
  Working* const working = Begin();
  if (working == nullptr || !working->state.contains(family)) return;
  const auto handle = database_->OpenColumnFamily(family);
  if (!Ok(handle)) return;
  const auto created = working->transaction.CreateTable(*handle, table);
  if (modelled() && Has(working->state, family, table)) {
    Fails(created, Errc::kAlreadyExists, "creating a table that is there");
    return;
  }
  if (!Ok(created)) return Abort();
  working->state[family][table] = std::make_shared<const Entries>();
}

void Session::DropTable(const std::string& family, const std::string& table) {
  Working* const working = Begin();
  if (working == nullptr || !working->state.contains(family)) return;
  const auto handle = database_->OpenColumnFamily(family);
  if (!Ok(handle)) return;
  const Status dropped = working->transaction.DropTable(*handle, table);
  if (modelled() && !Has(working->state, family, table)) {
    Fails(dropped, Errc::kNoSuchTable, "dropping a table that is not there");
    return;
  }
  if (!Ok(dropped)) return Abort();
  working->state[family].erase(table);
}

void Session::RenameTable(const std::string& family, const std::string& from, const std::string& to) {
  Working* const working = Begin();
  if (working == nullptr || !working->state.contains(family)) return;
  const auto handle = database_->OpenColumnFamily(family);
  if (!Ok(handle)) return;
  const Status renamed = working->transaction.RenameTable(*handle, from, to);
  if (modelled() && !Has(working->state, family, from)) {
    Fails(renamed, Errc::kNoSuchTable, "renaming a table that is not there");
    return;
  }
  if (modelled() && Has(working->state, family, to)) {
    Fails(renamed, Errc::kAlreadyExists, "renaming a table to a name that is taken");
    return;
  }
  if (!Ok(renamed)) return Abort();
  Tables& tables = working->state[family];
  if (!tables.contains(from)) return;
  auto entries = tables[from];
  tables.erase(from);
  tables[to] = std::move(entries);
}

void Session::Put(const std::string& family, const std::string& table, const std::string& key, size_t bytes) {
  Working* const working = Begin();
  if (working == nullptr || !working->state.contains(family)) return;
  if (!Has(working->state, family, table)) CreateTable(family, table);
  if (!working_) return;
  auto opened = Open(*working, family, table);
  if (!opened) return;
  // Where a value was meant to be, and which one of all it is.
  std::string value = std::to_string(serial_) + ":" + std::to_string(++values_) + ":" + family + "/" + table +
                      "/" + key.substr(0, 8) + "|";
  if (value.size() < bytes) value.append(bytes - value.size(), static_cast<char>('a' + values_ % 26));
  const auto fill = [&](MutableByteView place) -> Status {
    std::ranges::copy(AsBytes(value), place.begin());
    return {};
  };
  // Written in place, now and then.
  const Status put = values_ % 4 == 3 ? opened->PutReserve(AsBytes(key), value.size(), fill)
                                      : opened->Put(AsBytes(key), AsBytes(value));
  if (!Ok(put)) return Abort();
  auto& entries = working->state[family][table];
  if (entries == nullptr) entries = std::make_shared<const Entries>();
  Edit(entries)[key] = std::move(value);
}

void Session::Delete(const std::string& family, const std::string& table, const std::string& key) {
  Working* const working = Begin();
  if (working == nullptr) return;
  auto opened = Open(*working, family, table);
  if (!opened) return;
  const auto deleted = opened->Delete(AsBytes(key));
  if (!Ok(deleted)) return Abort();
  if (!modelled()) return;
  const bool there = Edit(working->state[family][table]).erase(key) == 1;
  Expect(*deleted == there, "Delete says wrongly whether there was an entry");
}

void Session::DeleteRange(const std::string& family, const std::string& table,
                          const std::optional<std::string>& lower, const std::optional<std::string>& upper) {
  Working* const working = Begin();
  if (working == nullptr) return;
  auto opened = Open(*working, family, table);
  if (!opened) return;
  Range range;
  if (lower) range.lower = AsBytes(*lower);
  if (upper) range.upper = AsBytes(*upper);
  const auto deleted = opened->DeleteRange(range);
  if (!Ok(deleted)) return Abort();
  if (!modelled()) return;
  const auto within = [&](const auto& entry) {
    return (!lower || entry.first >= *lower) && (!upper || entry.first < *upper);
  };
  const uint64_t gone = std::erase_if(Edit(working->state[family][table]), within);
  Expect(*deleted == gone, "DeleteRange counts its entries wrongly");
}

void Session::Get(const std::string& family, const std::string& table, const std::string& key) {
  Working* const working = Begin();
  if (working == nullptr) return;
  const auto opened = Open(*working, family, table);
  if (!opened) return;
  const auto value = opened->Get(AsBytes(key));
  if (!Ok(value) || !modelled()) return;
  const Entries& entries = *working->state[family][table];
  const auto found = entries.find(key);
  Expect(value->has_value() == (found != entries.end()), "Get says wrongly whether there is an entry");
  if (*value) Expect((*value)->text() == found->second, "Get shows another value");
}

void Session::Walk(const std::string& family, const std::string& table, const std::string& key, bool forward,
                   size_t steps) {
  Working* const working = Begin();
  if (working == nullptr) return;
  const auto opened = Open(*working, family, table);
  if (!opened) return;
  auto cursor = opened->NewCursor();
  if (!Ok(cursor)) return;
  static const Entries kNone;
  const Entries& entries = modelled() ? *working->state[family][table] : kNone;
  // Where the cursor must be: from `at` on, or from the one before it back.
  auto at = forward ? entries.lower_bound(key) : entries.upper_bound(key);
  auto more = forward ? cursor->Seek(AsBytes(key)) : cursor->SeekForPrev(AsBytes(key));
  for (; steps > 0; --steps) {
    if (!Ok(more)) return;
    const bool there = forward ? at != entries.end() : at != entries.begin();
    if (modelled()) Expect(*more == there, "a cursor says wrongly whether there is an entry");
    if (!*more) return;
    const auto value = cursor->value();
    if (!Ok(value)) return;
    if (modelled()) {
      if (!forward) --at;
      Expect(AsText(cursor->key()) == at->first, "a cursor is at another key");
      Expect(AsText(*value) == at->second, "a cursor shows another value");
      if (forward) ++at;
    }
    more = forward ? cursor->Next() : cursor->Prev();
  }
}

void Session::Commit(CommitOptions options) {
  if (!working_) return;
  Working working = std::move(*working_);
  working_.reset();
  const auto number = working.transaction.Commit(options);
  if (!number) {
    AfterFailedCommit(number.error(), std::move(working.state));
    return;
  }
  if (!modelled()) return;
  if (*number == history_.newest()) {
    const State& before = *history_.Newest();
    const auto same = [](const auto& a, const auto& b) {
      return a.first == b.first && std::ranges::equal(a.second, b.second, [](const auto& x, const auto& y) {
               return x.first == y.first && *x.second == *y.second;
             });
    };
    Expect(std::ranges::equal(before, working.state, same), "changes were committed as no commit at all");
    return;
  }
  Expect(*number == history_.newest() + 1, "a commit's number is not the next one");
  history_.Add(*number, std::move(working.state),
               options.through_checkpoint || options.durability == Durability::kImmediate);
}

// Nothing happened, or nobody knows.
void Session::AfterFailedCommit(const Error& error, State state) {
  if (error.code() != Errc::kUnknownOutcome || trust_ == Trust::kExact) {
    Accept(error);
    return;
  }
  if (modelled()) history_.Add(history_.newest() + 1, std::move(state), false);
  Abandon();
}

void Session::Abort() {
  if (working_) working_->transaction.Abort();
  working_.reset();
}

void Session::FamilyCommitted(State state) {
  const uint64_t number = database_->Stats().commit_number;
  if (modelled()) history_.Add(number, std::move(state), true);
}

void Session::CreateFamily(const std::string& name) {
  Commit({});
  if (!Open()) return;
  const auto created = database_->CreateColumnFamily(name);
  State state = *history_.Newest();
  if (modelled() && state.contains(name)) {
    Fails(created, Errc::kAlreadyExists, "creating a family that is there");
    return;
  }
  state[name];
  if (created) return FamilyCommitted(std::move(state));
  AfterFailedCommit(created.error(), std::move(state));
}

void Session::DropFamily(const std::string& name) {
  Commit({});
  if (!Open()) return;
  const Status dropped = database_->DropColumnFamily(name);
  State state = *history_.Newest();
  if (modelled() && !state.contains(name)) {
    Fails(dropped, Errc::kNoSuchColumnFamily, "dropping a family that is not there");
    return;
  }
  state.erase(name);
  if (dropped) return FamilyCommitted(std::move(state));
  AfterFailedCommit(dropped.error(), std::move(state));
}

void Session::RenameFamily(const std::string& from, const std::string& to) {
  Commit({});
  if (!Open()) return;
  const Status renamed = database_->RenameColumnFamily(from, to);
  State state = *history_.Newest();
  if (modelled() && (!state.contains(from) || state.contains(to))) {
    Fails(renamed, state.contains(from) ? Errc::kAlreadyExists : Errc::kNoSuchColumnFamily,
          "renaming a family that is not there, or to a name that is taken");
    return;
  }
  Tables tables = state[from];
  state.erase(from);
  state[to] = std::move(tables);
  if (renamed) return FamilyCommitted(std::move(state));
  AfterFailedCommit(renamed.error(), std::move(state));
}

void Session::Checkpoint() {
  if (!Open()) return;
  if (trouble_.keeps_savepoints) return CheckpointBySavepoint();
  if (Ok(database_->Checkpoint())) history_.Acknowledge();
}

void Session::CheckpointBySavepoint() {
  const auto kept = database_->ListSavepoints();
  if (!Ok(kept)) return;
  if (kept->empty()) {
    if (Ok(database_->CreateSavepoint("kept"))) history_.Acknowledge();
    return;
  }
  const std::string& name = kept->front().name;
  if (auto begun = database_->BeginRead(name); Ok(begun)) {
    const Seen seen = ReadAll(*begun, [this](const Error& error) { Accept(error); });
    const auto state = modelled() ? history_.At(begun->commit_number()) : nullptr;
    if (state != nullptr) {
      if (const auto why = WhyWrong(seen, *state)) Violation("a savepoint changed: " + *why);
    }
  }
  if (Ok(database_->DeleteSavepoint(name))) history_.Acknowledge();
}

void Session::TakeSnapshot() {
  if (!Open() || snapshot_) return;
  auto begun = database_->BeginRead();
  if (!Ok(begun)) return;
  const uint64_t number = begun->commit_number();
  auto state = modelled() ? history_.At(number) : nullptr;
  Expect(!modelled() || state != nullptr, "a snapshot of a commit that nobody made");
  snapshot_.emplace(std::move(*begun), std::move(state));
}

void Session::CheckSnapshot() {
  if (!snapshot_) return;
  const Seen seen = ReadAll(snapshot_->transaction, [this](const Error& error) { Accept(error); });
  if (modelled() && snapshot_->state != nullptr) {
    if (const auto why = WhyWrong(seen, *snapshot_->state)) Violation("a snapshot changed: " + *why);
  }
  snapshot_.reset();
}

}  // namespace manifolddb::fuzz
