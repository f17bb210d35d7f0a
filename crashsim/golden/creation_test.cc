// A creation that is killed anywhere, the cache alive; somebody else opens what is there and is told that a
// commit is durable; then the power fails. What the golden traces order, seen from the other end.

#include <gtest/gtest.h>

#include "crashsim/golden/smallest.h"
#include "faultfs/crash_point.h"
#include "faultfs/disk.h"
#include "manifolddb/database.h"

namespace manifolddb::crashsim::golden {
namespace {

using faultfs::CrashPoint;
using faultfs::Disk;
using faultfs::Policy;

constexpr uint64_t kRandomImages = 4;

std::string Read(Disk& disk) {
  auto db = Database::Open(disk.NewProcess(), "db", Tiny());
  if (!db) return db.error().ToString();
  auto txn = (*db)->BeginRead();
  const auto family = txn->OpenColumnFamily("f");
  if (!family) return family.error().ToString();
  const auto table = txn->OpenTable(*family, "t");
  if (!table) return table.error().ToString();
  const auto value = table->Get(AsBytes("k"));
  if (!value) return value.error().ToString();
  return *value ? std::string((*value)->text()) : "nothing";
}

TEST(KilledCreation, IsTakenUpByTheNextOpeningWhoseCommitsSurviveAPowerCut) {
  for (const faultfs::Preset preset : {faultfs::Preset::kStrict, faultfs::Preset::kExt4Ordered}) {
    const faultfs::Traits traits{.atomic_unit = 512, .preset = preset};
    Disk created(traits);
    ASSERT_TRUE(OpenAndPut(created));
    const auto trace = created.trace();
    for (uint64_t killed_after = 0; killed_after < trace->effects.size(); ++killed_after) {
      Disk disk(*trace, killed_after);
      const auto done = OpenAndPut(disk);
      ASSERT_TRUE(done) << "killed after effect " << killed_after << ": " << done.error().ToString();
      const CrashPoint point(disk.trace(), disk.effects());
      for (uint64_t image = 0; image < 2 + kRandomImages; ++image) {
        const faultfs::ImageSpec spec{image == 0   ? Policy::kNone
                                      : image == 1 ? Policy::kAll
                                                   : Policy::kRandom,
                                      image};
        Disk after(point.Draw(spec), traits);
        ASSERT_EQ(Read(after), "v") << traits.ToString() << ", killed after effect " << killed_after
                                    << ", image " << spec.ToString();
      }
    }
  }
}

}  // namespace
}  // namespace manifolddb::crashsim::golden
