#include "engine/format/ids.h"

#include <gtest/gtest.h>

#include "engine/format/meta_page.h"

namespace manifolddb::format {
namespace {

TEST(Ids, BirthsOfLaterLivesAreGreaterThanAllOfEarlierOnes) {
  const Birth last_of_one{FirstBirth(Life{1}).raw() + kBirthCounterMax};
  EXPECT_LT(last_of_one, FirstBirth(Life{2}));
  EXPECT_EQ(LifeOf(last_of_one), Life{1});
  EXPECT_EQ(LifeOf(FirstBirth(Life{kLifeMax})), Life{kLifeMax});
  EXPECT_EQ(LifeOf(Birth{~uint64_t{0}}), Life{kLifeMax});
}

TEST(Ids, AnExtentTakesWholePages) {
  EXPECT_EQ(ExtentPages(1, 4096), 1u);
  EXPECT_EQ(ExtentPages(4096, 4096), 1u);
  EXPECT_EQ(ExtentPages(4097, 4096), 2u);
}

TEST(Ids, MetaCopiesLieInUnitsOfTheirOwnBeforeTheFirstPage) {
  for (const uint32_t unit : {512u, 4096u, 16384u}) {
    for (const uint32_t page : {512u, 4096u, 8192u, 65536u}) {
      EXPECT_GE(FirstPage(page, unit).raw() * page, MetaOffset(1, 1, unit) + unit);
      EXPECT_LT((FirstPage(page, unit).raw() - 1) * page, MetaOffset(1, 1, unit) + unit);
    }
  }
  EXPECT_EQ(SlotOf(MetaNumber{1}), 0);
  EXPECT_EQ(SlotOf(MetaNumber{2}), 1);
  EXPECT_NE(SlotOf(MetaNumber{8}), SlotOf(MetaNumber{9}));
}

}  // namespace
}  // namespace manifolddb::format
