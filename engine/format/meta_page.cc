// Meta pages to bytes and back.
//
// (1) Decoding trusts nothing: what it calls valid satisfies WhyImpossible, hence every position and
//     reference in it can be computed with without overflow and lies inside the file it describes.
// (2) Encoding asserts the same, so no program of ours writes what it would refuse to read. (Numbers that
//     grow may be written up to twice as far as they are believed, see kNumberMax: nobody gets there.)
// (3) One valid meta page has one encoding.
// The checksum covers the struct, not the rest of the write unit, which nobody reads.

#include "engine/format/meta_page.h"

#include <bit>
#include <cstring>

#include "engine/base/assert.h"
#include "engine/base/checksum.h"
#include "engine/base/sites.h"

namespace manifolddb::format {
namespace {

constexpr std::array<char, 7> kMagic = {'m', 'a', 'n', 'i', 'f', 'd', 'b'};
constexpr size_t kChecked = offsetof(MetaPageDisk, checksum) + sizeof(MetaPageDisk::checksum);
constexpr uint64_t kFileBytesMax = uint64_t{1} << 62;

bool PowerOfTwoIn(uint32_t value, uint32_t min, uint32_t max) {
  return std::has_single_bit(value) && value >= min && value <= max;
}

// Drawn by this or an earlier life.
bool BirthPossible(Birth birth, Life life) { return LifeOf(birth).raw() >= 1 && LifeOf(birth) <= life; }

const char* WhyTreeImpossible(const MetaPage& meta, uint64_t number_max) {
  const TreeRoot& tree = meta.catalog;
  if (tree.root.null()) {
    return tree.root.birth != Birth{} || tree.entries != 0 ? "a catalog without a root has a birth or entries"
                                                           : nullptr;
  }
  if (tree.entries == 0) return "the catalog has a root and no entries";
  if (tree.entries > number_max) return "the catalog's number of entries is impossible";
  const bool inside =
      tree.root.id >= FirstPage(meta.page_size, meta.write_unit) && tree.root.id.raw() < meta.page_count;
  if (!inside && !MANIFOLDDB_BROKEN("decode.meta.catalog_place")) {
    return "the catalog's root lies outside the file";
  }
  if (!BirthPossible(tree.root.birth, meta.life)) return "the catalog's root was born in no life so far";
  return nullptr;
}

const char* WhyFreeMapImpossible(const MetaPage& meta) {
  const ExtentRef& map = meta.free_map;
  if (map.null()) {
    return map != ExtentRef{} ? "a free map without a place has a birth, length or checksum" : nullptr;
  }
  if (map.bytes != (meta.page_count + 7) / 8) return "the free map's length does not fit the number of pages";
  if (map.first < FirstPage(meta.page_size, meta.write_unit) || map.first.raw() >= meta.page_count ||
      (ExtentPages(map.bytes, meta.page_size) > meta.page_count - map.first.raw() &&
       !MANIFOLDDB_BROKEN("decode.meta.free_map_end"))) {
    return "the free map lies outside the file";
  }
  if (!BirthPossible(map.birth, meta.life)) return "the free map was born in no life so far";
  return nullptr;
}

// No crash or bit rot makes one of these behind a matching checksum: only another program, or a fault of
// ours. They are checked because everything after relies on them, and because a checksum can be forged.
const char* WhyImpossible(const MetaPage& meta, uint64_t number_max) {
  if (!PowerOfTwoIn(meta.page_size, kPageBytesMin, kPageBytesMax)) return "the page size is impossible";
  if (!PowerOfTwoIn(meta.write_unit, kWriteUnitMin, kWriteUnitMax)) return "the write unit is impossible";
  if (meta.page_size < meta.write_unit) return "a page is smaller than the write unit";
  if (meta.number == MetaNumber{}) return "the meta page's number is zero";
  if (meta.number.raw() > number_max) return "the meta page's number is impossible";
  if (meta.txn.raw() > number_max) return "the commit's number is impossible";
  // Life 0 is the creation: nobody has opened it, nothing follows.
  if (meta.life.raw() > kLifeMax || (meta.life == Life{} && !meta.clean)) return "the life is impossible";
  if ((meta.log_life > meta.life && !MANIFOLDDB_BROKEN("decode.meta.log_life")) ||
      (meta.log_life == Life{} && meta.life != Life{})) {
    return "the log's life is impossible";
  }
  if (meta.copy_order != CopyOrder::kFirst && meta.copy_order != CopyOrder::kSecond) {
    return "the copy is neither the first nor the second";
  }
  if (meta.log_capacity % meta.write_unit != 0 || meta.log_capacity / meta.write_unit < kLogRingUnitsMin ||
      meta.log_capacity > kLogRingBytesMax) {
    return "the log's capacity is impossible";
  }
  if (meta.lsn.raw() > number_max || meta.log_origin > meta.lsn ||
      Distance(meta.log_origin, meta.lsn) % meta.write_unit != 0) {
    return "the log position is impossible";
  }
  if (meta.page_count < FirstPage(meta.page_size, meta.write_unit).raw() ||
      meta.page_count > kFileBytesMax / meta.page_size) {
    return "the number of pages is impossible";
  }
  if (meta.next_family == FamilyId{}) return "the next column family is zero";
  if (meta.next_family.raw() > kFamilyIdMax + 1) return "the next column family's id is impossible";
  if (const char* why = WhyTreeImpossible(meta, number_max)) return why;
  return WhyFreeMapImpossible(meta);
}

uint64_t ChecksumOf(const MetaPageDisk& disk) {
  return base::Checksum64(std::as_bytes(std::span(&disk, 1)).subspan(kChecked));
}

template <size_t kSize>
bool AllZero(const std::array<std::byte, kSize>& bytes) {
  return bytes == std::array<std::byte, kSize>{};
}

MetaPage FieldsOf(const MetaPageDisk& disk) {
  return {.number = MetaNumber{disk.number},
          .identity = disk.identity,
          .page_size = disk.page_size,
          .write_unit = disk.write_unit,
          .life = Life{disk.life},
          .log_life = Life{disk.log_life},
          .clean = disk.clean == 1,
          .copy_order = static_cast<CopyOrder>(disk.copy_order),
          .txn = TxnId{disk.txn},
          .lsn = Lsn{disk.lsn},
          .chain = disk.chain,
          .log_capacity = disk.log_capacity,
          .log_origin = Lsn{disk.log_origin},
          .catalog = {.root = {.id = PageId{disk.catalog_root_id}, .birth = Birth{disk.catalog_root_birth}},
                      .entries = disk.catalog_entries},
          .free_map = Decode(disk.free_map),
          .page_count = disk.page_count,
          .next_family = FamilyId{disk.next_family},
          .savepoints = (disk.features & kFeatureSavepoints) != 0};
}

DecodedMeta Refuse(MetaVerdict verdict, const char* why) {
  return {.verdict = verdict, .why = why, .meta = {}};
}

}  // namespace

void EncodeMetaPage(const MetaPage& meta, uint8_t stamp, MutableByteView unit) {
  MANIFOLDDB_ASSERT(WhyImpossible(meta, kNumberMax) == nullptr);
  MANIFOLDDB_ASSERT(unit.size() == meta.write_unit);
  MetaPageDisk disk = {};
  disk.stamp = stamp;
  disk.magic = kMagic;
  disk.format_version = kFormatVersion;
  disk.page_size = meta.page_size;
  disk.write_unit = meta.write_unit;
  disk.clean = meta.clean ? 1 : 0;
  disk.copy_order = static_cast<uint8_t>(meta.copy_order);
  disk.stamp_again = stamp;
  disk.features = meta.savepoints ? kFeatureSavepoints : 0;
  disk.number = meta.number.raw();
  disk.identity = meta.identity;
  disk.life = meta.life.raw();
  disk.log_life = meta.log_life.raw();
  disk.txn = meta.txn.raw();
  disk.lsn = meta.lsn.raw();
  disk.chain = meta.chain;
  disk.log_capacity = meta.log_capacity;
  disk.log_origin = meta.log_origin.raw();
  disk.catalog_root_id = meta.catalog.root.id.raw();
  disk.catalog_root_birth = meta.catalog.root.birth.raw();
  disk.catalog_entries = meta.catalog.entries;
  disk.free_map = Encode(meta.free_map);
  disk.page_count = meta.page_count;
  disk.next_family = meta.next_family.raw();
  disk.checksum = ChecksumOf(disk);
  std::memset(unit.data(), 0, unit.size());
  std::memcpy(unit.data(), &disk, sizeof disk);
}

namespace {

DecodedMeta DecodeFields(ByteView unit) {
  // A file that lost its end, or was never one of ours.
  if (unit.size() < sizeof(MetaPageDisk)) return Refuse(MetaVerdict::kNotOurs, "shorter than a meta page");
  MetaPageDisk disk;
  std::memcpy(&disk, unit.data(), sizeof disk);
  // A write torn at the front, a copy never written, rot in the first bytes, another program's file.
  if (disk.magic != kMagic) return Refuse(MetaVerdict::kNotOurs, "no meta page's magic");
  // A write that ended within the bytes that it has in common with what it replaces.
  if (disk.stamp != disk.stamp_again) {
    MANIFOLDDB_MARK("format.meta_stamps_differ");
    return Refuse(MetaVerdict::kDamaged, "the meta page was not written to its end");
  }
  // A write torn further back (two of these copies never tear at once), rot, a stale sector in a larger unit.
  if (disk.checksum != ChecksumOf(disk) && !MANIFOLDDB_BROKEN("format.meta_checksum.skip")) {
    MANIFOLDDB_MARK("format.meta_checksum_wrong");
    return Refuse(MetaVerdict::kDamaged, "the meta page's checksum does not match");
  }
  // An intact page of a program yet to be written: refused without a look at what else it says.
  if (disk.format_version > kFormatVersion) {
    return Refuse(MetaVerdict::kNewerFormat, "a newer format version");
  }
  if ((disk.features & ~kKnownFeatures) != 0) {
    return Refuse(MetaVerdict::kNewerFormat, "uses features that this version does not know");
  }
  // From here on: forged or miswritten, see WhyImpossible.
  if (disk.format_version != kFormatVersion) return Refuse(MetaVerdict::kDamaged, "no such format version");
  if (disk.clean > 1) return Refuse(MetaVerdict::kDamaged, "the clean flag is neither 0 nor 1");
  if ((disk.reserved0 != 0 || !AllZero(disk.reserved1)) && !MANIFOLDDB_BROKEN("decode.meta.reserved")) {
    return Refuse(MetaVerdict::kDamaged, "reserved bytes of the meta page are not zero");
  }
  const MetaPage meta = FieldsOf(disk);
  if (const char* why = WhyImpossible(meta, kNumberReadMax)) return Refuse(MetaVerdict::kDamaged, why);
  return {.verdict = MetaVerdict::kValid, .why = nullptr, .meta = meta};
}

}  // namespace

DecodedMeta DecodeMetaPage(ByteView unit) {
  DecodedMeta decoded = DecodeFields(unit);
  if (!unit.empty()) decoded.stamp = std::to_integer<uint8_t>(unit[0]);
  return decoded;
}

bool BeginsAsMetaPage(ByteView front) {
  constexpr size_t kAt = offsetof(MetaPageDisk, magic);
  return front.size() >= kAt + kMagic.size() &&
         std::memcmp(front.data() + kAt, kMagic.data(), kMagic.size()) == 0;
}

}  // namespace manifolddb::format
