#include "engine/format/page_header.h"

#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace manifolddb::format {
namespace {

constexpr PageRef kRef{PageId{7}, Birth{0x0000030000000011}};

// A page in memory of exactly its size, so that the sanitizer sees a read past it.
struct Page {
  explicit Page(uint32_t page_size) : size(page_size), bytes(std::make_unique<std::byte[]>(page_size)) {
    auto& header = Header();
    header.page_id = kRef.id.raw();
    header.birth = kRef.birth.raw();
    header.heap_begin = size;
  }
  NodeHeader& Header() { return *reinterpret_cast<NodeHeader*>(bytes.get()); }
  Slot& SlotAt(uint32_t i) {
    return *reinterpret_cast<Slot*>(bytes.get() + sizeof(NodeHeader) + Header().prefix_bytes +
                                    i * sizeof(Slot));
  }
  std::byte* CellAt(uint32_t i) { return bytes.get() + SlotAt(i).cell; }
  ByteView view() const { return {bytes.get(), size}; }

  void SetPrefix(const std::string& prefix) {
    Header().prefix_bytes = static_cast<uint16_t>(prefix.size());
    std::memcpy(bytes.get() + sizeof(NodeHeader), prefix.data(), prefix.size());
  }
  void AddCell(const std::string& key, const std::string& cell) {
    const auto at = static_cast<uint16_t>(Header().heap_begin - cell.size());
    Header().heap_begin = at;
    std::memcpy(bytes.get() + at, cell.data(), cell.size());
    const uint16_t index = Header().cells;
    Header().cells = static_cast<uint16_t>(index + 1);
    uint32_t head = 0;
    for (size_t i = 0; i < 4; ++i) head = head << 8 | (i < key.size() ? static_cast<uint8_t>(key[i]) : 0);
    SlotAt(index) = {.cell = at, .key_bytes = static_cast<uint16_t>(key.size()), .head = head};
  }
  void AddEntry(const std::string& key, const std::string& value) {
    std::string cell{static_cast<char>(value.size() & 0xff), static_cast<char>(value.size() >> 8)};
    AddCell(key, cell + key + value);
  }
  void AddExtent(const std::string& key, const ExtentRef& extent) {
    const ExtentRefDisk disk = Encode(extent);
    std::string cell{'\x00', '\x80'};
    AddCell(key, cell + key + std::string(reinterpret_cast<const char*>(&disk), sizeof disk));
  }
  void AddChild(const std::string& key, PageRef child) {
    BranchCell cell;
    cell.child_id = child.id.raw();
    cell.child_birth = child.birth.raw();
    AddCell(key, std::string(reinterpret_cast<const char*>(&cell), sizeof cell) + key);
  }
  const char* Seal() {
    Header().checksum = PageChecksum(view());
    return WhyInvalid(view(), kRef);
  }

  uint32_t size;
  std::unique_ptr<std::byte[]> bytes;
};

Page MakeLeaf(uint32_t size = 512) {
  Page page(size);
  page.Header().kind = static_cast<uint8_t>(PageKind::kLeaf);
  page.SetPrefix("pre");
  page.AddEntry("", "v0");
  page.AddEntry("a", std::string(100, 'x'));
  page.AddEntry(std::string("a\0", 2), "");
  page.AddExtent("abcdefg", {PageId{20}, Birth{5}, 100000, 77});
  page.AddEntry("b", "value");
  return page;
}

Page MakeBranch(uint32_t size = 512) {
  Page page(size);
  page.Header().kind = static_cast<uint8_t>(PageKind::kBranch);
  page.Header().level = 2;
  page.SetPrefix("p");
  page.AddChild("", {PageId{30}, Birth{1}});
  page.AddChild("", {PageId{31}, Birth{2}});
  page.AddChild("abcde", {PageId{32}, Birth{3}});
  page.AddChild("abcdf", {PageId{33}, Birth{4}});
  return page;
}

TEST(PageHeader, WellFormedPagesOfEverySizeAreValid) {
  for (uint32_t size = kPageBytesMin; size <= kPageBytesMax; size *= 2) {
    EXPECT_STREQ(MakeLeaf(size).Seal(), nullptr) << size;
    EXPECT_STREQ(MakeBranch(size).Seal(), nullptr) << size;
  }
}

TEST(PageHeader, EveryChangedBitIsNoticed) {
  for (const auto make : {MakeLeaf, MakeBranch}) {
    Page page = make(512);
    ASSERT_STREQ(page.Seal(), nullptr);
    for (uint32_t at = 0; at < page.size; ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        page.bytes[at] ^= std::byte{1} << bit;
        EXPECT_NE(WhyInvalid(page.view(), kRef), nullptr) << "byte " << at << " bit " << bit;
        page.bytes[at] ^= std::byte{1} << bit;
      }
    }
  }
}

