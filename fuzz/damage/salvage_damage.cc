// Salvage after every damage that there is: what it writes was committed, what it does not write it names.
//
//   salvage_damage [--stride N] [--case NAME] [--table FILE] [--only ID]
//
//   --stride N    only each N-th of the damages to bytes and of the swaps: a test that takes seconds
//   --case NAME   one of the databases only
//   --table FILE  writes the table as Markdown (docs/salvage-damage.md)
//   --only ID     one damage, as a REPRO line names it
//
// Each time: salvaged; if that is refused, salvaged with older states allowed. The output is opened,
// verified, read as a whole and compared with the state after the commit that the report names; that is the
// newest one unless an older one was allowed, or nothing that survived states more. The input must stay as it
// is. Exit code: 0; 1 if anything was written that was not committed, or is missing and not reported; 2 wrong
// arguments.
#include <array>
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "fuzz/damage/damages.h"
#include "manifolddb/salvage.h"

namespace manifolddb::fuzz {
namespace {

constexpr const char* kOutName = "out";

struct Wrong {
  std::string what;
};

// Where an entry of the newest state lies, in whole files.
struct Stretch {
  std::string file;
  size_t offset;
  size_t bytes;
};
struct EntryName {
  std::string family;
  std::string table;
  std::string key;
  auto operator<=>(const EntryName&) const = default;
};
using Places = std::map<EntryName, std::vector<Stretch>>;

// ---- What salvage does -----------------------------------------------------------------------------------

struct Attempt {
  std::optional<Error> refused;
  SalvageReport report;
  State state;
};

bool MayBeTheInputsFault(const Error& error) {
  switch (error.code()) {
    case Errc::kCorrupt:
    case Errc::kTruncated:
    case Errc::kNotADatabase:
    case Errc::kNotFound: return error.file().starts_with(kDataName);
    default: return false;
  }
}

State ReadOutput(const std::shared_ptr<Disk>& disk) {
  Options options = TinyOptions();
  options.create_if_missing = false;
  const auto opened = Database::Open(disk, kOutName, options);
  Expect(opened.has_value(), "the output does not open");
  const auto verified = (*opened)->Verify();
  Expect(verified && verified->ok(), "the output is not whole");
  const Seen seen = ReadAll(**opened, [](const Error& error) { Violation("output: " + error.ToString()); });
  Expect(seen.contradiction == nullptr, "the output contradicts itself");
  return seen.ToState();
}

Attempt TrySalvage(const Files& files, bool allow_older,
                   const std::function<void(const SalvageSource&)>& source = {}) {
  const auto from = std::make_shared<Disk>(files);
  const auto to = std::make_shared<Disk>(Files(), 7);
  Attempt attempt;
  SalvageOptions options;
  options.allow_older = allow_older;
  options.output = TinyOptions();
  options.source = source;
  auto report = Salvage({from, kDataName}, {to, kOutName}, options);
  Expect(from->Take() == files, "salvage changed its input");
  if (!report) {
    if (!MayBeTheInputsFault(report.error())) Violation("refused with " + report.error().ToString());
    Expect(to->Take().empty(), "salvage was refused and left something");
    attempt.refused = report.error();
    return attempt;
  }
  attempt.report = std::move(*report);
  Expect(allow_older || attempt.report.doubts.empty(), "an older state that nobody allowed");
  attempt.state = ReadOutput(to);
  return attempt;
}

// ---- What it must be -------------------------------------------------------------------------------------

bool Holds(const VerifyReport::Affected& range, const std::string& name) {
  return (!range.lower || name >= *range.lower) && (!range.upper || name < *range.upper);
}

// `key`: null for the table itself; no table: the family itself.
bool IsReported(const SalvageReport& report, const std::string& family, const std::string& table,
                const std::string* key) {
  for (const SalvageLoss& loss : report.losses) {
    const VerifyReport::Affected& lost = loss.keys;
    if (lost.family.empty()) {
      if (Holds(lost, family)) return true;
    } else if (lost.family == family && !table.empty()) {
      if (lost.table.empty() ? Holds(lost, table)
                             : key != nullptr && lost.table == table && Holds(lost, *key)) {
        return true;
      }
    }
  }
  return false;
}

const Entries* Find(const State& state, const std::string& family, const std::string& table) {
  const auto tables = state.find(family);
  if (tables == state.end()) return nullptr;
  const auto entries = tables->second.find(table);
  return entries == tables->second.end() ? nullptr : entries->second.get();
}

void ExpectNothingInvented(const State& found, const State& whole) {
  for (const auto& [family, tables] : found) {
    if (!whole.contains(family)) Violation("family " + family + " was not there");
    for (const auto& [table, entries] : tables) {
      const Entries* const expected = Find(whole, family, table);
      if (expected == nullptr) Violation("table " + table + " was not there");
      for (const auto& [key, value] : *entries) {
        const auto at = expected->find(key);
        if (at == expected->end()) Violation("key " + key + " was not there");
        if (at->second != value) Violation("key " + key + " had another value");
      }
    }
  }
}

void ExpectLossesReported(const Attempt& attempt, const State& whole) {
  const SalvageReport& report = attempt.report;
  for (const auto& [family, tables] : whole) {
    const bool there = attempt.state.contains(family);
    if (!there && !IsReported(report, family, "", nullptr)) Violation("family " + family + " is missing");
    for (const auto& [table, entries] : tables) {
      const Entries* const found = Find(attempt.state, family, table);
      if (found == nullptr && !IsReported(report, family, table, nullptr)) {
        Violation("table " + table + " is missing");
      }
      for (const auto& [key, value] : *entries) {
        if (found != nullptr && found->contains(key)) continue;
        if (!IsReported(report, family, table, &key)) Violation("key " + key + " is missing");
      }
    }
  }
}

void Judge(const Damage& damage, const Attempt& attempt) {
  // Another database altogether: whatever it holds.
  if (damage.kind == "file-of-another" && damage.file == kDataName) return;
  const History& history = damage.made.session->history();
  const uint64_t claimed = attempt.report.commit_number;
  const auto whole = history.At(claimed);
  if (whole == nullptr) Violation("the state after commit " + std::to_string(claimed) + " never was");
  if (attempt.report.doubts.empty() && claimed < history.newest()) {
    const std::string what = "taken for the newest: commit " + std::to_string(claimed);
    if (damage.made.clean) Violation(what + ", after a clean close");
    if (const auto proof = ProofOfMore(damage.changed, claimed)) Violation(what + ", and " + *proof);
  }
  ExpectNothingInvented(attempt.state, *whole);
  ExpectLossesReported(attempt, *whole);
}

// ---- How much it is --------------------------------------------------------------------------------------

// Each entry of the newest state with the bytes that it needs; those of the nodes above it are not counted.
Places FindPlaces(const DamageCase& made) {
  Places places;
  const Files& files = made.session->closed_files();
  const State& newest = *made.session->history().Newest();
  const auto note = [&](const SalvageSource& source) {
    std::vector<Stretch> stretches = {{std::string(source.file), source.offset, kSector}};
    if (source.extent_bytes > 0) {
      stretches.push_back({std::string(source.file), source.extent_offset, source.extent_bytes});
    }
    const Entries* const entries = Find(newest, std::string(source.family), std::string(source.table));
    if (entries == nullptr) return;
    const auto end = entries->upper_bound(std::string(AsText(source.last)));
    for (auto at = entries->lower_bound(std::string(AsText(source.first))); at != end; ++at) {
      places[{std::string(source.family), std::string(source.table), at->first}] = stretches;
    }
  };
  const Attempt whole = TrySalvage(files, false, note);
  Expect(!whole.refused && whole.report.complete(), "a whole database is not copied as a whole");
  return places;
}

bool IsIntact(const std::vector<Stretch>& stretches, const Files& before, const Files& after) {
  for (const Stretch& stretch : stretches) {
    const auto found = after.find(stretch.file);
    if (found == after.end() || found->second.size() < stretch.offset + stretch.bytes) return false;
    const std::string_view was(before.at(stretch.file));
    const std::string_view is(found->second);
    if (was.substr(stretch.offset, stretch.bytes) != is.substr(stretch.offset, stretch.bytes)) return false;
  }
  return true;
}

struct Row {
  uint64_t tried = 0;
  uint64_t complete = 0;
  uint64_t partly = 0;
  uint64_t older = 0;    // refused, unless an older state is allowed
  uint64_t nothing = 0;  // refused in any case
  uint64_t intact = 0;   // entries
  uint64_t recovered = 0;
  uint64_t recovered_older = 0;  // with older states allowed

