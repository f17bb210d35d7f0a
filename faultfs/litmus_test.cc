// Litmus tests of the disk model itself: neither too kind nor impossibly cruel. Each runs a tiny program,
// lists every legal image, and asks whether an outcome is among them.

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "faultfs/crash_point.h"
#include "faultfs/disk.h"
#include "faultfs/test_program.h"

namespace manifolddb::faultfs {
namespace {

constexpr uint64_t kListMax = 100'000;

// Every legal image at the end of what `run` does, as "name=contents" with one letter per sector: '.' for
// zeros, '#' for garbage. A file of size 0 is "name=".
class Litmus : public testing::TestWithParam<Preset> {
 protected:
  bool strict() const { return GetParam() == Preset::kStrict; }

  std::set<std::string> Outcomes(const std::function<void(Program&)>& run) {
    Traits traits{.atomic_unit = 512, .preset = GetParam()};
    return OutcomesOf(traits, run);
  }

  std::set<std::string> OutcomesOf(const Traits& traits, const std::function<void(Program&)>& run) {
    Program program(traits);
    run(program);
    return program.Outcomes(program.disk().effects(), kListMax);
  }
};

std::string Show(const std::set<std::string>& outcomes) {
  std::string text;
  for (const std::string& outcome : outcomes) text += "  {" + outcome + "}\n";
  return text;
}

#define EXPECT_ALLOWED(outcomes, outcome) EXPECT_TRUE((outcomes).contains(outcome)) << Show(outcomes)
#define EXPECT_FORBIDDEN(outcomes, outcome) EXPECT_FALSE((outcomes).contains(outcome)) << Show(outcomes)

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
  for (const char* partial : {"f=", "f=.b", "f=a", "f=a.", "f=.."}) {
    if (strict()) {
      EXPECT_ALLOWED(outcomes, partial);
    } else {
      EXPECT_FORBIDDEN(outcomes, partial);  // auto_da_alloc
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
  if (strict()) {
    EXPECT_ALLOWED(outcomes, "f=o..");
    EXPECT_ALLOWED(outcomes, "f=o.b");
    EXPECT_ALLOWED(outcomes, "f=o.");
  } else {
    EXPECT_FORBIDDEN(outcomes, "f=o..");  // data=ordered
    EXPECT_FORBIDDEN(outcomes, "f=o.b");
    EXPECT_FORBIDDEN(outcomes, "f=o.");
  }
  EXPECT_ALLOWED(outcomes, "f=oa");
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
  if (strict()) {
    EXPECT_ALLOWED(outcomes, "b=");
  } else {
    EXPECT_FORBIDDEN(outcomes, "b=");  // one journal
  }
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
  } else {
    EXPECT_EQ(outcomes, (std::set<std::string>{"a= b=x", "a= b=x c="}));
  }
  for (const std::string& outcome : outcomes) EXPECT_EQ(outcome.find("b= "), std::string::npos) << outcome;
}

TEST_P(Litmus, ASyncOfTheDirectoryKeepsNamesButNotContents) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Create("a");
    p.Write("a", 0, "x");
    p.SyncDirectory();
  });
  EXPECT_EQ(outcomes,
            strict() ? (std::set<std::string>{"a=", "a=.", "a=x"}) : (std::set<std::string>{"a=", "a=x"}));
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
  if (strict()) {
    EXPECT_EQ(outcomes, (std::set<std::string>{"", "a=x", "a=y"}));
  } else {
    EXPECT_EQ(outcomes, (std::set<std::string>{"a=y"}));
  }
}

TEST_P(Litmus, AnAllocationIsOrderedWithNamesOnlyInOneJournal) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "");
    p.Allocate("f", 1);
    p.Create("g");
  });
  EXPECT_ALLOWED(outcomes, "f=. g=");
  EXPECT_ALLOWED(outcomes, "f=.");
  if (strict()) {
    EXPECT_ALLOWED(outcomes, "f= g=");
  } else {
    EXPECT_FORBIDDEN(outcomes, "f= g=");
  }
}

TEST_P(Litmus, AnAppendArrivesAfterTheNamesThatWereThereBeforeOnlyInOneJournal) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "");
    p.Create("g");
    p.Write("f", 0, "a");
  });
  EXPECT_ALLOWED(outcomes, "f= g=");
  EXPECT_ALLOWED(outcomes, "f=a g=");
  if (strict()) {
    EXPECT_ALLOWED(outcomes, "f=a");
  } else {
    EXPECT_FORBIDDEN(outcomes, "f=a");
  }
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

