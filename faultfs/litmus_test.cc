// Litmus tests of the disk model itself: neither too kind nor impossibly cruel. Each runs a tiny program,
// lists every legal image, and asks whether an outcome is among them.

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "faultfs/litmus.h"

namespace manifolddb::faultfs {
namespace {

// ---- The table of the disk model's design.

TEST_P(Litmus, AppendAppendAllowsTheSecondWithoutTheFirst) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "");
    p.Write("f", 0, "a");
    p.Write("f", 1, "b");
  });
  EXPECT_ALLOWED(outcomes, "f=.b");
  EXPECT_ALLOWED(outcomes, "f=a");
  EXPECT_ALLOWED(outcomes, "f=ab");
  EXPECT_ALLOWED(outcomes, "f=");
}

TEST_P(Litmus, ASyncBetweenTwoAppendsForbidsTheSecondWithoutTheFirst) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "");
    p.Write("f", 0, "a");
    p.Sync("f");
    p.Write("f", 1, "b");
  });
  EXPECT_FORBIDDEN(outcomes, "f=.b");
  EXPECT_FORBIDDEN(outcomes, "f=");
  EXPECT_ALLOWED(outcomes, "f=ab");
  EXPECT_ALLOWED(outcomes, "f=a");
}

TEST_P(Litmus, RenameOverAnOldFileMayNameEmptyOrPartialContent) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "o");
    p.Create("new");
    p.Write("new", 0, "ab");
    p.Rename("new", "f");
  });
  for (const std::string partial : {"f=", "f=a", "f=.b", "f=a.", "f=.."}) {
    const bool hole = partial.find('.') != std::string::npos;  // a size without its data
    const bool size_in_journal = !hole && !sizes_free();       // before the rename, so it is there
    if (safe_rename() || (hole && data_first()) || size_in_journal) {
      EXPECT_FORBIDDEN(outcomes, partial);
    } else {
      EXPECT_ALLOWED(outcomes, partial);
    }
  }
  EXPECT_ALLOWED(outcomes, "f=ab");
  EXPECT_ALLOWED(outcomes, "f=o");
}

TEST_P(Litmus, ASyncBeforeTheRenameForbidsEmptyAndPartialContent) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "o");
    p.Create("new");
    p.Write("new", 0, "ab");
    p.Sync("new");
    p.Rename("new", "f");
  });
  for (const char* partial : {"f=", "f=.b", "f=a", "f=a.", "f=.."}) EXPECT_FORBIDDEN(outcomes, partial);
  EXPECT_ALLOWED(outcomes, "f=ab");
}

TEST_P(Litmus, OfTwoSectorsTheSecondMayArriveAlone) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "op");
    p.Write("f", 0, "a");
    p.Write("f", 1, "b");
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"f=op", "f=ap", "f=ob", "f=ab"}));
}

TEST_P(Litmus, ASyncBetweenTwoSectorsForbidsTheSecondAlone) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "op");
    p.Write("f", 0, "a");
    p.Sync("f");
    p.Write("f", 1, "b");
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"f=ap", "f=ab"}));
}

TEST_P(Litmus, AnAppendMayLeaveTheSizeGrownWithZeros) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "o");
    p.Write("f", 1, "ab");
  });
  if (data_first()) {
    EXPECT_FORBIDDEN(outcomes, "f=o..");
    EXPECT_FORBIDDEN(outcomes, "f=o.b");
    EXPECT_FORBIDDEN(outcomes, "f=o.");
  } else {
    EXPECT_ALLOWED(outcomes, "f=o..");
    EXPECT_ALLOWED(outcomes, "f=o.b");
  }
  EXPECT_EQ(outcomes.contains("f=o."), !data_first() && sizes_free());
  EXPECT_EQ(outcomes.contains("f=oa"), sizes_free());
  EXPECT_ALLOWED(outcomes, "f=oab");
  EXPECT_ALLOWED(outcomes, "f=o");
}

