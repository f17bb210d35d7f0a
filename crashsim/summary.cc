// Every figure of a campaign once, for people and for programs.
#include "crashsim/summary.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "crashsim/json.h"
#include "crashsim/registry.h"
#include "crashsim/revision.h"

namespace manifolddb::crashsim {
namespace {

constexpr std::pair<const char*, uint64_t Counters::*> kNamedCounters[] = {
    {"iterations", &Counters::iterations},
    {"unsupported", &Counters::unsupported},
    {"generations_tried", &Counters::generations_tried},
    {"traces_tried", &Counters::traces_tried},
    {"sessions", &Counters::sessions},
    {"commits", &Counters::commits},
    {"effects", &Counters::effects},
    {"switches", &Counters::switches},
    {"points", &Counters::points},
    {"points_unsynced", &Counters::points_unsynced},
    {"images", &Counters::images},
    {"recoveries", &Counters::recoveries},
    {"nested", &Counters::nested},
    {"read_only", &Counters::read_only},
    {"went_on", &Counters::went_on},
    {"judged_twice", &Counters::judged_twice},
    {"recovery_nanos", &Counters::recovery_nanos},
    {"broken_hits", &Counters::broken_hits},
    {"violations", &Counters::violations},
    {"run_violations", &Counters::run_violations},
    {"harness_errors", &Counters::harness_errors},
};

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

void Print(const Unseen& unseen) {
  std::printf("  %-26s %12llu  (%llu by one program alone)\n", "recovery behaviours",
              static_cast<unsigned long long>(unseen.behaviours),
              static_cast<unsigned long long>(unseen.once));
  if (!unseen.believed) {
    std::printf("    too few programs, or too many behaviours, to say how many are unseen\n");
    return;
  }
  std::printf("    another program would show %.3f new ones; at least %.0f are unseen; coverage %.2f %%\n",
              unseen.next, unseen.at_least, 100 * unseen.coverage);
}

double PerSecond(const Counters& counters) {
  return counters.recovery_nanos == 0
             ? 0
             : static_cast<double>(counters.recoveries) * 1e9 / static_cast<double>(counters.recovery_nanos);
}

// No memory for the log's buffer, while there was some for everything before.
constexpr std::string_view kRareMark = "wal.no_staging";
constexpr double kRareSeconds = 600;  // of one worker

// What a run draws decides whether it comes by these, so they are demanded by how much was tried: after so
// many generations of which all scenarios were. By the share of iterations (of three generations) that meet
// one, a campaign of that many misses it once in thousands; README.md says how that was measured. A mark that
// is required and not listed, as a new one, counts among the last.
constexpr uint64_t kFirst = 1;   // met by every program
constexpr uint64_t kSoon = 20;   // met by 4 in 5
constexpr uint64_t kLater = 40;  // by half of them
constexpr uint64_t kLate = 120;  // by 1 in 5
struct MarkNeed {
  std::string_view mark;
  uint64_t generations;
  bool side_by_side = false;  // needs writers beside each other, which the workload unicode has not
  bool savepoints = false;    // needs transactions that are taken back in part, which only savepoints has
};
constexpr MarkNeed kMarkNeeds[] = {
    {"checkpoint.log_grows", kLater},
    {"page.cache.evicted", kLate},
    {"page.spill", kSoon},
    {"recovery.clean", kFirst},
    {"recovery.meta.half_written_slot", kFirst},
    {"recovery.meta.unreadable_copy", kFirst},
    {"recovery.nothing_to_replay", kFirst},
    {"recovery.in_place", kLate},
    {"recovery.in_place.moved", kLate},
    {"recovery.replay.spill", kLater},
    {"recovery.replayed", kFirst},
    {"txn.commit_through_checkpoint", kSoon},
    {"txn.gathered_in_vain", kLate, true},
    {"txn.group_of_many", kSoon, true},
    {"txn.group_without_sync", kLate},
    {"txn.savepoint.failure_undone", kLater, false, true},
    {"txn.savepoint.rolled_back", kFirst, false, true},
    {"txn.spill", kLater},
    {"txn.waits_for_log_space", kLate, true},
    {"txn.waits_for_memory", kLate},
    {"wal.create.replaced", kFirst},
    {"wal.large_apart", kLate, true},
    {"wal.later_group_lost", kLate},  // two groups on their way at once, and the second alone arrived
    {"wal.marker_unreadable", kFirst},
    {"wal.later_life_in_ring", kSoon},
    {"wal.newer_meta_named", kLate},  // a checkpoint's meta page lost, a group behind it intact
    {"wal.other_life_at_end", kFirst},
    {"wal.read.wrap", kSoon},
    {"wal.tail_proves_damage", kLate},  // a durable group damaged, a later one intact
    {"wal.torn_tail", kFirst},
    {"wal.wrap", kSoon},
};

// In some generations one of these finds nothing to harm, however often it tries; after so many it must have.
// All other scenarios must in the first.
struct ScenarioNeed {
  ScenarioKind kind;
  uint64_t generations;
};
constexpr ScenarioNeed kScenarioNeeds[] = {
    {ScenarioKind::kEndings, kSoon}, {ScenarioKind::kForeign, kSoon},    {ScenarioKind::kLostWrite, kSoon},
    {ScenarioKind::kNoRoom, kSoon},  {ScenarioKind::kOlderFile, kSoon},  {ScenarioKind::kPoints, kSoon},
    {ScenarioKind::kRot, kSoon},     {ScenarioKind::kSchedules, kLater}, {ScenarioKind::kNeighbour, kSoon},
};
// An operation that a fault was armed for may be the last one of its kind.
constexpr uint64_t kFaultsArmed = 12;

// After how many generations the mark is demanded; nothing: never.
std::optional<uint64_t> GenerationsUntilRequired(const CampaignOptions& options, const std::string& mark) {
  const auto begins = [&](const std::string& prefix) { return mark.starts_with(prefix); };
  if (!std::ranges::any_of(options.required_marks, begins)) return std::nullopt;
  if (mark == kRareMark && options.seconds * options.jobs < kRareSeconds) return std::nullopt;
  if (options.setup.lying || options.every_fault) return std::nullopt;
  const auto* const need = std::ranges::find(kMarkNeeds, mark, &MarkNeed::mark);
  if (need == std::end(kMarkNeeds)) return kLate;
  // Other sizes than those drawn for pressure may be too large for all of them.
  const bool pressed =
      options.setup.config == "any" || mark.starts_with("recovery.") || mark.starts_with("wal.");
  if (!pressed || (need->side_by_side && options.workload == "unicode")) return std::nullopt;
  if (need->savepoints && options.workload != "savepoints") return std::nullopt;
  return need->generations;
}

// The marks that a run with these options must see, with enough time.
std::vector<std::string> RequiredMarks(const CampaignOptions& options) {
  std::vector<std::string> marks = MarkNames();
  std::erase_if(marks, [&](const std::string& mark) { return !GenerationsUntilRequired(options, mark); });
  return marks;
}

void AddScenarioVacuities(const Counters& counters, std::vector<std::string>& why) {
  for (size_t i = 0; i < kScenarios; ++i) {
    const auto kind = static_cast<ScenarioKind>(i);
    if (kind == ScenarioKind::kEveryFault) continue;  // a campaign of its own
    const std::string name = Name(kind);
    const auto* const need = std::ranges::find(kScenarioNeeds, kind, &ScenarioNeed::kind);
    const uint64_t generations = need == std::end(kScenarioNeeds) ? kFirst : need->generations;
    if (counters.scenarios_run[i] == 0) {
      why.push_back("scenario " + name + " never ran");
    } else if (counters.scenarios_bitten[i] == 0 && counters.generations_tried >= generations) {
      why.push_back("scenario " + name + " never found anything to harm");
    }
  }
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
          {"write_unit", options.setup.write_unit},
          {"pairings", options.setup.pairings},
          {"lying", options.setup.lying},
          {"ops", options.ops},
          {"generations", options.generations},
          {"jobs", options.jobs},
          {"shard", options.shard},
          {"shards", options.shards},
          {"sample", options.sample},
          {"every_fault", options.every_fault},
          {"broken", options.broken},
          {"required_marks", RequiredMarks(options)}};
}

Json BehavioursOf(const std::map<uint64_t, uint64_t>& programs, uint64_t lost) {
  Json all = Json::array();
  for (const auto& [signature, count] : programs) all.push_back({signature, count});
  return {{"type", "behaviours"}, {"programs", all}, {"lost", lost}};
}

std::optional<Counters> CountersOf(const Json& summary) {
  Counters c;
  try {
    for (const auto& [name, member] : kNamedCounters) c.*member = summary.at(name).get<uint64_t>();
    for (size_t i = 0; i < faultfs::kPolicies; ++i) {
      const Json& policy =
          summary.at("policies").at(std::string(faultfs::Name(static_cast<faultfs::Policy>(i))));
      c.policy_images[i] = policy.at("images");
      c.policy_violations[i] = policy.at("violations");
    }
    for (size_t i = 0; i < faultfs::kFaultKinds; ++i) {
      const std::string name(faultfs::Name(static_cast<faultfs::FaultKind>(i)));
      c.faults_armed[i] = summary.at("faults_armed").value(name, uint64_t{0});
      c.faults_fired[i] = summary.at("faults_fired").value(name, uint64_t{0});
    }
    for (size_t i = 0; i < kScenarios; ++i) {
      const Json& scenario = summary.at("scenarios").at(Name(static_cast<ScenarioKind>(i)));
      c.scenarios_run[i] = scenario.at("run");
      c.scenarios_bitten[i] = scenario.at("bitten");
      c.scenario_recoveries[i] = scenario.at("recoveries");
      c.scenario_violations[i] = scenario.at("violations");
    }
    const std::vector<std::string> names = MarkNames();
    for (size_t i = 0; i < names.size() && i < kMarksMax; ++i) c.marks[i] = summary.at("marks").at(names[i]);
  } catch (const Json::exception&) {
    return std::nullopt;
  }
  return c;
}

Json SummaryOf(const Counters& c, const Unseen& unseen, Outcomes outcome, double seconds,
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
                                                     {"recoveries", c.scenario_recoveries[i]},
                                                     {"violations", c.scenario_violations[i]}};
  }
  Json summary = {{"type", "summary"}, {"verdict", Name(outcome)}, {"seconds", seconds}};
  for (const auto& [name, member] : kNamedCounters) summary[name] = c.*member;
  summary["behaviours"] = {{"seen", unseen.behaviours},   {"programs", unseen.programs},
                           {"once", unseen.once},         {"twice", unseen.twice},
                           {"next", unseen.next},         {"unseen_at_least", unseen.at_least},
                           {"coverage", unseen.coverage}, {"believed", unseen.believed}};
  summary["recoveries_per_second"] = seconds > 0 ? static_cast<double>(c.recoveries) / seconds : 0;
  summary["recoveries_per_second_per_core"] = PerSecond(c);
  summary["faults_armed"] = NamedCounts(c, false);
  summary["faults_fired"] = NamedCounts(c, true);
  summary["scenarios"] = std::move(scenarios);
  summary["policies"] = std::move(policies);
  summary["marks"] = MarksOf(c);
  summary["vacuities"] = vacuities;
  return summary;
}

