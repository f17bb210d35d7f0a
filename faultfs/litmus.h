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
  // The rules of traits.h, said once more.
  bool journal() const {
    return GetParam() == Preset::kExt4Ordered || GetParam() == Preset::kXfs ||
           GetParam() == Preset::kExt3Writeback;
  }
  bool data_first() const {
    return GetParam() == Preset::kExt4Ordered || GetParam() == Preset::kXfs || GetParam() == Preset::kBtrfs;
  }
  bool safe_rename() const { return GetParam() == Preset::kExt4Ordered || GetParam() == Preset::kBtrfs; }
  // Sizes that writes give are no operations of a journal: they may be lost, and cut.
  bool sizes_free() const { return GetParam() != Preset::kExt3Writeback; }

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

// Every test of `Suite`, on each preset but kDataJournal, which leaves so little open that one test says it.
#define INSTANTIATE_FOR_PRESETS(Suite)                                                          \
  INSTANTIATE_TEST_SUITE_P(Presets, Suite,                                                      \
                           testing::Values(Preset::kStrict, Preset::kExt4Ordered, Preset::kXfs, \
                                           Preset::kBtrfs, Preset::kExt3Writeback),             \
                           [](const auto& preset) {                                             \
                             std::string name(Name(preset.param));                              \
                             std::erase(name, '-');                                             \
                             return name;                                                       \
                           })

}  // namespace manifolddb::faultfs
