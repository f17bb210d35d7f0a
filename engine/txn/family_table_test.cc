#include "engine/txn/family_table.h"

#include <gtest/gtest.h>

#include <vector>

#include "engine/txn/family.h"

namespace manifolddb::txn {
namespace {

using format::FamilyId;

TEST(FamilyTable, FindsWhatWasAddedAndNothingElse) {
  FamilyTable table;
  std::vector<std::unique_ptr<Family>> families;
  for (const uint64_t id : {uint64_t{1}, uint64_t{2}, uint64_t{255}, uint64_t{256}, uint64_t{65536},
                            uint64_t{1} << 39, format::kFamilyIdMax}) {
    EXPECT_EQ(table.Find(FamilyId{id}), nullptr);
    families.push_back(std::make_unique<Family>(FamilyId{id}, format::TxnId{1}));
    table.Add(FamilyId{id}, families.back().get());
  }
  for (const auto& family : families) EXPECT_EQ(table.Find(family->id()), family.get());
  for (const uint64_t id : {uint64_t{0}, uint64_t{3}, uint64_t{257}, format::kFamilyIdMax - 1,
                            format::kFamilyIdMax + 1, (uint64_t{1} << 40) + 1, ~uint64_t{0}}) {
    EXPECT_EQ(table.Find(FamilyId{id}), nullptr) << id;
  }
}

TEST(FamilyTable, AFamilyWithTheLargestIdIsOneOfFew) {
  Families families;
  Family* const last = families.CreateAs(FamilyId{format::kFamilyIdMax}, "last", format::TxnId{1});
  EXPECT_EQ(families.Find(FamilyId{format::kFamilyIdMax}), last);
  EXPECT_EQ(families.next_id(), FamilyId{format::kFamilyIdMax + 1});
}

}  // namespace
}  // namespace manifolddb::txn