  void Add(const Row& other) {
    tried += other.tried, complete += other.complete, partly += other.partly, older += other.older;
    nothing += other.nothing, intact += other.intact, recovered += other.recovered;
    recovered_older += other.recovered_older;
  }
};

class Run {
 public:
  void Try(const Damage& damage) {
    if (made_ != &damage.made) {
      made_ = &damage.made;
      places_ = FindPlaces(*made_);
    }
    Begin(damage);
    try {
      const Row row = Examine(damage);
      rows_[damage.kind].Add(row);
      of_cases_[made_->name].Add(row);
    } catch (const Wrong& wrong) {
      std::fprintf(stderr, "WRONG %s\nREPRO salvage_damage --only %s\n", wrong.what.c_str(),
                   damage.Id().c_str());
      failed_ = true;
    }
    ++tried_;
  }
  const std::map<std::string, Row>& rows() const { return rows_; }
  const std::map<std::string, Row>& of_cases() const { return of_cases_; }
  uint64_t tried() const { return tried_; }
  bool failed() const { return failed_; }

 private:
  Row Examine(const Damage& damage) {
    Row row{.tried = 1};
    const Attempt strict = TrySalvage(damage.changed, false);
    if (!strict.refused) {
      Judge(damage, strict);
      ++(strict.report.complete() ? row.complete : row.partly);
      Count(damage, strict.state, strict.state, row);
      return row;
    }
    const Attempt allowed = TrySalvage(damage.changed, true);
    if (!allowed.refused) Judge(damage, allowed);
    ++(allowed.refused ? row.nothing : row.older);
    Count(damage, {}, allowed.state, row);
    return row;
  }

