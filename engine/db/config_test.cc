#include "engine/db/config.h"

#include <gtest/gtest.h>

#include "manifolddb/presets.h"

namespace manifolddb::db {
namespace {

TEST(ResolveOptions, DefaultsAreValid) {
  const auto config = Resolve({});
  ASSERT_TRUE(config) << config.error().ToString();
  EXPECT_EQ(config->create.page_size, 8192u);
  EXPECT_EQ(config->create.write_unit, 4096u);
}

TEST(ResolveOptions, ALargeWriteUnitRaisesTheDefaultPage) {
  Options options;
  options.write_unit = 16384;
  const auto config = Resolve(options);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->create.page_size, 16384u);
}

TEST(ResolveOptions, HalfOfTheCacheMayBeDirtyUnlessSaidOtherwise) {
  Options options;
  options.cache_bytes = 10'000'000;
  EXPECT_EQ(Resolve(options)->dirty_bytes_max, 5'000'000u);
  options.cache_bytes = 1;
  EXPECT_EQ(Resolve(options)->dirty_bytes_max, uint64_t{1} << 20);
  options.dirty_bytes_max = 3000;
  EXPECT_EQ(Resolve(options)->dirty_bytes_max, 3000u);
}

TEST(ResolveOptions, EachBoundIsChecked) {
  const auto refused = [](auto change) {
    Options options;
    change(options);
    const auto config = Resolve(options);
    return !config && config.error().code() == Errc::kInvalidArgument;
  };
  EXPECT_TRUE(refused([](Options& o) { o.page_size = 256; }));
  EXPECT_TRUE(refused([](Options& o) { o.page_size = 131072; }));
  EXPECT_TRUE(refused([](Options& o) { o.page_size = 2048; }));  // below the write unit
  EXPECT_TRUE(refused([](Options& o) { o.write_unit = 256; }));
  EXPECT_TRUE(refused([](Options& o) { o.write_unit = 5000; }));
  EXPECT_TRUE(refused([](Options& o) { o.write_unit = 32768; }));
  EXPECT_TRUE(refused([](Options& o) { o.log_bytes_initial = 4096; }));
  EXPECT_TRUE(refused([](Options& o) { o.log_bytes_initial += 1; }));
  EXPECT_TRUE(refused([](Options& o) { o.log_bytes_max = o.log_bytes_initial - 4096; }));
  EXPECT_TRUE(refused([](Options& o) { o.cache_bytes = 0; }));
}

TEST(ResolveOptions, EveryMistakeIsToldAtOnce) {
  Options options;
  options.write_unit = 0;
  options.page_size = 1000;
  options.log_bytes_max = 1;
  options.cache_bytes = 0;
  options.checkpoint_interval_ms = uint64_t{1} << 41;
  const auto config = Resolve(options);
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(config.error().message(),
            "write_unit is 0; it must be a power of two from 512 to 16384; "
            "page_size is 1000; it must be a power of two from 512 to 65536; "
            "log_bytes_max is 1; it must be a multiple of write_unit, at least log_bytes_initial, at most "
            "2^40; "
            "cache_bytes is 0; it must be at least 1; "
            "checkpoint_interval_ms is 2199023255552; it must be at most 2^40");
}

TEST(ResolveOptions, OneMistakeIsToldAlone) {
  Options options;
  options.cache_bytes = 0;
  const auto config = Resolve(options);
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message(), "cache_bytes is 0; it must be at least 1");
}

TEST(ResolveOptions, EveryPresetIsValid) {
  for (const Options& options : {OptionsForSmallDevice(), OptionsForServer(uint64_t{4} << 30),
                                 OptionsForServer(1), OptionsForOneThread()}) {
    const auto config = Resolve(options);
    EXPECT_TRUE(config) << config.error().ToString();
  }
  EXPECT_LT(Resolve(OptionsForSmallDevice())->cache_bytes, Resolve({})->cache_bytes);
  EXPECT_EQ(Resolve(OptionsForServer(uint64_t{4} << 30))->cache_bytes, uint64_t{3} << 30);
}

}  // namespace
}  // namespace manifolddb::db
