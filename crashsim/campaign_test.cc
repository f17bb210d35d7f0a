// The harness against the engine itself: silent on the sound one, loud on one that is broken, the same each
// time.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "crashsim/beat.h"
#include "crashsim/bounds.h"
#include "crashsim/iteration.h"
#include "crashsim/json.h"
#include "crashsim/registry.h"
#include "crashsim/revision.h"
#include "crashsim/summary.h"
#include "crashsim/unicode.h"
#include "crashsim/worker.h"

namespace manifolddb::crashsim {
namespace {

CampaignOptions Short(const std::string& workload, uint64_t seed) {
  CampaignOptions options;
  options.workload = workload;
  options.seed = seed;
  options.seconds = 3600;  // what ends them is the number of programs, on the slowest machine as well
  options.iterations_max = 1;
  options.generations = 1;
  options.ops = 16;
  options.jobs = 1;
  options.json =
      (std::filesystem::temp_directory_path() / ("crashsim_test_" + std::to_string(::getpid()))).string();
  return options;
}

std::vector<Json> Records(const CampaignOptions& options, const std::string& type) {
  std::vector<Json> records;
  std::ifstream lines(options.json);
  for (std::string line; std::getline(lines, line);) {
    Json record = Json::parse(line);
    if (record["type"] == type) records.push_back(std::move(record));
  }
  return records;
}

uint64_t TraceOfSeed(uint64_t seed) {
  Random random(seed);
  const Setup setup = *DrawSetup({}, random);
  std::string why;
  const auto workload = MakeWorkload("mixed", setup, 30, random, why);
  SessionPlan plan{.setup = setup, .program = workload->Draw(random, 0, 0), .seed = seed};
  const Session session =
      RunSession(std::make_shared<faultfs::Disk>(setup.traits), plan, [] { std::abort(); });
  EXPECT_FALSE(session.open_error);
  EXPECT_TRUE(session.violations.empty());
  return session.trace->Hash(0, session.trace->effects.size());
}

TEST(Campaign, SameSeedSameTrace) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    const uint64_t first = TraceOfSeed(seed);
    EXPECT_EQ(first, TraceOfSeed(seed)) << seed;
    EXPECT_NE(first, TraceOfSeed(seed + 100)) << seed;
  }
}

TEST(Campaign, HoldsOnTheSoundEngine) {
  for (const char* workload : {"mixed", "savepoints", "unicode"}) {
    const CampaignOptions options = Short(workload, 3);
    const Outcomes outcome = RunCampaign(options);
    EXPECT_TRUE(outcome == Outcomes::kHolds || outcome == Outcomes::kVacuous) << workload;
    ASSERT_EQ(Records(options, "header").size(), 1u);
    ASSERT_EQ(Records(options, "summary").size(), 1u);
    const Json summary = Records(options, "summary")[0];
    EXPECT_EQ(summary["violations"], 0u);
    EXPECT_GT(summary["points_unsynced"], 50u);
    EXPECT_EQ(Records(options, "point").size(), summary["points"].get<size_t>());
    EXPECT_GT(summary["images"], summary["points"]);
    EXPECT_GT(summary["judged_twice"], summary["points"]);
    EXPECT_GT(summary["behaviours"]["seen"], 5u);
    EXPECT_EQ(summary["behaviours"]["once"], summary["behaviours"]["seen"]) << "of one program";
    EXPECT_EQ(Records(options, "behaviours")[0]["programs"].size(), summary["behaviours"]["seen"]);
  }
}

// Without it the scenario that notices first is the only one that is told of.
TEST(Campaign, ASurveyGoesOnWithTheNextScenario) {
  CampaignOptions options = Short("mixed", 1);
  options.broken = {"wal.checksum.skip"};
  options.survey = true;
  options.sample = true;
  ASSERT_EQ(RunCampaign(options), Outcomes::kViolation);
  const Json summary = Records(options, "summary")[0];
  size_t noticed = 0;
  uint64_t violations = summary["run_violations"];
  for (const auto& [name, scenario] : summary["scenarios"].items()) {
    noticed += scenario["violations"] > 0 ? 1 : 0;
    violations += scenario["violations"].get<uint64_t>();
  }
  EXPECT_GT(noticed, 3u) << summary["scenarios"];
  EXPECT_EQ(violations, summary["violations"]);
}

