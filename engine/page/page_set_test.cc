#include "engine/page/page_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace manifolddb::page {
namespace {

using format::PageId;
using format::PageRun;

std::vector<PageRun> RunsOf(const std::set<uint64_t>& pages) {
  std::vector<PageRun> runs;
  for (const uint64_t page : pages) {
    if (!runs.empty() && runs.back().end() == page) {
      ++runs.back().pages;
    } else {
      runs.push_back({PageId{page}, 1});
    }
  }
  return runs;
}

TEST(PageSet, StartsEmpty) {
  const PageSet set;
  EXPECT_EQ(set.size(), 0u);
  EXPECT_FALSE(set.Contains(PageId{0}));
  EXPECT_FALSE(set.ContainsAll({PageId{5}, ~uint64_t{0}}));
  EXPECT_TRUE(set.Runs().empty());
}

TEST(PageSet, RunsCoalesceAcrossWordsAndBlocks) {
  PageSet set;
  set.Insert({PageId{1020}, 1});
  set.Insert({PageId{1021}, 3000});
  set.Insert({PageId{uint64_t{1} << 40}, 2});
  EXPECT_EQ(set.size(), 3003u);
  EXPECT_EQ(set.Runs(), (std::vector<PageRun>{{PageId{1020}, 3001}, {PageId{uint64_t{1} << 40}, 2}}));
  set.Erase({PageId{2000}, 64});
  EXPECT_FALSE(set.ContainsAll({PageId{1999}, 2}));
  EXPECT_TRUE(set.ContainsAll({PageId{1020}, 980}));
  EXPECT_EQ(set.Runs().size(), 3u);
  set.Clear();
  EXPECT_EQ(set.size(), 0u);
  EXPECT_FALSE(set.Contains(PageId{1020}));
}

TEST(PageSet, AgreesWithAPlainSetOverRandomOperations) {
  std::mt19937_64 random(11);
  PageSet set;
  std::set<uint64_t> model;
  for (int step = 0; step < 4000; ++step) {
    const PageRun run{PageId{random() % 2600}, 1 + random() % (step % 10 == 0 ? 400 : 5)};
    uint64_t there = 0;
    for (uint64_t page = run.first.raw(); page < run.end(); ++page) there += model.count(page);
    EXPECT_EQ(set.ContainsAll(run), there == run.pages);
    if (there == 0) {
      set.Insert(run);
      for (uint64_t page = run.first.raw(); page < run.end(); ++page) model.insert(page);
    } else if (there == run.pages) {
      set.Erase(run);
      for (uint64_t page = run.first.raw(); page < run.end(); ++page) model.erase(page);
    } else if (model.contains(run.first.raw())) {
      set.Erase({run.first, 1});
      model.erase(run.first.raw());
    }
    ASSERT_EQ(set.size(), model.size());
  }
  EXPECT_EQ(set.Runs(), RunsOf(model));
}

TEST(PageSetDeathTest, WhatIsThereIsNotInsertedAgainAndWhatIsNotIsNotErased) {
  PageSet set;
  set.Insert({PageId{10}, 5});
  EXPECT_DEATH(set.Insert({PageId{14}, 1}), "assertion failed");
  EXPECT_DEATH(set.Erase({PageId{14}, 2}), "assertion failed");
}

}  // namespace
}  // namespace manifolddb::page
