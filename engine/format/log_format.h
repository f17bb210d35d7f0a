#pragma once
// The log file: a header unit, a marker unit, then the ring in which groups lie, each on fresh write units.

#include <array>
#include <cstdint>
#include <optional>

#include "engine/base/le.h"
#include "engine/format/ids.h"
#include "engine/format/layout.h"
#include "engine/format/meta_page.h"
#include "manifolddb/bytes.h"
#include "manifolddb/result.h"

namespace manifolddb::format {

// Unit 0, written at creation and never again. Magic, checksum rule (these 64 bytes) and the place of the
// version are the same in every future version.
struct LogHeaderDisk {
  std::array<char, 8> magic;  // "mfld-wal"
  base::le64 checksum;        // of all bytes after this field, to the struct's end
  base::le32 format_version;
  base::le32 write_unit;
  Identity identity;
  std::array<std::byte, 24> reserved;
};
FORMAT_SIZE(LogHeaderDisk, 64);
FORMAT_FIELD(LogHeaderDisk, checksum, 8);
FORMAT_FIELD(LogHeaderDisk, format_version, 16);
FORMAT_FIELD(LogHeaderDisk, write_unit, 20);
FORMAT_FIELD(LogHeaderDisk, identity, 24);
FORMAT_FIELD(LogHeaderDisk, reserved, 40);

// Unit 1, zeros until the database was opened for the first time. A log whose marker holds anything but zeros
// is never replaced by a creation, even if the data file is missing. Each life writes it anew before it hands
// anything out: a data file that knows only of earlier lives is an older one.
struct LogMarkerDisk {
  std::array<char, 8> magic;  // "mfld-use"
  base::le64 checksum;        // of all bytes after this field, to the struct's end
  Identity identity;
  base::le64 life;  // the newest whose meta pages were durable; 0: the creation's
};
FORMAT_SIZE(LogMarkerDisk, 40);
FORMAT_FIELD(LogMarkerDisk, checksum, 8);
FORMAT_FIELD(LogMarkerDisk, identity, 16);
FORMAT_FIELD(LogMarkerDisk, life, 32);

// Before the records of one group, at the start of a write unit.
struct LogGroupDisk {
  base::le64 checksum;  // of all bytes after this field, to the end of the records
  base::le32 magic;     // kLogGroupMagic
  base::le32 records;   // transactions in the group, at least one
  base::le64 bytes;     // of the records together
  Identity identity;
  base::le64 life;
  base::le64 lsn;           // where this group starts
  base::le64 first_txn;     // the others follow densely
  base::le64 chain;         // checksum of the group before, or the meta page's chain value
  base::le64 durable_lsn;   // when this was submitted, everything below was durable
  base::le64 durable_meta;  // when this was submitted, this meta page was durable
};
FORMAT_SIZE(LogGroupDisk, 88);
FORMAT_FIELD(LogGroupDisk, magic, 8);
FORMAT_FIELD(LogGroupDisk, records, 12);
FORMAT_FIELD(LogGroupDisk, bytes, 16);
FORMAT_FIELD(LogGroupDisk, identity, 24);
FORMAT_FIELD(LogGroupDisk, life, 40);
FORMAT_FIELD(LogGroupDisk, lsn, 48);
FORMAT_FIELD(LogGroupDisk, first_txn, 56);
FORMAT_FIELD(LogGroupDisk, chain, 64);
FORMAT_FIELD(LogGroupDisk, durable_lsn, 72);
FORMAT_FIELD(LogGroupDisk, durable_meta, 80);
inline constexpr uint32_t kLogGroupMagic = 0x5047464d;  // "MFGP"
// Header and records of one group, at most: bounds what a reader must hold in memory at once.
inline constexpr uint64_t kLogGroupBytesMax = uint64_t{1} << 30;

// Before the operations of one transaction (redo.h).
struct LogRecordDisk {
  base::le32 bytes;  // of the operations, without this header
  base::le32 reserved;
};
FORMAT_SIZE(LogRecordDisk, 8);
FORMAT_FIELD(LogRecordDisk, reserved, 4);

// Byte offset of the ring in the log file.
constexpr uint64_t LogRingOffset(uint32_t write_unit) { return uint64_t{2} * write_unit; }
// Bytes that a group with `record_bytes` of records (their headers included) takes in the ring.
constexpr uint64_t LogGroupSpan(uint64_t record_bytes, uint32_t write_unit) {
  const uint64_t bytes = sizeof(LogGroupDisk) + record_bytes;
  return (bytes + write_unit - 1) / write_unit * write_unit;
}

struct LogHeader {
  uint32_t write_unit = 0;
  Identity identity = {};
};
void EncodeLogHeader(const LogHeader& header, MutableByteView unit);
struct DecodedLogHeader {
  MetaVerdict verdict = MetaVerdict::kNotOurs;
  const char* why = nullptr;
  LogHeader header;
};
DecodedLogHeader DecodeLogHeader(ByteView unit);
void EncodeLogMarker(const Identity& identity, Life life, MutableByteView unit);
// The life that it names, if it is intact and of this database.
std::optional<Life> DecodeLogMarker(ByteView unit, const Identity& identity);

// A group header in memory.
struct LogGroup {
  uint64_t checksum = 0;  // set by decoding and by SealLogGroup: the chain value of the next group
  uint32_t records = 0;
  uint64_t bytes = 0;
  Identity identity = {};
  Life life = {};
  Lsn lsn = {};
  TxnId first_txn = {};
  uint64_t chain = 0;
  Lsn durable_lsn = {};
  MetaNumber durable_meta = {};
};
// Writes the header in front of the records that already lie at group.data() + sizeof(LogGroupDisk), zeroes
// the padding behind them, and returns the checksum. `group` is LogGroupSpan(header.bytes) bytes.
uint64_t SealLogGroup(const LogGroup& header, MutableByteView group);
// Reads a header without looking at the checksum; false if it cannot be one (magic, zero records, ...). What
// it accepts has a span of at most kLogGroupBytesMax and positions that can be added to without overflow.
bool DecodeLogGroupHeader(ByteView bytes, LogGroup& out);
// True if `group` (header and records, LogGroupSpan bytes or more) has the checksum its header states.
bool LogGroupIntact(ByteView group);

// The header of a record of `bytes` operations bytes.
LogRecordDisk EncodeLogRecord(uint64_t bytes);
// Cuts the first record off `records` and returns its operations; none if the bytes do not begin with a
// record that ends inside them. REQUIRES: !records.empty().
std::optional<ByteView> TakeLogRecord(ByteView& records);

}  // namespace manifolddb::format