TEST(Campaign, ShardsTryWhatTheWholeTries) {
  const auto seeds = [](uint64_t shard, uint64_t shards) {
    CampaignOptions options = Short("mixed", 7);
    options.iterations_max = 4;
    options.recoveries_max = 1;  // of each, the beginning
    options.ops = 4;
    options.shard = shard;
    options.shards = shards;
    static_cast<void>(RunCampaign(options));
    std::set<uint64_t> tried;
    for (const Json& trace : Records(options, "trace")) tried.insert(trace["iteration"].get<uint64_t>());
    return tried;
  };
  EXPECT_EQ(seeds(0, 2), std::set<uint64_t>{0});
  EXPECT_EQ(seeds(1, 2), std::set<uint64_t>{1});
  EXPECT_EQ(seeds(2, 3), std::set<uint64_t>{2});
}

TEST(Campaign, FindsASkippedSyncAtOnceAndPlaysItAgain) {
  CampaignOptions options = Short("mixed", 1);
  options.iterations_max = 8;
  options.stop_at_violation = true;
  options.broken = {"txn.commit.sync.skip"};
  ASSERT_EQ(RunCampaign(options), Outcomes::kViolation);
  const std::vector<Json> violations = Records(options, "violation");
  ASSERT_FALSE(violations.empty());
  const std::string line = violations[0]["repro"];
  // The disk that it happened on.
  const Json disk = violations[0]["disk"];
  EXPECT_EQ(disk["preset"], "strict");
  EXPECT_EQ(disk["unit"], 512);
  EXPECT_TRUE(disk["garbage"].is_boolean() && disk["outside"].is_boolean()) << disk;

  std::string why;
  const auto at = Coordinates::Parse(line, why);
  ASSERT_TRUE(at) << why;
  EXPECT_EQ(at->ToLine(GitRevision()), line);
  CampaignOptions again = Short("mixed", 1);
  again.only = at;
  again.ops = at->ops;
  again.generations = at->generation + 1;
  again.broken = options.broken;
  testing::internal::CaptureStderr();
  EXPECT_EQ(RunCampaign(again), Outcomes::kViolation);
  EXPECT_TRUE(testing::internal::GetCapturedStderr().find("the disk: unit=512,preset=strict") != line.npos);
  EXPECT_EQ(Records(again, "violation")[0]["promise"], violations[0]["promise"]);
  EXPECT_EQ(Records(again, "violation")[0]["repro"], line);
  again.broken = {};
  // Where the broken engine's run has this point the sound one's, which syncs more, may have none.
  const Outcomes sound = RunCampaign(again);
  EXPECT_TRUE(sound == Outcomes::kHolds || sound == Outcomes::kVacuous) << "it keeps its promise there";
}

