#include "faultfs/image.h"

#include <gtest/gtest.h>

#include <set>

#include "faultfs/random.h"
#include "faultfs/traits.h"

namespace manifolddb::faultfs {
namespace {

std::string Text(const Image& image, const std::string& name) {
  return std::string(AsText(image.Contents(name)));
}

Image OneFile(const std::string& text) {
  Image image(512);
  image.Put("f", AsBytes(text));
  return image;
}

TEST(Sectors, OfZerosHaveNoMemoryAndHashZero) {
  const std::string zeros(512, '\0');
  EXPECT_TRUE(Sector::Of(AsBytes(zeros)).zero());
  EXPECT_EQ(Sector().hash(), 0u);
  const Sector other = Sector::Of(AsBytes(std::string(512, 'x')));
  EXPECT_NE(other.hash(), 0u);
  EXPECT_FALSE(other == Sector());
  EXPECT_TRUE(other.With(0, AsBytes(zeros), 512) == Sector());
}

TEST(Files, AreWhatAStringWouldBeWhateverIsDoneToThem) {
  for (const uint32_t unit : {512u, 4096u}) {
    Random random(unit);
    FileImage file(unit);
    std::string expected;
    for (int i = 0; i < 400; ++i) {
      const FileImage before = file;
      const std::string was = expected;
      if (random.Chance(1, 3)) {
        const uint64_t size = random.Below(60 * unit);
        file.SetSize(size);
        expected.resize(size);
      } else {
        const uint64_t offset = random.Below(50 * unit);
        const std::string text(random.Between(1, 3 * unit), static_cast<char>(random.Below(256)));
        file.Write(offset, AsBytes(text));
        if (expected.size() < offset + text.size()) expected.resize(offset + text.size());
        expected.replace(offset, text.size(), text);
      }
      std::string now(expected.size(), '?');
      file.Read(0, {reinterpret_cast<std::byte*>(now.data()), now.size()});
      ASSERT_EQ(now, expected);
      std::string copy(was.size(), '?');
      before.Read(0, {reinterpret_cast<std::byte*>(copy.data()), copy.size()});
      ASSERT_EQ(copy, was) << "a copy changed with the original";
      ASSERT_EQ(before == file, was == expected);
      ASSERT_EQ(before.Hash() == file.Hash(), was == expected);
    }
  }
}

TEST(Files, ForgetWhatWasBehindTheEnd) {
  FileImage file(512);
  file.Write(0, AsBytes(std::string(2000, 'x')));
  file.SetSize(700);
  file.SetSize(2000);
  std::string text(2000, '?');
  file.Read(0, {reinterpret_cast<std::byte*>(text.data()), text.size()});
  EXPECT_EQ(text, std::string(700, 'x') + std::string(1300, '\0'));
}

TEST(Images, DifferInNamesSizesAndContents) {
  const Image image = OneFile("hello");
  EXPECT_EQ(image, OneFile("hello"));
  EXPECT_EQ(image.Hash(), OneFile("hello").Hash());
  Image named(512);
  named.Put("g", AsBytes("hello"));
  for (const Image& other : {OneFile("hellp"), OneFile(std::string("hello\0x", 7)), named, Image(512)}) {
    EXPECT_FALSE(image == other);
    EXPECT_NE(image.Hash(), other.Hash());
  }
  EXPECT_NE(OneFile(std::string(1, '\0')).Hash(), OneFile(std::string(2, '\0')).Hash());
}

TEST(Rot, ChangesItsRangeAndNothingElseAndLeavesTheOriginalAlone) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += static_cast<char>(i * 7);
  const Image image = OneFile(text);
  std::set<size_t> bytes_changed;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const BitRot rot{.file = "f", .offset = 1000, .bytes = 100, .seed = seed};
    const std::string rotten = Text(image.With(rot), "f");
    ASSERT_EQ(rotten.size(), text.size());
    size_t changed = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      if (rotten[i] == text[i]) continue;
      ++changed;
      EXPECT_GE(i, 1000u);
      EXPECT_LT(i, 1100u);
    }
    EXPECT_GE(changed, 1u);
    bytes_changed.insert(changed);
    EXPECT_EQ(rotten, Text(image.With(rot), "f"));
  }
  EXPECT_EQ(Text(image, "f"), text);
  EXPECT_EQ(bytes_changed, (std::set<size_t>{1, 100}));
  EXPECT_EQ(image.With({.file = "f", .offset = 5000}), image);
  EXPECT_EQ(image.With({.file = "none"}), image);
}

TEST(Randomness, IsTheSameForEver) {
  Random random(42);
  EXPECT_EQ(random.Next(), 6667968346354703667u);
  EXPECT_EQ(random.Next(), 16249806489848801414u);
  EXPECT_EQ(Mix(0), 16294208416658607535u);
  std::set<uint64_t> seen;
  for (int i = 0; i < 200; ++i) seen.insert(random.Between(3, 7));
  EXPECT_EQ(seen, (std::set<uint64_t>{3, 4, 5, 6, 7}));
}

TEST(TraitNames, AreReadAsTheyAreWritten) {
  for (const Preset preset : {Preset::kStrict, Preset::kExt4Ordered}) {
    for (const uint32_t unit : {512u, 4096u, 16384u}) {
      for (int bits = 0; bits < 8; ++bits) {
        const Traits traits{.atomic_unit = unit,
                            .garbage_in_torn_units = (bits & 1) != 0,
                            .outside_bytes_safe = (bits & 2) != 0,
                            .lying_flush = (bits & 4) != 0,
                            .preset = preset};
        EXPECT_EQ(Traits::Parse(traits.ToString()), traits) << traits.ToString();
      }
    }
  }
  EXPECT_EQ(Traits{}.ToString(), "unit=4096,preset=strict");
  EXPECT_FALSE(Traits::Parse("unit=1000"));
  EXPECT_FALSE(Traits::Parse("unit=4096,kind"));
}

}  // namespace
}  // namespace manifolddb::faultfs
