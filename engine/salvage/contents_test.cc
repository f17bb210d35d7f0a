#include "engine/salvage/contents.h"

#include <gtest/gtest.h>

namespace manifolddb::salvage {
namespace {

std::string Text(const LostRanges& lost) {
  std::vector<SalvageLoss> losses;
  lost.AddTo(losses, {"f", "t", {}, {}});
  std::string text;
  for (const SalvageLoss& loss : losses) {
    EXPECT_EQ(loss.keys.family + loss.keys.table, "ft");
    text += "[" + loss.keys.lower.value_or("-") + "," + loss.keys.upper.value_or("-") + ")";
  }
  return text;
}

TEST(LostRanges, WhatIsDeletedIsKnownAgain) {
  LostRanges lost;
  lost.Add("c", "f", {});
  lost.Add("h", "k", {});
  lost.Regain("f", "h");  // touches both
  EXPECT_EQ(Text(lost), "[c,f)[h,k)");
  lost.Regain("d", "e");
  EXPECT_EQ(Text(lost), "[c,d)[e,f)[h,k)");
  lost.Regain("a", "c1");
  EXPECT_EQ(Text(lost), "[c1,d)[e,f)[h,k)");
  lost.Regain("e1", "i");
  EXPECT_EQ(Text(lost), "[c1,d)[e,e1)[i,k)");
  lost.Regain("b", "b");
  lost.Regain("z", "b");
  EXPECT_EQ(Text(lost), "[c1,d)[e,e1)[i,k)");
  lost.Regain("d", {});
  EXPECT_EQ(Text(lost), "[c1,d)");
  lost.Regain({}, {});
  EXPECT_TRUE(lost.empty());
}

TEST(LostRanges, RangesWithoutBoundsAreCut) {
  LostRanges lost;
  lost.Add({}, {}, {});
  lost.Regain("c", "d");
  EXPECT_EQ(Text(lost), "[-,c)[d,-)");
  lost.Regain({}, "b");
  lost.Regain("x", {});
  EXPECT_EQ(Text(lost), "[b,c)[d,x)");
}

TEST(LostRanges, RangesThatOverlapBecomeOne) {
  LostRanges lost;
  lost.Add("c", "f", {});
  lost.Add("h", "k", {});
  lost.Add("i", "k", {});  // inside
  lost.Add("m", "o", {});
  EXPECT_EQ(Text(lost), "[c,f)[h,k)[m,o)");
  lost.Add("e", "i", {});
  EXPECT_EQ(Text(lost), "[c,k)[m,o)");
  lost.Add("l", "p", {});
  EXPECT_EQ(Text(lost), "[c,k)[l,p)");
  lost.Add({}, {}, {"db", 512, "everything"});
  EXPECT_EQ(Text(lost), "[-,-)");
  EXPECT_EQ(lost.first_cause().why, "everything");
}

TEST(LostRanges, AKeyThatIsKnownAgainEndsItsOwnRangeOnly) {
  LostRanges lost;
  lost.Add("c", "f", {});
  lost.AddKey("k", {});
  lost.AddKey("d", {});  // inside the first
  EXPECT_EQ(Text(lost), std::string("[c,f)[k,k\0)", 11));
  lost.RegainKey("c");
  lost.RegainKey("d");
  lost.RegainKey("m");
  EXPECT_EQ(Text(lost), std::string("[c,f)[k,k\0)", 11));
  lost.RegainKey("k");
  EXPECT_EQ(Text(lost), "[c,f)");
}

}  // namespace
}  // namespace manifolddb::salvage
