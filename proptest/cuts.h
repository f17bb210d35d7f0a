#pragma once
// For tests that end what the engine does at each of its effects, and that must notice a fault site that is
// broken.

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "faultfs/crash_point.h"
#include "faultfs/disk.h"
#include "manifolddb/options.h"
#include "manifolddb/result.h"

namespace manifolddb::proptest {

inline constexpr faultfs::Traits kTraits{.atomic_unit = 512};

// Throws where there is no result: of a broken engine nobody can go on.
template <class T>
T Must(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().ToString();
    throw std::runtime_error(result.error().ToString());
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

inline Options Tiny() {
  Options options;
  options.page_size = 512;
  options.write_unit = 512;
  options.log_bytes_initial = 16 * 512;
  options.log_bytes_max = 16 * 512;
  options.cache_bytes = 64 * 512;
  options.dirty_bytes_max = 32 * 512;
  options.checkpoint_interval_ms = 0;
  options.executor = MakeInlineExecutor();
  return options;
}

// Images of one cut, of many policies, at most `parameters_max` of each, go through `look`.
template <class Look>
void LookAtImages(const faultfs::CrashPoint& point, uint64_t effects, uint64_t parameters_max, Look look) {
  for (size_t policies = 0; policies < faultfs::kPolicies; ++policies) {
    const auto policy = static_cast<faultfs::Policy>(policies);
    const uint64_t parameters = std::min(point.ParameterCount(policy), parameters_max);
    for (uint64_t parameter = 0; parameter < parameters; ++parameter) {
      SCOPED_TRACE(std::to_string(effects) + " " + std::string(Name(policy)) + ":" +
                   std::to_string(parameter));
      const uint64_t number = policy == faultfs::Policy::kRandom
                                  ? effects * 100 + parameter
                                  : parameter * 7 % point.ParameterCount(policy);
      look(std::make_shared<faultfs::Disk>(point.Draw({policy, number}), kTraits, 77));
    }
  }
}

// Whether `test` fails; none of it is told.
inline bool Fails(void (*test)()) {
  testing::TestPartResultArray told;
  {
    const testing::ScopedFakeTestPartResultReporter reporter(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &told);
    try {
      test();
    } catch (const std::runtime_error&) {
      return true;
    }
  }
  return told.size() > 0;
}

}  // namespace manifolddb::proptest