// A line that names nothing that is there must not pass for one that holds.
TEST(Campaign, WhatIsPlayedAgainMustBeComeTo) {
  Coordinates at{.seed = 5, .config = "tiny", .ops = 16, .scenario = "points"};
  const auto play = [&] {
    CampaignOptions options = Short("mixed", 1);
    options.setup.config = at.config;
    options.ops = at.ops;
    options.generations = at.generation + 1;
    options.only = at;
    return RunCampaign(options);
  };
  at.cut = Cut{30, {faultfs::Policy::kAll, 0}};
  EXPECT_EQ(play(), Outcomes::kHolds);
  at.nested = {{1, {faultfs::Policy::kNone, 0}}};
  EXPECT_EQ(play(), Outcomes::kHolds);
  at.nested = {{99'999, {faultfs::Policy::kNone, 0}}};
  EXPECT_EQ(play(), Outcomes::kVacuous) << "no such nested cut";
  at.nested.clear();
  at.cut->effects = 99'999'999;
  EXPECT_EQ(play(), Outcomes::kVacuous) << "no such point";
  at.cut.reset();
  at.scenario = "nonsense";
  EXPECT_EQ(play(), Outcomes::kVacuous) << "no such scenario";
  at.scenario = "io_fault#0";
  at.fault = "io_error@99999";
  EXPECT_EQ(play(), Outcomes::kHarnessError) << "no such fault";
  at.fault.clear();
  EXPECT_EQ(play(), Outcomes::kHolds);
  at.scenario = "run";
  at.generation = ~uint32_t{0};
  EXPECT_EQ(play(), Outcomes::kVacuous) << "no such generation";
}

TEST(Campaign, HoldsOnOtherDisksAndSizes) {
  struct Variant {
    const char* config;
    faultfs::Preset preset;
    uint32_t unit;
  };
  for (const Variant& variant :
       {Variant{"any", faultfs::Preset::kExt4Ordered, 0}, Variant{"any", faultfs::Preset::kXfs, 0},
        Variant{"any", faultfs::Preset::kBtrfs, 0}, Variant{"any", faultfs::Preset::kExt3Writeback, 0},
        Variant{"any", faultfs::Preset::kDataJournal, 0}, Variant{"any", faultfs::Preset::kStrict, 4096},
        Variant{"any", faultfs::Preset::kStrict, 16384}, Variant{"small", faultfs::Preset::kStrict, 0}}) {
    CampaignOptions options = Short("mixed", 7);
    options.setup = {variant.config, variant.preset, variant.unit};
    options.sample = true;
    const Outcomes outcome = RunCampaign(options);
    EXPECT_TRUE(outcome == Outcomes::kHolds || outcome == Outcomes::kVacuous)
        << variant.config << " " << faultfs::Name(variant.preset) << " " << variant.unit;
    EXPECT_GT(Records(options, "summary")[0]["points_unsynced"], 20u);
  }
}

// The contract is stated for disks whose atomic unit the database's write_unit covers. Of others nothing is
// judged, and the campaign says so: a report without them would read as if they had held.
TEST(Campaign, APairingThatTheContractLeavesOutIsUnsupportedNoViolation) {
  CampaignOptions options = Short("mixed", 7);
  options.setup.unit = 4096;
  options.setup.write_unit = 512;
  options.iterations_max = 3;
  EXPECT_EQ(RunCampaign(options), Outcomes::kVacuous) << "nothing was run: that holds nothing";
  const Json summary = Records(options, "summary")[0];
  EXPECT_EQ(summary["unsupported"], 1u) << "it is the same for every program";
  EXPECT_EQ(summary["sessions"], 0u);
  EXPECT_EQ(summary["violations"], 0u);
  EXPECT_NE(summary["vacuities"].dump().find("unsupported"), std::string::npos) << summary["vacuities"];
  const std::vector<Json> told = Records(options, "unsupported");
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0]["unit"], 4096u);
  EXPECT_EQ(told[0]["write_unit"], 512u);
  // The other way round it is run.
  options.setup = {.unit = 512, .write_unit = 4096};
  options.iterations_max = 1;
  options.sample = true;
  EXPECT_NE(RunCampaign(options), Outcomes::kViolation);
  EXPECT_EQ(Records(options, "summary")[0]["unsupported"], 0u);
  EXPECT_GT(Records(options, "summary")[0]["recoveries"], 20u);
}

TEST(Campaign, PairingsAreDrawnAndThoseWithoutSupportAreCounted) {
  CampaignOptions options = Short("mixed", 7);
  options.setup.pairings = true;
  options.iterations_max = 3;
  options.ops = 8;
  options.sample = true;
  const auto drawn = [&](uint64_t i) {
    Random draws = Random(Mix(options.seed, i)).Fork(1);
    return *DrawSetup(options.setup, draws);
  };
  std::set<std::pair<uint32_t, uint32_t>> pairings;
  for (uint64_t i = 0; i < 100; ++i) {
    const auto setup = drawn(i);
    pairings.emplace(setup.traits.atomic_unit, setup.options.write_unit);
  }
  EXPECT_EQ(pairings.size(), 9u) << "each with each";
  const auto count = [&] { return (drawn(0).supported() ? 0u : 1u) + (drawn(1).supported() ? 0u : 1u); };
  while (count() != 1 || !drawn(2).supported()) ++options.seed;
  const uint64_t unsupported = 1;
  EXPECT_NE(RunCampaign(options), Outcomes::kViolation);
  const Json summary = Records(options, "summary")[0];
  EXPECT_EQ(summary["unsupported"], unsupported);
  EXPECT_EQ(summary["iterations"], options.iterations_max);
  EXPECT_EQ(summary["generations_tried"], options.iterations_max - unsupported) << "all others are";
  EXPECT_FALSE(Records(options, "unsupported").empty());
}

