#include "engine/recovery/overlay_file.h"

#include <gtest/gtest.h>

#include <cstring>

#include "engine/base/memory.h"

namespace manifolddb::recovery {
namespace {

constexpr uint32_t kUnit = 512;

base::Buffer Filled(size_t units, char with) {
  auto buffer = base::Buffer::Make(units * kUnit, "test");
  std::memset(buffer->data(), with, buffer->size());
  return std::move(*buffer);
}

class OverlayFileTest : public testing::Test {
 protected:
  void SetUp() override {
    auto file = storage_->Open("f", OpenMode::kCreate);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->Allocate(4 * kUnit));
    ASSERT_TRUE((*file)->Write(0, Filled(4, 'a').view()));
    auto base = storage_->Open("f", OpenMode::kReadOnly);
    ASSERT_TRUE(base);
    overlay_ = MakeOverlayFile(std::move(*base), kUnit);
  }
  std::string Read(File& file, uint64_t offset, size_t bytes) {
    auto buffer = base::Buffer::Make(bytes, "test");
    const Status read = file.Read(offset, buffer->span());
    if (!read) return read.error().ToString();
    return std::string(AsText(buffer->view()));
  }
  const std::shared_ptr<Storage> storage_ = MakeMemoryStorage();
  std::unique_ptr<File> overlay_;
};

TEST_F(OverlayFileTest, WritesAreSeenThroughItAndNowhereElse) {
  ASSERT_TRUE(overlay_->Write(kUnit, Filled(2, 'b').view()));
  ASSERT_TRUE(overlay_->Sync());
  const std::string a(kUnit, 'a');
  const std::string b(kUnit, 'b');
  EXPECT_EQ(Read(*overlay_, 0, 4 * kUnit), a + b + b + a);
  auto file = storage_->Open("f", OpenMode::kReadOnly);
  EXPECT_EQ(Read(**file, 0, 4 * kUnit), a + a + a + a);
}

TEST_F(OverlayFileTest, GrowthIsPretended) {
  EXPECT_EQ(*overlay_->Size(), 4 * kUnit);
  ASSERT_TRUE(overlay_->Allocate(8 * kUnit));
  EXPECT_EQ(*overlay_->Size(), 8 * kUnit);
  EXPECT_EQ(Read(*overlay_, 6 * kUnit, kUnit), std::string(kUnit, '\0'));
  ASSERT_TRUE(overlay_->Write(6 * kUnit, Filled(1, 'c').view()));
  EXPECT_EQ(Read(*overlay_, 6 * kUnit, kUnit), std::string(kUnit, 'c'));
  auto file = storage_->Open("f", OpenMode::kReadOnly);
  EXPECT_EQ(*(*file)->Size(), 4 * kUnit);
}

TEST_F(OverlayFileTest, ReadingBeyondTheEndIsAnError) {
  auto buffer = base::Buffer::Make(kUnit, "test");
  EXPECT_FALSE(overlay_->Read(4 * kUnit, buffer->span()));
}

}  // namespace
}  // namespace manifolddb::recovery
