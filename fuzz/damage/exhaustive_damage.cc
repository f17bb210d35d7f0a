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
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>

#include "fuzz/damage/cases.h"
#include "fuzz/edits.h"

namespace manifolddb::fuzz {
namespace {

enum Outcome : uint8_t { kHarmless, kAtOpen, kAtRead, kByVerify, kUndecidable, kSilent, kOutcomes };

struct Wrong {
  std::string what;
};

constexpr unsigned kSecondsMax = 60;
std::string current;  // the damage at hand, for whoever finds the process dying

void OnDeath(int number) {
  const std::string line = "REPRO exhaustive_damage --only " + current + "\n";
  if (::write(2, line.data(), line.size()) < 0) ::_exit(1);
  std::signal(number, SIG_DFL);
  std::raise(number);
}

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
  size_t stride = 1;
  std::string only_case;
  std::string table;
  std::string only;
};

using Row = std::array<uint64_t, kOutcomes>;

class Run {
 public:
  explicit Run(Arguments arguments) : arguments_(std::move(arguments)) {}

  void Case(const DamageCase& made) {
    case_ = &made;
    for (const char* name : {kDataName, kLogName}) {
      const std::string& file = made.session->closed_files().at(name);
      Bytes(name, file);
      Sectors(name, file);
      Swaps(name, file);
      Ends(name, file);
    }
  }

  // Kind of damage -> what came of it, for each database.
  const std::map<std::string, std::map<std::string, Row>>& rows() const { return rows_; }
  uint64_t tried() const { return tried_; }
  bool failed() const { return failed_; }

 private:
  void Try(const std::string& kind, const std::string& name, const std::string& where, const Files& changed) {
    current = case_->name + ":" + kind + ":" + name + ":" + where;
    if (!arguments_.only.empty() && arguments_.only != current) return;
    ::alarm(kSecondsMax);
    Outcome outcome = kSilent;
    try {
      outcome = Examine(*case_->session, changed);
    } catch (const Wrong& wrong) {
      std::fprintf(stderr, "SILENT %s\nREPRO exhaustive_damage --only %s\n", wrong.what.c_str(),
                   current.c_str());
    }
    if (outcome == kUndecidable && case_->clean) {
      std::fprintf(stderr, "LOST after a clean close\nREPRO exhaustive_damage --only %s\n", current.c_str());
    }
    if (!arguments_.only.empty()) std::printf("%s: outcome %d\n", current.c_str(), outcome);
    failed_ = failed_ || outcome == kSilent || (outcome == kUndecidable && case_->clean);
    ++rows_[kind][case_->name][outcome];
    ++tried_;
  }

  bool Skips(size_t index) const {
    return arguments_.only.empty() && index % (arguments_.stride * case_->stride) != 0;
  }

  void Bytes(const std::string& name, const std::string& file) {
    Files changed = case_->session->closed_files();
    std::string& bytes = changed[name];
    for (size_t at = 0; at < file.size(); ++at) {
      if (Skips(at)) continue;
      const char before = file[at];
      const char values[] = {static_cast<char>(before ^ 1), static_cast<char>(before ^ 0x80), '\0', '\xff'};
      for (size_t i = 0; i < std::size(values); ++i) {
        if (values[i] == before || std::find(values, values + i, values[i]) != values + i) continue;
        bytes[at] = values[i];
        Try("byte", name, std::to_string(at) + ":" + std::to_string(i), changed);
      }
      bytes[at] = before;
    }
  }

  void Sectors(const std::string& name, const std::string& file) {
    for (size_t at = 0; at < file.size(); at += kSector) {
      if (case_->stride > 1 && Skips(at / kSector)) continue;
      const size_t length = std::min(kSector, file.size() - at);
      const std::string before = file.substr(at, length);
      Sector("sector-zeroed", name, at, before, std::string(length, '\0'), "");
      std::string garbled = before;
      for (char& c : garbled) c = static_cast<char>(c ^ 0x5a);
      Sector("sector-garbled", name, at, before, garbled, "");
      for (size_t i = 0; i < case_->session->images(); ++i) {
        const std::string& older = case_->session->image(i).at(name);
        if (at + length <= older.size()) {
          Sector("sector-older", name, at, before, older.substr(at, length), ":" + std::to_string(i));
        }
      }
    }
  }
  void Sector(const char* kind, const std::string& name, size_t at, const std::string& before,
              const std::string& after, const std::string& detail) {
    if (before == after) return;
    Files changed = case_->session->closed_files();
    changed[name].replace(at, after.size(), after);
    Try(kind, name, std::to_string(at / kSector) + detail, changed);
  }

