// The four copies of meta pages. The write unit that says where they lie stands in themselves, so each is
// tried.
//
// (1) A copy that the decoder refuses is shown nevertheless, and said to be refused: this is for looking at
// damage.

#include "tools/meta_area.h"

#include <cstring>
#include <tuple>

#include "engine/base/try.h"
#include "tools/text.h"

namespace manifolddb::tools {

using format::MetaVerdict;

namespace {

Result<MetaArea> ReadWithUnit(RawFile& data, uint32_t write_unit) {
  MetaArea area;
  area.write_unit = write_unit;
  for (int index = 0; index < 4; ++index) {
    MetaCopy& copy = area.copies[static_cast<size_t>(index)];
    copy.slot = index / 2;
    copy.copy = index % 2;
    copy.offset = format::MetaOffset(copy.slot, copy.copy, write_unit);
    MANIFOLDDB_ASSIGN(const ByteView unit, data.Read(copy.offset, write_unit));
    copy.decoded.why = "beyond the end of the file";
    if (unit.size() < sizeof copy.disk) continue;
    copy.present = true;
    std::memcpy(&copy.disk, unit.data(), sizeof copy.disk);
    copy.decoded = format::DecodeMetaPage(unit);
  }
  return area;
}

// How well a write unit explains the file: a valid copy that states it outweighs all that only look like one.
int Score(const MetaArea& area) {
  int score = 0;
  for (const MetaCopy& copy : area.copies) {
    if (copy.valid() && copy.decoded.meta.write_unit == area.write_unit) {
      score += 16;
    } else if (copy.decoded.verdict != MetaVerdict::kNotOurs) {
      score += 1;
    }
  }
  return score;
}

auto Age(const MetaCopy& copy) {
  const format::MetaPage& meta = copy.decoded.meta;
  return std::make_tuple(meta.number, meta.life, static_cast<int>(meta.copy_order));
}

}  // namespace

std::string MetaCopy::Where() const {
  return std::string("slot ") + (slot == 0 ? "A" : "B") + ", copy " + std::to_string(copy);
}

const MetaCopy* MetaArea::Newest() const {
  const MetaCopy* newest = nullptr;
  for (const MetaCopy& copy : copies) {
    if (copy.valid() && (newest == nullptr || Age(*newest) < Age(copy))) newest = &copy;
  }
  return newest;
}

bool MetaArea::SlotReadable(int slot) const {
  for (const MetaCopy& copy : copies) {
    if (copy.slot == slot && copy.valid()) return true;
  }
  return false;
}

Result<MetaArea> ReadMetaArea(RawFile& data) {
  MetaArea best;
  int best_score = -1;
  for (uint32_t unit = format::kWriteUnitMin; unit <= format::kWriteUnitMax; unit *= 2) {
    MANIFOLDDB_ASSIGN(MetaArea area, ReadWithUnit(data, unit));
    const int score = Score(area);
    if (score <= best_score) continue;
    best_score = score;
    best = area;
  }
  best.unit_known = best_score >= 16;
  if (const MetaCopy* const newest = best.Newest(); newest != nullptr) {
    for (MetaCopy& copy : best.copies) {
      copy.newest = copy.valid() && copy.decoded.meta.number == newest->decoded.meta.number &&
                    copy.decoded.meta.life == newest->decoded.meta.life;
    }
  }
  return best;
}

const char* VerdictName(MetaVerdict verdict) {
  switch (verdict) {
    case MetaVerdict::kValid: return "valid";
    case MetaVerdict::kNotOurs: return "not a meta page";
    case MetaVerdict::kDamaged: return "damaged";
    case MetaVerdict::kNewerFormat: return "newer format";
  }
  return "";
}

nlohmann::ordered_json MetaFields(const format::MetaPageDisk& disk) {
  const auto number = [](auto field) { return static_cast<uint64_t>(field); };
  return {
      {"magic", Escape({disk.magic.data(), disk.magic.size()})},
      {"checksum", number(disk.checksum)},
      {"format_version", number(disk.format_version)},
      {"page_size", number(disk.page_size)},
      {"write_unit", number(disk.write_unit)},
      {"clean", number(disk.clean)},
      {"copy_order", number(disk.copy_order)},
      {"features", number(disk.features)},
      {"number", number(disk.number)},
      {"identity", Hex(disk.identity)},
      {"life", number(disk.life)},
      {"log_life", number(disk.log_life)},
      {"txn", number(disk.txn)},
      {"lsn", number(disk.lsn)},
      {"chain", number(disk.chain)},
      {"log_capacity", number(disk.log_capacity)},
      {"log_origin", number(disk.log_origin)},
      {"catalog_root_id", number(disk.catalog_root_id)},
      {"catalog_root_birth", number(disk.catalog_root_birth)},
      {"catalog_entries", number(disk.catalog_entries)},
      {"free_map_first", number(disk.free_map.first)},
      {"free_map_birth", number(disk.free_map.birth)},
      {"free_map_bytes", number(disk.free_map.bytes)},
      {"free_map_checksum", number(disk.free_map.checksum)},
      {"page_count", number(disk.page_count)},
      {"next_family", number(disk.next_family)},
  };
}

}  // namespace manifolddb::tools
