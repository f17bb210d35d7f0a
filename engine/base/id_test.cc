#include "engine/base/id.h"

#include <gtest/gtest.h>

#include <type_traits>

namespace manifolddb::base {
namespace {

using Apple = Id<struct AppleTag>;
using Pear = Id<struct PearTag>;

static_assert(!std::is_convertible_v<uint64_t, Apple>, "a number is not an identity by itself");
static_assert(!std::is_constructible_v<Apple, Pear>, "identities do not mix");
static_assert(!std::is_convertible_v<Apple, uint64_t>);

TEST(Id, ComparesByNumber) {
  EXPECT_EQ(Apple(), Apple(0));
  EXPECT_LT(Apple(1), Apple(2));
  EXPECT_GT(Apple(~uint64_t{0}), Apple(2));
  EXPECT_EQ(Apple(7).raw(), 7u);
}

TEST(Id, NextIsOneMore) { EXPECT_EQ(Apple(41).next(), Apple(42)); }

}  // namespace
}  // namespace manifolddb::base