void Print(const CampaignOptions& options, const Counters& c, const Unseen& unseen, Outcomes outcome,
           double seconds, const std::vector<std::string>& vacuities) {
  std::printf("crashsim %s, seed %llu, %s, disk %s: %.1f s\n", options.workload.c_str(),
              static_cast<unsigned long long>(options.seed), options.setup.config.c_str(),
              std::string(faultfs::Name(options.setup.preset)).c_str(), seconds);
  const auto line = [](const char* what, uint64_t count) {
    std::printf("  %-26s %12llu\n", what, static_cast<unsigned long long>(count));
  };
  line("programs tried", c.generations_tried);
  if (!options.sample) line("  cut at every point", c.traces_tried);
  line("runs", c.sessions);
  line("transactions", c.commits);
  line("crash points", c.points);
  line("  with something to lose", c.points_unsynced);
  line("images", c.images);
  line("recoveries", c.recoveries);
  line("  of cut recoveries", c.nested);
  line("judged by both judges", c.judged_twice);
  Print(unseen);
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
  // In one that was run and harmed nothing there was nothing to harm.
  std::printf("  scenarios that did harm\n");
  for (size_t i = 1; i < kScenarios; ++i) {
    if (c.scenarios_run[i] == 0) continue;
    std::printf("    %-24s %12llu of %llu\n", Name(static_cast<ScenarioKind>(i)),
                static_cast<unsigned long long>(c.scenarios_bitten[i]),
                static_cast<unsigned long long>(c.scenarios_run[i]));
  }
  if (c.unsupported > 0) {
    std::printf("  %-26s %12llu  of %llu programs: the disk's unit is larger than write_unit; not run\n",
                "unsupported pairings", static_cast<unsigned long long>(c.unsupported),
                static_cast<unsigned long long>(c.iterations));
  }
  line("violations", c.violations);
  for (const std::string& why : vacuities) std::printf("  vacuous: %s\n", why.c_str());
  std::printf("  verdict: %s\n", Name(outcome));
}

