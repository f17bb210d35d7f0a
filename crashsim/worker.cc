// (1) A worker that dies is a violation with the place it died at, unless it said otherwise before; a
//     worker that does not move for long is killed, by its id, and is one as well.
// (2) No verdict is a failure: the campaign holds only if every worker ended by itself and said so.
#include "crashsim/worker.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <new>

#include "crashsim/beat.h"
#include "crashsim/iteration.h"
#include "crashsim/json.h"
#include "crashsim/registry.h"
#include "crashsim/revision.h"
#include "crashsim/summary.h"

namespace manifolddb::crashsim {
namespace {

constexpr double kStuckSeconds = 30;
// In one session or at one cut: no time, so a busy machine accuses nobody.
constexpr uint64_t kBeatsMax = 20'000'000;

struct Shared {
  Counters counters;
  Behaviours behaviours;
  Place place;
  bool finished = false;
};

struct Worker {
  pid_t pid = -1;
  Shared* shared = nullptr;
  std::string json;
  uint64_t last_beat = 0;
  std::chrono::steady_clock::time_point moved;
  bool running = false;
  std::string death;   // how it ended, if not well
  bool stuck = false;  // rather than dead
};

// The body of a worker process: does not return.
[[noreturn]] void Work(const CampaignOptions& options, unsigned index, Worker& worker) {
  const rlimit no_core = {0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  JsonLines out = options.json.empty() ? JsonLines() : JsonLines(worker.json);
  Shared& shared = *worker.shared;
  CountBeatsIn(&shared.place.beat);
  {
    Campaign campaign(options, shared.counters, shared.behaviours, shared.place, out);
    const uint64_t iterations_max = options.only ? 1 : options.iterations_max;
    const uint64_t first = options.shard * options.jobs + index;
    // Out of time is asked after a program, never before the first: each worker begins one, however slow the
    // machine and however short the time.
    for (uint64_t i = first; i == first || !campaign.OutOfTime(); i += options.jobs * options.shards) {
      if (iterations_max != 0 && i >= iterations_max) break;
      if (options.stop_at_violation && shared.counters.violations > 0) break;
      const uint64_t seed = options.only ? options.only->seed : Mix(options.seed, i);
      Iteration(campaign, shared.place, i, seed).Run();
      CountMarks(shared.counters);
      if (shared.counters.harness_errors > 0) break;
      // The same for every program.
      if (shared.counters.unsupported > 0 && !options.setup.pairings) break;
    }
  }
  CountMarks(shared.counters);
  shared.finished = true;
  std::fflush(nullptr);
  ::_exit(0);
}

Worker Start(const CampaignOptions& options, unsigned index) {
  Worker worker;
  void* const memory =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    worker.death = "no memory to share";
    return worker;
  }
  worker.shared = new (memory) Shared();
  worker.json = options.json + "." + std::to_string(index);
  std::fflush(nullptr);
  worker.pid = ::fork();
  if (worker.pid == 0) Work(options, index, worker);
  worker.running = worker.pid > 0;
  if (!worker.running) worker.death = std::string("fork: ") + std::strerror(errno);
  worker.moved = std::chrono::steady_clock::now();
  return worker;
}

void Stop(Worker& worker, std::string why) {
  worker.death = std::move(why);
  worker.stuck = true;
  worker.moved = std::chrono::steady_clock::now();
  ::kill(worker.pid, SIGKILL);
}

// Looks whether the worker has ended or hangs.
void Attend(Worker& worker) {
  int status = 0;
  const pid_t ended = ::waitpid(worker.pid, &status, WNOHANG);
  const auto now = std::chrono::steady_clock::now();
  if (ended == worker.pid) {
    worker.running = false;
    if (worker.shared->finished) return;
    if (!worker.death.empty()) return;
    if (worker.shared->place.deadlocks > 0) {
      worker.death = "a deadlock: every thread waits for another";
      worker.stuck = true;
    } else if (WIFSIGNALED(status)) {
      const int signal = WTERMSIG(status);
      worker.death = std::string("the process died: ") + ::strsignal(signal) +
                     (signal == SIGABRT ? ", an assertion" : "");
    } else {
      worker.death = "the process ended with status " + std::to_string(WEXITSTATUS(status));
    }
    return;
  }
  const Place& place = worker.shared->place;
  const uint64_t beat = place.beat;
  const uint64_t entered = place.entered;
  if (beat > entered && beat - entered > kBeatsMax) {
    Stop(worker, std::to_string(kBeatsMax) + " calls and switches without an end: it goes round for ever");
  } else if (beat != worker.last_beat) {
    worker.last_beat = beat;
    worker.moved = now;
  } else if (std::chrono::duration<double>(now - worker.moved).count() > kStuckSeconds) {
    Stop(worker, "no progress for " + std::to_string(static_cast<int>(kStuckSeconds)) + " s: it hangs");
  }
}

// A death is a broken promise, wherever it happened.
void ReportDeath(const CampaignOptions& options, const Worker& worker, JsonLines& out) {
  if (worker.death.empty()) return;
  worker.shared->counters.CountViolation(worker.shared->place.scenario.data());
  const Coordinates at = CoordinatesOf(options, worker.shared->place);
  const std::string line = at.ToLine(GitRevision());
  const Promise promise = worker.stuck ? Promise::kBounded : Promise::kHonestAboutDamage;
  out.Write({{"type", "violation"},
             {"noticed", worker.stuck ? "hang" : "death"},
             {"promise", Name(promise)},
             {"meaning", Meaning(promise)},
             {"expected", "the process lives and moves"},
             {"found", worker.death},
             {"gen", at.generation},
             {"scenario", at.scenario},
             {"point", at.cut ? Json(at.cut->effects) : Json()},
             {"policy", at.cut ? Json(at.cut->image.ToString()) : Json()},
             {"disk", DiskOf(worker.shared->place.traits)},
             {"repro", line}});
  std::fprintf(stderr,
               "VIOLATION %s (%s)\n  expected: the process lives and moves\n  found:    %s\n  disk:     "
               "%s\n%s\n",
               Name(promise), Meaning(promise), worker.death.c_str(),
               worker.shared->place.traits.ToString().c_str(), line.c_str());
}

void Gather(const std::string& from, const std::string& into) {
  std::ifstream in(from, std::ios::binary);
  std::ofstream out(into, std::ios::binary | std::ios::app);
  if (in.peek() != std::ifstream::traits_type::eof()) out << in.rdbuf();
  in.close();
  std::error_code ignored;
  std::filesystem::remove(from, ignored);
}

}  // namespace

namespace {

// Whether what was drawn again is what the line says; says so if it is not.
bool SameFault(const CampaignOptions& options, const std::vector<Worker>& workers, const Counters& counters) {
  if (!options.only || !DrewAnotherFault(counters)) return true;
  const auto or_none = [](const std::string& fault) { return fault.empty() ? "none" : fault; };
  const std::string drawn = workers[0].shared->place.fault.data();
  std::fprintf(stderr, "crashsim: the line names fault %s, but %s was drawn: it is of another program\n",
               or_none(options.only->fault).c_str(), or_none(drawn).c_str());
  return false;
}

}  // namespace

namespace {

// Programs that are not at their end count as well: what they have shown is there.
std::map<uint64_t, uint64_t> ProgramsByBehaviour(const std::vector<Worker>& workers) {
  std::map<uint64_t, uint64_t> programs;
  for (const Worker& worker : workers) {
    if (worker.shared != nullptr) worker.shared->behaviours.AddTo(programs);
  }
  return programs;
}

uint64_t LostBehaviours(const std::vector<Worker>& workers) {
  uint64_t lost = 0;
  for (const Worker& worker : workers)
    lost += worker.shared == nullptr ? 0 : worker.shared->behaviours.lost();
  return lost;
}

Unseen UnseenOf(const std::vector<Worker>& workers) {
  uint64_t tried = 0;
  for (const Worker& worker : workers)
    tried += worker.shared == nullptr
                 ? 0
                 : worker.shared->counters.iterations - worker.shared->counters.unsupported;
  return EstimateUnseen(ProgramsByBehaviour(workers), tried, LostBehaviours(workers));
}

// The stopping rule. What each worker has begun it leaves where it is.
void EndIfEnough(std::vector<Worker>& workers, double enough) {
  const Unseen unseen = UnseenOf(workers);
  if (!unseen.believed || unseen.next >= enough) return;
  for (Worker& worker : workers) {
    if (worker.shared != nullptr) worker.shared->place.enough = true;
  }
}

}  // namespace

Outcomes RunCampaign(const CampaignOptions& options) {
  const auto started = std::chrono::steady_clock::now();
  if (!BreakSites(options.broken)) return Outcomes::kHarnessError;
  JsonLines out = options.json.empty() ? JsonLines() : JsonLines(options.json);
  if (!out.good()) {
    std::fprintf(stderr, "crashsim: cannot write %s\n", options.json.c_str());
    return Outcomes::kHarnessError;
  }
  out.Write(HeaderOf(options));
  std::vector<Worker> workers;
  for (unsigned i = 0; i < options.jobs; ++i) workers.push_back(Start(options, i));
  while (std::ranges::any_of(workers, &Worker::running)) {
    for (Worker& worker : workers) {
      if (worker.running) Attend(worker);
    }
    if (options.enough_seen > 0) EndIfEnough(workers, options.enough_seen);
    ::poll(nullptr, 0, 10);
  }
  Counters counters;
  bool lost = false;
  for (Worker& worker : workers) {
    if (worker.shared == nullptr) {
      std::fprintf(stderr, "crashsim: %s\n", worker.death.c_str());
      lost = true;
      continue;
    }
    if (!options.json.empty()) Gather(worker.json, options.json);
  }
  // Behind what the workers wrote: the same file, appended to.
  JsonLines end = options.json.empty() ? JsonLines() : JsonLines::Appending(options.json);
  for (const Worker& worker : workers) {
    if (worker.shared == nullptr) continue;
    ReportDeath(options, worker, end);
    counters.Add(worker.shared->counters);
  }
  const bool stopped = options.stop_at_violation && counters.violations > 0;
  const std::vector<std::string> vacuities =
      stopped ? std::vector<std::string>() : Vacuities(options, counters);
  const bool failed = lost || !SameFault(options, workers, counters);
  const Outcomes outcome = OutcomeOf(counters, failed, vacuities);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  const Unseen unseen = UnseenOf(workers);
  end.Write(BehavioursOf(ProgramsByBehaviour(workers), LostBehaviours(workers)));
  end.Write(SummaryOf(counters, unseen, outcome, seconds, vacuities));
  Print(options, counters, unseen, outcome, seconds, vacuities);
  return outcome;
}

}  // namespace manifolddb::crashsim
