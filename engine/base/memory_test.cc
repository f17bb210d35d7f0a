#include "engine/base/memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "manifolddb/storage.h"

namespace manifolddb::base {
namespace {

bool Aligned(const std::byte* bytes) { return reinterpret_cast<uintptr_t>(bytes) % kBufferAlignment == 0; }

TEST(AllocateBytes, KeepsTheAlignmentAskedFor) {
  for (size_t alignment = 16; alignment <= (size_t{1} << 16); alignment *= 2) {
    std::byte* bytes = AllocateBytes(100, alignment);
    ASSERT_NE(bytes, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(bytes) % alignment, 0u) << alignment;
    FreeBytes(bytes, alignment);
  }
}

TEST(PreferHugePages, LeavesTheBytesAsTheyAre) {
  constexpr size_t kBytes = 2 * kHugePageBytes + 4096;
  std::byte* bytes = AllocateBytes(kBytes, kHugePageBytes);
  ASSERT_NE(bytes, nullptr);
  std::fill_n(bytes, kBytes, std::byte{7});
  PreferHugePages(bytes, kBytes);
  EXPECT_EQ(std::count(bytes, bytes + kBytes, std::byte{7}), static_cast<ptrdiff_t>(kBytes));
  FreeBytes(bytes, kHugePageBytes);
}

TEST(Buffer, IsAlignedForTheStorage) {
  const auto buffer = Buffer::Make(5000, "test.make");
  ASSERT_TRUE(buffer);
  EXPECT_EQ(buffer->size(), 5000u);
  EXPECT_TRUE(Aligned(buffer->data()));
}

TEST(Buffer, MovesItsBytesAndLeavesNothingBehind) {
  auto made = Buffer::Make(64, "test.make");
  ASSERT_TRUE(made);
  const std::byte* bytes = made->data();
  Buffer first = std::move(*made);
  Buffer second;
  second = std::move(first);
  EXPECT_EQ(second.data(), bytes);
  EXPECT_EQ(second.size(), 64u);
  EXPECT_EQ(first.size(), 0u);  // NOLINT(bugprone-use-after-move): what is left is what is tested
}

TEST(ByteBuffer, KeepsWhatWasAppendedWhileItGrows) {
  ByteBuffer buffer;
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    const std::string piece = std::to_string(i * 37);
    ASSERT_TRUE(buffer.Append(AsBytes(piece)));
    expected += piece;
  }
  EXPECT_EQ(AsText(buffer.view()), expected);
  EXPECT_TRUE(Aligned(buffer.data()));
}

TEST(ByteBuffer, AppendsWithinReservedRoomWithoutMoving) {
  ByteBuffer buffer;
  ASSERT_TRUE(buffer.Reserve(1000));
  const std::byte* bytes = buffer.data();
  for (int i = 0; i < 500; ++i) buffer.AppendReserved(uint8_t{7});
  buffer.AppendReserved(AsBytes(std::string(500, 'x')));
  EXPECT_EQ(buffer.data(), bytes);
  EXPECT_EQ(buffer.size(), 1000u);
  EXPECT_EQ(buffer.data()[499], std::byte{7});
  EXPECT_EQ(buffer.data()[500], std::byte{'x'});
}

TEST(ByteBuffer, TruncateAndClearKeepTheRoom) {
  ByteBuffer buffer;
  ASSERT_TRUE(buffer.Append(AsBytes("abcdef")));
  const std::byte* bytes = buffer.data();
  buffer.Truncate(2);
  EXPECT_EQ(AsText(buffer.view()), "ab");
  buffer.Clear();
  EXPECT_EQ(buffer.size(), 0u);
  ASSERT_TRUE(buffer.Append({}));
  ASSERT_TRUE(buffer.Append(AsBytes("xyz")));
  EXPECT_EQ(buffer.data(), bytes);
}

}  // namespace
}  // namespace manifolddb::base