  void Count(const Damage& damage, const State& strict, const State& allowed, Row& row) const {
    const State& newest = *made_->session->history().Newest();
    const Files& before = made_->session->closed_files();
    const auto has = [&](const State& state, const EntryName& name) {
      const Entries* const found = Find(state, name.family, name.table);
      if (found == nullptr) return false;
      const auto at = found->find(name.key);
      return at != found->end() && at->second == Find(newest, name.family, name.table)->at(name.key);
    };
    for (const auto& [name, stretches] : places_) {
      if (!IsIntact(stretches, before, damage.changed)) continue;
      ++row.intact;
      if (has(strict, name)) ++row.recovered;
      if (has(allowed, name)) ++row.recovered_older;
    }
  }

  const DamageCase* made_ = nullptr;
  Places places_;  // of made_
  std::map<std::string, Row> rows_;
  std::map<std::string, Row> of_cases_;
  uint64_t tried_ = 0;
  bool failed_ = false;
};

std::string Share(uint64_t part, uint64_t whole) {
  if (whole == 0) return "-";
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.2f %%",
                100.0 * static_cast<double>(part) / static_cast<double>(whole));
  return text.data();
}

std::string Line(const std::string& name, const Row& row) {
  std::string line = "| " + name + " |";
  for (const uint64_t count : {row.tried, row.complete, row.partly, row.older, row.nothing}) {
    line += " " + std::to_string(count) + " |";
  }
  return line + " " + Share(row.recovered, row.intact) + " | " + Share(row.recovered_older, row.intact) +
         " |\n";
}

std::string Table(const Run& run, const std::vector<DamageCase>& cases) {
  const std::string heads =
      " tried | complete | in part | older only | nothing | intact entries recovered | with older states |\n"
      "|---|---:|---:|---:|---:|---:|---:|---:|\n";
  std::string text = "| damage |" + heads;
  Row all;
  for (const auto& [kind, row] : run.rows()) text += Line(kind, row), all.Add(row);
  text += Line("**all**", all) + "\n| database |" + heads;
  for (const DamageCase& made : cases) {
    const auto found = run.of_cases().find(made.name);
    if (found != run.of_cases().end()) text += Line("*" + made.name + "*: " + made.what, found->second);
  }
  return text;
}

constexpr const char* kIntroduction = R"(# Salvage after every damage

The databases and damages of [damage.md](damage.md), each damaged database salvaged
([salvage.md](salvage.md)). Each time the program holds that nothing was written that was not committed at
the state the report names, that this is the newest state unless older ones were allowed or nothing that
survived states more, that every entry of it that was not written lies in a range that was reported as lost,
that the new database is whole, and that the damaged one did not change.

- *complete*: nothing was lost. *in part*: some ranges of keys were, and are named.
- *older only*: refused, because newer commits may have been lost; written with `--allow-older`.
- *nothing*: no meta page can be read, or the data file is gone.
- *intact entries recovered*: of the entries of the newest state whose own bytes the damage left as they were
  (leaf, extent, or group of the log), those that were written, without and with `--allow-older`. What is
  missing lay below a page that is damaged or cut off, or behind a damaged group.

)";

int Main(const DamageChoice& choice, const std::string& table_file) {
  OnViolation([](const std::string& what) { throw Wrong{what}; });
  ReportDeathsOf("salvage_damage");
  const std::vector<DamageCase> cases = MakeDamageCases();
  Run run;
  for (const DamageCase& made : cases) {
    ForEachDamage(made, choice, [&run](const Damage& damage) { run.Try(damage); });
  }
  EndAll();
  if (run.tried() == 0) {
    std::fprintf(stderr, "salvage_damage: there is no such damage\n");
    return 2;
  }
  const std::string table = Table(run, cases);
  std::printf("%s\n%llu damages\n", table.c_str(), static_cast<unsigned long long>(run.tried()));
  if (!table_file.empty()) {
    std::ofstream file(table_file);
    file << kIntroduction << table << "\n"
         << run.tried() << " damages; `scripts/dev salvage-damage --table docs/salvage-damage.md`.\n";
    if (!file.flush()) {
      std::fprintf(stderr, "salvage_damage: cannot write %s\n", table_file.c_str());
      return 2;
    }
  }
  return run.failed() ? 1 : 0;
}

}  // namespace
}  // namespace manifolddb::fuzz

int main(int argc, char** argv) {
  manifolddb::fuzz::DamageChoice choice;
  std::string table;
  for (int i = 1; i < argc; i += 2) {
    const std::string word = argv[i];
    const char* const value = i + 1 < argc ? argv[i + 1] : nullptr;
    if (value != nullptr && word == "--table") {
      table = value;
    } else if (value == nullptr || !choice.Take(word, value)) {
      std::fprintf(stderr, "usage: %s [--stride N] [--case NAME] [--table FILE] [--only ID]\n", argv[0]);
      return 2;
    }
  }
  return manifolddb::fuzz::Main(choice, table);
}
