// Openings that fail or end early, another one in the same boot, then a power cut: what was acknowledged is
// there.

#include <gtest/gtest.h>

#include "crashsim/golden/smallest.h"
#include "faultfs/crash_point.h"
#include "faultfs/disk.h"
#include "manifolddb/database.h"

namespace manifolddb::crashsim::golden {
namespace {

using faultfs::CrashPoint;
using faultfs::Disk;
using faultfs::Fault;
using faultfs::FaultKind;
using faultfs::Image;
using faultfs::Operation;
using faultfs::Policy;
using faultfs::Traits;

// The newest commit; what went wrong as 0, said.
uint64_t CommitFound(const Image& image, const Traits& traits) {
  Disk disk(image, traits);
  auto db = Database::Open(disk.NewProcess(), "db", Tiny());
  if (!db) {
    ADD_FAILURE() << db.error().ToString();
    return 0;
  }
  return (*db)->BeginRead()->commit_number();
}

// A sync of the directory tells of a failure once; the next one has nothing left to write.
TEST(Openings, ACreationWhoseDirectoryCallFailedIsDoneAgainAndNotBelieved) {
  uint64_t fired = 0;
  for (const faultfs::Preset preset : {faultfs::Preset::kStrict, faultfs::Preset::kExt4Ordered}) {
    const Traits traits{.atomic_unit = 512, .preset = preset};
    for (uint64_t at = 1; at <= 16; ++at) {
      Disk disk(traits, at);
      disk.Arm({.kind = FaultKind::kIoError, .counted = Only(Operation::kDirectory), .at = at});
      const auto first = OpenAndPut(disk);
      fired += disk.faults_fired().size();
      disk.DisarmAll();
      const auto again = OpenAndPut(disk);
      ASSERT_TRUE(again) << again.error().ToString();
      for (const Policy policy : {Policy::kNone, Policy::kAll}) {
        const Image image = CrashPoint(disk.trace(), disk.effects()).Draw({policy, 0});
        EXPECT_GE(CommitFound(image, traits), *again) << "directory call " << at << " failed";
      }
    }
  }
  EXPECT_GE(fired, 20u);
}

// A copy of a meta page whose write ended after a few bytes may be torn on the disk; it must not pass, read
// from the cache, for the one that it was to replace.
TEST(Openings, AMetaPageOverwrittenByAFewBytesIsNotTakenForTheOldOne) {
  const Traits traits{.atomic_unit = 512, .garbage_in_torn_units = true, .outside_bytes_safe = false};
  Disk made(traits);
  const auto committed = OpenAndPut(made);
  ASSERT_TRUE(committed);
  const Image base = CrashPoint(made.trace(), made.effects()).Draw({Policy::kAll, 0});
  uint64_t ended = 0;
  for (const uint64_t bytes : {1, 3, 8, 9, 17}) {
    for (uint64_t write = 1; write <= 4; ++write) {
      for (const bool killed : {false, true}) {
        Disk disk(base, traits, 7);
        disk.Arm({.kind = FaultKind::kShortWrite,
                  .counted = Only(Operation::kWrite),
                  .at = write,
                  .parameter = bytes});
        ended += OpenAndPut(disk) ? 0 : 1;
        disk.Kill();
        disk.DisarmAll();
        if (killed) {
          disk.KillAt(disk.effects() + 2);
        } else {
          disk.Arm({.kind = FaultKind::kSyncKeepsClean, .counted = Only(Operation::kSync)});
        }
        ended += OpenAndPut(disk) ? 0 : 1;
        disk.Kill();
        const CrashPoint point(disk.trace(), disk.effects());
        for (uint64_t draw = 0; draw < 40; ++draw) {
          ASSERT_EQ(CommitFound(point.Draw({Policy::kRandom, draw * 2654435761}), traits), *committed)
              << bytes << " bytes of write " << write << ", then " << (killed ? "killed" : "a failed sync");
        }
      }
    }
  }
  EXPECT_EQ(ended, 80u) << "every opening was to end early";
}

}  // namespace
}  // namespace manifolddb::crashsim::golden
