// Bookkeeping of one worker. The place is kept current in shared memory, so that a worker that aborts, hangs
// or is killed still leaves its reproduction line.
#include "crashsim/campaign.h"

#include <time.h>

#include <algorithm>
#include <cstdio>

#include "crashsim/json.h"
#include "crashsim/recovery.h"
#include "crashsim/revision.h"

namespace manifolddb::crashsim {
namespace {

constexpr uint64_t kReportsPerIteration = 8;  // with --survey: for each scenario, and one

// Of this process and all its threads.
double ProcessorSeconds() {
  timespec spent = {};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) * 1e-9;
}

}  // namespace

const char* Name(ScenarioKind kind) {
  constexpr const char* kNames[] = {"points",     "kill",       "failed_sync",  "io_fault", "no_room",
                                    "no_memory",  "crash_loop", "rot",          "meta_rot", "lost_write",
                                    "openings",   "foreign",    "missing_file", "endings",  "schedules",
                                    "older_file", "full_log",   "neighbour",    "creation", "every_fault"};
  static_assert(std::size(kNames) == kScenarios);
  return kNames[static_cast<int>(kind)];
}

std::optional<ScenarioKind> KindOf(std::string_view scenario) {
  const std::string_view name = scenario.substr(0, scenario.find('#'));
  for (size_t i = 0; i < kScenarios; ++i) {
    if (name == Name(static_cast<ScenarioKind>(i))) return static_cast<ScenarioKind>(i);
  }
  return std::nullopt;
}

void Counters::CountViolation(std::string_view scenario) {
  ++violations;
  const auto kind = KindOf(scenario);
  ++(kind ? scenario_violations[static_cast<size_t>(*kind)] : run_violations);
}

void Counters::Add(const Counters& other) {
  static_assert(sizeof(Counters) % sizeof(uint64_t) == 0, "nothing but counters");
  auto* const mine = reinterpret_cast<uint64_t*>(this);
  const auto* const theirs = reinterpret_cast<const uint64_t*>(&other);
  for (size_t i = 0; i < sizeof(Counters) / sizeof(uint64_t); ++i) mine[i] += theirs[i];
}

Campaign::Campaign(const CampaignOptions& options, Counters& counters, Behaviours& behaviours, Place& place,
                   JsonLines& out)
    : options_(options),
      counters_(counters),
      behaviours_(behaviours),
      place_(place),
      out_(out),
      started_(std::chrono::steady_clock::now()) {}

bool Campaign::OutOfTime() const {
  if (options_.only) return false;
  if (place_.enough) return true;
  if (options_.recoveries_max != 0 && counters_.recoveries >= options_.recoveries_max) return true;
  if (options_.processor_time) return ProcessorSeconds() >= options_.seconds;
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - started_;
  return spent.count() >= options_.seconds;
}

bool Campaign::Stop() const {
  if (options_.stop_at_violation && counters_.violations > 0) return true;
  return reported_here_ >= (options_.survey ? 1 : kReportsPerIteration) || OutOfTime();
}

void Campaign::CountRecovery(const Recovered& found) {
  ++counters_.recoveries;
  counters_.recovery_nanos += found.cpu_nanos;
  behaviours_.Note(found.behaviour, iteration_);
}

void Campaign::BeginIteration(uint64_t index, uint64_t seed) {
  iteration_ = index;
  seed_ = seed;
  reported_here_ = 0;
  ++counters_.iterations;
}

void Campaign::BeginScenario() {
  if (options_.survey) reported_here_ = 0;
}

void Campaign::SetTraits(const faultfs::Traits& traits) {
  place_.traits = traits;
  if (replaying()) std::fprintf(stderr, "the disk: %s\n", traits.ToString().c_str());
}

bool Campaign::Supports(const Setup& setup) {
  place_.write_unit = setup.options.write_unit;
  if (setup.supported()) return true;
  ++counters_.unsupported;
  const uint32_t unit = setup.traits.atomic_unit, write_unit = setup.options.write_unit;
  if (told_.emplace(unit, write_unit).second) {
    out_.Write({{"type", "unsupported"}, {"unit", unit}, {"write_unit", write_unit}});
    std::fprintf(stderr,
                 "UNSUPPORTED a disk that writes %u bytes at once under a write_unit of %u: not run\n", unit,
                 write_unit);
  }
  return false;
}

void Campaign::EnterSession(uint32_t generation, std::string scenario, std::string fault) {
  generation_ = generation;
  scenario_ = std::move(scenario);
  fault_ = std::move(fault);
  cuts_.clear();
  if (replaying() && WantsScenario(generation_, scenario_)) {
    ++counters_.again_scenario;
    if (fault_ == options_.only->fault) ++counters_.again_fault;
  }
  Mirror();
}

// Has what is played again come to its cut, to the last of its nested ones?
void Campaign::CountAgain() {
  if (!only_cut() || !WantsScenario(generation_, scenario_) || cuts_.front() != *only_cut()) return;
  const std::vector<Cut>& nested = options_.only->nested;
  if (cuts_.size() == 1) ++counters_.again_cut;
  const bool last = cuts_.size() == nested.size() + 1;
  if (last && std::equal(nested.begin(), nested.end(), cuts_.begin() + 1)) ++counters_.again_nested;
}