Outcomes OutcomeOf(const Counters& counters, bool failed, const std::vector<std::string>& vacuities) {
  if (counters.violations > 0) return Outcomes::kViolation;
  if (failed || counters.harness_errors > 0) return Outcomes::kHarnessError;
  return vacuities.empty() ? Outcomes::kHolds : Outcomes::kVacuous;
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
  if (counters.unsupported > 0 && counters.unsupported == counters.iterations)
    return {"all pairings of disk and database were unsupported: nothing was run"};
  std::vector<std::string> why;
  if (counters.points_unsynced == 0) why.push_back("no crash point had anything unsynced");
  for (size_t i = 0; i < faultfs::kFaultKinds; ++i) {
    if (counters.faults_armed[i] >= kFaultsArmed && counters.faults_fired[i] == 0) {
      why.push_back("fault " + std::string(faultfs::Name(static_cast<faultfs::FaultKind>(i))) +
                    " was armed and never fired");
    }
  }
  if (options.setup.lying || options.every_fault) {  // nothing but that
    if (counters.generations_tried == 0) why.push_back("no program was tried to its end");
    return why;
  }
  AddScenarioVacuities(counters, why);
  if (counters.generations_tried > 0 && counters.judged_twice == 0)
    why.push_back("the second judge was asked about nothing");
  if (counters.generations_tried == 0)
    why.push_back("no generation came to the end of its scenarios: it takes more time");
  // Each worker may be amid one.
  if (!options.sample && counters.generations_tried > options.jobs && counters.traces_tried == 0)
    why.push_back("no program was cut at its every point");
  const std::vector<std::string> marks = MarkNames();
  for (size_t i = 0; i < marks.size() && i < kMarksMax; ++i) {
    const auto after = GenerationsUntilRequired(options, marks[i]);
    if (after && counters.generations_tried >= *after && counters.marks[i] == 0)
      why.push_back("mark " + marks[i] + " was never seen");
  }
  return why;
}

}  // namespace manifolddb::crashsim