// ---- Failed syncs.

TEST_P(Litmus, AFailedSyncThatKeepsPagesCleanIsNotMendedByALaterOne) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "opq");
    p.Write("f", 0, "a");
    p.disk().Arm({.kind = FaultKind::kSyncKeepsClean, .counted = Only(Operation::kSync)});
    p.FailingSync("f");
    EXPECT_EQ(p.Read("f"), "apq");  // the cache shows what may be lost
    p.Write("f", 1, "b");
    p.Sync("f");
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"f=obq", "f=abq"}));
}

TEST_P(Litmus, WritingASectorAgainAfterAFailedSyncMakesItSyncable) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "o");
    p.Write("f", 0, "a");
    p.disk().Arm({.kind = FaultKind::kIoError, .counted = Only(Operation::kSync)});
    p.FailingSync("f");
    p.Write("f", 0, "a");
    p.Sync("f");
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"f=a"}));
}

TEST_P(Litmus, AfterAFailedSyncEvictionShowsWhatTheDiskHas) {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Program p({.atomic_unit = 512, .preset = GetParam()});
    p.Durable("f", "op");
    p.Write("f", 0, "a");
    p.disk().Arm({.kind = FaultKind::kSyncKeepsClean});
    p.FailingSync("f");
    p.Write("f", 1, "b");
    p.disk().EvictClean(seed);
    seen.insert(p.Read("f"));
    // What was read is what the disk has: a crash does not change it any more. What is dirty stays open.
    const std::string first = p.Read("f").substr(0, 1);
    EXPECT_EQ(p.Outcomes(p.disk().effects(), kListMax),
              (std::set<std::string>{"f=" + first + "p", "f=" + first + "b"}));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"ob", "ab"}));
}

TEST_P(Litmus, ASyncThatFailsLaterSucceedsFirstAndProtectsNothing) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "op");
    p.Write("f", 0, "a");
    p.disk().Arm({.kind = FaultKind::kSyncFailsLater});
    p.Sync("f");
    p.Write("f", 1, "b");
    p.FailingSync("f");
    p.Sync("f");
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"f=op", "f=ap", "f=ob", "f=ab"}));
}

TEST_P(Litmus, ASyncThatRevertsTakesContentAndSizeBack) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "op");
    p.Write("f", 1, "ab");
    p.disk().Arm({.kind = FaultKind::kSyncReverts});
    p.FailingSync("f");
    EXPECT_EQ(p.Read("f"), "op");
    p.Write("f", 0, "c");
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"f=op", "f=cp"}));
}

TEST_P(Litmus, WhatIsWrittenAfterAFailedSyncAndARenameIsSyncable) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "o");
    p.Durable("g", "p");
    p.Write("g", 0, "a");
    p.disk().Arm({.kind = FaultKind::kSyncKeepsClean});
    p.FailingSync("g");
    p.Rename("g", "f");
    p.Write("f", 0, "b");
    p.SyncDirectory();
    p.Sync("f");
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"f=b"}));
}

TEST_P(Litmus, WhatLayBehindARevertedSizeIsGoneForGood) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "o");
    p.Write("f", 1, "a");
    p.disk().Arm({.kind = FaultKind::kSyncKeepsClean});
    p.FailingSync("f");
    p.WriteDurable("f", 1, "b");
    p.disk().Arm({.kind = FaultKind::kSyncReverts});
    p.FailingSync("f");
    EXPECT_EQ(p.Read("f"), "o");
    p.Allocate("f", 2);
    p.Sync("f");
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"f=o."}));
}

// The size of an allocation is written by the journal, not with the pages.
TEST_P(Litmus, AnAllocatedSizeIsSyncableAfterAFailedSyncAndAWrittenOneIsNot) {
  const auto allocated = Outcomes([](Program& p) {
    p.Durable("f", "o");
    p.Allocate("f", 2);
    p.disk().Arm({.kind = FaultKind::kSyncKeepsClean});
    p.FailingSync("f");
    p.Sync("f");
  });
  EXPECT_EQ(allocated, (std::set<std::string>{"f=o."}));
  const auto written = Outcomes([](Program& p) {
    p.Durable("f", "o");
    p.Write("f", 1, "a");
    p.disk().Arm({.kind = FaultKind::kSyncKeepsClean});
    p.FailingSync("f");
    p.Sync("f");
  });
  EXPECT_TRUE(written.contains("f=o"));
  EXPECT_TRUE(written.contains("f=oa"));
}

