#include "engine/btree/key_block.h"

#include <vector>

#include <gtest/gtest.h>

namespace manifolddb::btree {
namespace {

std::vector<std::byte> Bytes(size_t count, int from) {
  std::vector<std::byte> bytes(count);
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>(from + static_cast<int>(i));
  return bytes;
}

TEST(KeyBlock, CompletesEveryKeyBehindEveryPrefix) {
  for (size_t prefix_bytes = 0; prefix_bytes <= 3 * KeyBlock::kBytes; ++prefix_bytes) {
    const std::vector<std::byte> prefix = Bytes(prefix_bytes, 100);
    std::vector<std::byte> key = prefix;
    key.resize(prefix_bytes + KeyBlock::kBytes, std::byte{0xEE});
    const KeyBlock block(key.data(), prefix_bytes);
    ASSERT_EQ(block.room(), KeyBlock::kBytes - prefix_bytes % KeyBlock::kBytes);
    // Twice: the second key replaces all of the first one.
    for (const int from : {1, 51}) {
      for (size_t rest_bytes = 0; rest_bytes <= block.room(); ++rest_bytes) {
        std::vector<std::byte> rest = Bytes(rest_bytes, from);
        rest.resize(KeyBlock::kBytes, std::byte{0xFF});
        block.Complete(rest.data());
        std::vector<std::byte> expected = prefix;
        expected.insert(expected.end(), rest.begin(), rest.begin() + static_cast<ptrdiff_t>(rest_bytes));
        ASSERT_TRUE(std::equal(expected.begin(), expected.end(), key.begin()))
            << "a prefix of " << prefix_bytes << ", a rest of " << rest_bytes;
      }
    }
  }
}

}  // namespace
}  // namespace manifolddb::btree
