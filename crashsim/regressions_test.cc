// Plays every line of regressions/ again: what failed once, and must not any more. A line names a seed, a
// place and a fault; as engine and harness change it comes to mean another run of the same kind.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "crashsim/setup.h"
#include "crashsim/worker.h"

namespace manifolddb::crashsim {
namespace {

std::vector<std::filesystem::path> Files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(MANIFOLDDB_REGRESSIONS)) {
    files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

Outcomes Play(const Coordinates& at) {
  CampaignOptions options;
  options.only = at;
  options.workload = at.workload;
  options.setup.config = at.config;
  options.setup.unit = at.unit;
  options.setup.preset = ParsePreset(at.preset).value_or(options.setup.preset);
  options.ops = at.ops;
  options.generations = at.generation + 1;
  options.jobs = 1;
  return RunCampaign(options);
}

TEST(Regressions, HoldNow) {
  size_t played = 0;
  for (const auto& path : Files()) {
    std::ifstream file(path);
    std::string why;
    ASSERT_TRUE(std::getline(file, why) && why.starts_with("# ")) << path << " begins with why";
    for (std::string line; std::getline(file, line); ++played) {
      std::string wrong;
      const auto at = Coordinates::Parse(line, wrong);
      ASSERT_TRUE(at) << path << ": " << wrong;
      EXPECT_EQ(Play(*at), Outcomes::kHolds) << why << "\n" << line;
    }
  }
  EXPECT_GE(played, 15u);
}

}  // namespace
}  // namespace manifolddb::crashsim
