// Plays every line of regressions/ again: what failed once, and must not any more. A line names a seed, a
// place and a fault; as engine and harness change it comes to mean another run of the same kind. So a line
// of an engine's bug says kills=SITE where a site takes the remedy away: with it broken the line must fail.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
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

// The sites that the line must kill, each by itself: kills=ONE,ANOTHER.
std::vector<std::string> KillsOf(const std::string& line) {
  constexpr std::string_view kWord = " kills=";
  std::vector<std::string> sites;
  const size_t at = line.find(kWord);
  if (at == line.npos) return sites;
  std::istringstream words(line.substr(at + kWord.size(), line.find(' ', at + 1) - at - kWord.size()));
  for (std::string site; std::getline(words, site, ',');) sites.push_back(site);
  return sites;
}

// Under a sanitizer the engine broken at each site takes minutes, and finds what `release` finds; of the
// lines every third is played.
#ifdef MANIFOLDDB_SANITIZED
constexpr bool kPlaysKills = false;
constexpr size_t kStride = 3;
#else
constexpr bool kPlaysKills = true;
constexpr size_t kStride = 1;
#endif

Outcomes Play(const Coordinates& at, const std::string& broken) {
  CampaignOptions options;
  options.only = at;
  if (!broken.empty()) options.broken = {broken};
  options.workload = at.workload;
  options.setup.config = at.config;
  options.setup.unit = at.unit;
  options.setup.preset = faultfs::ParsePreset(at.preset).value_or(options.setup.preset);
  options.ops = at.ops;
  options.generations = at.generation + 1;
  options.jobs = 1;
  return RunCampaign(options);
}

TEST(Regressions, HoldNow) {
  size_t played = 0;
  size_t kills = 0;
  for (const auto& path : Files()) {
    std::ifstream file(path);
    std::string why;
    ASSERT_TRUE(std::getline(file, why) && why.starts_with("# ")) << path << " begins with why";
    for (std::string line; std::getline(file, line); ++played) {
      std::string wrong;
      auto at = Coordinates::Parse(line, wrong);
      ASSERT_TRUE(at) << path << ": " << wrong;
      if (played % kStride != 0) continue;
      const std::vector<std::string> sites = KillsOf(line);
      if (sites.empty()) at->fault.clear();  // whatever its scenario draws by now
      EXPECT_EQ(Play(*at, {}), Outcomes::kHolds) << why << "\n" << line;
      if (!kPlaysKills) continue;
      for (const std::string& site : sites) {
        ++kills;
        EXPECT_EQ(Play(*at, site), Outcomes::kViolation) << why << "\nguards nothing any more:\n" << line;
      }
    }
  }
  EXPECT_GE(played, 15u);
  EXPECT_TRUE(kills >= 4 || !kPlaysKills) << kills;
}

}  // namespace
}  // namespace manifolddb::crashsim