TEST_P(Litmus, AnExtendedFileMayHaveItsSizeAndZerosWithoutTheWrite) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "");
    p.Allocate("f", 2);
    p.Write("f", 0, "ab");
  });
  EXPECT_ALLOWED(outcomes, "f=..");
  EXPECT_ALLOWED(outcomes, "f=.b");
  EXPECT_ALLOWED(outcomes, "f=ab");
  EXPECT_ALLOWED(outcomes, "f=");
}

TEST_P(Litmus, ASyncBetweenExtensionAndWriteForbidsTheOldSize) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "");
    p.Allocate("f", 2);
    p.Sync("f");
    p.Write("f", 0, "ab");
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"f=..", "f=a.", "f=.b", "f=ab"}));
}

TEST_P(Litmus, ASyncAfterExtensionAndWriteForbidsTheZeros) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "");
    p.Allocate("f", 2);
    p.Write("f", 0, "ab");
    p.Sync("f");
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"f=ab"}));
}

// ---- Versions.

TEST_P(Litmus, EveryIntermediateVersionOfASectorIsReachable) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "op");
    p.Write("f", 0, "a");
    p.Write("f", 0, "b");
    p.Write("f", 1, "c");
    p.Write("f", 0, "d");
  });
  std::set<std::string> expected;
  for (const char first : {'o', 'a', 'b', 'd'}) {
    for (const char second : {'p', 'c'}) expected.insert(std::string("f=") + first + second);
  }
  EXPECT_EQ(outcomes, expected);
}

TEST_P(Litmus, AWriteInsideASectorKeepsTheBytesBesideIt) {
  Program p({.atomic_unit = 512, .preset = GetParam()});
  p.Durable("f", "o");
  p.WriteBytes("f", 100, std::string(50, 'x'));
  p.WriteBytes("f", 120, std::string(100, 'y'));
  CrashPoint point(p.disk().trace(), p.disk().effects());
  std::set<std::string> found;
  ASSERT_TRUE(point.ForEachImage(kListMax, [&](const Image& image) { found.insert(p.Text(image, "f")); }));
  const std::string old(512, 'o');
  std::string first = old;
  first.replace(100, 50, std::string(50, 'x'));
  std::string second = first;
  second.replace(120, 100, std::string(100, 'y'));
  EXPECT_EQ(found, (std::set<std::string>{old, first, second}));
}

TEST_P(Litmus, SyncedDataIsNeverLostWhateverFollows) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "opq");
    p.Write("f", 0, "ab");
    p.Sync("f");
    p.Write("f", 2, "c");
    p.Write("f", 0, "d");
    p.Create("g");
    p.Write("g", 0, "x");
    p.Rename("g", "h");
  });
  for (const std::string& outcome : outcomes) {
    const std::string f = outcome.substr(outcome.find("f=") + 2, 3);
    EXPECT_TRUE(f[0] == 'a' || f[0] == 'd') << outcome;
    EXPECT_EQ(f[1], 'b') << outcome;
  }
  EXPECT_TRUE(std::any_of(outcomes.begin(), outcomes.end(), [](const std::string& outcome) {
    return outcome.find("f=dbq") != std::string::npos;
  }));
}

TEST_P(Litmus, ADurableWriteCoversItsRangeAndNothingElse) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "op");
    p.Write("f", 0, "a");
    p.WriteDurable("f", 1, "b");
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"f=ob", "f=ab"}));
}

TEST_P(Litmus, ADurableAppendMakesItsSizeDurable) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "o");
    p.Write("f", 1, "a");
    p.WriteDurable("f", 2, "b");
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"f=o.b", "f=oab"}));
}

// ---- Names.

TEST_P(Litmus, NamesAreLostWithoutASyncOfTheDirectory) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Create("a");
    p.Create("b");
  });
  EXPECT_ALLOWED(outcomes, "");
  EXPECT_ALLOWED(outcomes, "a=");
  EXPECT_ALLOWED(outcomes, "a= b=");
  EXPECT_EQ(outcomes.contains("b="), !journal());
}