// The same program comes of the line that a drawn pairing's violation prints.
TEST(Campaign, ALineNamesThePairingThatWasDrawn) {
  CampaignOptions options = Short("mixed", 7);
  options.setup.pairings = true;
  options.iterations_max = 12;
  options.sample = options.stop_at_violation = true;
  options.broken = {"wal.sync.skip"};
  ASSERT_EQ(RunCampaign(options), Outcomes::kViolation);
  const std::string line = Records(options, "violation")[0]["repro"];
  EXPECT_NE(line.find(" write="), std::string::npos) << line;
  std::string why;
  const auto at = Coordinates::Parse(line.substr(line.find("tool=")), why);
  ASSERT_TRUE(at) << why;
  EXPECT_LE(at->unit, at->write_unit);
  CampaignOptions again = Short("mixed", 1);
  again.setup = {.config = at->config, .unit = at->unit, .write_unit = at->write_unit};
  again.ops = at->ops;
  again.generations = at->generation + 1;
  again.broken = options.broken;
  again.only = at;
  EXPECT_EQ(RunCampaign(again), Outcomes::kViolation) << line;
}

TEST(Campaign, OnADiskWhoseSyncsLieWhatIsFoundIsAPrefixOrDamageThatIsTold) {
  CampaignOptions options = Short("mixed", 7);
  options.setup.lying = true;
  EXPECT_EQ(RunCampaign(options), Outcomes::kHolds);
  // It has teeth there as well: half a transaction is no prefix.
  options.broken = {"wal.checksum.skip"};
  options.iterations_max = 8;
  options.stop_at_violation = true;
  ASSERT_EQ(RunCampaign(options), Outcomes::kViolation);
  EXPECT_NE(Records(options, "violation")[0]["repro"].get<std::string>().find("lying=yes"),
            std::string::npos);
}

// Whoever calls, switches or recovers lives, however long it takes; from whatever thread.
TEST(Campaign, WhateverMovesBeats) {
  std::atomic<uint64_t> beats = 0;
  CountBeatsIn(&beats);
  EXPECT_NE(TraceOfSeed(1), 0u);
  const uint64_t session = beats;
  EXPECT_GT(session, 100u);
  Random random(1);
  const crashsim::Setup setup = *DrawSetup({}, random);
  static_cast<void>(Recover(std::make_shared<faultfs::Disk>(setup.traits), setup, {}));
  EXPECT_GT(beats, session);
  CountBeatsIn(nullptr);
}

TEST(Bounds, ChangedPagesInMemory) {
  Random random(1);
  crashsim::Setup setup = *DrawSetup({}, random);
  setup.options.page_size = 512;
  setup.options.dirty_bytes_max = 64 * 512;
  DatabaseStats stats;
  stats.dirty_bytes = 2 * setup.options.dirty_bytes_max;
  EXPECT_FALSE(DirtyBeyondBound(stats, setup, 1));
  stats.dirty_bytes += 100 * 512;
  ASSERT_TRUE(DirtyBeyondBound(stats, setup, 1));
  EXPECT_EQ(DirtyBeyondBound(stats, setup, 1)->promise, Promise::kBounded);
}

TEST(Campaign, RefusesUnknownSites) {
  CampaignOptions options = Short("mixed", 1);
  options.broken = {"no.such.site"};
  EXPECT_EQ(RunCampaign(options), Outcomes::kHarnessError);
}

