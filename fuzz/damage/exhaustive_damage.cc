// Every damage that there is, to databases small enough to try all of it (G7).
//
//   exhaustive_damage [--stride N] [--case NAME] [--table FILE] [--only ID]
//
//   --stride N    only each N-th of the damages to bytes and of the swaps: a test that takes seconds
//   --case NAME   one of the databases only
//   --table FILE  writes the table as Markdown (docs/damage.md)
//   --only ID     one damage, as a REPRO line names it
//
// Each time: opened read-only, looked at and verified; opened, read, verified, written to, closed, opened and
// read again. Exit code: 0; 1 if anything was wrong and not reported, or is called undecidable after a clean
// close; 2 wrong arguments.
#include <array>
#include <cstdio>
#include <fstream>
#include <map>

#include "fuzz/damage/damages.h"

namespace manifolddb::fuzz {
namespace {

enum Outcome : uint8_t { kHarmless, kAtOpen, kAtRead, kByVerify, kUndecidable, kSilent, kOutcomes };

struct Wrong {
  std::string what;
};

// A log that was in use is never replaced: its data file may come back.
void ExpectNothingCreated(const Files& changed) {
  Options options = TinyOptions();
  options.page_size = kSector;
  const auto disk = std::make_shared<Disk>(changed);
  const auto opened = Database::Open(disk, kDataName, options);
  Expect(!opened && opened.error().code() == Errc::kCorrupt, "a new database took the place of a lost one");
  Expect(disk->Take().at(kLogName) == changed.at(kLogName), "the log of a lost database was changed");
}

// What came of one damage.
Outcome Examine(const Session& whole, const Files& changed) {
  if (!changed.contains(kDataName)) ExpectNothingCreated(changed);
  {
    Session reader(1);
    reader.Adopt(whole);
    reader.files() = changed;
    reader.NoteDamage();
    reader.LookReadOnly();
  }
  Session session(1);
  session.Adopt(whole);
  session.files() = changed;
  session.NoteDamage();
  if (!session.Open()) return kAtOpen;  // with all that it shows, against the model
  const Outcome found = session.errors() > 0   ? kAtRead
                        : !session.Verify()    ? kByVerify
                        : session.losses() > 0 ? kUndecidable
                                               : kHarmless;
  const bool reported = found == kAtRead || found == kByVerify;
  // What was found whole is whole, for whatever is done to it.
  if (!reported) session.NoteWhole();
  session.CreateFamily("after");
  session.Put("after", "t0", "key", 60);
  session.Put("f0", "t0", "after", 300);
  session.Commit({});
  session.Close();
  if (session.Open()) session.CheckAll();
  session.Close();
  return found;
}

struct Arguments {
  DamageChoice choice;
  std::string table;
};

using Row = std::array<uint64_t, kOutcomes>;

class Run {
 public:
  void Try(const Damage& damage) {
    Begin(damage);
    Outcome outcome = kSilent;
    const std::string repro = "REPRO exhaustive_damage --only " + damage.Id();
    try {
      outcome = Examine(*damage.made.session, damage.changed);
    } catch (const Wrong& wrong) {
      std::fprintf(stderr, "SILENT %s\n%s\n", wrong.what.c_str(), repro.c_str());
    }
    const bool lost = outcome == kUndecidable && damage.made.clean;
    if (lost) std::fprintf(stderr, "LOST after a clean close\n%s\n", repro.c_str());
    failed_ = failed_ || outcome == kSilent || lost;
    ++rows_[damage.kind][damage.made.name][outcome];
    ++tried_;
    last_ = outcome;
  }

  // Kind of damage -> what came of it, for each database.
  const std::map<std::string, std::map<std::string, Row>>& rows() const { return rows_; }
  uint64_t tried() const { return tried_; }
  Outcome last() const { return last_; }
  bool failed() const { return failed_; }

