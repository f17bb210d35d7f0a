// What is put together is the sum; what is missing, doubled, foreign or no result at all is told, and no
// verdict.
#include "crashsim/merge.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "crashsim/json.h"
#include "crashsim/summary.h"

namespace manifolddb::crashsim {
namespace {

class MergeTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "merge-" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }

  static Counters CountersOfShard(uint64_t shard) {
    Counters counters;
    counters.iterations = 20 + shard;
    counters.generations_tried = 1;
    counters.recoveries = 100 * (shard + 1);
    counters.judged_twice = 5;
    counters.faults_armed[2] = shard;
    counters.scenarios_run[3] = 7;
    counters.scenario_violations[3] = 0;
    counters.policy_images[1] = 11;
    counters.marks[0] = 3;
    return counters;
  }
  static CampaignOptions OptionsOfShard(uint64_t shard, uint64_t shards) {
    CampaignOptions options;
    options.shard = shard;
    options.shards = shards;
    options.seconds = 10 + static_cast<double>(shard);
    options.jobs = 1;
    return options;
  }
  // Behaviour 1 was shown by each shard, the others by one.
  static std::map<uint64_t, uint64_t> Shown(uint64_t shard) { return {{1, 2}, {100 + shard, 1}}; }
  static std::vector<Json> Records(uint64_t shard, uint64_t shards) {
    const Counters counters = CountersOfShard(shard);
    return {HeaderOf(OptionsOfShard(shard, shards)),
            {{"type", "point"}, {"point", shard}},
            BehavioursOf(Shown(shard), 0),
            SummaryOf(counters, {}, Outcomes::kHolds, 10, {})};
  }
  std::string Write(const std::string& name, const std::vector<Json>& records) const {
    const std::string path = folder_ + "/" + name;
    std::ofstream file(path);
    for (const Json& record : records) file << record.dump() << "\n";
    return path;
  }
  std::vector<Json> Merged() const {
    std::ifstream file(out());
    std::vector<Json> records;
    for (std::string line; std::getline(file, line);) records.push_back(Json::parse(line));
    return records;
  }
  std::string out() const { return folder_ + "/merged.jsonl"; }
  // What it says of files that it refuses.
  std::string Refusal(const std::vector<std::string>& files) const {
    testing::internal::CaptureStderr();
    testing::internal::CaptureStdout();
    const Outcomes outcome = MergeShards({.files = files, .json = out()});
    testing::internal::GetCapturedStdout();
    EXPECT_EQ(outcome, Outcomes::kHarnessError);
    return testing::internal::GetCapturedStderr();
  }

  std::string folder_;
};

TEST_F(MergeTest, AddsUpWhatShardsHaveCounted) {
  const std::vector<std::string> files = {Write("1", Records(1, 2)), Write("0", Records(0, 2))};
  testing::internal::CaptureStdout();
  // So little was tried that it proves nothing: said of the whole, and not of a shard.
  EXPECT_EQ(MergeShards({.files = files, .json = out()}), Outcomes::kVacuous);
  EXPECT_NE(testing::internal::GetCapturedStdout().find("vacuous"), std::string::npos);
  const std::vector<Json> records = Merged();
  ASSERT_EQ(records.size(), 5u) << "header, a point of each, behaviours, summary";
  EXPECT_EQ(records[0]["shards"], 1);
  EXPECT_EQ(records[0]["jobs"], 2);
  EXPECT_EQ(records[0]["seconds"], 11.0);
  EXPECT_EQ(records[3]["programs"], Json::parse("[[1,4],[100,1],[101,1]]"));
  const Json& summary = records[4];
  EXPECT_EQ(summary["recoveries"], 300);
  EXPECT_EQ(summary["iterations"], 41);
  EXPECT_EQ(summary["judged_twice"], 10);
  EXPECT_EQ(summary["behaviours"]["seen"], 3);
  EXPECT_EQ(summary["behaviours"]["once"], 2);
  EXPECT_EQ(summary["behaviours"]["believed"], true);
  Counters sum = CountersOfShard(0);
  sum.Add(CountersOfShard(1));
  EXPECT_EQ(summary, SummaryOf(sum, EstimateUnseen({{1, 4}, {100, 1}, {101, 1}}, 41), Outcomes::kVacuous, 10,
                               summary["vacuities"].get<std::vector<std::string>>()));
}

TEST_F(MergeTest, AViolationOfOneShardIsOneOfTheWhole) {
  std::vector<Json> records = Records(0, 1);
  Counters counters = CountersOfShard(0);
  counters.CountViolation("kill#2");
  EXPECT_EQ(counters.scenario_violations[static_cast<size_t>(ScenarioKind::kKill)], 1u);
  records.back() = SummaryOf(counters, {}, Outcomes::kViolation, 10, {});
  testing::internal::CaptureStdout();
  EXPECT_EQ(MergeShards({.files = {Write("0", records)}}), Outcomes::kViolation);
  testing::internal::GetCapturedStdout();
}

TEST_F(MergeTest, RefusesWhatIsNotEachShardOfOneCampaignOnce) {
  const std::string first = Write("0", Records(0, 2));
  const std::string second = Write("1", Records(1, 2));
  EXPECT_NE(Refusal({first}).find("shard 1 of 2 is missing"), std::string::npos);
  EXPECT_NE(Refusal({first, second, first}).find("shard 0 for the second time"), std::string::npos);
  std::vector<Json> foreign = Records(1, 2);
  foreign[0]["seed"] = 99;
  EXPECT_NE(Refusal({first, Write("foreign", foreign)}).find("another campaign"), std::string::npos);
  std::vector<Json> older = Records(1, 2);
  older[0]["git"] = "0000000";
  EXPECT_NE(Refusal({first, Write("older", older)}).find("is of commit \"0000000\""), std::string::npos);
  EXPECT_NE(Refusal({first, folder_ + "/nothing"}).find("cannot be read"), std::string::npos);
}

TEST_F(MergeTest, RefusesAFileThatIsCutOrNone) {
  std::vector<Json> cut = Records(0, 1);
  cut.pop_back();
  EXPECT_NE(Refusal({Write("cut", cut)}).find("has no summary"), std::string::npos);
  std::vector<Json> more = Records(0, 1);
  more.push_back({{"type", "point"}});
  EXPECT_NE(Refusal({Write("more", more)}).find("behind the summary"), std::string::npos);
  // Each field of header and summary gone, or of another type.
  const std::vector<Json> whole = Records(0, 1);
  for (const size_t record : {size_t{0}, size_t{3}}) {
    for (const auto& [name, value] : whole[record].items()) {
      if (record == 3 && (name == "verdict" || name == "vacuities" || name == "behaviours" ||
                          name.starts_with("recoveries_per_second")))
        continue;  // worked out anew
      for (const bool gone : {true, false}) {
        std::vector<Json> wrong = whole;
        if (gone) {
          wrong[record].erase(name);
        } else {
          wrong[record][name] = Json::array({Json::object()});
        }
        if (record == 0 && name == "tool") continue;  // says nothing
        EXPECT_FALSE(Refusal({Write("wrong", wrong)}).empty())
            << name << (gone ? " gone" : " of another type");
      }
    }
  }
  for (const char* text : {"", "\n", "[]", "{", "{\"type\":\"header\"}", "\xff\xfe"}) {
    std::ofstream(folder_ + "/text") << text;
    EXPECT_FALSE(Refusal({folder_ + "/text"}).empty()) << text;
  }
}

}  // namespace
}  // namespace manifolddb::crashsim