TEST(Campaign, CallsItVacuousIfNothingWasAtStake) {
  Counters counters;
  counters.scenarios_run.fill(1);
  counters.scenarios_bitten.fill(1);
  counters.judged_twice = 1;
  CampaignOptions options;
  options.required_marks = {};
  counters.generations_tried = 1;
  EXPECT_EQ(Vacuities(options, counters).size(), 1u) << "nothing unsynced";
  counters.points_unsynced = 1;
  EXPECT_TRUE(Vacuities(options, counters).empty());
  counters.generations_tried = 0;
  EXPECT_EQ(Vacuities(options, counters).size(), 1u) << "nothing was tried to its end";
  counters.generations_tried = 100;
  EXPECT_EQ(Vacuities(options, counters).size(), 1u) << "no trace was cut at its every point";
  counters.traces_tried = 98;
  EXPECT_TRUE(Vacuities(options, counters).empty());
  counters.generations_tried = 1;
  counters.faults_armed[0] = 12;
  EXPECT_EQ(Vacuities(options, counters).size(), 1u) << "armed, never fired";
  counters.faults_fired[0] = 1;
  options.required_marks = {"recovery."};
  EXPECT_FALSE(Vacuities(options, counters).empty()) << "marks never seen";
}

TEST(Campaign, DemandsByHowMuchWasTried) {
  Counters counters;
  counters.scenarios_run.fill(1);
  counters.scenarios_bitten.fill(1);
  counters.points_unsynced = counters.traces_tried = counters.judged_twice = 1;
  counters.generations_tried = 1;
  constexpr auto kOlder = static_cast<size_t>(ScenarioKind::kOlderFile);
  CampaignOptions options;
  options.required_marks = {};
  counters.scenarios_bitten[kOlder] = 0;
  EXPECT_TRUE(Vacuities(options, counters).empty()) << "one program may hold nothing to harm";
  counters.generations_tried = 1000;
  EXPECT_EQ(Vacuities(options, counters).size(), 1u);
  counters.scenarios_bitten[kOlder] = 1;
  counters.generations_tried = 1;

  options.required_marks = {"txn.group_of_many"};
  EXPECT_TRUE(Vacuities(options, counters).empty()) << "one program may have one writer";
  counters.generations_tried = 1000;
  EXPECT_EQ(Vacuities(options, counters).size(), 1u);
  options.workload = "unicode";
  EXPECT_TRUE(Vacuities(options, counters).empty()) << "which has one writer at a time";
}

TEST(Campaign, TellsScenariosFromFaultsAndNoneThatNeverRan) {
  Counters counters;
  constexpr auto kLost = static_cast<size_t>(ScenarioKind::kLostWrite);
  counters.scenarios_run[kLost] = 7;
  counters.faults_armed[static_cast<size_t>(faultfs::FaultKind::kLostWrite)] = 5;
  testing::internal::CaptureStdout();
  Print(CampaignOptions(), counters, Unseen(), Outcomes::kHolds, 1, {});
  const std::string text = testing::internal::GetCapturedStdout();
  const size_t fault = text.find("lost_write");
  const size_t label = text.find("scenarios that did harm");
  ASSERT_NE(label, text.npos) << text;
  EXPECT_LT(fault, label) << text;
  EXPECT_LT(label, text.find("lost_write", label)) << text;
  EXPECT_EQ(text.find("0 of 0"), text.npos) << text;
}

TEST(Campaign, EndsAfterSoManyRecoveriesOrSecondsOfAProcessor) {
  CampaignOptions options = Short("mixed", 3);
  options.iterations_max = 0;
  options.seconds = 3600;
  options.recoveries_max = 50;
  EXPECT_EQ(RunCampaign(options), Outcomes::kVacuous);  // nothing was tried to its end
  const Json summary = Records(options, "summary").at(0);
  EXPECT_GE(summary["recoveries"], 50);
  EXPECT_EQ(summary["iterations"], 1);

  options.recoveries_max = 0;
  options.processor_time = true;
  options.seconds = 0;  // gone before anything has begun: one program is begun all the same
  EXPECT_EQ(RunCampaign(options), Outcomes::kVacuous);
  EXPECT_EQ(Records(options, "summary").at(0)["iterations"], 1);
  std::filesystem::remove(options.json);
}

TEST(Campaign, DeathsAreViolations) {
  // A broken engine that hits its own assertion, or crashes, takes a worker with it: the campaign goes on to
  // say so.
  Place place;
  EXPECT_EXIT(OnDeadlock(place), testing::ExitedWithCode(1), "");
}

