// The log as a file: made whole before it has its name, never cut short or renamed after.
//
// (1) A log under its own name has a header and a ring of zeros on the disk: both were synced before the
//     rename.
// (2) A log that an opening may have used is never replaced: its marker was synced before anything was handed
//     out.
// (3) The file only grows, by zeros that are synced before any meta page speaks of them.

#include "engine/wal/log_file.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/base/assert.h"
#include "engine/base/memory.h"
#include "engine/base/sites.h"
#include "engine/base/size.h"
#include "engine/base/try.h"
#include "engine/wal/log_reader.h"

namespace manifolddb::wal {
namespace {

using format::MetaVerdict;

constexpr uint64_t kFillBytes = uint64_t{1} << 20;
// Wherever the marker of a log of unknown write unit may be, it lies below this.
constexpr uint64_t kMarkerEndMax = uint64_t{2} * format::kWriteUnitMax;

bool AllZero(ByteView bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

uint64_t FileBytes(uint32_t write_unit, uint64_t capacity) {
  return format::LogRingOffset(write_unit) + capacity;
}

std::unexpected<Error> Refuse(const File& log, Errc code, const char* operation, std::string message) {
  return Fail(code, operation, {.file = log.name(), .offset = 0, .message = std::move(message)});
}

// Writes zeros to [begin, end), which are multiples of the write unit.
Status FillZeros(File& log, uint64_t begin, uint64_t end) {
  MANIFOLDDB_ASSERT(begin < end);
  MANIFOLDDB_ASSIGN(base::Buffer zeros, base::Buffer::Make(std::min(kFillBytes, end - begin), "wal.fill"));
  std::memset(zeros.data(), 0, zeros.size());
  for (uint64_t at = begin; at < end;) {
    const uint64_t bytes = std::min<uint64_t>(zeros.size(), end - at);
    MANIFOLDDB_TRY(log.Write(at, zeros.view().first(base::ToSize(bytes))));
    at += bytes;
  }
  return {};
}

// Whether the bytes at the front of a log say that it was never opened.
bool NeverOpened(ByteView front) {
  const format::DecodedLogHeader decoded = format::DecodeLogHeader(front);
  if (decoded.verdict == MetaVerdict::kNewerFormat) return false;
  if (decoded.verdict == MetaVerdict::kValid) {
    const uint32_t unit = decoded.header.write_unit;
    return front.size() >= 2 * unit && AllZero(front.subspan(unit, unit));
  }
  // No crash leaves an unreadable header, only damage, or somebody else's file. Zeros have nothing to lose.
  return AllZero(front);
}

Status CheckReplaceable(Storage& storage, const std::string& name) {
  MANIFOLDDB_ASSIGN(auto log, storage.Open(name, OpenMode::kReadOnly));
  MANIFOLDDB_ASSIGN(uint64_t size, log->Size());
  size = std::min(size, kMarkerEndMax);
  MANIFOLDDB_ASSIGN(base::Buffer front, base::Buffer::Make(kMarkerEndMax, "wal.create"));
  const MutableByteView read = front.span().first(base::ToSize(size));
  if (!read.empty()) MANIFOLDDB_TRY(log->Read(0, read));
  if (NeverOpened(read)) {
    MANIFOLDDB_MARK("wal.create.replaced");
    return {};
  }
  return Refuse(
      *log, Errc::kCorrupt, "wal.create",
      "this log is in use or not a log, and its data file is missing; restore the data file, or move "
      "this file away to create a new database");
}

Status WriteNewLog(File& log, const format::LogHeader& header, uint64_t capacity) {
  const uint64_t end = FileBytes(header.write_unit, capacity);
  MANIFOLDDB_TRY(log.Allocate(end));  // a full disk shows here
  MANIFOLDDB_ASSIGN(base::Buffer unit, base::Buffer::Make(header.write_unit, "wal.create"));
  format::EncodeLogHeader(header, unit.span());
  MANIFOLDDB_TRY(log.Write(0, unit.view()));
  MANIFOLDDB_TRY(FillZeros(log, header.write_unit, end));  // marker and ring
  // Without this a crash after the rename leaves a log whose header, length or zeros never arrived.
  if (!MANIFOLDDB_BROKEN("wal.create.sync.skip")) MANIFOLDDB_TRY(log.Sync());
  return {};
}

const char* WhyNot(const format::LogHeader& found, const format::LogHeader& expected) {
  if (found.identity != expected.identity && !MANIFOLDDB_BROKEN("wal.open.identity.skip")) {
    return "this is the log of another database";
  }
  if (found.write_unit != expected.write_unit) return "the log's write unit is not the data file's";
  return nullptr;
}

}  // namespace

Status CreateLog(Storage& storage, const std::string& name, const format::LogHeader& header,
                 uint64_t capacity) {
  MANIFOLDDB_ASSERT(
      (LogRing{.capacity = capacity, .origin = {}, .write_unit = header.write_unit}.Possible()));
  MANIFOLDDB_ASSIGN(const bool exists, storage.Exists(name));
  if (exists) {
    MANIFOLDDB_TRY(CheckReplaceable(storage, name));
    // The creation before may have been cut while the name of its data file was away, to be given again. That
    // it is gone must be durable before its log is: a power cut would put the old file beside the new log.
    if (!MANIFOLDDB_BROKEN("wal.create.replace.syncdir.skip")) MANIFOLDDB_TRY(storage.SyncDirectory());
  }
  const std::string temporary = name + "-new";
  Status written;
  {
    MANIFOLDDB_ASSIGN(auto log, storage.Open(temporary, OpenMode::kCreate));
    written = WriteNewLog(*log, header, capacity);
  }
  if (!written) {
    // Gives a full disk its room back. If this fails too, the next creation overwrites what is there.
    static_cast<void>(storage.Remove(temporary));
    return written;
  }
  MANIFOLDDB_TRY(storage.Rename(temporary, name));
  // Without this a crash after the data file's creation may leave that without its log.
  if (!MANIFOLDDB_BROKEN("wal.create.syncdir.skip")) MANIFOLDDB_TRY(storage.SyncDirectory());
  return {};
}

Result<std::unique_ptr<File>> OpenLog(Storage& storage, const std::string& name, OpenMode mode,
                                      const format::LogHeader& expected, uint64_t capacity) {
  MANIFOLDDB_ASSERT(mode != OpenMode::kCreate);
  auto opened = storage.Open(name, mode);
  if (!opened && opened.error().code() == Errc::kNotFound) {
    // The log was durable before the data file had its name: somebody took it away.
    return Fail(Errc::kCorrupt, "wal.open",
                {.file = opened.error().file(), .message = "the log is missing; the data file needs it"},
                opened.error());
  }
  MANIFOLDDB_ASSIGN(std::unique_ptr<File> log, std::move(opened));
  MANIFOLDDB_ASSIGN(const uint64_t size, log->Size());
  const uint64_t needed = FileBytes(expected.write_unit, capacity);
  const auto too_short = [&] {
    return Refuse(*log, Errc::kCorrupt, "wal.open",
                  "the log has " + std::to_string(size) + " bytes, its ring needs " + std::to_string(needed));
  };
  if (size < expected.write_unit) return too_short();
  MANIFOLDDB_ASSIGN(base::Buffer unit, base::Buffer::Make(expected.write_unit, "wal.open"));
  MANIFOLDDB_TRY(log->Read(0, unit.span()));
  const format::DecodedLogHeader decoded = format::DecodeLogHeader(unit.view());
  if (decoded.verdict == MetaVerdict::kNewerFormat) {
    return Refuse(*log, Errc::kNewerFormat, "wal.open", decoded.why);
  }
  if (decoded.verdict != MetaVerdict::kValid) return Refuse(*log, Errc::kCorrupt, "wal.open", decoded.why);
  // Files of two databases put together, or one restored from an old copy of another.
  if (const char* why = WhyNot(decoded.header, expected)) {
    return Refuse(*log, Errc::kCorrupt, "wal.open", why);
  }
  // The length was synced at creation, or before the meta page that states this capacity. (Of another
  // database's log it says nothing, so this comes last.)
  if (size < needed) return too_short();
  return log;
}

Status MarkOpened(File& log, const format::LogHeader& header, format::Life life) {
  MANIFOLDDB_ASSIGN(base::Buffer unit, base::Buffer::Make(header.write_unit, "wal.mark_opened"));
  format::EncodeLogMarker(header.identity, life, unit.span());
  MANIFOLDDB_TRY(log.Write(header.write_unit, unit.view()));
  if (!MANIFOLDDB_BROKEN("wal.mark_opened.sync.skip")) MANIFOLDDB_TRY(log.Sync());
  return {};
}

Result<bool> IsMarked(File& log, const format::LogHeader& header) {
  MANIFOLDDB_ASSIGN(base::Buffer unit, base::Buffer::Make(header.write_unit, "wal.open"));
  MANIFOLDDB_TRY(log.Read(header.write_unit, unit.span()));
  return !AllZero(unit.view());
}

Status CheckMarker(File& log, const format::LogHeader& header, format::Life newest) {
  MANIFOLDDB_ASSIGN(base::Buffer unit, base::Buffer::Make(header.write_unit, "wal.open"));
  MANIFOLDDB_TRY(log.Read(header.write_unit, unit.span()));
  const std::optional<format::Life> marked = format::DecodeLogMarker(unit.view(), header.identity);
  if (!marked) {
    // Never opened, or a crash tore it: then nothing had been handed out by the life that wrote it, and the
    // data file knows that life. Or it was damaged: what that life wrote to the log still tells.
    MANIFOLDDB_MARK("wal.marker_unreadable");
    if (MANIFOLDDB_BROKEN("wal.marker.unreadable.skip")) return {};
    return CheckLives(log, header, newest);
  }
  if (*marked <= newest || MANIFOLDDB_BROKEN("wal.marker.life.skip")) return {};
  return Fail(Errc::kCorrupt, "wal.open",
              {.file = log.name(),
               .offset = header.write_unit,
               .message = "the log was in use by opening " + std::to_string(marked->raw()) +
                          " of the database, its data file knows of " + std::to_string(newest.raw()) +
                          " only: an older copy; restore the data file that belongs to this log"});
}

uint64_t RingBytesIn(uint32_t write_unit, uint64_t file_bytes) {
  const uint64_t front = format::LogRingOffset(write_unit);
  return file_bytes < front ? 0 : (file_bytes - front) / write_unit * write_unit;
}

Status GrowLog(File& log, uint32_t write_unit, uint64_t old_capacity, uint64_t new_capacity,
               NewBytes new_bytes) {
  MANIFOLDDB_ASSERT(old_capacity < new_capacity);
  MANIFOLDDB_ASSERT(old_capacity % write_unit == 0 && new_capacity % write_unit == 0);
  const uint64_t end = FileBytes(write_unit, new_capacity);
  MANIFOLDDB_TRY(log.Allocate(end));
  if (new_bytes == NewBytes::kWritten)
    MANIFOLDDB_TRY(FillZeros(log, FileBytes(write_unit, old_capacity), end));
  // Without this a crash after the meta page leaves a ring that is longer than its file.
  if (!MANIFOLDDB_BROKEN("wal.grow.sync.skip")) MANIFOLDDB_TRY(log.Sync());
  return {};
}

}  // namespace manifolddb::wal
