// Workers are processes; each writes a line per sequence into a pipe, whole. One that ends without a line for
// the sequence that it had begun has died of it: a violation.
#include "crashsim/exhaustive.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

#include "crashsim/enumerator.h"
#include "crashsim/json.h"
#include "crashsim/json_lines.h"
#include "crashsim/registry.h"
#include "crashsim/revision.h"
#include "crashsim/sequences.h"

namespace manifolddb::crashsim {
namespace {

// ---- Workers

struct Worker {
  pid_t pid = -1;
  FILE* lines = nullptr;
  std::string begun;  // the sequence that it is at
};

// The body of a worker process: does not return.
[[noreturn]] void Work(const ExhaustiveOptions& options, const std::vector<std::string>& names,
                       unsigned index, int pipe) {
  FILE* const out = ::fdopen(pipe, "w");
  Enumerator enumerator(options);
  for (size_t i = index; i < names.size(); i += options.jobs) {
    std::fprintf(out, "%s\n", names[i].c_str());
    std::fflush(out);
    const SequenceVerdict verdict =
        names[i] == kCreationSequence ? enumerator.Creation() : enumerator.Try(*ParseSequence(names[i]));
    std::fprintf(out, "%s\n", ToJson(verdict).dump().c_str());
    std::fflush(nullptr);
  }
  ::_exit(0);
}

bool Start(const ExhaustiveOptions& options, const std::vector<std::string>& names, unsigned index,
           Worker& worker) {
  int ends[2];
  if (::pipe(ends) != 0) return false;
  worker.pid = ::fork();
  if (worker.pid < 0) return false;
  if (worker.pid == 0) {
    ::close(ends[0]);
    Work(options, names, index, ends[1]);
  }
  ::close(ends[1]);
  worker.lines = ::fdopen(ends[0], "r");
  return worker.lines != nullptr;
}

// ---- All of them

struct Totals {
  CoverTally tally;
  uint64_t sequences = 0;
  uint64_t effects = 0;
  uint64_t wrong = 0;

