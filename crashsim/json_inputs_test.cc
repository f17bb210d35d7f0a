// Results that others hand in, changed at random but alike each time: nothing ends the process, what is
// refused says why and leaves the file as it was, and what is taken leads to a verdict.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "crashsim/exhaustive.h"
#include "crashsim/json.h"
#include "crashsim/merge.h"
#include "crashsim/summary.h"

namespace manifolddb::crashsim {
namespace {

class JsonInputs : public testing::Test {
 protected:
  JsonInputs() { std::filesystem::create_directories(folder_); }
  ~JsonInputs() override { std::filesystem::remove_all(folder_); }

  std::string At(const char* name) const { return folder_ + "/" + name; }
  static std::string Read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  static void Write(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  }
  size_t Below(size_t bound) { return bound == 0 ? 0 : random_() % bound; }

  // Another value, of the same type or of another.
  Json AnotherValue() {
    switch (Below(9)) {
      case 0: return nullptr;
      case 1: return -1;
      case 2: return ~uint64_t{0};
      case 3: return 1e300;
      case 4: return "";
      case 5: return "a\0b\xff";
      case 6: return Json::array();
      case 7: return Json::object();
      default: return Below(100);
    }
  }
  // One value somewhere in it becomes another, is doubled, or goes.
  void ChangeValue(Json& json) {
    if ((json.is_object() || json.is_array()) && !json.empty() && Below(4) != 0) {
      const size_t index = Below(json.size());
      auto at = std::next(json.begin(), static_cast<ptrdiff_t>(index));
      if (Below(5) == 0) {
        json.erase(at);
      } else {
        ChangeValue(*at);
      }
      return;
    }
    json = AnotherValue();
  }
  std::string Changed(const std::string& text) {
    std::vector<std::string> lines;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size() - 1);
      lines.push_back(text.substr(at, end + 1 - at));
      at = end + 1;
    }
    std::string& line = lines[Below(lines.size())];
    switch (Below(6)) {
      case 0: line[Below(line.size())] = static_cast<char>(Below(256)); break;
      case 1: line.resize(Below(line.size())); break;
      case 2: std::swap(line, lines[Below(lines.size())]); break;
      case 3: lines.push_back(line); break;
      default: {
        Json json = Json::parse(line);
        ChangeValue(json);
        line = json.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
      }
    }
    std::string changed;
    for (const std::string& one : lines) changed += one;
    return changed;
  }

  const std::string folder_ =
      (std::filesystem::temp_directory_path() / ("json_inputs_" + std::to_string(::getpid()))).string();
  std::mt19937 random_{7};  // NOLINT: the same each time
};

std::string LinesOf(const std::vector<Json>& records) {
  std::string text;
  for (const Json& record : records) text += record.dump() + "\n";
  return text;
}

TEST_F(JsonInputs, ShardsOfACampaignAreRefusedWithAReasonOrMerged) {
  const auto shard = [](uint64_t number) {
    Counters counters;
    counters.iterations = 20;
    counters.recoveries = 100;
    CampaignOptions options;
    options.shard = number;
    options.shards = 2;
    options.jobs = 1;
    return LinesOf({HeaderOf(options),
                    {{"type", "point"}, {"point", number}},
                    BehavioursOf({{1, 2}, {100 + number, 1}}, 0),
                    SummaryOf(counters, {}, Outcomes::kHolds, 10, {})});
  };
  const std::string sound = shard(0);
  Write(At("1"), shard(1));
  int refused = 0;
  int merged = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::string text = Changed(sound);
    Write(At("0"), text);
    testing::internal::CaptureStderr();
    testing::internal::CaptureStdout();
    const Outcomes outcome = MergeShards({.files = {At("0"), At("1")}, .json = At("merged")});
    const std::string printed = testing::internal::GetCapturedStdout();
    const std::string said = testing::internal::GetCapturedStderr();
    if (printed.empty()) {
      ++refused;
      EXPECT_EQ(outcome, Outcomes::kHarnessError) << text;
      EXPECT_NE(said.find("crashsim: merge: " + folder_), std::string::npos) << text;
    } else {  // a verdict, which may be that a shard met errors of the harness
      ++merged;
      EXPECT_EQ(said, "") << text;
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_GT(merged, 100);
}

TEST_F(JsonInputs, ResultsToGoOnWithAreRefusedWithAReasonOrCounted) {
  ExhaustiveOptions options;
  options.length = 0;
  options.depth = 0;
  options.json = At("results");
  testing::internal::CaptureStdout();
  EXPECT_EQ(RunExhaustive(options), Outcomes::kHolds);
  testing::internal::GetCapturedStdout();
  const std::string sound = Read(options.json);
  options.resume = true;
  int refused = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string text = Changed(sound);
    Write(options.json, text);
    testing::internal::CaptureStderr();
    testing::internal::CaptureStdout();
    const Outcomes outcome = RunExhaustive(options);
    testing::internal::GetCapturedStdout();
    const std::string said = testing::internal::GetCapturedStderr();
    if (outcome != Outcomes::kHarnessError) continue;
    ++refused;
    EXPECT_NE(said.find("crashsim: exhaustive: " + options.json), std::string::npos) << text;
    EXPECT_EQ(Read(options.json), text) << "it stays as it is";
  }
  EXPECT_GT(refused, 300);
}

}  // namespace
}  // namespace manifolddb::crashsim
