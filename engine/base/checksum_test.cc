#define XXH_INLINE_ALL
#include "engine/base/checksum.h"

#include <gtest/gtest.h>
#include <xxhash.h>

#include <set>
#include <vector>

namespace manifolddb::base {
namespace {

std::vector<std::byte> Pattern(size_t size) {
  std::vector<std::byte> bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 131 + 7);
  return bytes;
}

TEST(Checksum64, IsXxh3AsItsSpecificationSays) {
  EXPECT_EQ(Checksum64({}), 0x2D06800538D394C2u);  // the published value for no bytes, seed 0
}

// Whichever way this processor goes.
TEST(Checksum64, IsWhatTheLibraryComputesAtEverySizeAndPlace) {
  const std::vector<std::byte> bytes = Pattern(5000);
  for (size_t size = 0; size < 1200; ++size) {
    EXPECT_EQ(Checksum64({bytes.data(), size}, 9), XXH3_64bits_withSeed(bytes.data(), size, 9)) << size;
  }
  for (size_t at = 0; at < 64; ++at) {
    EXPECT_EQ(Checksum64({bytes.data() + at, 4096}), XXH3_64bits(bytes.data() + at, 4096)) << at;
  }
}

TEST(Checksum64, DependsOnEveryBit) {
  for (const size_t size : {1, 16, 240, 513}) {  // one for each code path of the algorithm
    std::vector<std::byte> bytes = Pattern(size);
    std::set<uint64_t> seen = {Checksum64(bytes)};
    for (size_t bit = 0; bit < size * 8; ++bit) {
      bytes[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
      EXPECT_TRUE(seen.insert(Checksum64(bytes)).second) << size << " bytes, bit " << bit;
      bytes[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
    }
  }
}

TEST(Checksum64, DependsOnTheNumberOfBytesAndTheSeed) {
  const std::vector<std::byte> zeros(600);
  std::set<uint64_t> seen;
  for (size_t size = 0; size <= zeros.size(); ++size) {
    EXPECT_TRUE(seen.insert(Checksum64({zeros.data(), size})).second) << size;
    EXPECT_TRUE(seen.insert(Checksum64({zeros.data(), size}, 1)).second) << size << ", seeded";
  }
}

}  // namespace
}  // namespace manifolddb::base