  void Add(const SequenceVerdict& verdict) {
    tally.Add(verdict.tally);
    ++sequences;
    effects += verdict.effects;
    wrong += verdict.wrong;
  }
};

void Print(const SequenceVerdict& verdict, const ExhaustiveOptions& options) {
  for (const std::string& one : verdict.violations) {
    std::printf("VIOLATION %s: %s\n", verdict.sequence.c_str(), one.c_str());
  }
  if (verdict.wrong == 0) return;
  std::string broken;
  for (const std::string& site : options.broken) broken += " --break " + site;
  std::printf("REPRO git=%s crashsim exhaustive --depth %u%s%s --sequence '%s'\n", GitRevision().c_str(),
              options.depth, options.garbage ? " --garbage" : "", broken.c_str(), verdict.sequence.c_str());
}

// Reads what one worker has to say until it is at the end of a sequence. False: it has ended.
bool ReadVerdict(Worker& worker, std::optional<SequenceVerdict>& verdict) {
  char* line = nullptr;
  size_t room = 0;
  verdict.reset();
  while (!verdict) {
    const ssize_t bytes = ::getline(&line, &room, worker.lines);
    if (bytes <= 0) break;
    const std::string text(line, static_cast<size_t>(bytes - 1));
    if (text.starts_with('{')) {
      verdict = FromJson(Json::parse(text));
      worker.begun.clear();
    } else {
      worker.begun = text;
    }
  }
  std::free(line);
  return verdict.has_value();
}

void Stop(std::vector<Worker>& workers) {
  for (Worker& worker : workers) {
    if (worker.lines == nullptr) continue;
    ::kill(worker.pid, SIGKILL);
    ::waitpid(worker.pid, nullptr, 0);
    std::fclose(std::exchange(worker.lines, nullptr));
  }
}

// Of a worker that has ended: what it died of, if it did.
std::optional<SequenceVerdict> Bury(Worker& worker) {
  std::fclose(worker.lines);
  int status = 0;
  ::waitpid(worker.pid, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return std::nullopt;
  const std::string how = WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                                              : "exit code " + std::to_string(WEXITSTATUS(status));
  return SequenceVerdict{.sequence = worker.begun.empty() ? "the beginning" : worker.begun,
                         .wrong = 1,
                         .violations = {"the process ended with " + how}};
}

std::vector<std::string> NamesToTry(const ExhaustiveOptions& options, const std::set<std::string>& done,
                                    uint64_t& mirrored) {
  if (options.sequence) return {*options.sequence};
  Enumeration all = EnumerateSequences(options.length);
  mirrored = all.mirrored;
  std::vector<std::string> names = {kCreationSequence};
  for (const Sequence& sequence : all.sequences) names.push_back(NameOf(sequence));
  std::vector<std::string> mine;
  for (size_t i = options.shard; i < names.size(); i += options.shards) {
    if (!done.contains(names[i])) mine.push_back(names[i]);
  }
  return mine;
}

void PrintTotals(const Totals& totals, uint64_t mirrored, const ExhaustiveOptions& options) {
  const CoverTally& tally = totals.tally;
  const double seconds = static_cast<double>(tally.cpu_nanos) / 1e9;
  std::printf("exhaustive: %llu sequences of up to %u of %u operations (%llu more mirror one of them)%s\n",
              static_cast<unsigned long long>(totals.sequences), options.length, Letters(),
              static_cast<unsigned long long>(mirrored), options.shards > 1 ? ", this shard" : "");
  std::printf("  %llu crash points, standing for %llu effects and syncs: %s legal images, all covered\n",
              static_cast<unsigned long long>(tally.points), static_cast<unsigned long long>(totals.effects),
              tally.images.get_str().c_str());
  std::printf("  %llu points at which the process was killed\n",
              static_cast<unsigned long long>(tally.kills));
  std::printf(
      "  %llu kills of recoveries, %llu power cuts in them, to depth %u: %s legal images, all covered\n",
      static_cast<unsigned long long>(tally.killed), static_cast<unsigned long long>(tally.cuts),
      options.depth, tally.images_of_cuts.get_str().c_str());
  std::printf(
      "  %llu recoveries, %llu disks met again, at most %llu sectors asked for in one; %.0f a second\n",
      static_cast<unsigned long long>(tally.recoveries), static_cast<unsigned long long>(tally.known),
      static_cast<unsigned long long>(tally.determined_max),
      seconds > 0 ? static_cast<double>(tally.recoveries) / seconds : 0);
  std::printf("  violations: %llu\n", static_cast<unsigned long long>(totals.wrong));
}

// What an earlier run has written. A last line that it did not come to the end of is taken away.
std::vector<SequenceVerdict> ReadResults(const std::string& path) {
  std::vector<SequenceVerdict> verdicts;
  std::ifstream file(path);
  uintmax_t whole = 0;
  for (std::string line; std::getline(file, line);) {
    const Json json = Json::parse(line, nullptr, false);
    if (json.is_discarded() || file.eof()) break;
    verdicts.push_back(FromJson(json));
    whole += line.size() + 1;
  }
  file.close();
  if (std::filesystem::exists(path)) std::filesystem::resize_file(path, whole);
  return verdicts;
}

}  // namespace

Outcomes RunExhaustive(const ExhaustiveOptions& options) {
  if (options.sequence && *options.sequence != kCreationSequence && !ParseSequence(*options.sequence)) {
    std::fprintf(stderr, "crashsim: no such sequence: %s\n", options.sequence->c_str());
    return Outcomes::kHarnessError;
  }
  if (!BreakSites(options.broken)) return Outcomes::kHarnessError;
  Totals totals;
  std::set<std::string> done;
  for (const SequenceVerdict& verdict :
       options.resume ? ReadResults(options.json) : std::vector<SequenceVerdict>()) {
    done.insert(verdict.sequence);
    totals.Add(verdict);
  }
  JsonLines out = options.json.empty() ? JsonLines()
                  : options.resume     ? JsonLines::Appending(options.json)
                                       : JsonLines(options.json);
  uint64_t mirrored = 0;
  const std::vector<std::string> names = NamesToTry(options, done, mirrored);
  std::vector<Worker> workers(std::min<size_t>(options.jobs, std::max<size_t>(names.size(), 1)));
  ExhaustiveOptions per_worker = options;
  per_worker.jobs = static_cast<unsigned>(workers.size());
  for (unsigned i = 0; i < workers.size(); ++i) {
    if (!Start(per_worker, names, i, workers[i])) return Outcomes::kHarnessError;
  }
  const auto take = [&](const SequenceVerdict& verdict) {
    Print(verdict, options);
    out.Write(ToJson(verdict));
    totals.Add(verdict);
  };
  // In turn: each has about as much to do, and its pipe holds what it says meanwhile.
  for (bool any = true; any;) {
    any = false;
    for (Worker& worker : workers) {
      if (worker.lines == nullptr) continue;
      std::optional<SequenceVerdict> verdict;
      if (ReadVerdict(worker, verdict)) {
        take(*verdict);
        any = true;
        continue;
      }
      if (const auto death = Bury(worker)) take(*death);
      worker.lines = nullptr;
    }
    if (options.stop_at_violation && totals.wrong > 0) Stop(workers);
  }
  PrintTotals(totals, mirrored, options);
  if (!out.good()) {
    std::fprintf(stderr, "crashsim: cannot write %s\n", options.json.c_str());
    return Outcomes::kHarnessError;
  }
  if (totals.wrong > 0) return Outcomes::kViolation;
  return totals.tally.determined_max == 0 ? Outcomes::kVacuous : Outcomes::kHolds;
}

}  // namespace manifolddb::crashsim
