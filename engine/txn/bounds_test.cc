#include "engine/txn/bounds.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/format/page_header.h"

namespace manifolddb::txn {
namespace {

constexpr uint32_t kPageBytes = 512;
constexpr size_t kKeyBytesMax = kPageBytes / 4;

// "[lower, upper)", "-" where there is no bound.
std::string TextOf(const Range& range) {
  const Result<Bounds> bounds = Bounds::Of(range, kPageBytes);
  if (!bounds) return bounds.error().ToString();
  const auto text = [](std::optional<ByteView> bound) { return bound ? std::string(AsText(*bound)) : "-"; };
  return "[" + text(bounds->lower()) + ", " + text(bounds->upper()) + ")";
}

const std::string kZero(1, '\0');

TEST(Bounds, AreTheConditionsThatAreBoundsAlready) {
  EXPECT_EQ(TextOf({}), "[-, -)");
  EXPECT_EQ(TextOf({.lower = AsBytes("a"), .upper = AsBytes("b")}), "[a, b)");
}

TEST(Bounds, AfterAndThroughTakeTheKeyItselfOutAndIn) {
  EXPECT_EQ(TextOf({.after = AsBytes("a")}), "[a" + kZero + ", -)");
  EXPECT_EQ(TextOf({.through = AsBytes("a")}), "[-, a" + kZero + ")");
  EXPECT_EQ(TextOf({.after = AsBytes("")}), "[" + kZero + ", -)");
}

TEST(Bounds, OfAPrefixEndWhereItsLastByteGrows) {
  EXPECT_EQ(TextOf({.prefix = AsBytes("ab")}), "[ab, ac)");
  EXPECT_EQ(TextOf({.prefix = AsBytes("a\xff\xff")}), "[a\xff\xff, b)");
  EXPECT_EQ(TextOf({.prefix = AsBytes("\xff\xff")}), "[\xff\xff, -)");
  EXPECT_EQ(TextOf({.prefix = AsBytes("")}), "[, -)");
}

TEST(Bounds, OfSeveralConditionsAreTheNarrowest) {
  EXPECT_EQ(TextOf({.lower = AsBytes("b"), .after = AsBytes("a")}), "[b, -)");
  EXPECT_EQ(TextOf({.lower = AsBytes("a"), .after = AsBytes("a")}), "[a" + kZero + ", -)");
  EXPECT_EQ(TextOf({.upper = AsBytes("a"), .through = AsBytes("a")}), "[-, a)");
  EXPECT_EQ(TextOf({.upper = AsBytes("b"), .through = AsBytes("a")}), "[-, a" + kZero + ")");
  EXPECT_EQ(TextOf({.after = AsBytes("user/7"), .prefix = AsBytes("user/")}), "[user/7" + kZero + ", user0)");
  EXPECT_EQ(TextOf({.through = AsBytes("b"), .prefix = AsBytes("a")}), "[a, b)");
}

// What is longer than any key counts up to there: nothing equals it.
TEST(Bounds, LongerThanAnyKeyAreCut) {
  const std::string longest(kKeyBytesMax, 'k');
  const std::string cut = longest + "k";
  const std::string longer = longest + "kk";
  ASSERT_EQ(format::KeyBytesMax(kPageBytes), kKeyBytesMax);
  EXPECT_EQ(TextOf({.after = AsBytes(longest)}), "[" + longest + kZero + ", -)");
  for (const std::string& key : {cut, longer}) {
    EXPECT_EQ(TextOf({.lower = AsBytes(key)}), "[" + cut + ", -)");
    EXPECT_EQ(TextOf({.after = AsBytes(key)}), "[" + cut + ", -)");
    EXPECT_EQ(TextOf({.through = AsBytes(key)}), "[-, " + cut + ")");
    EXPECT_EQ(TextOf({.prefix = AsBytes(key)}), "[" + cut + ", " + cut + ")");
  }
  const std::string last(kKeyBytesMax, '\xff');
  EXPECT_EQ(TextOf({.prefix = AsBytes(last)}), "[" + last + ", -)");
}

TEST(Bounds, KeepWhatTheyMadeWhenTheyAreMoved) {
  auto bounds = Bounds::Of({.after = AsBytes("a"), .prefix = AsBytes("")}, kPageBytes);
  const Bounds moved = std::move(*bounds);
  EXPECT_EQ(AsText(*moved.lower()), "a" + kZero);
}

}  // namespace
}  // namespace manifolddb::txn