 private:
  std::map<std::string, std::map<std::string, Row>> rows_;
  uint64_t tried_ = 0;
  bool failed_ = false;
  Outcome last_ = kHarmless;
};

constexpr const char* kOutcomeNames[] = {"harmless",       "at open",     "at read",
                                         "by verify only", "undecidable", "**silent**"};

// One table over all databases, by damage; one for each database.
std::string Table(const Run& run, const std::vector<DamageCase>& cases) {
  const auto cells = [](const Row& row) {
    std::string line;
    for (const uint64_t count : row) line += " " + std::to_string(count) + " |";
    return line + "\n";
  };
  std::string heads = "|";
  std::string rules = "|---|";
  for (const char* name : kOutcomeNames) heads += std::string(" ") + name + " |", rules += "---:|";
  std::map<std::string, Row> by_case;
  std::string text = "| damage " + heads + "\n" + rules + "\n";
  for (const auto& [kind, of_cases] : run.rows()) {
    Row sum = {};
    for (const auto& [name, row] : of_cases) {
      for (size_t i = 0; i < row.size(); ++i) sum[i] += row[i], by_case[name][i] += row[i];
    }
    text += "| " + kind + " |" + cells(sum);
  }
  text += "\n| database " + heads + "\n" + rules + "\n";
  for (const DamageCase& made : cases) {
    if (by_case.contains(made.name))
      text += "| *" + made.name + "*: " + made.what + " |" + cells(by_case[made.name]);
  }
  return text;
}

constexpr const char* kIntroduction = R"(# Every damage, tried

Databases small enough to try all of it: each byte of both files set to up to four other values, each
sector zeroed, garbled, replaced by what lay there at an earlier closing, swapped with each other one, both
copies of a meta page zeroed, each file cut at each sector, missing, replaced by an older version of itself
and by another database's; of one large database some of each. Each time the database is opened read-only,
looked at and verified, then opened, read, verified, written to, closed, opened and read again; all that it
shows is compared with what was committed (`fuzz/session.h`).

- *harmless*: everything is there, and nothing was wrong with it: a byte that nobody owns, or one of two
  copies.
- *at open*, *at read*, *by verify only*: where it was reported first.
- *undecidable*: the newest commits are missing, and nothing that is left states that they were there: the
  limits of [durability.md](durability.md). After a clean close there is none; the program holds that.
- *silent*: a wrong answer, an error that blames nobody, the end of the process. There must be none.

)";

int Main(const Arguments& arguments) {
  OnViolation([](const std::string& what) { throw Wrong{what}; });
  ReportDeathsOf("exhaustive_damage");
  const std::vector<DamageCase> cases = MakeDamageCases();
  Run run;
  for (const DamageCase& made : cases) {
    ForEachDamage(made, arguments.choice, [&run](const Damage& damage) { run.Try(damage); });
  }
  EndAll();
  if (run.tried() == 0) {
    std::fprintf(stderr, "exhaustive_damage: there is no such damage\n");
    return 2;
  }
  if (!arguments.choice.only.empty()) std::printf("outcome: %s\n", kOutcomeNames[run.last()]);
  const std::string table = Table(run, cases);
  std::printf("%s\n%llu damages\n", table.c_str(), static_cast<unsigned long long>(run.tried()));
  if (!arguments.table.empty()) {
    std::ofstream file(arguments.table);
    file << kIntroduction << table << "\n"
         << run.tried() << " damages; `scripts/dev damage --table docs/damage.md`.\n";
    if (!file.flush()) {
      std::fprintf(stderr, "exhaustive_damage: cannot write %s\n", arguments.table.c_str());
      return 2;
    }
  }
  return run.failed() ? 1 : 0;
}

}  // namespace
}  // namespace manifolddb::fuzz

int main(int argc, char** argv) {
  manifolddb::fuzz::Arguments arguments;
  for (int i = 1; i < argc; i += 2) {
    const std::string word = argv[i];
    const char* const value = i + 1 < argc ? argv[i + 1] : nullptr;
    if (value != nullptr && word == "--table") {
      arguments.table = value;
    } else if (value == nullptr || !arguments.choice.Take(word, value)) {
      std::fprintf(stderr, "usage: %s [--stride N] [--case NAME] [--table FILE] [--only ID]\n", argv[0]);
      return 2;
    }
  }
  return manifolddb::fuzz::Main(arguments);
}
