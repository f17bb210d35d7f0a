// (1) Workers are processes; each has a share of the sequences and writes two lines for each into a pipe: its
//     name, then what it came to. One that ends between the two, however it ends, has died of that sequence:
//     a violation; another goes on behind it. So does one that says nothing for long.
// (2) No verdict is a failure: it holds only if each sequence has come to something.
// (3) Results that are gone on with are those of the same question: the file's first line says which.
#include "crashsim/exhaustive.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <new>
#include <set>
#include <utility>

#include "crashsim/beat.h"
#include "crashsim/enumerator.h"
#include "crashsim/json.h"
#include "crashsim/json_lines.h"
#include "crashsim/registry.h"
#include "crashsim/revision.h"
#include "crashsim/sequences.h"

namespace manifolddb::crashsim {
namespace {

using Clock = std::chrono::steady_clock;

// Without a sign of life. (How long a sequence takes says nothing: the creation alone takes a minute of a
// core, and who else wants that core is not known.)
constexpr auto kStuck = std::chrono::minutes(3);

// ---- Workers

struct Worker {
  std::vector<std::string> names;  // its share
  size_t next = 0;                 // of them: the first without a verdict
  pid_t pid = -1;
  int pipe = -1;
  std::string read;                        // behind the last whole line
  bool begun = false;                      // names[next]
  std::atomic<uint64_t>* beats = nullptr;  // shared with the process
  uint64_t beats_heard = 0;
  Clock::time_point heard;

