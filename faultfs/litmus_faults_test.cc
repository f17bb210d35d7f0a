// Litmus tests of the disk model where something fails or lies: failed syncs, lost and misdirected writes.

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "faultfs/litmus.h"

namespace manifolddb::faultfs {
namespace {

class LitmusFaults : public Litmus {};

// ---- Failed syncs.

TEST_P(LitmusFaults, AFailedSyncThatKeepsPagesCleanIsNotMendedByALaterOne) {
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

TEST_P(LitmusFaults, WritingASectorAgainAfterAFailedSyncMakesItSyncable) {
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

TEST_P(LitmusFaults, AfterAFailedSyncEvictionShowsWhatTheDiskHas) {
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

TEST_P(LitmusFaults, ASyncThatFailsLaterSucceedsFirstAndProtectsNothing) {
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

TEST_P(LitmusFaults, ASyncThatRevertsTakesContentAndSizeBack) {
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

TEST_P(LitmusFaults, WhatIsWrittenAfterAFailedSyncAndARenameIsSyncable) {
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

TEST_P(LitmusFaults, WhatLayBehindARevertedSizeIsGoneForGood) {
  const auto outcomes = Outcomes([this](Program& p) {
    p.Durable("f", "o");
    p.Write("f", 1, "a");
    p.disk().Arm({.kind = FaultKind::kSyncKeepsClean});
    p.FailingSync("f");
    p.WriteDurable("f", 1, "b");
    p.disk().Arm({.kind = FaultKind::kSyncReverts});
    p.FailingSync("f");
    EXPECT_EQ(p.Read("f"), sizes_free() ? "o" : "ob");
    p.Allocate("f", 2);
    p.Sync("f");
  });
  // A size that is the journal's outlives the failed sync, and the durable write behind it.
  EXPECT_EQ(outcomes, (std::set<std::string>{sizes_free() ? "f=o." : "f=ob"}));
}

// The size of an allocation is written by the journal, not with the pages.
TEST_P(LitmusFaults, AnAllocatedSizeIsSyncableAfterAFailedSyncAndAWrittenOneIsNot) {
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
  EXPECT_EQ(written.contains("f=o"), sizes_free()) << "unless it is the journal's as well";
  EXPECT_TRUE(written.contains("f=oa"));
}

TEST_P(LitmusFaults, AFailedSyncOfTheDirectoryIsNotMendedByALaterOne) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Create("a");
    p.disk().Arm({.kind = FaultKind::kIoError, .counted = Only(Operation::kDirectory)});
    p.FailingSyncDirectory();
    p.SyncDirectory();
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"", "a="}));
}

TEST_P(LitmusFaults, ALostSyncIsMendedByTheNext) {
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

TEST_P(LitmusFaults, ALostWriteNeverArrivesAlthoughItWasSynced) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "op");
    p.disk().Arm({.kind = FaultKind::kLostWrite});
    p.Write("f", 0, "ab");
    EXPECT_EQ(p.Read("f"), "ab");
    p.Sync("f");
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"f=op"}));
}

TEST_P(LitmusFaults, ALostWriteTakesWhatWasPendingUnderItAlong) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "o");
    p.Write("f", 0, "a");
    p.disk().Arm({.kind = FaultKind::kLostWrite});
    p.Write("f", 0, "b");
    p.Sync("f");  // writes back what the cache has, b, which does not arrive
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"f=o", "f=a"}));
}

TEST_P(LitmusFaults, AMisdirectedWriteArrivesElsewhere) {
  const auto outcomes = Outcomes([](Program& p) {
    p.Durable("f", "opqr");
    p.disk().Arm({.kind = FaultKind::kMisdirectedWrite, .parameter = 2});
    p.Write("f", 0, "a");
    EXPECT_EQ(p.Read("f"), "apqr");
    p.Sync("f");
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"f=opar"}));
}

TEST_P(LitmusFaults, AFaultOverAWriteCanBeTakenAwayWithoutRunningAgain) {
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

TEST_P(LitmusFaults, WithoutItsFaultAWriteIsAsIfItNeverHadOne) {
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

INSTANTIATE_FOR_PRESETS(LitmusFaults);

}  // namespace
}  // namespace manifolddb::faultfs
