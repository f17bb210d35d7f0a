#include "engine/btree/node_view.h"

#include <algorithm>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "engine/btree/node_test_util.h"

namespace manifolddb::btree {
namespace {

TestPage LeafOf(const std::vector<std::string>& keys, uint32_t page_bytes = 65536) {
  const LeafLead lead({.bytes = AsBytes("v"), .extent = false});
  CellSequence cells(true);
  TestPage page(page_bytes, 0);
  // A sequence takes few runs: build the first cell, then insert.
  cells.AddCell(lead.Parts(AsBytes(keys[0])));
  Build(page.span(), cells, 0, 1);
  for (uint32_t i = 1; i < keys.size(); ++i) {
    const CellParts cell = lead.Parts(AsBytes(keys[i]));
    if (InsertCell(page.span(), i, cell)) continue;
    const TestPage image = page;
    CellSequence grown(true);
    grown.AddNode(image.node(), 0, i);
    grown.AddCell(cell);
    Build(page.span(), grown, 0, i + 1);
  }
  return page;
}

TestPage BranchOf(const std::vector<std::string>& separators, uint32_t page_bytes = 65536) {
  TestPage page(page_bytes, 1);
  CellSequence cells(false);
  const BranchLead first({format::PageId{100}, format::Birth{1}});
  cells.AddCell(first.Parts({}));
  Build(page.span(), cells, 0, 1);
  for (uint32_t i = 0; i < separators.size(); ++i) {
    const BranchLead lead({format::PageId{101 + i}, format::Birth{1}});
    const CellParts cell = lead.Parts(AsBytes(separators[i]));
    if (InsertCell(page.span(), i + 1, cell)) continue;
    const TestPage image = page;
    CellSequence grown(false);
    grown.AddNode(image.node(), 0, i + 1);
    grown.AddCell(cell);
    Build(page.span(), grown, 0, i + 2);
  }
  return page;
}

// All keys over `alphabet` up to `length` bytes, in order.
std::vector<std::string> AllKeys(const std::string& alphabet, size_t length) {
  std::set<std::string> keys = {""};
  for (size_t round = 0; round < length; ++round) {
    for (const std::string& key : std::set<std::string>(keys)) {
      for (char letter : alphabet) keys.insert(key + letter);
    }
  }
  return {keys.begin(), keys.end()};
}

void ExpectSearchesAsStd(const std::vector<std::string>& keys, const std::vector<std::string>& probes) {
  const TestPage leaf = LeafOf(keys);
  ASSERT_STREQ(leaf.WhyInvalid(), nullptr);
  for (const std::string& probe : probes) {
    const auto at = std::lower_bound(keys.begin(), keys.end(), probe);
    const NodeView::Position found = leaf.node().Find(AsBytes(probe));
    ASSERT_EQ(found.index, static_cast<uint32_t>(at - keys.begin())) << probe;
    ASSERT_EQ(found.equal, at != keys.end() && *at == probe) << probe;
  }
  if (keys[0].empty()) return;
  const TestPage branch = BranchOf(keys);
  ASSERT_STREQ(branch.WhyInvalid(), nullptr);
  for (const std::string& probe : probes) {
    const auto after = std::upper_bound(keys.begin(), keys.end(), probe);
    ASSERT_EQ(branch.node().ChildIndex(AsBytes(probe)), static_cast<uint32_t>(after - keys.begin())) << probe;
    const auto at = std::lower_bound(keys.begin(), keys.end(), probe);
    ASSERT_EQ(branch.node().ChildIndexBefore(AsBytes(probe)), static_cast<uint32_t>(at - keys.begin()))
        << probe;
  }
}

TEST(NodeView, EverySmallSetOfKeysIsSearchedAsByTheStandardLibrary) {
  const std::vector<std::string> universe = AllKeys(std::string("\0a", 2), 2);  // 7 keys, zeros among them
  for (uint32_t set = 1; set < 1u << universe.size(); ++set) {
    std::vector<std::string> keys;
    for (size_t i = 0; i < universe.size(); ++i) {
      if ((set >> i & 1) != 0) keys.push_back(universe[i]);
    }
    ExpectSearchesAsStd(keys, universe);
  }
}

TEST(NodeView, EqualHeadsAreToldApartByTheRestOfTheKey) {
  std::vector<std::string> keys = {"a", std::string("a\0", 2), std::string("a\0\0\0", 4),
                                   std::string("a\0\0\0\0", 5)};
  for (int i = 0; i < 300; ++i) keys.push_back("same" + std::to_string(1000 + i));
  keys.emplace_back("samf");
  std::vector<std::string> probes = keys;
  for (const std::string& key : keys) {
    probes.push_back(key + std::string(1, '\0'));
    probes.push_back(key.substr(0, key.size() - 1));
    probes.push_back(key.substr(0, key.size() - 1) + '\xff');
  }
  ExpectSearchesAsStd(keys, probes);
}

TEST(NodeView, KeysThatDoNotShareThePrefixAreBesideTheNode) {
  const TestPage leaf = LeafOf({"prefix1", "prefix2", "prefix3"});
  EXPECT_EQ(AsText(leaf.node().prefix()), "prefix");
  const std::vector<std::string> probes = {"",        "a",       "pre",    "prefiw9", "prefix",
                                           "prefix2", "prefix4", "prefiy", "z"};
  ExpectSearchesAsStd({"prefix1", "prefix2", "prefix3"}, probes);
}

TEST(NodeView, RandomNodesAreSearchedAsByTheStandardLibrary) {
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    const std::string shared(random() % 6, 's');
    const size_t letters = 1 + random() % 3;
    std::set<std::string> keys;
    const size_t count = 1 + random() % 120;
    const auto any = [&] {
      std::string key = shared;
      for (size_t length = random() % 9; length > 0; --length)
        key += static_cast<char>(255 - random() % letters);
      return key;
    };
    for (size_t i = 0; i < count; ++i) keys.insert(any());
    std::vector<std::string> probes;
    for (int i = 0; i < 50; ++i) probes.push_back(any());
    probes.push_back(shared.substr(0, shared.size() / 2));
    probes.push_back(shared + "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
    ExpectSearchesAsStd({keys.begin(), keys.end()}, probes);
  }
}

TEST(NodeView, BytesCompareAsUnsigned) {
  std::mt19937 random(3);
  for (int round = 0; round < 20000; ++round) {
    std::string a(random() % 20, '\0');
    for (char& c : a) c = static_cast<char>(random() % 2 == 0 ? 0 : random());
    std::string b = a;
    if (!b.empty() && random() % 4 != 0) b[random() % b.size()] = static_cast<char>(random());
    const int order = CompareBytes(AsBytes(a).data(), AsBytes(b).data(), a.size());
    const int expected = a.compare(b);
    ASSERT_EQ(order < 0, expected < 0);
    ASSERT_EQ(order > 0, expected > 0);
  }
}

}  // namespace
}  // namespace manifolddb::btree
