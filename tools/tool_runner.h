#pragma once
// The command line tool, run as a user does.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "engine/format/page_header.h"
#include "tools/test_database.h"

namespace manifolddb::tools {

using nlohmann::json;

inline constexpr uint64_t kPage = 512;

struct Ran {
  int exit_code = -1;
  std::string out;
  std::string err;
};

inline std::string ShellQuoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

inline bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

inline size_t CountOf(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

inline std::vector<json> Lines(const std::string& text) {
  std::vector<json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(json::parse(line));
  return lines;
}

class ToolsTest : public testing::Test {
 protected:
  // Where the log's groups that follow the checkpoint begin.
  std::vector<uint64_t> GroupsBehindTheCheckpoint() {
    std::vector<uint64_t> offsets;
    for (const json& line : Lines(Run({"dump", "--log", "--json", path_}).out)) {
      if (line["kind"] == "group" && line["place"] == "follows the checkpoint")
        offsets.push_back(line["offset"]);
    }
    return offsets;
  }
  // Runs the tool. Whatever it is asked to do, the files of `path_` stay as they are.
  Ran Run(const std::vector<std::string>& arguments) {
    const bool data = std::filesystem::exists(path_);
    const bool log = std::filesystem::exists(path_ + "-wal");
    const std::string data_before = data ? ReadBytes(path_) : "";
    const std::string log_before = log ? ReadBytes(path_ + "-wal") : "";
    const Ran ran = RunWriting(arguments);
    EXPECT_EQ(std::filesystem::exists(path_), data);
    EXPECT_EQ(std::filesystem::exists(path_ + "-wal"), log);
    EXPECT_TRUE(!data || ReadBytes(path_) == data_before);
    EXPECT_TRUE(!log || ReadBytes(path_ + "-wal") == log_before);
    return ran;
  }
  // The same for what may change them. `input`: the standard input.
  Ran RunWriting(const std::vector<std::string>& arguments, const std::string& input = "") {
    const std::string in = directory_ / "in";
    WriteBytes(in, input);
    return RunWith("<" + ShellQuoted(in), arguments);
  }
  // `streams`: what the shell is to make of them; output and errors go to files unless it says else.
  Ran RunWith(const std::string& streams, const std::vector<std::string>& arguments) {
    std::string command = ShellQuoted(MANIFOLDDB_CLI);
    for (const std::string& argument : arguments) command += " " + ShellQuoted(argument);
    const std::string out = directory_ / "out";
    const std::string err = directory_ / "err";
    command += " >" + ShellQuoted(out) + " 2>" + ShellQuoted(err) + " " + streams;
    const int status = std::system(command.c_str());
    EXPECT_TRUE(WIFEXITED(status)) << command;
    return {WEXITSTATUS(status), ReadBytes(out), ReadBytes(err)};
  }

  void FlipByte(const std::string& path, uint64_t at) {
    std::string bytes = ReadBytes(path);
    ASSERT_LT(at, bytes.size());
    bytes[at] = static_cast<char>(bytes[at] ^ 0x40);
    WriteBytes(path, bytes);
  }
  // The page whose stored bytes contain `text`.
  uint64_t PageWith(const std::string& text) {
    const std::string bytes = ReadBytes(path_);
    // Pages that were freed keep what they held, so the newest one is asked for: the one with the greatest
    // birth.
    uint64_t found = 0;
    uint64_t birth = 0;
    for (uint64_t at = bytes.find(text); at != std::string::npos; at = bytes.find(text, at + 1)) {
      const auto* header = reinterpret_cast<const format::NodeHeader*>(bytes.data() + at / kPage * kPage);
      if (header->birth <= birth) continue;
      birth = header->birth;
      found = at / kPage * kPage;
    }
    EXPECT_NE(found, 0u) << text;
    return found;
  }
  // Nothing on stdout; one line on stderr with the path and advice.
  void ExpectRefused(const Ran& ran, const std::string& code, const std::string& advice) {
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_EQ(ran.out, "");
    EXPECT_EQ(CountOf(ran.err, "\n"), 1u) << ran.err;
    EXPECT_TRUE(Contains(ran.err, code)) << ran.err;
    EXPECT_TRUE(Contains(ran.err, path_)) << ran.err;
    EXPECT_TRUE(Contains(ran.err, advice)) << ran.err;
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_ / "db";
};

}  // namespace manifolddb::tools
