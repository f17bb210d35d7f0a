#pragma once
// Writes one copy of a meta page and makes it durable: the smallest step of every change of the roots of
// trust.

#include "engine/format/meta_page.h"
#include "manifolddb/storage.h"

namespace manifolddb::checkpoint {

// Writes `meta` there, in a write unit of its own. `order` says whether the other copy of the slot was
// written before this one. `unit` (write_unit bytes, aligned) is where it is encoded: the caller's, so that
// no want of memory shows when it is too late to go back. `stamps`: what lies there; kept current.
Status WriteMetaCopy(File& file, format::MetaPage meta, format::MetaPlace place, format::CopyOrder order,
                     format::MetaStamps& stamps, MutableByteView unit);
// A checkpoint's: writes `meta` as copy 0 or 1 of the slot of its number, and syncs.
Status WriteMetaCopyDurably(File& file, const format::MetaPage& meta, int copy, format::CopyOrder order,
                            format::MetaStamps& stamps, MutableByteView unit);

}  // namespace manifolddb::checkpoint
