// bench: figures that fit together, of a database that is gone afterwards.

#include "tools/tool_runner.h"

namespace manifolddb::tools {
namespace {

class BenchTest : public ToolsTest {
 protected:
  std::vector<std::string> Small(const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"bench", path_, "--entries", "2500", "--milliseconds", "20"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  void ExpectNothingLeft() {
    for (const char* const suffix : {"", "-wal", "-new", "-wal-new", "-probe"})
      EXPECT_FALSE(std::filesystem::exists(path_ + suffix)) << suffix;
  }
};

TEST_F(BenchTest, FiguresFitTogetherAndNothingIsLeft) {
  const Ran ran = Run(Small({"--json", "--key-bytes", "20", "--value-bytes", "30", "--page-size", "4096"}));
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const json report = json::parse(ran.out);
  EXPECT_EQ(report["page_size"], 4096);
  EXPECT_GE(report["file_bytes"], 2500 * 50);
  std::vector<std::string> names;
  for (const json& phase : report["phases"]) {
    const std::string name = phase["name"];
    names.push_back(name);
    const uint64_t operations = phase["operations"];
    const double seconds = phase["seconds"];
    EXPECT_EQ(phase["bytes"], operations * (name == "disk" ? 4096 : 50)) << name;
    EXPECT_GT(seconds, 0) << name;
    EXPECT_NEAR(phase["per_second"], static_cast<double>(operations) / seconds, 1 + operations * 0.001)
        << name;
    if (name == "fill") {
      EXPECT_EQ(operations, 2500u);
      continue;
    }
    EXPECT_GE(seconds, 0.02) << name;
    if (name == "scan") {
      EXPECT_GT(operations, 0u);
      EXPECT_EQ(operations % 2500, 0u);
      continue;
    }
    EXPECT_LE(phase["p50_ns"], phase["p99_ns"]) << name;
    EXPECT_LE(phase["p99_ns"], phase["max_ns"]) << name;
    // Of one thread half of the operations took at least the middle one.
    if (name != "commits") {
      EXPECT_LE(phase["p50_ns"].get<double>() * static_cast<double>(operations / 2), seconds * 1e9) << name;
    }
  }
  EXPECT_EQ(names, (std::vector<std::string>{"disk", "fill", "get", "scan", "commit", "commits"}));
  ExpectNothingLeft();
}

TEST_F(BenchTest, WhatIsKeptIsTheDatabaseThatWasMeasured) {
  const Ran ran = RunWriting(Small({"--keep", "--threads", "1"}));
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  for (const char* const phase : {"disk", "fill", "get", "scan", "commit"})
    EXPECT_EQ(CountOf(ran.out, std::string("\n  ") + phase + " "), 1u) << ran.out;
  EXPECT_FALSE(Contains(ran.out, "threads")) << ran.out;
  EXPECT_EQ(Run({"verify", path_}).exit_code, 0);
  EXPECT_EQ(Run({"count", path_, "--family", "bench", "--table", "entries"}).out, "2500\n");
  EXPECT_NE(Run({"count", path_, "--family", "commit", "--table", "entries"}).out, "0\n");
}

TEST_F(BenchTest, WhatIsThereStaysAndWhatCannotBeMeasuredIsRefused) {
  for (const char* const suffix : {"", "-wal", "-probe"}) {
    WriteBytes(path_ + suffix, "mine");
    const Ran ran = RunWriting(Small({}));
    ExpectRefused(ran, "kAlreadyExists", "bench makes a new database");
    EXPECT_EQ(ReadBytes(path_ + suffix), "mine");
    std::filesystem::remove(path_ + suffix);
    ExpectNothingLeft();
  }
  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong = {
      {{"--key-bytes", "7"}, "at least 8"},
      {{"--key-bytes", "9000"}, "no key is as long"},
      {{"--value-bytes", "2147483649"}, "no value is as long"},
      {{"--threads", "257"}, "at most 256"},
      {{"--page-size", "1000"}, "page_size is 1000"},
      {{"--page-size", "4294967296"}, "page_size is 4294967295"},
      {{"--key-bytes", "3000", "--page-size", "4096"}, "kKeyTooLong"}};
  for (const auto& [arguments, told] : wrong) {
    const Ran ran = RunWriting(Small(arguments));
    EXPECT_EQ(ran.exit_code, 2) << told;
    EXPECT_TRUE(Contains(ran.err, told)) << ran.err;
    ExpectNothingLeft();
  }
  for (const char* const option : {"--entries", "--batch", "--threads"})
    EXPECT_EQ(RunWriting(Small({option, "0"})).exit_code, 2) << option;
  EXPECT_EQ(RunWriting({"bench", directory_ / "nowhere/db"}).exit_code, 2);
}

}  // namespace
}  // namespace manifolddb::tools
