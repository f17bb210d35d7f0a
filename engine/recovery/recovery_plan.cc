// Which meta page counts, and in which order step 1 rewrites all copies. docs/model explores every state of
// it.
//
// 1. Of the two copies of a slot at most one is unreadable after any crash: never are both written under one
//    sync. So a slot with none readable is damage, and stepping back to the other slot would silently lose
//    commits.
// 2. The copy of a slot that was written last is the only one that may be in the operating system's cache and
//    not on the disk (a killed process). Writing it first leaves the other, durable one, whole all the time.
// 3. Both slots are rewritten. A meta page that reads as torn may lie whole on the disk, under the cache (a
//    process killed amid its own step 1), and come back at the next power cut, after another life went on
//    from the meta page before it. After step 1 there is nothing older anywhere.
// 4. What is found once is found again (G6). A checkpoint that was cut behind its first copy counts; that
//    copy is not touched before the other slot states its number durably, in a life between.

#include "engine/recovery/recovery_plan.h"

#include <tuple>

#include "engine/base/assert.h"
#include "engine/base/sites.h"
#include "engine/base/try.h"

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

// A newer program has been here, wherever it was cut.
Status CheckNoneIsNewer(const MetaArea& area, const std::string& file) {
  for (const auto& slot : area) {
    for (const DecodedMeta& copy : slot) {
      if (copy.verdict == MetaVerdict::kNewerFormat) {
        return Fail(Errc::kNewerFormat, "database.open", {.file = file, .offset = 0, .message = copy.why});
      }
    }
  }
  return {};
}

std::unexpected<Error> Damaged(const MetaArea& area, const std::string& file) {
  bool ours = false;
  for (const auto& slot : area) {
    for (const DecodedMeta& copy : slot) ours = ours || copy.verdict != MetaVerdict::kNotOurs;
  }
  if (!ours) {
    return Fail(Errc::kNotADatabase, "database.open",
                {.file = file, .offset = 0, .message = "no meta page found"});
  }
  return Fail(Errc::kCorrupt, "database.open",
              {.file = file, .offset = 0, .message = "no readable meta page in one of the two slots"});
}

// No site: recovery.meta.identity.skip breaks the use of it.
bool SameDatabase(const MetaPage& a, const MetaPage& b) {
  return a.identity == b.identity && a.page_size == b.page_size && a.write_unit == b.write_unit;
}

// Invariant 2.
int FirstCopy(const DecodedMeta& a, const DecodedMeta& b) {
  if (MANIFOLDDB_BROKEN("recovery.step1.fixed_order")) return 0;
  if (!Valid(a)) return 0;
  if (!Valid(b)) return 1;
  const bool a_is_last = Age(b.meta) < Age(a.meta);
  if (a.meta.number != b.meta.number && MANIFOLDDB_BROKEN("recovery.step1.stale_first"))
    return a_is_last ? 1 : 0;
  return a_is_last ? 0 : 1;
}

// Invariant 4. Of two slots that have it in one copy each, the one of the older life: the other one was
// written when that was durable, by a process that was killed amid its own step 1, and may be in the cache
// only.
std::optional<int> FindLoneSlot(const MetaArea& area, const MetaPlan& plan) {
  std::optional<int> lone;
  format::Life life = {};
  for (int slot = 0; slot < 2; ++slot) {
    const auto& copies = area[static_cast<size_t>(slot)];
    const int first = plan.first_copy[static_cast<size_t>(slot)];
    const auto has = [&](int copy) {
      const DecodedMeta& found = copies[static_cast<size_t>(copy)];
      return Valid(found) && found.meta.number == plan.newest.number;
    };
    if (has(1 - first)) return std::nullopt;  // stays whole while the first one is rewritten
    if (!has(first)) continue;
    const format::Life its_life = copies[static_cast<size_t>(first)].meta.life;
    if (!lone || its_life < life) lone = slot, life = its_life;
  }
  return lone;
}

void MarkWhatCrashesLeave(const DecodedMeta& a, const DecodedMeta& b) {
  if (!Valid(a) || !Valid(b)) {
    MANIFOLDDB_MARK("recovery.meta.unreadable_copy");
  } else if (a.meta.number != b.meta.number) {
    MANIFOLDDB_MARK("recovery.meta.half_written_slot");
  }
}

}  // namespace

bool IsOlder(const MetaPage& a, const MetaPage& b) { return Age(a) < Age(b); }

Result<MetaPlan> PlanFromMeta(const MetaArea& area, const std::string& file) {
  MANIFOLDDB_TRY(CheckNoneIsNewer(area, file));
  MetaPlan plan;
  const MetaPage* newest = nullptr;
  for (size_t slot = 0; slot < 2; ++slot) {
    const auto& [a, b] = area[slot];
    if (!Valid(a) && !Valid(b)) {
      if (MANIFOLDDB_BROKEN("recovery.meta.step_back")) continue;
      return Damaged(area, file);
    }
    MarkWhatCrashesLeave(a, b);
    plan.first_copy[slot] = FirstCopy(a, b);
    plan.stamps[slot] = {a.stamp, b.stamp};
    for (const DecodedMeta* copy : {&a, &b}) {
      if (!Valid(*copy) || (newest != nullptr && Age(copy->meta) <= Age(*newest))) continue;
      newest = &copy->meta;
      plan.slot = static_cast<int>(slot);
    }
  }
  if (newest == nullptr) return Damaged(area, file);
  plan.newest = *newest;
  if (!MANIFOLDDB_BROKEN("recovery.step1.lone_unguarded")) plan.lone_slot = FindLoneSlot(area, plan);
  for (const auto& slot : area) {
    for (const DecodedMeta& copy : slot) {
      if (Valid(copy) && !SameDatabase(copy.meta, plan.newest) &&
          !MANIFOLDDB_BROKEN("recovery.meta.identity.skip")) {
        return Fail(Errc::kCorrupt, "database.open",
                    {.file = file, .offset = 0, .message = "meta pages of two databases"});
      }
    }
  }
  return plan;
}

Result<MetaPage> BeginLife(const MetaPlan& plan, const std::string& file) {
  const bool between = plan.lone_slot && !MANIFOLDDB_BROKEN("recovery.step1.one_life");
  const uint64_t lives = between ? 2 : 1;
  MetaPage meta = plan.newest;
  if (meta.life.raw() + lives > format::kLifeMax) {
    return Fail(Errc::kLimit, "database.open",
                {.file = file, .message = "opened for writing 2^24 times; copy it into a new database"});
  }
  // Not that of a new database either: a database has no life 0.
  const bool first = meta.life == format::Life{};
  if (first || !MANIFOLDDB_BROKEN("recovery.life.not_advanced")) {
    meta.life = format::Life{meta.life.raw() + lives};
  }
  // After a clean close nothing follows the checkpoint: the log starts anew, with this life's groups.
  if (plan.newest.clean) meta.log_life = meta.life;
  if (MANIFOLDDB_BROKEN("recovery.log_life.not_recorded")) meta.log_life = meta.life;
  if (!MANIFOLDDB_BROKEN("recovery.step1.clean_kept")) meta.clean = false;
  return meta;
}

MetaPage GuardOf(const MetaPage& begun) {
  MetaPage guard = begun;
  guard.life = format::Life{begun.life.raw() - 1};
  // Whoever finds it instead, after a clean close, expects a log of its life: there is none, as it should be.
  if (guard.log_life > guard.life) guard.log_life = guard.life;
  return guard;
}

}  // namespace manifolddb::recovery
