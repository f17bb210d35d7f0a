// Which meta page counts, and in which order step 1 rewrites its copies.
//
// Of the two copies of a slot at most one can be unreadable after any crash: each is written and synced by
// itself. So a slot with none readable is damage, and stepping back to the other slot would silently lose
// commits. The copy written last is the only one that may be in the operating system's cache and not on the
// disk (a killed process); writing it first leaves the other, durable one, whole all the time.

#include "engine/recovery/recovery_plan.h"

#include <tuple>

#include "engine/base/assert.h"
#include "engine/base/sites.h"

namespace manifolddb::recovery {

using format::DecodedMeta;
using format::MetaPage;
using format::MetaVerdict;

namespace {

bool Valid(const DecodedMeta& copy) { return copy.verdict == MetaVerdict::kValid; }

// Later written is greater.
auto Age(const MetaPage& meta) {
  return std::make_tuple(meta.number, meta.life, static_cast<int>(meta.copy_order));
}

std::unexpected<Error> Damaged(const MetaArea& area, const std::string& file) {
  bool ours = false;
  for (const auto& slot : area) {
    for (const DecodedMeta& copy : slot) {
      if (copy.verdict == MetaVerdict::kNewerFormat) {
        return Fail(Errc::kNewerFormat, "database.open", {.file = file, .offset = 0, .message = copy.why});
      }
      ours = ours || copy.verdict != MetaVerdict::kNotOurs;
    }
  }
  if (!ours) {
    return Fail(Errc::kNotADatabase, "database.open",
                {.file = file, .offset = 0, .message = "no meta page found"});
  }
  return Fail(Errc::kCorrupt, "database.open",
              {.file = file, .offset = 0, .message = "no readable meta page in one of the two slots"});
}

bool SameDatabase(const MetaPage& a, const MetaPage& b) {
  return a.identity == b.identity && a.page_size == b.page_size && a.write_unit == b.write_unit;
}

}  // namespace

Result<MetaPlan> PlanFromMeta(const MetaArea& area, const std::string& file) {
  MetaPlan plan;
  const DecodedMeta* newest = nullptr;
  for (int slot = 0; slot < 2; ++slot) {
    const DecodedMeta& a = area[static_cast<size_t>(slot)][0];
    const DecodedMeta& b = area[static_cast<size_t>(slot)][1];
    if (!Valid(a) && !Valid(b)) {
      if (MANIFOLDDB_BROKEN("recovery.meta.step_back")) continue;
      return Damaged(area, file);
    }
    for (const DecodedMeta* copy : {&a, &b}) {
      if (!Valid(*copy)) continue;
      if (format::SlotOf(copy->meta.number) != slot) {
        return Fail(Errc::kCorrupt, "database.open",
                    {.file = file, .offset = 0, .message = "a meta page lies in the other one's slot"});
      }
      if (newest == nullptr || Age(newest->meta) < Age(copy->meta)) {
        newest = copy;
        plan.slot = slot;
        plan.first_copy = copy == &a ? 0 : 1;
      }
    }
  }
  if (newest == nullptr) return Damaged(area, file);
  plan.newest = newest->meta;
  const auto& slot = area[static_cast<size_t>(plan.slot)];
  for (int copy = 0; copy < 2; ++copy) {
    const DecodedMeta& found = slot[static_cast<size_t>(copy)];
    if (!Valid(found)) {
      MANIFOLDDB_MARK("recovery.meta.unreadable_copy");
      if (!MANIFOLDDB_BROKEN("recovery.step1.fixed_order")) plan.first_copy = copy;
    } else if (found.meta.number != plan.newest.number) {
      MANIFOLDDB_MARK("recovery.meta.half_written_slot");
    }
  }
  if (MANIFOLDDB_BROKEN("recovery.step1.fixed_order")) plan.first_copy = 0;
  for (const auto& other : area) {
    for (const DecodedMeta& copy : other) {
      if (Valid(copy) && !SameDatabase(copy.meta, plan.newest)) {
        return Fail(Errc::kCorrupt, "database.open",
                    {.file = file, .offset = 0, .message = "meta pages of two databases"});
      }
    }
  }
  return plan;
}

Result<MetaPage> BeginLife(const MetaPage& newest, const std::string& file) {
  if (newest.life.raw() >= format::kLifeMax) {
    return Fail(Errc::kLimit, "database.open",
                {.file = file, .message = "opened for writing 2^24 times; copy it into a new database"});
  }
  MetaPage meta = newest;
  if (!MANIFOLDDB_BROKEN("recovery.life.not_advanced")) meta.life = newest.life.next();
  // After a clean close nothing follows the checkpoint: the log starts anew, with this life's groups.
  if (newest.clean) meta.log_life = meta.life;
  if (MANIFOLDDB_BROKEN("recovery.log_life.not_recorded")) meta.log_life = meta.life;
  if (!MANIFOLDDB_BROKEN("recovery.step1.clean_kept")) meta.clean = false;
  return meta;
}

}  // namespace manifolddb::recovery
