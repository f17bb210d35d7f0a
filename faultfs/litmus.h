#pragma once
// What the litmus tests share: a tiny program on a disk of each preset, and all that it may leave.

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>

#include "faultfs/crash_point.h"
#include "faultfs/disk.h"
#include "faultfs/test_program.h"

namespace manifolddb::faultfs {

inline constexpr uint64_t kListMax = 100'000;

// Every legal image at the end of what `run` does, as "name=contents" with one letter per sector: '.' for
// zeros, '#' for garbage. A file of size 0 is "name=".
class Litmus : public testing::TestWithParam<Preset> {
 protected:
  bool strict() const { return GetParam() == Preset::kStrict; }

  std::set<std::string> Outcomes(const std::function<void(Program&)>& run) {
    Traits traits{.atomic_unit = 512, .preset = GetParam()};
    return OutcomesOf(traits, run);
  }

  std::set<std::string> OutcomesOf(const Traits& traits, const std::function<void(Program&)>& run) {
    Program program(traits);
    run(program);
    return program.Outcomes(program.disk().effects(), kListMax);
  }
};

inline std::string Show(const std::set<std::string>& outcomes) {
  std::string text;
  for (const std::string& outcome : outcomes) text += "  {" + outcome + "}\n";
  return text;
}

#define EXPECT_ALLOWED(outcomes, outcome) EXPECT_TRUE((outcomes).contains(outcome)) << Show(outcomes)
#define EXPECT_FORBIDDEN(outcomes, outcome) EXPECT_FALSE((outcomes).contains(outcome)) << Show(outcomes)

// Every test of `Suite`, on each preset.
#define INSTANTIATE_FOR_PRESETS(Suite)                                                                 \
  INSTANTIATE_TEST_SUITE_P(                                                                            \
      Presets, Suite, testing::Values(Preset::kStrict, Preset::kExt4Ordered), [](const auto& preset) { \
        return preset.param == Preset::kStrict ? std::string("Strict") : std::string("Ext4Ordered");   \
      })

}  // namespace manifolddb::faultfs
