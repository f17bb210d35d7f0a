// Reading the meta area without knowing its geometry: copy 0 of slot A is at offset 0 and states the write
// unit. If it cannot be read (torn by a crash, or damaged), each possible write unit is tried; the other
// copies tell.

#include "engine/recovery/meta_area.h"

#include "engine/base/memory.h"
#include "engine/base/sites.h"
#include "engine/base/try.h"
#include "engine/checkpoint/meta_writer.h"

namespace manifolddb::recovery {

using format::DecodedMeta;
using format::MetaVerdict;

namespace {

Result<MetaArea> ReadWithUnit(File& file, uint64_t size, uint32_t write_unit) {
  MetaArea area;
  for (int slot = 0; slot < 2; ++slot) {
    for (int copy = 0; copy < 2; ++copy) {
      const uint64_t offset = format::MetaOffset(slot, copy, write_unit);
      DecodedMeta& decoded = area[static_cast<size_t>(slot)][static_cast<size_t>(copy)];
      decoded.why = "beyond the end of the file";
      if (offset + write_unit > size) continue;
      MANIFOLDDB_ASSIGN(base::Buffer unit, base::Buffer::Make(write_unit, "database.open"));
      MANIFOLDDB_TRY(file.Read(offset, unit.span()));
      decoded = format::DecodeMetaPage(unit.view());
    }
  }
  return area;
}

// A meta page that states another write unit than the one it was found with does not count. True if one does,
// or is of a newer format.
bool KeepFitting(MetaArea& area, uint32_t write_unit) {
  bool fits = false;
  for (auto& slot : area) {
    for (DecodedMeta& copy : slot) {
      fits = fits || copy.verdict == MetaVerdict::kNewerFormat;
      if (copy.verdict != MetaVerdict::kValid) continue;
      if (copy.meta.write_unit == write_unit) {
        fits = true;
      } else {
        copy.verdict = MetaVerdict::kDamaged;
        copy.why = "it states another write unit";
      }
    }
  }
  return fits;
}

}  // namespace

// The smallest unit with which a copy fits: with one that is larger than the true one, bytes of users are
// looked at, which may look like anything. With a smaller one only meta units and their padding are.
Result<MetaArea> ReadMetaArea(File& file) {
  MANIFOLDDB_ASSIGN(const uint64_t size, file.Size());
  MetaArea none;
  for (uint32_t unit = format::kWriteUnitMin; unit <= format::kWriteUnitMax; unit *= 2) {
    MANIFOLDDB_ASSIGN(MetaArea area, ReadWithUnit(file, size, unit));
    // Where none fits, the caller sees what a stump of a file states.
    if (unit == format::kWriteUnitMin) none = area;
    if (KeepFitting(area, unit)) return area;
  }
  return none;
}

Status WriteLife(File& file, const format::MetaPage& life, const MetaPlan& plan, format::MetaStamps& stamps) {
  MANIFOLDDB_ASSIGN(base::Buffer unit, base::Buffer::Make(life.write_unit, "database.open"));
  const auto write = [&](const format::MetaPage& meta, int slot, format::CopyOrder order) -> Status {
    if (slot != plan.slot && MANIFOLDDB_BROKEN("recovery.step1.one_slot")) return {};
    const int first = plan.first_copy[static_cast<size_t>(slot)];
    const format::MetaPlace place{slot, order == format::CopyOrder::kFirst ? first : 1 - first};
    return checkpoint::WriteMetaCopy(file, meta, place, order, stamps, unit.span());
  };
  // A crash before any of these syncs leaves one copy of each slot old, new or torn; the other one is whole.
  const int last = plan.lone_slot.value_or(1);
  const bool guarded = plan.lone_slot && life.life.raw() > plan.newest.life.raw() + 1;
  MANIFOLDDB_TRY(write(guarded ? GuardOf(life) : life, 1 - last, format::CopyOrder::kFirst));
  if (plan.lone_slot && !MANIFOLDDB_BROKEN("recovery.step1.lone_sync.skip")) MANIFOLDDB_TRY(file.Sync());
  MANIFOLDDB_TRY(write(life, last, format::CopyOrder::kFirst));
  if (!MANIFOLDDB_BROKEN("recovery.step1.first_sync.skip")) MANIFOLDDB_TRY(file.Sync());
  MANIFOLDDB_TRY(write(life, 1 - last, format::CopyOrder::kSecond));
  MANIFOLDDB_TRY(write(life, last, format::CopyOrder::kSecond));
  if (!MANIFOLDDB_BROKEN("recovery.step1.second_sync.skip")) MANIFOLDDB_TRY(file.Sync());
  return {};
}

}  // namespace manifolddb::recovery