TEST_P(Litmus, AFailedSyncOfTheDirectoryIsNotMendedByALaterOne) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Create("a");
    p.disk().Arm({.kind = FaultKind::kIoError, .counted = Only(Operation::kDirectory)});
    p.FailingSyncDirectory();
    p.SyncDirectory();
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"", "a="}));
}

TEST_P(Litmus, ALostSyncIsMendedByTheNext) {
  const auto lost = [](bool again) {
    return [again](Program& p) {
      p.Durable("f", "o");
      p.Write("f", 0, "a");
      p.disk().Arm({.kind = FaultKind::kLostSync});
      p.Sync("f");
      if (again) p.Sync("f");
    };
  };
  EXPECT_EQ(Outcomes(lost(false)), (std::set<std::string>{"f=o", "f=a"}));
  EXPECT_EQ(Outcomes(lost(true)), (std::set<std::string>{"f=a"}));
}

// ---- Writes that go astray.

TEST_P(Litmus, ALostWriteNeverArrivesAlthoughItWasSynced) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "op");
    p.disk().Arm({.kind = FaultKind::kLostWrite});
    p.Write("f", 0, "ab");
    EXPECT_EQ(p.Read("f"), "ab");
    p.Sync("f");
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"f=op"}));
}

TEST_P(Litmus, ALostWriteTakesWhatWasPendingUnderItAlong) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "o");
    p.Write("f", 0, "a");
    p.disk().Arm({.kind = FaultKind::kLostWrite});
    p.Write("f", 0, "b");
    p.Sync("f");  // writes back what the cache has, b, which does not arrive
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"f=o", "f=a"}));
}

TEST_P(Litmus, AMisdirectedWriteArrivesElsewhere) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "opqr");
    p.disk().Arm({.kind = FaultKind::kMisdirectedWrite, .parameter = 2});
    p.Write("f", 0, "a");
    EXPECT_EQ(p.Read("f"), "apqr");
    p.Sync("f");
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"f=opar"}));
}

TEST_P(Litmus, AFaultOverAWriteCanBeTakenAwayWithoutRunningAgain) {
  Program p({.atomic_unit = 512, .preset = GetParam()});
  p.Durable("f", "op");
  p.disk().Arm({.kind = FaultKind::kLostWrite});
  p.Write("f", 0, "a");
  p.Sync("f");
  const auto trace = p.disk().trace();
  const uint64_t effect = p.disk().faults_fired().at(0).effects;
  const auto mended = std::make_shared<Trace>(trace->WithoutFault(effect));
  CrashPoint with(trace, trace->effects.size());
  CrashPoint without(mended, trace->effects.size());
  EXPECT_EQ(p.Describe(with.Draw({Policy::kNone})), "f=op");
  EXPECT_EQ(p.Describe(without.Draw({Policy::kNone})), "f=ap");
}

TEST_P(Litmus, WithoutItsFaultAWriteIsAsIfItNeverHadOne) {
  const auto run = [&](bool fault) {
    Program p({.atomic_unit = 512, .garbage_in_torn_units = true, .preset = GetParam()});
    p.Durable("f", "opq");
    if (fault) p.disk().Arm({.kind = FaultKind::kMisdirectedWrite});
    p.WriteBytes("f", 600, std::string(10, 'x'));
    auto trace = std::make_shared<Trace>(*p.disk().trace());
    if (fault) *trace = trace->WithoutFault(p.disk().faults_fired().at(0).effects);
    std::set<uint64_t> images;
    EXPECT_TRUE(CrashPoint(trace, trace->effects.size()).ForEachImage(kListMax, [&](const Image& image) {
      images.insert(image.Hash());
    }));
    return images;
  };
  EXPECT_EQ(run(true), run(false));
  EXPECT_EQ(run(true).size(), 3u);
}

INSTANTIATE_TEST_SUITE_P(Presets, Litmus, testing::Values(Preset::kStrict, Preset::kExt4Ordered),
                         [](const auto& preset) {
                           return preset.param == Preset::kStrict ? std::string("Strict")
                                                                  : std::string("Ext4Ordered");
                         });

}  // namespace
}  // namespace manifolddb::faultfs
