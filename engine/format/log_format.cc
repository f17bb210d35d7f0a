// The parts of the log file to bytes and back.
//
// (1) A group is judged in two steps: its header is read first, only to know how many bytes to look at;
//     nothing in it counts before the checksum over all of them has matched.
// (2) Padding behind the records is written as zeros and never read.
// Whether an intact group is the one expected (identity, life, position, chain) is for the reader of the log.

#include "engine/format/log_format.h"

#include <bit>
#include <cstring>
#include <limits>

#include "engine/base/assert.h"
#include "engine/base/checksum.h"
#include "engine/base/sites.h"
#include "engine/base/size.h"

namespace manifolddb::format {
namespace {

constexpr std::array<char, 8> kHeaderMagic = {'m', 'f', 'l', 'd', '-', 'w', 'a', 'l'};
constexpr std::array<char, 8> kMarkerMagic = {'m', 'f', 'l', 'd', '-', 'u', 's', 'e'};

// Of what follows the checksum field, which lies behind the magic in both structs.
template <class Disk>
uint64_t ChecksumOf(const Disk& disk) {
  constexpr size_t kChecked = offsetof(Disk, checksum) + sizeof(Disk::checksum);
  static_assert(kChecked == 16);
  return base::Checksum64(std::as_bytes(std::span(&disk, 1)).subspan(kChecked));
}

bool WriteUnitPossible(uint32_t write_unit) {
  return std::has_single_bit(write_unit) && write_unit >= kWriteUnitMin && write_unit <= kWriteUnitMax;
}

constexpr size_t kGroupChecked = offsetof(LogGroupDisk, checksum) + sizeof(LogGroupDisk::checksum);
static_assert(offsetof(LogGroupDisk, checksum) == 0);

uint64_t GroupChecksum(ByteView group, uint64_t record_bytes) {
  const uint64_t bytes = sizeof(LogGroupDisk) - kGroupChecked + record_bytes;
  return base::Checksum64(group.subspan(kGroupChecked, base::ToSize(bytes)));
}

DecodedLogHeader RefuseLog(MetaVerdict verdict, const char* why) {
  return {.verdict = verdict, .why = why, .header = {}};
}

}  // namespace

void EncodeLogHeader(const LogHeader& header, MutableByteView unit) {
  MANIFOLDDB_ASSERT(WriteUnitPossible(header.write_unit));
  MANIFOLDDB_ASSERT(unit.size() == header.write_unit);
  LogHeaderDisk disk = {};
  disk.magic = kHeaderMagic;
  disk.format_version = kFormatVersion;
  disk.write_unit = header.write_unit;
  disk.identity = header.identity;
  disk.checksum = ChecksumOf(disk);
  std::memset(unit.data(), 0, unit.size());
  std::memcpy(unit.data(), &disk, sizeof disk);
}

DecodedLogHeader DecodeLogHeader(ByteView unit) {
  // The header was synced before the log got its name, so no crash explains any of these: rot, a lost or
  // misdirected write, a file that is not ours.
  if (unit.size() < sizeof(LogHeaderDisk))
    return RefuseLog(MetaVerdict::kNotOurs, "shorter than a log header");
  LogHeaderDisk disk;
  std::memcpy(&disk, unit.data(), sizeof disk);
  if (disk.magic != kHeaderMagic) return RefuseLog(MetaVerdict::kNotOurs, "no log header's magic");
  if (disk.checksum != ChecksumOf(disk) && !MANIFOLDDB_BROKEN("format.log_header_checksum.skip")) {
    return RefuseLog(MetaVerdict::kDamaged, "the log header's checksum does not match");
  }
  // Intact, and of a program yet to be written.
  if (disk.format_version > kFormatVersion) {
    return RefuseLog(MetaVerdict::kNewerFormat, "a newer format version");
  }
  // Forged or miswritten: no damage leaves the checksum right.
  if (disk.format_version != kFormatVersion)
    return RefuseLog(MetaVerdict::kDamaged, "no such format version");
  if (!WriteUnitPossible(disk.write_unit)) {
    return RefuseLog(MetaVerdict::kDamaged, "the write unit is impossible");
  }
  if (disk.reserved != std::array<std::byte, 24>{}) {
    return RefuseLog(MetaVerdict::kDamaged, "reserved bytes of the log header are not zero");
  }
  return {.verdict = MetaVerdict::kValid,
          .why = nullptr,
          .header = {.write_unit = disk.write_unit, .identity = disk.identity}};
}

void EncodeLogMarker(const Identity& identity, Life life, MutableByteView unit) {
  MANIFOLDDB_ASSERT(WriteUnitPossible(static_cast<uint32_t>(unit.size())));
  LogMarkerDisk disk = {};
  disk.magic = kMarkerMagic;
  disk.identity = identity;
  disk.life = life.raw();
  disk.checksum = ChecksumOf(disk);
  std::memset(unit.data(), 0, unit.size());
  std::memcpy(unit.data(), &disk, sizeof disk);
}

std::optional<Life> DecodeLogMarker(ByteView unit, const Identity& identity) {
  if (unit.size() < sizeof(LogMarkerDisk)) return std::nullopt;
  LogMarkerDisk disk;
  std::memcpy(&disk, unit.data(), sizeof disk);
  // Zeros before the first opening; torn by a crash in any; rot later.
  // No site: the campaign needs a minute and a half of a core to meet it (docs/mutants.md).
  const bool summed = disk.checksum == ChecksumOf(disk);
  const bool intact = disk.magic == kMarkerMagic && summed;
  const bool ours = disk.identity == identity || MANIFOLDDB_BROKEN("decode.marker.identity");
  if (!intact || !ours || disk.life > kLifeMax) return std::nullopt;
  return Life{disk.life};
}

uint64_t SealLogGroup(const LogGroup& header, MutableByteView group) {
  MANIFOLDDB_ASSERT(header.records > 0 && header.bytes >= header.records * sizeof(LogRecordDisk));
  MANIFOLDDB_ASSERT(group.size() >= sizeof(LogGroupDisk) + header.bytes);
  MANIFOLDDB_ASSERT(group.size() <= kLogGroupBytesMax);
  MANIFOLDDB_ASSERT(header.durable_lsn <= header.lsn);
  LogGroupDisk disk = {};
  disk.magic = kLogGroupMagic;
  disk.records = header.records;
  disk.bytes = header.bytes;
  disk.identity = header.identity;
  disk.life = header.life.raw();
  disk.lsn = header.lsn.raw();
  disk.first_txn = header.first_txn.raw();
  disk.chain = header.chain;
  disk.durable_lsn = header.durable_lsn.raw();
  disk.durable_meta = header.durable_meta.raw();
  std::memcpy(group.data(), &disk, sizeof disk);
  const size_t used = base::ToSize(sizeof disk + header.bytes);
  std::memset(group.data() + used, 0, group.size() - used);
  const uint64_t checksum = GroupChecksum(group, header.bytes);
  base::StoreLe(group.data(), checksum);
  MANIFOLDDB_ASSERT_SLOW(LogGroupIntact(group));
  return checksum;
}

bool DecodeLogGroupHeader(ByteView bytes, LogGroup& out) {
  if (bytes.size() < sizeof(LogGroupDisk)) return false;
  LogGroupDisk disk;
  std::memcpy(&disk, bytes.data(), sizeof disk);
  // Zeros of a ring never used here, the middle of an older group, a write torn at the front.
  if (disk.magic != kLogGroupMagic) return false;
  // The rest is torn, rotten or forged; checked before the checksum since the length says what that covers,
  // and the sums of positions must not wrap.
  const bool too_long = disk.bytes > kLogGroupBytesMax - sizeof disk;
  if (disk.records == 0 || (too_long && !MANIFOLDDB_BROKEN("decode.group.length")) ||
      disk.bytes / sizeof(LogRecordDisk) < disk.records) {
    return false;
  }
  if (disk.life == 0 || disk.life > kLifeMax || disk.lsn > kLsnMax) return false;
  if (disk.first_txn == 0 || disk.first_txn > kNumberMax) return false;
  out = {.checksum = disk.checksum,
         .records = disk.records,
         .bytes = disk.bytes,
         .identity = disk.identity,
         .life = Life{disk.life},
         .lsn = Lsn{disk.lsn},
         .first_txn = TxnId{disk.first_txn},
         .chain = disk.chain,
         .durable_lsn = Lsn{disk.durable_lsn},
         .durable_meta = MetaNumber{disk.durable_meta}};
  return true;
}

bool LogGroupIntact(ByteView group) {
  LogGroup header;
  if (!DecodeLogGroupHeader(group, header)) return false;
  const bool whole = header.bytes <= group.size() - sizeof(LogGroupDisk);
  if (!whole && !MANIFOLDDB_BROKEN("decode.group.end")) return false;
  return header.checksum == GroupChecksum(group, header.bytes) || MANIFOLDDB_BROKEN("decode.group.checksum");
}

LogRecordDisk EncodeLogRecord(uint64_t bytes) {
  MANIFOLDDB_ASSERT(bytes <= kLogGroupBytesMax);
  static_assert(kLogGroupBytesMax <= std::numeric_limits<uint32_t>::max());
  LogRecordDisk disk = {};
  disk.bytes = static_cast<uint32_t>(bytes);
  return disk;
}

std::optional<ByteView> TakeLogRecord(ByteView& records) {
  MANIFOLDDB_ASSERT(!records.empty());
  // Behind a matching checksum only a forger or a fault of ours makes these.
  if (records.size() < sizeof(LogRecordDisk)) return std::nullopt;
  LogRecordDisk disk;
  std::memcpy(&disk, records.data(), sizeof disk);
  if (disk.reserved != 0 && !MANIFOLDDB_BROKEN("decode.record.reserved")) return std::nullopt;
  if (disk.bytes > records.size() - sizeof disk && !MANIFOLDDB_BROKEN("decode.record.end")) {
    return std::nullopt;
  }
  const ByteView operations = records.subspan(sizeof disk, disk.bytes);
  records = records.subspan(sizeof disk + disk.bytes);
  return operations;
}

}  // namespace manifolddb::format
