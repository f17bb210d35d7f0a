// Every figure of a campaign once, for people and for programs.
#include "crashsim/summary.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "crashsim/registry.h"

namespace manifolddb::crashsim {
namespace {

Json NamedCounts(const Counters& counters, bool fired) {
  Json all = Json::object();
  for (size_t i = 0; i < faultfs::kFaultKinds; ++i) {
    if (counters.faults_armed[i] == 0) continue;
    all[std::string(faultfs::Name(static_cast<faultfs::FaultKind>(i)))] =
        fired ? counters.faults_fired[i] : counters.faults_armed[i];
  }
  return all;
}

Json MarksOf(const Counters& counters) {
  Json all = Json::object();
  const std::vector<std::string> names = MarkNames();
  for (size_t i = 0; i < names.size() && i < kMarksMax; ++i) all[names[i]] = counters.marks[i];
  return all;
}

double PerSecond(const Counters& counters) {
  return counters.recovery_nanos == 0
             ? 0
             : static_cast<double>(counters.recoveries) * 1e9 / static_cast<double>(counters.recovery_nanos);
}

// Reached only by damage to one certain write, by refusing one certain allocation, or by chance twice over.
constexpr std::array kRareMarks = {
    "wal.later_group_lost",    // two groups on their way at once, and the second alone arrived
    "wal.newer_meta_named",    // a checkpoint's meta page lost, a group behind it intact
    "wal.no_staging",          // no memory for the log's buffer, while there was some for all before
    "wal.tail_proves_damage",  // a durable group damaged, a later one intact
};
constexpr double kRareSeconds = 600;  // of one worker

bool Required(const CampaignOptions& options, const std::string& mark) {
  const auto begins = [&](const std::string& prefix) { return mark.starts_with(prefix); };
  if (!std::ranges::any_of(options.required_marks, begins)) return false;
  const bool rare = std::ranges::find(kRareMarks, mark) != kRareMarks.end();
  return !rare || options.seconds * options.jobs >= kRareSeconds;
}

// The marks that a run with these options must see.
std::vector<std::string> RequiredMarks(const CampaignOptions& options) {
  std::vector<std::string> marks = MarkNames();
  std::erase_if(marks, [&](const std::string& mark) { return !Required(options, mark); });
  return marks;
}

}  // namespace

Json HeaderOf(const CampaignOptions& options) {
  return {{"type", "header"},
          {"tool", "crashsim"},
          {"git", GitRevision()},
          {"workload", options.workload},
          {"seed", options.seed},
          {"seconds", options.seconds},
          {"config", options.setup.config},
          {"preset", faultfs::Name(options.setup.preset)},
          {"unit", options.setup.unit},
          {"ops", options.ops},
          {"generations", options.generations},
          {"jobs", options.jobs},
          {"sample", options.sample},
          {"broken", options.broken},
          {"required_marks", RequiredMarks(options)}};
}

Json SummaryOf(const Counters& c, Outcomes outcome, double seconds,
               const std::vector<std::string>& vacuities) {
  Json policies = Json::object();
  for (size_t i = 0; i < faultfs::kPolicies; ++i) {
    policies[std::string(faultfs::Name(static_cast<faultfs::Policy>(i)))] = {
        {"images", c.policy_images[i]}, {"violations", c.policy_violations[i]}};
  }
  Json scenarios = Json::object();
  for (size_t i = 0; i < kScenarios; ++i) {
    scenarios[Name(static_cast<ScenarioKind>(i))] = {{"run", c.scenarios_run[i]},
                                                     {"bitten", c.scenarios_bitten[i]},
                                                     {"recoveries", c.scenario_recoveries[i]}};
  }
  return {{"type", "summary"},
          {"verdict", Name(outcome)},
          {"seconds", seconds},
          {"iterations", c.iterations},
          {"sessions", c.sessions},
          {"commits", c.commits},
          {"effects", c.effects},
          {"switches", c.switches},
          {"points", c.points},
          {"points_unsynced", c.points_unsynced},
          {"images", c.images},
          {"recoveries", c.recoveries},
          {"nested", c.nested},
          {"read_only", c.read_only},
          {"went_on", c.went_on},
          {"recoveries_per_second", seconds > 0 ? static_cast<double>(c.recoveries) / seconds : 0},
          {"recoveries_per_second_per_core", PerSecond(c)},
          {"faults_armed", NamedCounts(c, false)},
          {"faults_fired", NamedCounts(c, true)},
          {"scenarios", scenarios},
          {"policies", policies},
          {"marks", MarksOf(c)},
          {"broken_hits", c.broken_hits},
          {"violations", c.violations},
          {"harness_errors", c.harness_errors},
          {"vacuities", vacuities}};
}

void Print(const CampaignOptions& options, const Counters& c, Outcomes outcome, double seconds,
           const std::vector<std::string>& vacuities) {
  std::printf("crashsim %s, seed %llu, %s, disk %s: %.1f s\n", options.workload.c_str(),
              static_cast<unsigned long long>(options.seed), options.setup.config.c_str(),
              std::string(faultfs::Name(options.setup.preset)).c_str(), seconds);
  const auto line = [](const char* what, uint64_t count) {
    std::printf("  %-26s %12llu\n", what, static_cast<unsigned long long>(count));
  };
  line("runs", c.sessions);
  line("transactions", c.commits);
  line("crash points", c.points);
  line("  with something to lose", c.points_unsynced);
  line("images", c.images);
  line("recoveries", c.recoveries);
  line("  of cut recoveries", c.nested);
  std::printf("  %-26s %12.0f  (%.0f/s on one core while recovering)\n", "recoveries/s",
              seconds > 0 ? static_cast<double>(c.recoveries) / seconds : 0, PerSecond(c));
  uint64_t fired = 0;
  for (const uint64_t count : c.faults_fired) fired += count;
  line("faults fired", fired);
  for (size_t i = 0; i < faultfs::kFaultKinds; ++i) {
    if (c.faults_armed[i] == 0) continue;
    std::printf("    %-24s %12llu of %llu\n",
                std::string(faultfs::Name(static_cast<faultfs::FaultKind>(i))).c_str(),
                static_cast<unsigned long long>(c.faults_fired[i]),
                static_cast<unsigned long long>(c.faults_armed[i]));
  }
  for (size_t i = 1; i < kScenarios; ++i) {
    std::printf("    %-24s %12llu of %llu\n", Name(static_cast<ScenarioKind>(i)),
                static_cast<unsigned long long>(c.scenarios_bitten[i]),
                static_cast<unsigned long long>(c.scenarios_run[i]));
  }
  line("violations", c.violations);
  for (const std::string& why : vacuities) std::printf("  vacuous: %s\n", why.c_str());
  std::printf("  verdict: %s\n", Name(outcome));
}

std::vector<std::string> NotPlayedAgain(const Coordinates& only, const Counters& counters) {
  const std::string scenario =
      "scenario " + only.scenario + " of generation " + std::to_string(only.generation);
  const auto never = [&](const std::string& what) { return std::vector{what + " was never come to"}; };
  if (counters.again_scenario == 0) return never(scenario);
  if (only.cut && counters.again_cut == 0) {
    return never("point " + std::to_string(only.cut->effects) + ", image " + only.cut->image.ToString() +
                 " of " + scenario);
  }
  if (!only.nested.empty() && counters.again_nested == 0) {
    return never("nested cut " + only.nested.back().ToString() + " of " + scenario);
  }
  return {};
}

bool DrewAnotherFault(const Counters& counters) {
  return counters.again_scenario > 0 && counters.again_fault == 0;
}

std::vector<std::string> Vacuities(const CampaignOptions& options, const Counters& counters) {
  if (options.only) return NotPlayedAgain(*options.only, counters);
  std::vector<std::string> why;
  if (counters.points_unsynced == 0) why.push_back("no crash point had anything unsynced");
  for (size_t i = 0; i < faultfs::kFaultKinds; ++i) {
    if (counters.faults_armed[i] > 0 && counters.faults_fired[i] == 0) {
      why.push_back("fault " + std::string(faultfs::Name(static_cast<faultfs::FaultKind>(i))) +
                    " was armed and never fired");
    }
  }
  for (size_t i = 0; i < kScenarios; ++i) {
    const std::string name = Name(static_cast<ScenarioKind>(i));
    if (counters.scenarios_run[i] == 0) why.push_back("scenario " + name + " never ran");
    if (counters.scenarios_run[i] > 0 && counters.scenarios_bitten[i] == 0) {
      why.push_back("scenario " + name + " never found anything to harm");
    }
  }
  const std::vector<std::string> marks = MarkNames();
  for (size_t i = 0; i < marks.size() && i < kMarksMax; ++i) {
    if (Required(options, marks[i]) && counters.marks[i] == 0)
      why.push_back("mark " + marks[i] + " was never seen");
  }
  return why;
}

}  // namespace manifolddb::crashsim
