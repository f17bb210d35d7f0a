// The order of items, held: what comes out may be put into a database, or merged with other backups, without
// a further look.
//
// (1) Tables come as the catalog lists them, each once; ranges and keys of a table ascend.
// (2) A backup without base holds each table whole: one range, without bounds, of as many entries as listed.
// (3) Behind a gap only what was lost is not compared: order, not numbers.

#include "engine/backup/backup_reader.h"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/sites.h"
#include "engine/base/try.h"
#include "engine/format/catalog_record.h"
#include "engine/format/page_header.h"

namespace manifolddb::backup {

using format::BackupItemKind;
using format::BackupPlace;

namespace {

constexpr const char* kMalformed = "a malformed item";
constexpr const char* kOutOfPlace = "an item that does not belong here";

}  // namespace

const FamilyListed& Catalog::FamilyOf(const TableListed& table) const {
  const auto found = std::ranges::lower_bound(families, table.place.family, {}, &FamilyListed::family);
  MANIFOLDDB_ASSERT(found != families.end() && found->family == table.place.family);
  return *found;
}

std::optional<size_t> Catalog::Find(const BackupPlace& place) const {
  const auto found = std::ranges::lower_bound(tables, place, {}, &TableListed::place);
  if (found == tables.end() || found->place != place) return std::nullopt;
  return static_cast<size_t>(found - tables.begin());
}

uint64_t Catalog::entries() const {
  uint64_t all = 0;
  for (const TableListed& table : tables) all += table.entries;
  return all;
}

Result<std::unique_ptr<BackupReader>> BackupReader::Open(const BackupFile& file, BlockReader::Ends ends) {
  MANIFOLDDB_ASSIGN(std::unique_ptr<BlockReader> blocks, BlockReader::Open(file, ends));
  std::unique_ptr<BackupReader> reader(new BackupReader(std::move(blocks)));
  MANIFOLDDB_TRY(reader->ReadCatalog());
  return reader;
}

std::unexpected<Error> BackupReader::Refuse(uint64_t offset, const char* why) const {
  return Fail(Errc::kCorrupt, "backup.read", {.file = name(), .offset = offset, .message = why});
}

Result<Item> BackupReader::NextOf(BackupItemKind kind) {
  MANIFOLDDB_ASSIGN(const Item item, items_.Next());
  if (item.kind != kind) return Refuse(item.offset, kOutOfPlace);
  return item;
}

Status BackupReader::ReadCatalog() {
  MANIFOLDDB_ASSIGN(const bool any, items_.StartAt(0));
  if (!any || items_.block() != 0) return Refuse(0, "the backup does not begin with its snapshot");
  MANIFOLDDB_ASSIGN(const Item item, NextOf(BackupItemKind::kSnapshot));
  if (!format::DecodeBackupSnapshot(item.body, catalog_.snapshot)) return Refuse(item.offset, kMalformed);
  MANIFOLDDB_TRY(ReadFamilies());
  return ReadTables();
}

Status BackupReader::ReadFamilies() {
  std::set<std::string> names;
  for (uint64_t left = catalog_.snapshot.families; left > 0; --left) {
    MANIFOLDDB_ASSIGN(const Item item, NextOf(BackupItemKind::kFamily));
    format::BackupFamily family;
    if (!format::DecodeBackupFamily(item.body, family)) return Refuse(item.offset, kMalformed);
    if (!catalog_.families.empty() && catalog_.families.back().family >= family.family) {
      return Refuse(item.offset, "the column families are out of order");
    }
    const bool first = names.emplace(family.name).second;
    if (!first && !MANIFOLDDB_BROKEN("decode.backup.family_twice")) {
      return Refuse(item.offset, "two column families have the same name");
    }
    catalog_.families.push_back({family.family, std::string(family.name)});
  }
  return {};
}

Status BackupReader::ReadTables() {
  std::set<std::pair<uint64_t, std::string>> names;
  for (uint64_t left = catalog_.snapshot.tables; left > 0; --left) {
    MANIFOLDDB_ASSIGN(const Item item, NextOf(BackupItemKind::kTable));
    format::BackupTable table;
    if (!format::DecodeBackupTable(item.body, table)) return Refuse(item.offset, kMalformed);
    const BackupPlace place{table.family, table.table};
    const auto family = std::ranges::lower_bound(catalog_.families, table.family, {}, &FamilyListed::family);
    const bool there = family != catalog_.families.end() && family->family == table.family;
    if (!there && !MANIFOLDDB_BROKEN("decode.backup.family")) {
      return Refuse(item.offset, "a table of a column family that is not there");
    }
    if (!catalog_.tables.empty() && catalog_.tables.back().place >= place) {
      return Refuse(item.offset, "the tables are out of order");
    }
    if (!names.emplace(table.family.raw(), table.name).second) {
      return Refuse(item.offset, "two tables of a column family have the same name");
    }
    if (!format::TypeNamesFit(catalog_.snapshot.page_size, table.key_type.size(), table.value_type.size())) {
      return Refuse(item.offset, "the names of a table's types are too long");
    }
    catalog_.tables.push_back({place, std::string(table.name), std::string(table.key_type),
                               std::string(table.value_type), table.entries});
  }
  return {};
}

Status BackupReader::Advance() {
  MANIFOLDDB_ASSERT(phase_ != Phase::kDone);
  MANIFOLDDB_ASSIGN(const Item item, items_.Next());
  event_ = {};
  const char* why = phase_ == Phase::kUnknown ? FindPhase(item) : nullptr;
  if (why == nullptr) why = Take(item);
  if (why != nullptr) return Refuse(item.offset, why);
  return {};
}

const char* BackupReader::Take(const Item& item) {
  switch (item.kind) {
    case BackupItemKind::kData: return TakeData(item);
    case BackupItemKind::kOpen: return TakeOpen(item);
    case BackupItemKind::kEntry: return TakeEntry(item);
    case BackupItemKind::kClose: return TakeClose(item);
    case BackupItemKind::kDataEnd: return TakeDataEnd(item);
    case BackupItemKind::kLeaves: return TakeLeaves(item);
    case BackupItemKind::kEnd: return TakeEnd(item);
    default: return kOutOfPlace;
  }
}

const char* BackupReader::FindPhase(const Item& item) {
  switch (item.kind) {
    case BackupItemKind::kData: phase_ = Phase::kBetween; return nullptr;
    case BackupItemKind::kLeaves:
    case BackupItemKind::kEnd:
      phase_ = Phase::kBetween;
      table_ = catalog_.tables.size();
      return nullptr;
    case BackupItemKind::kOpen:
    case BackupItemKind::kDataEnd: phase_ = Phase::kInTable; break;
    case BackupItemKind::kEntry:
    case BackupItemKind::kClose: phase_ = Phase::kInRange; break;
    default: return kOutOfPlace;
  }
  if (!items_.place()) return "the block does not say whose data it holds";
  const std::optional<size_t> number = catalog_.Find(*items_.place());
  if (!number || *number < table_) return "data of a table that does not belong here";
  if (*number > table_) floor_.reset();
  table_ = *number;
  gap_in_table_ = true;
  ranges_ended_ = false;
  return nullptr;
}

const char* BackupReader::TakeData(const Item& item) {
  BackupPlace place;
  const bool sound =
      item.body.size() == sizeof(format::BackupPlaceDisk) && format::DecodeBackupPlace(item.body, place);
  if (!sound) return kMalformed;
  if (phase_ != Phase::kBetween) return kOutOfPlace;
  const std::optional<size_t> number = catalog_.Find(place);
  if (!number || *number < table_ || (*number > table_ && !gap_)) return "the tables' data are out of order";
  phase_ = Phase::kInTable;
  table_ = *number;
  gap_in_table_ = false;
  floor_.reset();
  ranges_ended_ = from_beginning_ = false;
  in_table_ = {};
  event_ = {.kind = Event::Kind::kTable, .table = table_};
  return nullptr;
}

const char* BackupReader::TakeOpen(const Item& item) {
  std::optional<ByteView> lower;
  if (!format::DecodeBackupBound(item.body, lower)) return kMalformed;
  if (phase_ != Phase::kInTable || ranges_ended_) return kOutOfPlace;
  const bool behind_another = in_table_.ranges > 0 || gap_in_table_;
  if (!lower && behind_another) return "a range without a beginning behind another one";
  if (lower && floor_ && Compare(*lower, AsBytes(*floor_)) < 0) return "the ranges are out of order";
  if (in_table_.ranges == 0) from_beginning_ = !lower;
  ++in_table_.ranges;
  phase_ = Phase::kInRange;
  if (lower) {
    floor_ = AsText(*lower);
    floor_is_bound_ = true;
  }
  event_ = {.kind = Event::Kind::kOpen, .table = table_, .bound = lower};
  return nullptr;
}

const char* BackupReader::TakeEntry(const Item& item) {
  format::BackupEntry entry;
  if (!format::DecodeBackupEntry(item.body, entry)) return kMalformed;
  if (phase_ != Phase::kInRange) return kOutOfPlace;
  const bool too_long = entry.key.size() > format::KeyBytesMax(catalog_.snapshot.page_size);
  if (too_long && !MANIFOLDDB_BROKEN("decode.backup.key_length")) return "a key is too long";
  if (floor_) {
    const auto order = Compare(entry.key, AsBytes(*floor_));
    const bool behind = order > 0 || (order == 0 && floor_is_bound_);
    if (!behind && !MANIFOLDDB_BROKEN("decode.backup.order")) return "the keys are out of order";
  }
  ++in_table_.entries;
  floor_ = AsText(entry.key);
  floor_is_bound_ = false;
  event_ = {.kind = Event::Kind::kEntry, .table = table_, .key = entry.key, .value = entry.value};
  return nullptr;
}

const char* BackupReader::TakeClose(const Item& item) {
  std::optional<ByteView> upper;
  if (!format::DecodeBackupBound(item.body, upper)) return kMalformed;
  if (phase_ != Phase::kInRange) return kOutOfPlace;
  if (upper && floor_ && Compare(*upper, AsBytes(*floor_)) <= 0) return "a range ends before its end";
  phase_ = Phase::kInTable;
  ranges_ended_ = !upper;
  if (upper) {
    floor_ = AsText(*upper);
    floor_is_bound_ = true;
  }
  event_ = {.kind = Event::Kind::kClose, .table = table_, .bound = upper};
  return nullptr;
}

const char* BackupReader::TakeDataEnd(const Item& item) {
  format::BackupCounts counts;
  if (!format::DecodeBackupCounts(item.body, counts)) return kMalformed;
  if (phase_ != Phase::kInTable) return kOutOfPlace;
  if (!gap_in_table_) {
    if (counts != in_table_) return "a table has not as many entries as were counted";
    const bool whole = counts.ranges == 1 && from_beginning_ && ranges_ended_ &&
                       counts.entries == catalog_.tables[table_].entries;
    if (catalog_.snapshot.full() && !whole) return "a table is not whole, and there is no base";
  }
  in_all_.ranges += counts.ranges;
  in_all_.entries += counts.entries;
  event_ = {.kind = Event::Kind::kTableEnd, .table = table_};
  phase_ = Phase::kBetween;
  ++table_;
  floor_.reset();
  return nullptr;
}

// Null if nothing is wrong with it that the tables' data end here.
const char* BackupReader::WhyEndsEarly(const Item& item) const {
  if (gap_) return nullptr;
  if (table_ != catalog_.tables.size()) return "not all tables have data";
  if (item.offset / format::kBackupBlockBytes != blocks_->leaves()) {
    return "the lists of leaves do not begin where the last block says";
  }
  return nullptr;
}

const char* BackupReader::TakeLeaves(const Item& item) {
  BackupPlace place;
  if (!format::DecodeBackupPlace(item.body, place)) return kMalformed;
  const ByteView leaves = item.body.subspan(sizeof(format::BackupPlaceDisk));
  if (leaves.size() % sizeof(format::BackupLeafDisk) != 0) return kMalformed;
  if (phase_ == Phase::kBetween) {
    if (const char* why = WhyEndsEarly(item)) return why;
    phase_ = Phase::kLeaves;
  }
  if (phase_ != Phase::kLeaves) return kOutOfPlace;
  if (!catalog_.Find(place) || (leaves_of_ && *leaves_of_ > place)) {
    return "the lists of leaves are out of order";
  }
  leaves_of_ = place;
  event_ = {.kind = Event::Kind::kLeaves, .place = place, .leaves = leaves};
  return nullptr;
}

const char* BackupReader::TakeEnd(const Item& item) {
  format::BackupCounts counts;
  if (!format::DecodeBackupCounts(item.body, counts)) return kMalformed;
  if (phase_ == Phase::kBetween) {
    if (const char* why = WhyEndsEarly(item)) return why;
  } else if (phase_ != Phase::kLeaves) {
    return kOutOfPlace;
  }
  if (!gap_ && counts != in_all_) return "the backup has not as many entries as were counted";
  if (!items_.AtEnd()) return "there is something behind the end of the backup";
  phase_ = Phase::kDone;
  event_ = {.kind = Event::Kind::kEnd};
  return nullptr;
}

BackupReader::Position BackupReader::position() const {
  Position position{table_, floor_};
  if (position.key && !floor_is_bound_) *position.key += '\0';
  return position;
}

Result<bool> BackupReader::GoOn() {
  gap_ = true;
  phase_ = Phase::kUnknown;
  for (;;) {
    if (items_.block() + 1 >= blocks_->blocks()) return false;
    const auto started = items_.StartAt(items_.block() + 1);
    if (started) return *started;
    const Errc code = started.error().code();
    if (code != Errc::kCorrupt && code != Errc::kTruncated) return std::unexpected<Error>(started.error());
  }
}

}  // namespace manifolddb::backup
