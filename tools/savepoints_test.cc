// manifolddb savepoints as a user runs it. What savepoints are, engine/db tests.

#include <string>

#include "tools/tool_runner.h"

namespace manifolddb::tools {
namespace {

class SavepointToolsTest : public ToolsTest {
 protected:
  void PutOne(const std::string& key, const std::string& value) {
    const auto database = OpenSmall(path_);
    Put(*database, "people", "names", key, value);
    ASSERT_TRUE(database->Close());
  }
  std::string Get(const std::string& key) {
    return Run({"get", path_, key, "--family", "people", "--table", "names"}).out;
  }
};

TEST_F(SavepointToolsTest, OneIsKeptListedRestoredAndDeleted) {
  MakeSample(path_);
  EXPECT_TRUE(Contains(Run({"savepoints", path_}).out, "no savepoints"));
  PutOne("somebody", "before");
  const Ran created = RunWriting({"savepoints", "--create", "mon\\x0aday", path_});
  EXPECT_EQ(created.exit_code, 0) << created.err;
  EXPECT_TRUE(Contains(created.out, "savepoint \"mon\\x0aday\" is the state after commit ")) << created.out;
  PutOne("somebody", "after");
  EXPECT_EQ(Get("somebody"), "after\n");

  const json list = json::parse(Run({"savepoints", "--json", path_}).out);
  ASSERT_EQ(list["savepoints"].size(), 1u);
  EXPECT_EQ(list["savepoints"][0]["name"], "mon\\x0aday");
  EXPECT_GT(list["savepoints"][0]["bytes"], list["savepoints"][0]["bytes_only"]);
  EXPECT_GT(list["savepoints"][0]["bytes_only"], 0);
  EXPECT_TRUE(Contains(Run({"savepoints", path_}).out, "\"mon\\x0aday\": after commit "));
  EXPECT_TRUE(Contains(Run({"stat", path_}).out, "savepoints")) << "a figure";
  EXPECT_EQ(Run({"verify", path_}).exit_code, 0);

  const json restored =
      json::parse(RunWriting({"savepoints", "--json", "--restore", "mon\\x0aday", path_}).out);
  EXPECT_EQ(restored["restored"], "mon\\x0aday");
  EXPECT_GT(restored["commit_number"], list["savepoints"][0]["commit_number"]);
  EXPECT_EQ(Get("somebody"), "before\n");

  const Ran deleted = RunWriting({"savepoints", "--delete", "mon\\x0aday", path_});
  EXPECT_EQ(deleted.exit_code, 0) << deleted.err;
  EXPECT_TRUE(Contains(Run({"savepoints", path_}).out, "no savepoints"));
  EXPECT_EQ(Get("somebody"), "before\n");
  EXPECT_EQ(Run({"verify", path_}).exit_code, 0);
}

TEST_F(SavepointToolsTest, WhatCannotBeIsSaid) {
  MakeSample(path_);
  const Ran none = RunWriting({"savepoints", "--restore", "none", path_});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_TRUE(Contains(none.err, "kNoSuchSavepoint")) << none.err;
  EXPECT_EQ(RunWriting({"savepoints", "--create", "one", "--delete", "one", path_}).exit_code, 2);
  const Ran odd = RunWriting({"savepoints", "--create", "\\q", path_});
  EXPECT_EQ(odd.exit_code, 2);
  EXPECT_TRUE(Contains(odd.err, "no name as they are printed")) << odd.err;
  EXPECT_EQ(Run({"savepoints", directory_ / "nowhere"}).exit_code, 2);
}

}  // namespace
}  // namespace manifolddb::tools