  bool running() const { return pipe >= 0; }
  bool finished() const { return next == names.size(); }
};

uint64_t CpuNanos() {
  timespec now = {};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

uint64_t BrokenHits() {
  Counters counters;
  CountMarks(counters);
  return counters.broken_hits;
}

// Whole, or the process ends: nobody is left who reads.
void WriteLine(int pipe, std::string line) {
  line += '\n';
  for (std::string_view rest = line; !rest.empty();) {
    const ssize_t done = ::write(pipe, rest.data(), rest.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) ::_exit(static_cast<int>(Outcomes::kHarnessError));
    rest.remove_prefix(static_cast<size_t>(done));
  }
}

// The body of a worker process: does not return.
[[noreturn]] void Work(const ExhaustiveOptions& options, const Worker& worker, int pipe) {
  uint64_t cpu = CpuNanos();
  const Enumerator enumerator(options);
  for (size_t i = worker.next; i < worker.names.size(); ++i) {
    const std::string& name = worker.names[i];
    WriteLine(pipe, name);
    const uint64_t hits = BrokenHits();
    SequenceVerdict verdict =
        name == kCreationSequence ? enumerator.Creation() : enumerator.Try(*ParseSequence(name));
    verdict.broken_hits = BrokenHits() - hits;
    verdict.cpu_nanos = CpuNanos() - std::exchange(cpu, CpuNanos());
    std::fflush(nullptr);
    // Names that a damaged page holds may be any bytes.
    WriteLine(pipe, ToJson(verdict).dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  ::_exit(0);
}

bool Start(const ExhaustiveOptions& options, Worker& worker) {
  int ends[2];
  if (::pipe(ends) != 0) return false;
  std::fflush(nullptr);
  worker.pid = ::fork();
  if (worker.pid == 0) {
    ::close(ends[0]);
    CountBeatsIn(worker.beats);
    Work(options, worker, ends[1]);
  }
  ::close(ends[1]);
  if (worker.pid < 0) {
    ::close(ends[0]);
    return false;
  }
  worker.pipe = ends[0];
  worker.read.clear();
  worker.begun = false;
  worker.heard = Clock::now();
  return true;
}

// How it ended.
std::string Bury(Worker& worker, bool by_force) {
  if (by_force) ::kill(worker.pid, SIGKILL);
  ::close(std::exchange(worker.pipe, -1));
  int status = 0;
  ::waitpid(worker.pid, &status, 0);
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return "exit code " + std::to_string(WEXITSTATUS(status));
}

// ---- All of them

class Run {
 public:
  Run(const ExhaustiveOptions& options, JsonLines& out, const std::vector<std::string>& names)
      : options_(options), out_(out), workers_(std::min<size_t>(options.jobs, names.size())) {
    for (size_t i = 0; i < names.size(); ++i) workers_[i % workers_.size()].names.push_back(names[i]);
  }
  ~Run() {
    StopAll();
    if (beats_ != MAP_FAILED) ::munmap(beats_, BeatsBytes());
  }

  // False: the harness failed, and said how.
  bool Go() {
    beats_ = ::mmap(nullptr, BeatsBytes(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (beats_ == MAP_FAILED) return Failed("cannot share memory with workers");
    for (size_t i = 0; i < workers_.size(); ++i) {
      workers_[i].beats =
          new (static_cast<std::byte*>(beats_) + i * sizeof(std::atomic<uint64_t>)) std::atomic<uint64_t>(0);
    }
    for (Worker& worker : workers_) {
      if (!Start(options_, worker)) return Failed("cannot start a worker");
    }
    while (std::ranges::any_of(workers_, &Worker::running)) {
      std::vector<pollfd> pipes;
      for (const Worker& worker : workers_) pipes.push_back({worker.pipe, POLLIN, 0});
      if (::poll(pipes.data(), pipes.size(), 1000) < 0 && errno != EINTR) return Failed("cannot wait");
      for (size_t i = 0; i < workers_.size(); ++i) {
        if (!workers_[i].running()) continue;
        const bool ready = (pipes[i].revents & (POLLIN | POLLHUP)) != 0;
        if (!(ready ? Read(workers_[i]) : CheckStuck(workers_[i]))) return false;
      }
      if (options_.stop_at_violation && wrong > 0) {
        StopAll();
        return true;
      }
    }
    return true;
  }

  void Take(const SequenceVerdict& verdict) {
    tally.Add(verdict.tally);
    ++sequences;
    effects += verdict.effects;
    wrong += verdict.wrong;
    cpu_nanos += verdict.cpu_nanos;
    broken_hits += verdict.broken_hits;
  }

  CoverTally tally;
  uint64_t sequences = 0;
  uint64_t effects = 0;
  uint64_t wrong = 0;
  uint64_t cpu_nanos = 0;
  uint64_t broken_hits = 0;

 private:
  static bool Failed(const char* what) {
    std::fprintf(stderr, "crashsim: exhaustive: %s\n", what);
    return false;
  }

  bool Read(Worker& worker) {
    char bytes[1 << 14];
    const ssize_t size = ::read(worker.pipe, bytes, sizeof bytes);
    if (size < 0) return errno == EINTR || Failed("cannot read from a worker");
    if (size == 0) return Ended(worker, "ended with " + Bury(worker, false));
    worker.heard = Clock::now();
    worker.read.append(bytes, static_cast<size_t>(size));
    for (size_t end; (end = worker.read.find('\n')) != std::string::npos;) {
      if (!Line(worker, worker.read.substr(0, end))) return false;
      worker.read.erase(0, end + 1);
    }
    return true;
  }

  bool Line(Worker& worker, const std::string& line) {
    if (!worker.begun) {
      worker.begun = true;
      return line == worker.names[worker.next] || Failed("a worker tries what nobody asked for");
    }
    const Json json = Json::parse(line, nullptr, false);
    if (json.is_discarded()) return Failed("a worker says what nobody understands");
    Finish(worker, FromJson(json));
    return true;
  }

  void Finish(Worker& worker, const SequenceVerdict& verdict) {
    Print(verdict);
    out_.Write(ToJson(verdict));
    Take(verdict);
    ++worker.next;
    worker.begun = false;
  }

  bool CheckStuck(Worker& worker) {
    const uint64_t beats = worker.beats->load(std::memory_order_relaxed);
    if (std::exchange(worker.beats_heard, beats) != beats) worker.heard = Clock::now();
    if (Clock::now() - worker.heard < kStuck) return true;
    static_cast<void>(Bury(worker, true));
    return Ended(worker, "came to no end");
  }

  // (1)
  bool Ended(Worker& worker, const std::string& how) {
    if (worker.finished()) return true;
    if (!worker.begun) return Failed("a worker died before it had begun");
    Finish(worker, {.sequence = worker.names[worker.next], .wrong = 1, .violations = {"the process " + how}});
    if (worker.finished() || options_.stop_at_violation) return true;
    return Start(options_, worker) || Failed("cannot start a worker");
  }

  void StopAll() {
    for (Worker& worker : workers_) {
      if (worker.running()) static_cast<void>(Bury(worker, true));
    }
  }

  void Print(const SequenceVerdict& verdict) const {
    for (const std::string& one : verdict.violations) {
      std::printf("VIOLATION %s: %s\n", verdict.sequence.c_str(), one.c_str());
    }
    if (verdict.wrong == 0) return;
    std::string broken;
    for (const std::string& site : options_.broken) broken += " --break " + site;
    std::printf("REPRO git=%s crashsim exhaustive --depth %u%s%s%s --sequence '%s'\n", GitRevision().c_str(),
                options_.depth, options_.garbage ? " --garbage" : "", options_.torn ? " --torn" : "",
                broken.c_str(), verdict.sequence.c_str());
  }

  size_t BeatsBytes() const { return (workers_.size() + 1) * sizeof(std::atomic<uint64_t>); }

  const ExhaustiveOptions& options_;
  JsonLines& out_;
  std::vector<Worker> workers_;
  void* beats_ = MAP_FAILED;  // an array of counters
};

// ---- What is asked, and what an earlier run has answered

Json QuestionOf(const ExhaustiveOptions& options) {
  return {{"type", "exhaustive"},       {"git", GitRevision()}, {"depth", options.depth},
          {"garbage", options.garbage}, {"torn", options.torn}, {"broken", options.broken}};
}

// False: the file is none of this question's (`why`); it stays as it is.
bool ReadResults(const ExhaustiveOptions& options, std::vector<SequenceVerdict>& verdicts, std::string& why) {
  std::ifstream file(options.json);
  if (!file) return true;  // nothing yet
  uintmax_t whole = 0;
  for (std::string line; std::getline(file, line);) {
    if (file.eof()) break;  // the run before did not come to the end of it
    const std::string where = " at byte " + std::to_string(whole);
    const Json json = Json::parse(line, nullptr, false);
    if (!NumbersFit(json)) {
      why = "it states a number that counts nothing" + where;
      return false;
    }
    if (whole == 0 && json != QuestionOf(options)) {
      why = "it answers another question: " + line.substr(0, 200);
      return false;
    }
    if (!json.is_object() || (whole > 0 && (!json.contains("type") || json["type"] != "sequence"))) {
      why = "no result" + where;
      return false;
    }
    try {
      if (whole > 0) verdicts.push_back(FromJson(json));
    } catch (const std::exception& error) {  // JSON's, and GMP's of what is no number
      why = "no whole result" + where + ": " + error.what();
      return false;
    }
    whole += line.size() + 1;
  }
  file.close();
  std::filesystem::resize_file(options.json, whole);
  return true;
}

std::vector<std::string> NamesToTry(const ExhaustiveOptions& options, const std::set<std::string>& done) {
  if (options.sequence) return {*options.sequence};
  std::vector<std::string> names = {kCreationSequence};
  for (const Sequence& sequence : EnumerateSequences(options.length)) names.push_back(NameOf(sequence));
  std::vector<std::string> mine;
  for (size_t i = options.shard; i < names.size(); i += options.shards) {
    if (!done.contains(names[i])) mine.push_back(names[i]);
  }
  return mine;
}

void PrintTotals(const Run& run, const ExhaustiveOptions& options) {
  const auto number = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  const CoverTally& tally = run.tally;
  const double seconds = static_cast<double>(run.cpu_nanos) / 1e9;
  std::printf("exhaustive: %llu sequences of up to %u of %u operations, and the creation%s\n",
              number(run.sequences), options.length, Letters(), options.shards > 1 ? "; this shard" : "");
  std::printf("  power cut at %llu points: %s legal images, all covered; process killed at %llu\n",
              number(tally.points), tally.images.get_str().c_str(), number(tally.kills));
  std::printf(
      "  in recoveries, to depth %u: power cut at %llu points: %s legal images, all covered; killed at "
      "%llu\n",
      options.depth, number(tally.cuts), tally.images_of_cuts.get_str().c_str(), number(tally.killed));
  std::printf("  %llu recoveries, %llu disks met again, at most %llu sectors asked for\n",
              number(tally.recoveries), number(tally.known), number(tally.determined_max));
  std::printf("  %.0f s of a core, %.0f recoveries a second with all that is done about them\n", seconds,
              seconds > 0 ? static_cast<double>(tally.recoveries) / seconds : 0);
  std::printf("  violations: %llu\n", number(run.wrong));
}

Outcomes OutcomeOf(const Run& run, const ExhaustiveOptions& options) {
  if (run.wrong > 0) return Outcomes::kViolation;
  const bool ended = options.depth == 0 || (run.tally.cuts > 0 && run.tally.killed > 0);
  const bool broken = options.broken.empty() || run.broken_hits > 0;
  if (run.tally.determined_max > 0 && ended && broken) return Outcomes::kHolds;
  std::printf("exhaustive: vacuous: %s\n", !broken  ? "the broken site never misbehaved"
                                           : !ended ? "no recovery was ended"
                                                    : "nothing was open anywhere");
  return Outcomes::kVacuous;
}

}  // namespace

Outcomes RunExhaustive(const ExhaustiveOptions& options) {
  const auto fail = [](const std::string& what) {
    std::fprintf(stderr, "crashsim: exhaustive: %s\n", what.c_str());
    return Outcomes::kHarnessError;
  };
  if (options.sequence && *options.sequence != kCreationSequence && !ParseSequence(*options.sequence)) {
    return fail("no such sequence: " + *options.sequence);
  }
  if (!BreakSites(options.broken)) return Outcomes::kHarnessError;
  std::vector<SequenceVerdict> before;
  std::string why;
  if (options.resume && !ReadResults(options, before, why)) return fail(options.json + ": " + why);
  JsonLines out = options.json.empty() ? JsonLines()
                  : options.resume     ? JsonLines::Appending(options.json)
                                       : JsonLines(options.json);
  if (before.empty()) out.Write(QuestionOf(options));
  std::set<std::string> done;
  for (const SequenceVerdict& verdict : before) done.insert(verdict.sequence);
  const std::vector<std::string> names = NamesToTry(options, done);
  Run run(options, out, names);
  for (const SequenceVerdict& verdict : before) run.Take(verdict);
  if (!run.Go()) return Outcomes::kHarnessError;
  PrintTotals(run, options);
  if (!out.good()) return fail("cannot write " + options.json);
  return OutcomeOf(run, options);
}

}  // namespace manifolddb::crashsim
