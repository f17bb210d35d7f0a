// manifolddb salvage as a user runs it. What it can get back, engine/salvage tests.

#include <filesystem>
#include <string>
#include <vector>

#include "tools/tool_runner.h"

namespace manifolddb::tools {
namespace {

TEST_F(ToolsTest, SalvageCopiesAWholeDatabase) {
  MakeSample(path_);
  const std::string out = directory_ / "new";
  const Ran ran = Run({"salvage", path_, out});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  EXPECT_TRUE(Contains(ran.out, "new: 323 entries in 3 tables of 2 column families, nothing lost"))
      << ran.out;
  EXPECT_EQ(Run({"verify", out}).exit_code, 0);
  const auto entries = [this](const std::string& path) {
    std::vector<json> lines = Lines(Run({"dump", "--json", "--values", path}).out);
    std::erase_if(lines, [](const json& line) { return line["kind"] != "entry"; });
    return lines;
  };
  EXPECT_TRUE(entries(out) == entries(path_));
}

TEST_F(ToolsTest, SalvageNamesWhatIsLostAndWhereTheRestComesFrom) {
  MakeCrashed(path_);
  const uint64_t leaf = PageWith("value of " + PersonKey(77));
  FlipByte(path_, leaf + 300);
  const Ran ran = Run({"salvage", path_, directory_ / "new", "--report", directory_ / "report"});
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  EXPECT_TRUE(Contains(ran.out, "lost: column family \"people\", table \"names\": keys from \"person10"))
      << ran.out;
  EXPECT_TRUE(Contains(ran.out, "because: " + path_ + " at byte " + std::to_string(leaf) + ": ")) << ran.out;
  EXPECT_TRUE(Contains(ran.out, "5 from the log")) << ran.out;
  EXPECT_EQ(Run({"verify", directory_ / "new"}).exit_code, 0);

  uint64_t sources = 0;
  uint64_t from_log = 0;
  json loss;
  json summary;
  for (const json& line : Lines(ReadBytes(directory_ / "report"))) {
    if (line["kind"] == "source") sources += line["entries"].get<uint64_t>();
    if (line["kind"] == "source" && line["file"] == path_ + "-wal") ++from_log;
    if (line["kind"] == "loss") loss = line;
    if (line["kind"] == "summary") summary = line;
  }
  EXPECT_EQ(from_log, 5u);
  EXPECT_EQ(summary["entries"], sources);
  EXPECT_EQ(summary["complete"], false);
  EXPECT_EQ(loss["table"], "names");
  EXPECT_EQ(loss["offset"], leaf);
  const json parsed = json::parse(Run({"salvage", "--json", path_, directory_ / "again"}).out);
  EXPECT_EQ(parsed["losses"][0]["from"], loss["from"]);
  EXPECT_EQ(parsed["entries"], sources);
}

TEST_F(ToolsTest, SalvageWritesAnOlderStateOnlyIfAllowed) {
  MakeCrashed(path_);
  const std::vector<uint64_t> offsets = GroupsBehindTheCheckpoint();
  ASSERT_EQ(offsets.size(), 5u);
  FlipByte(path_ + "-wal", offsets[2] + 100);
  const std::string report = directory_ / "report";
  const Ran refused = Run({"salvage", path_, directory_ / "new", "--report", report});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_FALSE(std::filesystem::exists(report));
  EXPECT_TRUE(Contains(refused.err, "nothing was written")) << refused.err;
  EXPECT_FALSE(std::filesystem::exists(directory_ / "new"));
  const Ran allowed = Run({"salvage", "--allow-older", path_, directory_ / "new", "--report", report});
  EXPECT_EQ(allowed.exit_code, 1) << allowed.err;
  EXPECT_TRUE(std::filesystem::exists(report));
  EXPECT_TRUE(Contains(allowed.out, "older: there may have been later commits")) << allowed.out;
  EXPECT_TRUE(Contains(allowed.out, "2 from the log")) << allowed.out;
}

TEST_F(ToolsTest, SalvageReplacesNothing) {
  MakeSample(path_);
  EXPECT_EQ(Run({"salvage", path_, path_}).exit_code, 2);
  WriteBytes(directory_ / "there", "x");
  const Ran output = Run({"salvage", path_, directory_ / "there"});
  EXPECT_EQ(output.exit_code, 2);
  EXPECT_TRUE(Contains(output.err, "kAlreadyExists")) << output.err;
  const Ran report = Run({"salvage", path_, directory_ / "new", "--report", path_});
  EXPECT_EQ(report.exit_code, 2);
  EXPECT_TRUE(Contains(report.err, "exists already")) << report.err;
  EXPECT_EQ(ReadBytes(directory_ / "there"), "x");
  const Ran nowhere = Run({"salvage", path_, directory_ / "new", "--report", directory_ / "no/report"});
  EXPECT_EQ(nowhere.exit_code, 2);
  EXPECT_TRUE(Contains(nowhere.err, "cannot be written")) << nowhere.err;
  EXPECT_FALSE(std::filesystem::exists(directory_ / "new"));
}

TEST_F(ToolsTest, SalvageGivesNoFileANameOfTheDamagedDatabase) {
  MakeSample(path_);
  std::filesystem::remove(path_ + "-wal");
  const std::string beside = directory_ / "./db-wal";
  const Ran output = Run({"salvage", "--allow-older", path_, beside});
  EXPECT_EQ(output.exit_code, 2);
  EXPECT_TRUE(Contains(output.err, "one of the damaged database's")) << output.err;
  for (const std::string& name : {beside, directory_ / "new", directory_ / "new-salvage-wal"}) {
    const Ran report = Run({"salvage", "--allow-older", path_, directory_ / "new", "--report", name});
    EXPECT_EQ(report.exit_code, 2);
    EXPECT_TRUE(Contains(report.err, "name of one of the databases")) << report.err;
    EXPECT_FALSE(std::filesystem::exists(name));
  }
}

}  // namespace
}  // namespace manifolddb::tools
