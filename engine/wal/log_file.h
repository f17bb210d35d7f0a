#pragma once
// The log as a file: creation, the opened marker, growth, raw positions.

#include <memory>
#include <string>

#include "engine/format/log_format.h"
#include "engine/wal/log_ring.h"
#include "manifolddb/storage.h"

namespace manifolddb::wal {

// Creates `name` under `name`-new, filled with zeros, synced, renamed; the directory synced. A log that is
// there already is replaced if it was never opened (header intact and marker zeros, or header unreadable and
// zeros wherever a marker could be); else kCorrupt: the data file it belongs to is missing.
Status CreateLog(Storage& storage, const std::string& name, const format::LogHeader& header,
                 uint64_t capacity);

// Opens and checks header and identity against the data file's. kCorrupt if the log is missing, unreadable,
// shorter than `capacity` needs, or another database's; kNewerFormat.
Result<std::unique_ptr<File>> OpenLog(Storage& storage, const std::string& name, OpenMode mode,
                                      const format::LogHeader& expected, uint64_t capacity);

// Writes the marker, also where it can be read already (what can be read may be in a cache only); synced when
// this returns. `life`: the newest whose meta pages are durable. Called before anything is handed out.
Status MarkOpened(File& log, const format::LogHeader& header, format::Life life);
// Whether anything was ever written where the marker lies.
Result<bool> IsMarked(File& log, const format::LogHeader& header);
// kCorrupt if the marker names a later life than `newest`, the newest that the data file knows of; or, where
// no marker can be read, a group does.
Status CheckMarker(File& log, const format::LogHeader& header, format::Life newest);

// Bytes of the longest ring for which a file of `file_bytes` has room.
uint64_t RingBytesIn(uint32_t write_unit, uint64_t file_bytes);

// What a longer ring's new bytes are: both read as zeros.
enum class NewBytes : uint8_t {
  kWritten,   // the first group in them costs no more than any later one
  kReserved,  // quickly done; a sync of what is first written there has the file system's books to write, too
};
// Extends the file for a ring of `new_capacity` bytes; synced when this returns.
// The ring in use stays as it is until a meta page states the new capacity.
// Somebody else may be syncing the log meanwhile: a File tells both of a failure (storage.h).
Status GrowLog(File& log, uint32_t write_unit, uint64_t old_capacity, uint64_t new_capacity,
               NewBytes new_bytes);

}  // namespace manifolddb::wal