TEST(PageHeader, AnotherPagesReferenceIsRefused) {
  Page page = MakeLeaf();
  page.Seal();
  EXPECT_STREQ(WhyInvalid(page.view(), {PageId{8}, kRef.birth}), "the page belongs elsewhere");
  EXPECT_STREQ(WhyInvalid(page.view(), {kRef.id, Birth{4}}),
               "the page is of another birth than its reference");
}

TEST(PageHeader, ZerosAreNoPage) {
  Page page(512);
  std::memset(page.bytes.get(), 0, page.size);
  EXPECT_NE(WhyInvalid(page.view(), {}), nullptr);
  EXPECT_STREQ(WhyNodeInvalid(page.view(), {}), "not a node page");
  EXPECT_STREQ(WhyInvalid(ByteView(), kRef), "not the size of a page");
  EXPECT_STREQ(WhyInvalid(page.view().first(511), kRef), "not the size of a page");
}

struct Damage {
  const char* why;
  std::function<void(Page&)> apply;
};

void ExpectEach(Page (*make)(uint32_t), const std::vector<Damage>& damages) {
  for (size_t i = 0; i < damages.size(); ++i) {
    Page page = make(512);
    damages[i].apply(page);
    EXPECT_STREQ(page.Seal(), damages[i].why) << "damage " << i;
  }
}

TEST(PageHeader, EachRuleOfTheHeaderIsChecked) {
  ExpectEach(
      MakeLeaf,
      {
          {"not a node page", [](Page& p) { p.Header().kind = 3; }},
          {"impossible level", [](Page& p) { p.Header().level = 1; }},
          {"impossible level", [](Page& p) { p.Header().kind = 2; }},
          {"impossible level", [](Page& p) { p.Header().kind = 2, p.Header().level = kLevelMax + 1; }},
          {"reserved bytes are not zero", [](Page& p) { p.Header().reserved0 = 1; }},
          {"reserved bytes are not zero", [](Page& p) { p.Header().reserved1 = 1; }},
          {"empty node", [](Page& p) { p.Header().cells = 0; }},
          {"prefix too long", [](Page& p) { p.Header().prefix_bytes = 129; }},
          {"slots and cells overlap", [](Page& p) { p.Header().cells = 60; }},
          {"slots and cells overlap", [](Page& p) { p.Header().heap_begin = 513; }},
          {"cell outside the heap", [](Page& p) { p.Header().heap_begin = p.Header().heap_begin + 1u; }},
          {"wrong count of garbage bytes",
           [](Page& p) { p.Header().heap_begin = p.Header().heap_begin - 1u; }},
          {"wrong count of garbage bytes", [](Page& p) { p.Header().heap_garbage = 1; }},
      });
}

