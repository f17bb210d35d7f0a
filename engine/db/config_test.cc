#include "engine/db/config.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace manifolddb::db
