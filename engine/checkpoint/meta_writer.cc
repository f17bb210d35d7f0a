#include "engine/checkpoint/meta_writer.h"

#include "engine/base/sites.h"
#include "engine/base/try.h"

namespace manifolddb::checkpoint {

Status WriteMetaCopy(File& file, format::MetaPage meta, format::MetaPlace place, format::CopyOrder order,
                     format::MetaStamps& stamps, MutableByteView unit) {
  meta.copy_order = order;
  uint8_t& stamp = stamps[static_cast<size_t>(place.slot)][static_cast<size_t>(place.copy)];
  if (!MANIFOLDDB_BROKEN("checkpoint.meta.stamp.kept")) ++stamp;
  format::EncodeMetaPage(meta, stamp, unit);
  return file.Write(format::MetaOffset(place.slot, place.copy, meta.write_unit), unit);
}

Status WriteMetaCopyDurably(File& file, const format::MetaPage& meta, int copy, format::CopyOrder order,
                            format::MetaStamps& stamps, MutableByteView unit) {
  MANIFOLDDB_TRY(WriteMetaCopy(file, meta, {format::SlotOf(meta.number), copy}, order, stamps, unit));
  // A crash before the sync leaves this copy old, new or torn; the other copy of the slot is whole.
  const bool skip = order == format::CopyOrder::kFirst
                        ? MANIFOLDDB_BROKEN("checkpoint.meta.first_sync.skip")
                        : MANIFOLDDB_BROKEN("checkpoint.meta.second_sync.skip");
  if (!skip) MANIFOLDDB_TRY(file.Sync());
  return {};
}

}  // namespace manifolddb::checkpoint