TEST_P(Litmus, ASyncedFileHasItsNameOnlyWhereThePresetSaysSo) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Create("a");
    p.Create("b");
    p.Write("b", 0, "x");
    p.Sync("b");
    p.Create("c");
  });
  if (strict()) {
    EXPECT_ALLOWED(outcomes, "");
    EXPECT_ALLOWED(outcomes, "a= c=");
    EXPECT_ALLOWED(outcomes, "b=x");
  } else if (journal()) {
    EXPECT_EQ(outcomes, (std::set<std::string>{"a= b=x", "a= b=x c="}));
  } else {
    EXPECT_EQ(outcomes, (std::set<std::string>{"b=x", "a= b=x", "b=x c=", "a= b=x c="}));
  }
  for (const std::string& outcome : outcomes) EXPECT_EQ(outcome.find("b= "), std::string::npos) << outcome;
}

TEST_P(Litmus, ASyncOfTheDirectoryKeepsNamesButNotContents) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Create("a");
    p.Write("a", 0, "x");
    p.SyncDirectory();
  });
  EXPECT_EQ(outcomes, data_first() ? (std::set<std::string>{"a=", "a=x"})
                                   : (std::set<std::string>{"a=", "a=.", "a=x"}));
}

TEST_P(Litmus, ARenameLeavesTheOldOrTheNewNameNeverBothOrNone) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("a", "x");
    p.Durable("b", "y");
    p.Rename("a", "b");
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"a=x b=y", "b=x"}));
}

TEST_P(Litmus, ARemovalMayBeUndoneWithTheContent) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("a", "x");
    p.Remove("a");
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"", "a=x"}));
}

TEST_P(Litmus, CreatingOverAFileMayLeaveOldNewOrNone) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("a", "x");
    p.Create("a");
    p.Write("a", 0, "y");
    p.Sync("a");
  });
  EXPECT_EQ(outcomes, strict() ? (std::set<std::string>{"", "a=x", "a=y"}) : (std::set<std::string>{"a=y"}));
}

TEST_P(Litmus, WhatWasCutOffIsGoneAndWhatLiesBeforeStaysPending) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "abcd");
    p.Write("f", 0, "x");
    p.Write("f", 3, "y");
    p.Truncate("f", 2);
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"f=ab", "f=xb"}));
}

TEST_P(Litmus, AFileThatWasCutGrowsFromThereWithZeros) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "abcd");
    p.Truncate("f", 1);
    p.Allocate("f", 3);
    p.Write("f", 2, "z");
    p.Sync("f");
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"f=a.z"}));
}

TEST_P(Litmus, AnAllocationIsOrderedWithNamesOnlyInOneJournal) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "");
    p.Allocate("f", 1);
    p.Create("g");
  });
  EXPECT_ALLOWED(outcomes, "f=. g=");
  EXPECT_ALLOWED(outcomes, "f=.");
  EXPECT_EQ(outcomes.contains("f= g="), !journal());
}

TEST_P(Litmus, AnAppendArrivesAfterTheNamesThatWereThereBeforeOnlyInOneJournal) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "");
    p.Create("g");
    p.Write("f", 0, "a");
  });
  EXPECT_ALLOWED(outcomes, "f= g=");
  EXPECT_ALLOWED(outcomes, "f=a g=");
  EXPECT_EQ(outcomes.contains("f=a"), !journal());
}

// btrfs: a sync of a file writes the log of that file, and no more than its name needs.
TEST(LitmusBtrfs, ASyncKeepsTheNamesOfTheFileAndWhatTheyNeed) {
  Program p({.atomic_unit = 512, .preset = Preset::kBtrfs});
  p.Durable("a", "x");
  p.Remove("a");
  p.Create("b");
  p.Create("a");
  p.Write("a", 0, "y");
  p.Sync("a");
  EXPECT_EQ(p.Outcomes(p.disk().effects(), kListMax), (std::set<std::string>{"a=y", "a=y b="}));
}

