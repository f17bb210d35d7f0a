#include "engine/base/le.h"

#include <gtest/gtest.h>

namespace manifolddb::base {
namespace {

struct Record {
  le16 a;
  le64 b;
  le32 c;
};
static_assert(sizeof(Record) == 14 && alignof(Record) == 1, "no padding, no alignment");

constexpr bool RoundTrips(uint64_t value) {
  const le64 stored = value;
  return stored == value && le32(static_cast<uint32_t>(value)) == static_cast<uint32_t>(value) &&
         le16(static_cast<uint16_t>(value)) == static_cast<uint16_t>(value);
}
static_assert(RoundTrips(0) && RoundTrips(0x8081828384858687u) && RoundTrips(~uint64_t{0}));

TEST(LittleEndian, LeastSignificantByteComesFirst) {
  Record record;
  record.a = 0x0102;
  record.b = 0x0102030405060708u;
  record.c = 0x80000001u;
  std::array<uint8_t, sizeof record> bytes;
  std::memcpy(bytes.data(), &record, sizeof record);
  const std::array<uint8_t, sizeof record> expected = {2, 1, 8, 7, 6, 5, 4, 3, 2, 1, 1, 0, 0, 0x80};
  EXPECT_EQ(bytes, expected);
}

TEST(LittleEndian, StartsAsZero) {
  const Record record;
  EXPECT_EQ(record.a, 0);
  EXPECT_EQ(record.b, 0u);
  EXPECT_EQ(record.c, 0u);
}

TEST(LittleEndian, LoadAndStoreAgreeWithTheStructsAtAnyPosition) {
  std::array<std::byte, 24> bytes{};
  for (size_t at = 0; at < 16; ++at) {
    StoreLe<uint64_t>(bytes.data() + at, 0xF1F2F3F4F5F6F7F8u);
    le64 field;
    std::memcpy(&field, bytes.data() + at, sizeof field);
    EXPECT_EQ(field, 0xF1F2F3F4F5F6F7F8u);
    EXPECT_EQ(LoadLe<uint32_t>(bytes.data() + at), 0xF5F6F7F8u);
    EXPECT_EQ(LoadLe<uint16_t>(bytes.data() + at + 6), 0xF1F2u);
  }
}

}  // namespace
}  // namespace manifolddb::base