TEST(PageHeader, EachRuleOfALeafIsChecked) {
  const auto extent = [](Page& p) -> ExtentRefDisk& {
    return *reinterpret_cast<ExtentRefDisk*>(p.CellAt(3) + 9);
  };
  ExpectEach(MakeLeaf,
             {
                 {"cell outside the heap", [](Page& p) { p.SlotAt(1).cell = 60; }},
                 {"cell outside the heap", [](Page& p) { p.SlotAt(1).cell = 512; }},
                 {"key outside the page", [](Page& p) { p.SlotAt(0).cell = 511; }},
                 {"key outside the page", [](Page& p) { p.SlotAt(0).key_bytes = 0xffff; }},
                 {"key too long", [](Page& p) { p.SlotAt(4).key_bytes = 127; }},
                 {"value outside the page", [](Page& p) { p.CellAt(0)[0] = std::byte{3}; }},
                 {"large value in a leaf", [](Page& p) { p.CellAt(4)[0] = std::byte{125}; }},
                 {"impossible value length", [](Page& p) { p.CellAt(3)[0] = std::byte{1}; }},
                 {"null extent", [&](Page& p) { extent(p).first = 0; }},
                 {"null extent", [&](Page& p) { extent(p).birth = 0; }},
                 {"extent of a later life", [&](Page& p) { extent(p).birth = FirstBirth(Life{4}).raw(); }},
                 {nullptr, [&](Page& p) { extent(p).birth = FirstBirth(Life{4}).raw() - 1; }},
                 {"extent too long", [&](Page& p) { extent(p).bytes = (uint64_t{2} << 30) + 1; }},
                 {"small value in an extent", [&](Page& p) { extent(p).bytes = 118; }},
                 {nullptr, [&](Page& p) { extent(p).bytes = 119; }},
                 {"cells overlap", [](Page& p) { p.CellAt(4)[0] = std::byte{6}; }},
                 {"cells overlap", [](Page& p) { p.SlotAt(0).cell = p.SlotAt(2).cell; }},
                 {"head differs from the key", [](Page& p) { p.SlotAt(1).head = p.SlotAt(1).head | 1u; }},
                 {"keys out of order", [](Page& p) { std::swap(p.SlotAt(1), p.SlotAt(2)); }},
                 {"keys out of order", [](Page& p) { std::swap(p.SlotAt(3), p.SlotAt(4)); }},
             });
}

TEST(PageHeader, EachRuleOfABranchIsChecked) {
  ExpectEach(MakeBranch,
             {
                 {"null child", [](Page& p) { std::memset(p.CellAt(0), 0, 8); }},
                 {"null child", [](Page& p) { std::memset(p.CellAt(2) + 8, 0, 8); }},
                 {"child of a later life", [](Page& p) { std::memset(p.CellAt(2) + 8, 1, 8); }},
                 {"first separator is not empty", [](Page& p) { std::swap(p.SlotAt(0), p.SlotAt(2)); }},
                 {"keys out of order", [](Page& p) { std::swap(p.SlotAt(2), p.SlotAt(3)); }},
                 {"head differs from the key", [](Page& p) { p.SlotAt(0).head = 1; }},
             });
}

TEST(PageHeader, OnlyTheFirstSeparatorMayBeEmpty) {
  Page page(512);
  page.Header().kind = static_cast<uint8_t>(PageKind::kBranch);
  page.Header().level = 1;
  page.AddChild("", {PageId{30}, Birth{1}});
  EXPECT_STREQ(page.Seal(), nullptr);
  page.AddChild("", {PageId{31}, Birth{2}});
  EXPECT_STREQ(page.Seal(), "empty separator");
}

TEST(PageHeader, EqualKeysAreOutOfOrder) {
  Page leaf(512);
  leaf.Header().kind = static_cast<uint8_t>(PageKind::kLeaf);
  leaf.AddEntry("same", "1");
  leaf.AddEntry("same", "2");
  EXPECT_STREQ(leaf.Seal(), "keys out of order");
}

// Garbage behind a right checksum: an attacker's page. The sanitizer watches the reads.
TEST(PageHeader, RandomDamageBehindARightChecksumIsReadWithinThePage) {
  std::mt19937 random(1);
  std::map<std::string, int> seen;
  for (int round = 0; round < 20000; ++round) {
    Page page = round % 2 == 0 ? MakeLeaf() : MakeBranch();
    const int changes = 1 + static_cast<int>(random() % 4);
    for (int i = 0; i < changes; ++i) {
      // Header, slots, or anywhere.
      const uint32_t within = i % 2 == 0 ? 100 : page.size;
      page.bytes[24 + random() % (within - 24)] = static_cast<std::byte>(random());
    }
    const char* why = page.Seal();
    ++seen[why == nullptr ? "valid" : why];
  }
  EXPECT_GT(seen.size(), 12u);
}

TEST(PageHeader, ExtentReferencesSurviveEncoding) {
  const ExtentRef ref{PageId{1}, Birth{0x1122334455667788}, 3, ~uint64_t{0}};
  const ExtentRefDisk disk = Encode(ref);
  EXPECT_EQ(Decode(disk), ref);
  EXPECT_EQ(reinterpret_cast<const uint8_t*>(&disk)[8], 0x88);
  EXPECT_TRUE(Decode(ExtentRefDisk{}).null());
}

}  // namespace
}  // namespace manifolddb::format