void Campaign::Mirror() {
  place_.entered = ++place_.beat;
  place_.seed = seed_;
  place_.generation = generation_;
  place_.scenario = {};
  place_.fault = {};
  scenario_.copy(place_.scenario.data(), place_.scenario.size() - 1);
  fault_.copy(place_.fault.data(), place_.fault.size() - 1);
  place_.cuts = static_cast<uint32_t>(std::min(cuts_.size(), Place::kCutsMax));
  for (size_t i = 0; i < place_.cuts; ++i) {
    place_.cut[i] = {cuts_[i].effects, cuts_[i].image.parameter, static_cast<uint8_t>(cuts_[i].image.policy)};
  }
}

bool Campaign::WantsScenario(uint32_t generation, const std::string& scenario) const {
  if (!options_.only) return true;
  return options_.only->generation == generation && options_.only->scenario == scenario;
}

const std::optional<Cut>& Campaign::only_cut() const {
  static const std::optional<Cut> none;
  return options_.only ? options_.only->cut : none;
}

Coordinates CoordinatesOf(const CampaignOptions& options, const Place& place) {
  Coordinates at;
  at.workload = options.workload;
  at.seed = place.seed;
  at.config = options.setup.config;
  at.preset = std::string(faultfs::Name(options.setup.preset));
  at.unit = options.setup.pairings ? place.traits.atomic_unit : options.setup.unit;
  at.write_unit = options.setup.pairings ? place.write_unit : options.setup.write_unit;
  at.lying = options.setup.lying;
  at.ops = options.ops;
  for (const std::string& site : options.broken) at.broken += (at.broken.empty() ? "" : ",") + site;
  at.generation = place.generation;
  at.scenario = place.scenario.data();
  at.fault = place.fault.data();
  for (size_t i = 0; i < place.cuts; ++i) {
    const Cut cut{place.cut[i].effects,
                  {static_cast<faultfs::Policy>(place.cut[i].policy), place.cut[i].parameter}};
    if (i == 0) {
      at.cut = cut;
    } else {
      at.nested.push_back(cut);
    }
  }
  return at;
}

Json DiskOf(const faultfs::Traits& traits) {
  return {{"preset", faultfs::Name(traits.preset)},
          {"unit", traits.atomic_unit},
          {"garbage", traits.garbage_in_torn_units},
          {"outside", !traits.outside_bytes_safe}};
}

Coordinates Campaign::Here() const { return CoordinatesOf(options_, place_); }

void Campaign::Report(const Violations& violations) {
  for (const Violation& violation : violations) {
    counters_.CountViolation(scenario_);
    if (!cuts_.empty()) ++counters_.policy_violations[static_cast<size_t>(cuts_.front().image.policy)];
    if (++reported_here_ > kReportsPerIteration) continue;
    const std::string line = Here().ToLine(GitRevision());
    out_.Write({{"type", "violation"},
                {"noticed", "answer"},
                {"promise", Name(violation.promise)},
                {"meaning", Meaning(violation.promise)},
                {"expected", violation.expected},
                {"found", violation.found},
                {"iteration", iteration_},
                {"gen", generation_},
                {"scenario", scenario_},
                {"point", cuts_.empty() ? Json() : Json(cuts_.front().effects)},
                {"policy", cuts_.empty() ? Json() : Json(cuts_.front().image.ToString())},
                {"nested", cuts_.size() > 1 ? cuts_.size() - 1 : 0},
                {"disk", DiskOf(place_.traits)},
                {"repro", line}});
    std::fprintf(stderr, "VIOLATION %s (%s)\n  expected: %s\n  found:    %s\n  disk:     %s\n%s\n",
                 Name(violation.promise), Meaning(violation.promise), violation.expected.c_str(),
                 violation.found.c_str(), place_.traits.ToString().c_str(), line.c_str());
  }
}

void Campaign::HarnessError(const std::string& what) {
  ++counters_.harness_errors;
  out_.Write({{"type", "harness_error"}, {"what", what}, {"repro", Here().ToLine(GitRevision())}});
  std::fprintf(stderr, "HARNESS ERROR %s\n%s\n", what.c_str(), Here().ToLine(GitRevision()).c_str());
}

bool Campaign::Narrates() const {
  if (!replaying() || !options_.tells || options_.only->generation != generation_) return false;
  const bool run = scenario_ == "run";  // what every scenario of the generation begins with
  return run || options_.only->scenario == scenario_;
}

void Campaign::Narrate(const std::string& title, const std::vector<std::string>& lines) const {
  if (!Narrates()) return;
  std::fprintf(stderr, "%s\n", title.c_str());
  for (const std::string& line : lines) std::fprintf(stderr, "  %s\n", line.c_str());
}

void Campaign::NarrateDisk(const std::string& title, const faultfs::Trace& trace, uint64_t first) const {
  if (!Narrates()) return;
  std::fprintf(stderr, "%s\n", title.c_str());
  for (uint64_t i = first; i < trace.effects.size(); ++i) {
    for (const std::string& line : faultfs::TraceLines(trace, i, i + 1)) {
      std::fprintf(stderr, "  %6llu %s\n", static_cast<unsigned long long>(i), line.c_str());
    }
  }
}

}  // namespace manifolddb::crashsim
