#include "fuzz/rules.h"

#include "fuzz/raw.h"

namespace manifolddb::fuzz {
namespace {

using Wide = unsigned __int128;  // sums and products of anything that 64 bits hold

// The catalog and the free map of a meta page; `first`: the first page behind the meta area.
const char* WhyNoReferences(ByteView unit, uint64_t first) {
  const uint64_t page_size = Le32(unit, 20);
  const uint64_t life = Le64(unit, 64);
  const uint64_t pages = Le64(unit, 176);
  const auto born = [&](uint64_t birth) { return LifeOfBirth(birth) >= 1 && LifeOfBirth(birth) <= life; };
  const uint64_t root = Le64(unit, 120);
  const uint64_t birth = Le64(unit, 128);
  const uint64_t entries = Le64(unit, 136);
  if (root == 0) {
    if (birth != 0 || entries != 0) return "no catalog, but a birth or entries";
  } else {
    if (entries == 0 || entries > kReadMax) return "a catalog without entries, or with too many";
    if (root < first || root >= pages) return "the catalog lies outside the pages";
    if (!born(birth)) return "the catalog was born in no life so far";
  }
  const uint64_t map = Le64(unit, 144);
  if (map == 0) return AllZero(unit.subspan(144, 32)) ? nullptr : "no free map, but something of one";
  const uint64_t bytes = Le64(unit, 160);
  if (Wide{bytes} != (Wide{pages} + 7) / 8) return "the free map has not one bit for each page";
  if (map < first || Wide{map} + (Wide{bytes} + page_size - 1) / page_size > pages) {
    return "the free map lies outside the pages";
  }
  return born(Le64(unit, 152)) ? nullptr : "the free map was born in no life so far";
}

const char* WhyNoCheckpoint(ByteView unit) {
  const uint64_t write_unit = Le32(unit, 24);
  const uint64_t life = Le64(unit, 64);
  const uint64_t log_life = Le64(unit, 72);
  const uint64_t number = Le64(unit, 40);
  if (number == 0 || number > kReadMax || Le64(unit, 80) > kReadMax) return "an impossible number";
  if (life > kLives || (life == 0 && unit[28] != std::byte{1})) return "an impossible life";
  if (log_life > life || (log_life == 0) != (life == 0)) return "an impossible life of the log";
  const uint64_t lsn = Le64(unit, 88);
  const uint64_t capacity = Le64(unit, 104);
  const uint64_t origin = Le64(unit, 112);
  if (capacity % write_unit != 0 || capacity < 8 * write_unit || capacity > uint64_t{1} << 48) {
    return "an impossible ring";
  }
  if (lsn > kReadMax || origin > lsn || (lsn - origin) % write_unit != 0) return "an impossible position";
  const uint64_t next_family = Le64(unit, 184);
  if (next_family == 0 || next_family > kIds + 1) return "an impossible next family";
  return nullptr;
}

}  // namespace

const char* WhyNoMetaPage(ByteView unit) {
  if (!Begins(unit, 1, "manifdb")) return "no magic";
  if (unit[0] != unit[30]) return "the stamps differ";
  if (Le64(unit, 8) != base::Checksum64(unit.subspan(16, 240))) return "the checksum differs";
  if (Le32(unit, 16) != 1 || Le64(unit, 32) > 1) return "another version";
  if (std::to_integer<int>(unit[28]) > 1) return "neither clean nor not";
  const int order = std::to_integer<int>(unit[29]);
  if (order != 1 && order != 2) return "neither the first copy nor the second";
  if (unit[31] != std::byte{0} || !AllZero(unit.subspan(192, 64))) return "reserved bytes";
  const uint64_t page_size = Le32(unit, 20);
  const uint64_t write_unit = Le32(unit, 24);
  if (!PowerOfTwo(page_size, 512, 65536) || !PowerOfTwo(write_unit, 512, 16384)) return "an impossible size";
  if (page_size < write_unit) return "a page smaller than a write unit";
  if (const char* why = WhyNoCheckpoint(unit)) return why;
  const uint64_t first = (4 * write_unit + page_size - 1) / page_size;
  const uint64_t pages = Le64(unit, 176);
  if (pages < first || Wide{pages} * page_size > Wide{1} << 62) return "an impossible number of pages";
  return WhyNoReferences(unit, first);
}

const char* WhyNoLogHeader(ByteView unit) {
  if (!Begins(unit, 0, "mfld-wal")) return "no magic";
  if (Le64(unit, 8) != base::Checksum64(unit.subspan(16, 48))) return "the checksum differs";
  if (Le32(unit, 16) != 1) return "another version";
  if (!PowerOfTwo(Le32(unit, 20), 512, 16384)) return "an impossible write unit";
  return AllZero(unit.subspan(40, 24)) ? nullptr : "reserved bytes";
}

const char* WhyNoLogMarker(ByteView unit) {
  if (!Begins(unit, 0, "mfld-use")) return "no magic";
  if (Le64(unit, 8) != base::Checksum64(unit.subspan(16, 24))) return "the checksum differs";
  return Le64(unit, 32) > kLives ? "an impossible life" : nullptr;
}

const char* WhyNoGroupHeader(ByteView group) {
  if (!Begins(group, 8, "MFGP")) return "no magic";
  const uint64_t records = Le32(group, 12);
  const uint64_t bytes = Le64(group, 16);
  if (records == 0) return "no records";
  if (Wide{bytes} + 88 > Wide{1} << 30) return "longer than any group";
  if (Wide{records} * 8 > bytes) return "more records than bytes for them";
  const uint64_t life = Le64(group, 40);
  if (life == 0 || life > kLives) return "an impossible life";
  if (Le64(group, 48) > kWriteMax) return "an impossible position";
  const uint64_t first_txn = Le64(group, 56);
  return first_txn == 0 || first_txn > kWriteMax ? "an impossible commit" : nullptr;
}

namespace {

const char* WhyNoTree(uint64_t root, uint64_t birth, uint64_t entries) {
  if (root == 0) return birth == 0 && entries == 0 ? nullptr : "no root, but something of one";
  return birth == 0 || entries == 0 || entries > kReadMax ? "an impossible tree" : nullptr;
}

}  // namespace

const char* WhyNoFamilyRecord(ByteView value) {
  if (value.size() != 48) return "another length";
  const uint64_t id = Le64(value, 0);
  const uint64_t next = Le64(value, 8);
  if (id == 0 || id > kIds || next == 0 || next > kIds + 1) return "an impossible id";
  if (Le64(value, 40) != 0) return "unknown options";
  return WhyNoTree(Le64(value, 16), Le64(value, 24), Le64(value, 32));
}

const char* WhyNoTableRecord(ByteView value) {
  if (value.size() < 40) return "another length";
  if (Le64(value, 0) == 0 || Le64(value, 0) > kIds) return "an impossible id";
  const uint64_t key_type = Le32(value, 32);
  const uint64_t value_type = Le32(value, 36);
  if (key_type > 255 || value_type > 255) return "a type with too long a name";
  if (value.size() != 40 + key_type + value_type) return "another length";
  return WhyNoTree(Le64(value, 8), Le64(value, 16), Le64(value, 24));
}

const char* WhyNoDroppedRecord(ByteView value) {
  if (value.size() != 16) return "another length";
  return Le64(value, 0) == 0 || Le64(value, 8) == 0 ? "a null reference" : nullptr;
}

const char* WhyNoSavepointRecord(ByteView value) {
  if (value.size() != 56) return "another length";
  if (Le64(value, 0) > kReadMax) return "an impossible commit";
  const uint64_t pages = Le64(value, 48);
  if (Le64(value, 32) == 0 || pages == 0 || pages > kReadMax) return "an impossible free map";
  return WhyNoTree(Le64(value, 8), Le64(value, 16), Le64(value, 24));
}

}  // namespace manifolddb::fuzz