// ext4 with data=journal: the disk is as the cache was once.
TEST(LitmusDataJournal, EverythingArrivesInTheOrderOfTheTrace) {
  Program p({.atomic_unit = 512, .garbage_in_torn_units = true, .preset = Preset::kDataJournal});
  p.Durable("f", "op");
  p.Write("f", 0, "a");
  p.Write("f", 1, "bc");
  p.Create("g");
  p.Write("g", 0, "x");
  p.Write("f", 0, "d");
  p.Rename("g", "h");
  EXPECT_EQ(p.Outcomes(p.disk().effects(), kListMax),
            (std::set<std::string>{"f=op", "f=ap", "f=ab", "f=abc", "f=abc g=", "f=abc g=x", "f=dbc g=x",
                                   "f=dbc h=x"}));
  p.Sync("f");  // and with it all that came before its last change
  EXPECT_EQ(p.Outcomes(p.disk().effects(), kListMax), (std::set<std::string>{"f=dbc g=x", "f=dbc h=x"}));
  p.SyncDirectory();
  EXPECT_EQ(p.Outcomes(p.disk().effects(), kListMax), (std::set<std::string>{"f=dbc h=x"}));
}

// The creation protocol of a file that must not be seen half made.
TEST_P(Litmus, FillSyncRenameSyncDirectoryShowsTheFileWholeOrNotAtAll) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Create("new");
    p.Write("new", 0, "ab");
    p.Sync("new");
    p.Rename("new", "f");
    p.SyncDirectory();
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"f=ab"}));
}

// ---- Traits.

TEST_P(Litmus, ALyingFlushProtectsNothing) {
  const Traits traits{.atomic_unit = 512, .lying_flush = true, .preset = GetParam()};
  const auto outcomes = OutcomesOf(traits, [](Program& p) {
    p.BootFrom("f", "op");
    p.Write("f", 0, "a");
    p.Sync("f");
    p.Write("f", 1, "b");
    p.Sync("f");
    p.SyncDirectory();
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"f=op", "f=ap", "f=ob", "f=ab"}));
}

TEST_P(Litmus, GarbageAppearsOnlyInSectorsThatWereBeingWritten) {
  const Traits traits{.atomic_unit = 512, .garbage_in_torn_units = true, .preset = GetParam()};
  const auto outcomes = OutcomesOf(traits, [](Program& p) {
    p.Durable("f", "opq");
    p.Write("f", 0, "a");
    p.Sync("f");
    p.Write("f", 1, "b");
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"f=apq", "f=abq", "f=a#q"}));
}

TEST_P(Litmus, BytesOutsideAWriteAreInDangerOnlyIfTheTraitSaysSo) {
  for (const bool safe : {true, false}) {
    Program p({.atomic_unit = 512, .outside_bytes_safe = safe, .preset = GetParam()});
    p.Durable("f", "o");
    p.WriteBytes("f", 100, std::string(50, 'x'));
    CrashPoint point(p.disk().trace(), p.disk().effects());
    uint64_t damaged = 0;
    ASSERT_TRUE(point.ForEachImage(kListMax, [&](const Image& image) {
      const std::string text = p.Text(image, "f");
      const bool outside = text.substr(0, 100) != std::string(100, 'o');
      if (!outside) return;
      ++damaged;
      EXPECT_EQ(text.substr(100, 50), std::string(50, 'x'));
    }));
    EXPECT_EQ(damaged, safe ? 0u : 1u);
  }
}

TEST_P(Litmus, ALargerUnitKeepsItsPartsTogether) {
  const Traits traits{.atomic_unit = 4096, .preset = GetParam()};
  Program p(traits);
  p.Durable("f", "o");
  p.WriteBytes("f", 0, std::string(512, 'x'));
  p.WriteBytes("f", 512, std::string(512, 'y'));
  CrashPoint point(p.disk().trace(), p.disk().effects());
  EXPECT_EQ(point.undetermined_sectors(), 1u);
  ASSERT_TRUE(point.images().exact);
  EXPECT_EQ(*point.images().exact, 3u);  // neither, x, x and y: never y alone
}

INSTANTIATE_FOR_PRESETS(Litmus);

}  // namespace
}  // namespace manifolddb::faultfs
