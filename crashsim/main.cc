// The command line. Exit codes: 0 holds, 1 violation, 2 harness or usage error, 3 vacuous.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <string>

#include "crashsim/campaign.h"
#include "crashsim/certify.h"
#include "crashsim/exhaustive.h"
#include "crashsim/lines/coordinates.h"
#include "crashsim/merge.h"
#include "crashsim/mutants.h"
#include "crashsim/registry.h"
#include "crashsim/revision.h"
#include "crashsim/schedules.h"
#include "crashsim/setup.h"
#include "crashsim/worker.h"

namespace manifolddb::crashsim {
namespace {

// "90s", "4m", "1h", or a number of seconds.
std::optional<double> ParseDuration(const std::string& text) {
  size_t end = 0;
  double number = 0;
  try {
    number = std::stod(text, &end);
  } catch (const std::exception&) {
    return std::nullopt;
  }
  const std::string unit = text.substr(end);
  if (number <= 0) return std::nullopt;
  if (unit.empty() || unit == "s") return number;
  if (unit == "m") return number * 60;
  if (unit == "h") return number * 3600;
  return std::nullopt;
}

int Usage(const std::string& what) {
  std::fprintf(stderr, "crashsim: %s\n", what.c_str());
  return static_cast<int>(Outcomes::kHarnessError);
}

struct Words {
  CampaignOptions campaign;
  MutantsOptions mutants;
  ExhaustiveOptions exhaustive;
  SchedulesOptions schedules;
  MergeOptions merge;
  std::string strategy = "bounded";
  std::string race;
  std::string schedule;
  bool list_races = false;
  std::string shard = "0/1";
  std::string sequence;
  std::string duration = "30s";
  std::string mutants_duration = "60s";
  std::string preset = "strict";
  std::string line;
  bool shrinks = false;  // `line`
  CertifyOptions certify;
};

// Each step of the unicode workload writes dozens of rows, and what a program costs grows with the square of
// its steps: a third of them where there would be time for one or two programs only.
uint32_t StepsFor(const CampaignOptions& options) {
  constexpr double kShort = 60;
  const uint32_t steps = DefaultSteps(options.setup.config);
  return options.workload == "unicode" && options.seconds < kShort ? steps / 3 : steps;
}

// "strict, ext4-ordered, ...".
std::string Presets() {
  std::string names;
  for (size_t i = 0; i < faultfs::kPresets; ++i) {
    if (i > 0) names += ", ";
    names += faultfs::Name(static_cast<faultfs::Preset>(i));
  }
  return names;
}

// "3/8". False, and said so: it is none.
template <class Options>
bool ParseShard(const std::string& text, Options& options) {
  unsigned long long shard = 0, shards = 0;
  char rest = 0;
  if (std::sscanf(text.c_str(), "%llu/%llu%c", &shard, &shards, &rest) != 2 || shard >= shards) {
    Usage("--shard " + text + ": want i/n with i below n, as in 0/8");
    return false;
  }
  options.shard = shard;
  options.shards = shards;
  return true;
}

int Run(Words& words) {
  CampaignOptions& options = words.campaign;
  if (!ParseShard(words.shard, options)) return static_cast<int>(Outcomes::kHarnessError);
  const auto seconds = ParseDuration(words.duration);
  if (!seconds) return Usage("--for " + words.duration + ": want a number and s, m or h, as in 90s");
  options.seconds = *seconds;
  const auto preset = faultfs::ParsePreset(words.preset);
  if (!preset) return Usage("--preset " + words.preset + ": want one of " + Presets());
  options.setup.preset = *preset;
  Random random(1);
  if (!DrawSetup(options.setup, random))
    return Usage("--config " + options.setup.config + ": any, tiny, ring, cache, small or default");
  if (options.ops == 0) options.ops = StepsFor(options);
  if (words.shrinks) return static_cast<int>(RunShrink(options, words.line, words.certify));
  if (!words.certify.out.empty()) return static_cast<int>(RunAndCertify(options, words.certify));
  return static_cast<int>(RunCampaign(options));
}

// `shrink` plays the line first.
int Repro(Words& words) {
  std::string why;
  std::string line = words.line;
  if (line.starts_with("REPRO ")) line.erase(0, 6);
  const auto at = Coordinates::Parse(line, why);
  if (!at) return Usage("not a reproduction line: " + why);
  if (!at->git.empty() && at->git != GitRevision()) {
    std::fprintf(stderr, "crashsim: the line is of commit %s, this program of %s: it may draw another run\n",
                 at->git.c_str(), GitRevision().c_str());
  }
  CampaignOptions& options = words.campaign;
  options.only = at;
  options.workload = at->workload;
  options.setup.config = at->config;
  options.setup.unit = at->unit;
  options.setup.write_unit = at->write_unit;
  options.setup.lying = at->lying;
  options.ops = at->ops;
  options.generations = at->generation + 1;
  options.jobs = 1;
  options.iterations_max = 1;
  words.preset = at->preset;
  for (std::string_view rest = at->broken; !rest.empty();) {
    const std::string_view one = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    options.broken.emplace_back(one);
  }
  return Run(words);
}

void AddShrinkOptions(CLI::App& shrink, Words& words) {
  CLI::Option* const line =
      shrink.add_option("line", words.line, "The REPRO line, or what stands in its quotes");
  CLI::Option* const sequence =
      shrink
          .add_option("--sequence", words.sequence, "A sequence of exhaustive instead: 'put a, checkpoint'")
          ->excludes(line);
  RaceOptions& how = words.schedules.how;
  CLI::Option* const race =
      shrink.add_option("--race", words.race, "A race of schedules instead: 'put a | checkpoint'")
          ->excludes(line)
          ->excludes(sequence);
  shrink.add_option("--schedule", words.schedule, "Of the race, this schedule, as schedules names it")
      ->needs(race);
  shrink.add_option("--strategy", words.strategy, "Else where its schedules come from, as of schedules")
      ->check(CLI::IsMember({"bounded", "walk", "pct2", "pct3"}))
      ->needs(race);
  shrink.add_option("--preemptions", how.preemptions)->check(CLI::Range(0, 6))->needs(race);
  shrink.add_option("--seed", how.seed)->needs(race);
  shrink.add_option("--runs", how.runs)->needs(race);
  shrink.add_option("--depth", how.depth, "As lines of schedules have it; of no effect")->needs(race);
  shrink.add_option("--points", how.points, "The same")->needs(race);
  shrink.add_option("--break", words.campaign.broken, "With the engine broken at this site")->excludes(line);
  shrink.add_option("--out", words.certify.out,
                    "Write certificate.json, timeline.svg and test.cc into this folder");
  shrink.add_option("--recoveries", words.certify.recoveries_max, "At most about so many recoveries")
      ->capture_default_str();
}

void List(const std::vector<std::string>& names) {
  for (const std::string& name : names) std::printf("%s\n", name.c_str());
}

void AddRunOptions(CLI::App& run, Words& words) {
  CampaignOptions& options = words.campaign;
  run.add_option("--workload", options.workload,
                 "mixed: generated; savepoints: the same, with transactions that are taken back in part; "
                 "unicode: Debian's character database")
      ->check(CLI::IsMember({"mixed", "savepoints", "unicode"}))
      ->capture_default_str();
  run.add_option("--seed", options.seed, "What is drawn: the same for the same number")
      ->capture_default_str();
  run.add_option("--for", words.duration, "How long: 90s, 4m, 1h")->capture_default_str();
  run.add_flag("--processor-time", options.processor_time,
               "--for counts the time of each worker's processor: as much is tried on a busy machine");
  run.add_option("--recoveries", options.recoveries_max,
                 "At most so many recoveries per worker; 0: as many as there is time for");
  run.add_option("--iterations", options.iterations_max,
                 "At most so many iterations; 0: as many as there is time for");
  run.add_option("--json", options.json, "Write results here, as JSON lines");
  run.add_option("--config", options.setup.config,
                 "Sizes of the database: any (of tiny, ring, cache), tiny, ring, cache, small, default")
      ->capture_default_str();
  run.add_option("--preset", words.preset, "What the file system orders: " + Presets())
      ->capture_default_str();
  run.add_option("--unit", options.setup.unit,
                 "What the disk writes atomically, bytes; 0: as the configuration says")
      ->check(CLI::IsMember({0, 512, 4096, 16384}));
  CLI::Option* const write_unit =
      run.add_option("--write-unit", options.setup.write_unit,
                     "The database's write_unit, bytes; 0: whatever covers --unit. One that does not is "
                     "unsupported: it is told, and not run")
          ->check(CLI::IsMember({0, 512, 4096, 16384}));
  run.add_flag("--pairings", options.setup.pairings,
               "Draw the disk's unit and the database's write_unit of 512, 4096 and 16384, each by itself")
      ->excludes(write_unit);
  run.add_flag("--lying", options.setup.lying,
               "Syncs succeed and do nothing: what is found must be some prefix, or damage that is told");
  run.add_option(
      "--ops", options.ops,
      "Steps per run; 0: as the configuration says, a third of them for unicode in less than a minute");
  run.add_option("--generations", options.generations, "Crashes in a row per iteration")
      ->capture_default_str();
  run.add_option("--jobs", options.jobs, "Worker processes")->check(CLI::Range(1, 64))->capture_default_str();
  run.add_option("--shard", words.shard,
                 "i/n: every n-th program, from the i-th on, from 0 (crashsim merge puts shards together)")
      ->capture_default_str();
  run.add_option("--break", options.broken, "Break the engine at this site (crashsim sites)");
  run.add_flag("--sample", options.sample,
               "Try some points of each run, not every one: more programs in the same time");
  run.add_flag("--until-violation", options.stop_at_violation, "Stop at the first violation");
  run.add_flag("--every-fault", options.every_fault,
               "Fail each call of each run, in each way, once and lasting; beside that only cut");
  run.add_flag("--survey", options.survey,
               "After a violation go on with the next scenario: which of them notice a broken site");
  run.add_option("--until-unseen", options.enough_seen,
                 "Stop before --for is over where another program is expected to show fewer new recovery "
                 "behaviours than this, as in 0.05 (Good-Turing); 0: never")
      ->check(CLI::NonNegativeNumber);
  run.add_option("--certificate", words.certify.out,
                 "Shrink the first violation, and write its certificate into this folder");
  run.add_option("--require-mark", options.required_marks, "Marks with this prefix must be seen")
      ->capture_default_str();
}

void AddMutantsOptions(CLI::App& mutants, Words& words) {
  MutantsOptions& options = words.mutants;
  mutants.add_option("--site", options.sites, "Only this site; may be given several times");
  mutants.add_option("--seed", options.seed, "What the campaigns draw")->capture_default_str();
  mutants.add_option("--for", words.mutants_duration, "Processor time that a site may survive")
      ->capture_default_str();
  mutants.add_option("--executions", options.executions_max,
                     "Recoveries that a site may survive; 0: as many as there is time for");
  mutants.add_option("--shard", words.shard, "i/n: every n-th site, from the i-th on, from 0")
      ->capture_default_str();
  mutants.add_option("--jobs", options.jobs, "Sites at a time")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  mutants.add_flag("--matrix", options.matrix,
                   "Use all of --for, stop at no violation: which scenarios notice which site");
  mutants.add_option("--json", options.json, "Write the table here, as JSON lines");
}

void AddExhaustiveOptions(CLI::App& exhaustive, Words& words) {
  ExhaustiveOptions& options = words.exhaustive;
  exhaustive.add_option("--length", options.length, "Sequences of up to so many operations")
      ->check(CLI::Range(0, 5))
      ->capture_default_str();
  exhaustive.add_option("--depth", options.depth, "How deep recoveries are cut: 0, not at all")
      ->check(CLI::Range(0, 3))
      ->capture_default_str();
  exhaustive.add_flag("--torn", options.torn,
                      "Pages and units of the log are two sectors: half of one may arrive");
  exhaustive.add_flag("--garbage", options.garbage, "A sector that was being written may hold garbage");
  exhaustive.add_option("--sequence", words.sequence, "This one alone: 'put a, checkpoint', 'creation'");
  exhaustive.add_option("--shard", words.shard, "i/n: every n-th sequence, from the i-th on, from 0")
      ->capture_default_str();
  exhaustive.add_option("--jobs", options.jobs, "Worker processes")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  CLI::Option* const json =
      exhaustive.add_option("--json", options.json, "Write results here, as JSON lines");
  exhaustive.add_flag("--resume", options.resume, "Go on behind the sequences that the file of --json has")
      ->needs(json);
  exhaustive.add_flag("--until-violation", options.stop_at_violation, "Stop at the first violation");
  exhaustive.add_option("--break", options.broken, "Break the engine at this site (crashsim sites)");
}

int Exhaustive(Words& words) {
  ExhaustiveOptions& options = words.exhaustive;
  if (!ParseShard(words.shard, options)) return static_cast<int>(Outcomes::kHarnessError);
  if (!words.sequence.empty()) options.sequence = words.sequence;
  return static_cast<int>(RunExhaustive(options));
}

void AddSchedulesOptions(CLI::App& schedules, Words& words) {
  SchedulesOptions& options = words.schedules;
  RaceOptions& how = options.how;
  schedules
      .add_option(
          "--strategy", words.strategy,
          "bounded: all schedules with few preemptions; drawn from a seed: walk, anybody goes on; pct2, "
          "pct3, by priorities that change once or twice")
      ->check(CLI::IsMember({"bounded", "walk", "pct2", "pct3"}))
      ->capture_default_str();
  schedules
      .add_option("--preemptions", how.preemptions,
                  "bounded: switches away from an actor that could go on, at most")
      ->check(CLI::Range(0, 6))
      ->capture_default_str();
  schedules.add_option("--seed", how.seed, "What is drawn: the same for the same number")
      ->capture_default_str();
  schedules.add_option("--runs", how.runs, "So many schedules of each race are drawn")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  schedules
      .add_option("--points", how.points, "Cut the power at so many points of each run, drawn; 0: at all")
      ->capture_default_str();
  schedules.add_option("--depth", how.depth, "How deep recoveries are ended: 0, not at all")
      ->check(CLI::Range(0, 3))
      ->capture_default_str();
  schedules.add_option(
      "--race", words.race,
      "This one alone: 'put a | checkpoint', 'put a | put b ! sync_reverts@1:db-wal'; or the "
      "races of a scenario, by its name");
  schedules.add_option(
      "--schedule", words.schedule,
      "Of that race, this one alone: choices, as in 12:1,40:2, or strategy, seed and run, as "
      "in pct2:5:17");
  schedules.add_flag("--list", words.list_races, "List scenarios and races, and try none");
  schedules.add_option("--json", options.json, "Write results here, as JSON lines");
  schedules.add_flag("--until-violation", how.stop_at_violation, "Stop at the first violation");
  schedules.add_option("--break", options.broken, "Break the engine at this site (crashsim sites)");
}

int Schedules(Words& words) {
  if (words.list_races) {
    ListRaces();
    return 0;
  }
  SchedulesOptions& options = words.schedules;
  options.how.strategy = *ParseStrategy(words.strategy);
  if (!words.race.empty()) options.race = words.race;
  if (!words.schedule.empty()) options.schedule = words.schedule;
  return static_cast<int>(RunSchedules(options));
}

int Main(int argc, char** argv) {
  Words words;
  CLI::App app(
      "Cuts the power at every write and every sync of a workload, recovers every state the disk may be in, "
      "and judges it.\nExit codes: 0 holds, 1 violation, 2 harness or usage error, 3 vacuous.",
      "crashsim");
  app.require_subcommand(1);
  CLI::App* const run = app.add_subcommand("run", "Run a campaign");
  AddRunOptions(*run, words);
  CLI::App* const repro = app.add_subcommand("repro", "Play a REPRO line again");
  repro->add_option("line", words.line, "The line, or what stands in its quotes")->required();
  repro->add_option("--json", words.campaign.json, "Write results here, as JSON lines");
  CLI::App* const shrink = app.add_subcommand("shrink", "Make a failure small: its certificate");
  AddShrinkOptions(*shrink, words);
  CLI::App* const mutants =
      app.add_subcommand("mutants", "Break each site in turn: the campaign must notice");
  AddMutantsOptions(*mutants, words);
  CLI::App* const exhaustive = app.add_subcommand(
      "exhaustive", "Try every short sequence of operations, every crash point, every legal image");
  AddExhaustiveOptions(*exhaustive, words);
  CLI::App* const schedules = app.add_subcommand(
      "schedules",
      "Try schedules of some races, all up to a number of preemptions or some drawn from a seed, and cut the "
      "power in each");
  AddSchedulesOptions(*schedules, words);
  CLI::App* const merge =
      app.add_subcommand("merge", "Put the shards of one campaign together: every one must be there, once");
  merge->add_option("files", words.merge.files, "What `crashsim run --shard i/n --json` wrote")->required();
  merge->add_option("--json", words.merge.json, "Write the merged results here, as JSON lines");
  CLI::App* const sites = app.add_subcommand("sites", "List the sites where the engine can be broken");
  CLI::App* const marks = app.add_subcommand("marks", "List the marks on its rare paths");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(Outcomes::kHarnessError);
  }
  if (*run) return Run(words);
  if (*shrink && !words.sequence.empty()) {
    return static_cast<int>(CertifySequence(words.sequence, words.campaign.broken, words.certify));
  }
  if (*shrink && !words.race.empty()) {
    const RaceOptions& how = words.schedules.how;
    const Wander wander{.strategy = *ParseStrategy(words.strategy),
                        .preemptions = how.preemptions,
                        .seed = how.seed,
                        .runs = how.runs};
    return static_cast<int>(
        CertifyRace(words.race, words.schedule, wander, words.campaign.broken, words.certify));
  }
  words.shrinks = shrink->parsed();
  if (*repro || *shrink) return Repro(words);
  if (*exhaustive) return Exhaustive(words);
  if (*schedules) return Schedules(words);
  if (*merge) return static_cast<int>(MergeShards(words.merge));
  if (*sites) List(SiteNames());
  if (*marks) List(MarkNames());
  if (!*mutants) return 0;
  if (!ParseShard(words.shard, words.mutants)) return static_cast<int>(Outcomes::kHarnessError);
  const auto seconds = ParseDuration(words.mutants_duration);
  if (!seconds) return Usage("--for " + words.mutants_duration + ": want a number and s, m or h, as in 90s");
  words.mutants.seconds = *seconds;
  words.mutants.program = std::filesystem::read_symlink("/proc/self/exe").string();
  return static_cast<int>(RunMutants(words.mutants));
}

}  // namespace
}  // namespace manifolddb::crashsim

int main(int argc, char** argv) { return manifolddb::crashsim::Main(argc, argv); }