  // Each with each other one; of more than 4,000 pairs evenly spread ones.
  void Swaps(const std::string& name, const std::string& file) {
    const size_t sectors = file.size() / kSector;
    const size_t step = sectors * sectors / 2 / 4000 + 1;
    size_t pair = 0;
    for (size_t a = 0; a < sectors; ++a) {
      for (size_t b = a + 1; b < sectors; ++b) {
        if (++pair % step != 0 || Skips(pair / step)) continue;
        const std::string in_a = file.substr(a * kSector, kSector);
        const std::string in_b = file.substr(b * kSector, kSector);
        if (in_a == in_b) continue;
        Files changed = case_->session->closed_files();
        changed[name].replace(a * kSector, kSector, in_b);
        changed[name].replace(b * kSector, kSector, in_a);
        Try("sectors-swapped", name, std::to_string(a) + ":" + std::to_string(b), changed);
      }
    }
  }

  void Ends(const std::string& name, const std::string& file) {
    Files changed = case_->session->closed_files();
    for (size_t size = 0; size < file.size(); size += kSector) {
      changed[name] = file.substr(0, size);
      Try("file-cut", name, std::to_string(size), changed);
    }
    changed.erase(name);
    Try("file-missing", name, "", changed);
    changed[name] = Neighbour().at(name);
    Try("file-of-another", name, "", changed);
    for (size_t i = 0; i < case_->session->images(); ++i) {
      changed[name] = case_->session->image(i).at(name);
      if (changed[name] != file) Try("file-older", name, std::to_string(i), changed);
    }
  }

  const Arguments arguments_;
  const DamageCase* case_ = nullptr;
  std::map<std::string, std::map<std::string, Row>> rows_;
  uint64_t tried_ = 0;
  bool failed_ = false;
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
sector zeroed, garbled, replaced by what lay there at an earlier closing, swapped with each other one (of
more than 4,000 pairs evenly spread ones), each file cut at each sector, missing, replaced by an older
version of itself and by another database's. Each time the database is opened read-only, looked at and
verified, then opened, read, verified, written to, closed, opened and read again; all that it shows is
compared with what was committed (`fuzz/session.h`).

- *harmless*: everything is there, and nothing was wrong with it: a byte that nobody owns, or one of two
  copies.
- *at open*, *at read*, *by verify only*: where it was reported first.
- *undecidable*: the newest commits are missing, and nothing that is left states that they were there: the
  limits of [durability.md](durability.md). After a clean close there is none; the program holds that.
- *silent*: a wrong answer, an error that blames nobody, the end of the process. There must be none.

)";

int Main(const Arguments& arguments) {
  OnViolation([](const std::string& what) { throw Wrong{what}; });
  for (const int number : {SIGABRT, SIGSEGV, SIGALRM}) std::signal(number, OnDeath);
  const std::vector<DamageCase> cases = MakeDamageCases();
  Run run(arguments);
  for (const DamageCase& made : cases) {
    if (arguments.only_case.empty() || arguments.only_case == made.name) run.Case(made);
  }
  ::alarm(0);
  if (run.tried() == 0) {
    std::fprintf(stderr, "exhaustive_damage: there is no such damage\n");
    return 2;
  }
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
    if (value != nullptr && word == "--stride") {
      arguments.stride = std::max(1ul, std::strtoul(value, nullptr, 10));
    } else if (value != nullptr && word == "--case") {
      arguments.only_case = value;
    } else if (value != nullptr && word == "--table") {
      arguments.table = value;
    } else if (value != nullptr && word == "--only") {
      arguments.only = value;
    } else {
      std::fprintf(stderr, "usage: %s [--stride N] [--case NAME] [--table FILE] [--only ID]\n", argv[0]);
      return 2;
    }
  }
  return manifolddb::fuzz::Main(arguments);
}