TEST(Coordinates, SurviveTheirLine) {
  Coordinates at{
      .workload = "unicode", .seed = 0xabcdef, .config = "small", .preset = "ext4-ordered", .unit = 4096};
  at.ops = 77;
  at.generation = 2;
  at.scenario = "kill#1";
  at.cut = Cut{12, {faultfs::Policy::kPrefix, 3}};
  at.nested = {{4, {faultfs::Policy::kNone, 0}}, {9, {faultfs::Policy::kRandom, 99}}};
  at.broken = "a.b,c.d";
  const std::string line = at.ToLine("1234");
  std::string why;
  const auto again = Coordinates::Parse(line, why);
  ASSERT_TRUE(again) << why;
  EXPECT_EQ(again->ToLine("1234"), line);
  EXPECT_FALSE(Coordinates::Parse("tool=crashsim workload=mixed", why));
  EXPECT_FALSE(why.empty());
  EXPECT_FALSE(Coordinates::Parse("tool=other", why));
  at.cut.reset();
  EXPECT_FALSE(Coordinates::Parse(at.ToLine("1234"), why)) << "nested in nothing";
}

// ---- The Unicode invariant
// ----------------------------------------------------------------------------------

class UnicodeTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    data_ = UnicodeData::Load(kUnicodeDirectory, why);
    ASSERT_TRUE(data_) << why;
    Random random(1);
    const crashsim::Setup setup = *DrawSetup({}, random);
    auto opened =
        Database::Open(std::make_shared<faultfs::Disk>(setup.traits), kDatabase, InlineOptions(setup));
    ASSERT_TRUE(opened);
    database_ = std::move(*opened);
    for (const std::string& name : UnicodeFamilies()) {
      families_.push_back(*database_->CreateColumnFamily(name));
    }
  }
  const Character& Letter(uint32_t code) {
    return *std::ranges::find(data_->characters(), code, &Character::code);
  }
  // Writes a character, but not row `except`; or takes that row away.
  void Write(const Character& character, size_t except) {
    auto transaction = database_->BeginWrite(families_);
    const auto rows = data_->RowsOf(character);
    for (size_t i = 0; i < rows.size(); ++i) {
      if (i == except) continue;
      auto table = transaction->OpenOrCreateTable(families_[rows[i].family], rows[i].table);
      ASSERT_TRUE(table->Put(AsBytes(rows[i].key), AsBytes(rows[i].value)));
    }
    ASSERT_TRUE(transaction->Commit());
  }
  std::vector<std::string> Disagreements() {
    auto transaction = database_->BeginRead();
    return data_->Disagreements(*transaction);
  }

  std::shared_ptr<const UnicodeData> data_;
  std::unique_ptr<Database> database_;
  std::vector<ColumnFamily> families_;
};

TEST_F(UnicodeTest, WholeCharactersAgree) {
  EXPECT_TRUE(Disagreements().empty()) << "nothing agrees with nothing";
  Write(Letter(0xc4), 99);  // A with diaeresis: decomposes into two
  Write(Letter('a'), 99);
  EXPECT_TRUE(Disagreements().empty()) << Disagreements()[0];
}

TEST_F(UnicodeTest, EveryMissingRowIsNoticed) {
  const size_t rows = data_->RowsOf(Letter(0xc4)).size();
  ASSERT_GT(rows, 8u);
  for (size_t except = 0; except < rows; ++except) {
    SetUp();
    Write(Letter(0xc4), except);
    EXPECT_FALSE(Disagreements().empty()) << "without row " << except;
  }
}

TEST_F(UnicodeTest, RowsAreTakenFromTheFiles) {
  std::vector<std::string> words;
  for (const UnicodeRow& row : data_->RowsOf(Letter('a')))
    words.push_back(std::string(row.table) + ":" + row.key);
  const std::string code("\0\0\0a", 4);
  const auto has = [&](const std::string& row) { return std::ranges::find(words, row) != words.end(); };
  EXPECT_TRUE(has("by-code:" + code));
  EXPECT_TRUE(has("general:Ll" + code));
  EXPECT_TRUE(has("script:Latin" + std::string(1, '\0') + code));
  EXPECT_TRUE(has("block:Basic Latin" + std::string(1, '\0') + code));
  EXPECT_TRUE(has("word:SMALL" + std::string(1, '\0') + code));
}

}  // namespace
}  // namespace manifolddb::crashsim
