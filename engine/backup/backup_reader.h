#pragma once
// A backup as what it says: a catalog, then each table's data in the order of keys.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/backup/block_reader.h"
#include "engine/format/backup_format.h"

namespace manifolddb::backup {

struct FamilyListed {
  format::FamilyId family = {};
  std::string name;
};
struct TableListed {
  format::BackupPlace place = {};
  std::string name;
  std::string key_type;
  std::string value_type;
  uint64_t entries = 0;
};
// Of the snapshot, whatever of its data the backup holds.
struct Catalog {
  format::BackupSnapshot snapshot = {};
  std::vector<FamilyListed> families;  // ascending by id
  std::vector<TableListed> tables;     // ascending by place

  const FamilyListed& FamilyOf(const TableListed& table) const;
  // The number of the table at that place; none if there is none.
  std::optional<size_t> Find(const format::BackupPlace& place) const;
  uint64_t entries() const;
};

// What comes next in a backup. Views live until the next Advance.
struct Event {
  enum class Kind : uint8_t {
    kTable,     // its data begin
    kOpen,      // a range, from `bound` on: what the base has in it is not there any more
    kEntry,     // in the range
    kClose,     // the range ends before `bound`
    kTableEnd,  // its data end
    kLeaves,    // of the table at `place`
    kEnd,
  };
  Kind kind = Kind::kEnd;
  size_t table = 0;  // its number in the catalog: but for the last two
  std::optional<ByteView> bound = {};
  ByteView key = {};
  ByteView value = {};
  format::BackupPlace place = {};
  ByteView leaves = {};  // each a BackupLeafDisk
};

// Believes nothing of what the file says: whatever is given out is in the order and the bounds that format.md
// states. Used by one thread.
class BackupReader {
 public:
  // Reads the catalog, up to the first event. Errors as of BlockReader::Open, and kCorrupt.
  static Result<std::unique_ptr<BackupReader>> Open(const BackupFile& file, BlockReader::Ends ends);

  const std::string& name() const { return blocks_->name(); }
  BlockReader& blocks() { return *blocks_; }
  const Catalog& catalog() const { return catalog_; }
  // Of the file, about.
  uint64_t bytes_read() const { return items_.offset(); }

  const Event& event() const { return event_; }
  // REQUIRES: event() is not kEnd.
  Status Advance();

  // Where the data would go on that were not read yet: behind this key of that table.
  struct Position {
    size_t table = 0;
    std::optional<std::string> key = {};  // the least that may come; none: any
  };
  Position position() const;
  // After an error that is damage: finds the first block behind it in which something begins. False: there is
  // none. The next Advance gives what begins there, which fits to what was read before, with a gap.
  Result<bool> GoOn();

 private:
  enum class Phase : uint8_t { kUnknown, kBetween, kInTable, kInRange, kLeaves, kDone };

  explicit BackupReader(std::unique_ptr<BlockReader> blocks) : blocks_(std::move(blocks)), items_(*blocks_) {}
  Status ReadCatalog();
  Status ReadFamilies();
  Status ReadTables();
  Result<Item> NextOf(format::BackupItemKind kind);
  std::unexpected<Error> Refuse(uint64_t offset, const char* why) const;

  // Null, or what is wrong with the item; `event_` is what it says.
  const char* Take(const Item& item);
  const char* TakeData(const Item& item);
  const char* TakeOpen(const Item& item);
  const char* TakeEntry(const Item& item);
  const char* TakeClose(const Item& item);
  const char* TakeDataEnd(const Item& item);
  const char* TakeLeaves(const Item& item);
  const char* TakeEnd(const Item& item);
  // Behind a gap: in which table, and where in it, the item must be.
  const char* FindPhase(const Item& item);
  const char* WhyEndsEarly(const Item& item) const;

  const std::unique_ptr<BlockReader> blocks_;
  ItemReader items_;
  Catalog catalog_;
  Event event_;

  Phase phase_ = Phase::kBetween;
  size_t table_ = 0;  // the one we are in, or the next one
  bool gap_in_table_ = false;
  bool gap_ = false;
  // No key, and no bound of a range, is before this; nor the same, unless it is a range's bound.
  std::optional<std::string> floor_;
  bool floor_is_bound_ = false;
  bool ranges_ended_ = false;    // the last one has no upper bound
  bool from_beginning_ = false;  // the first one has no lower bound
  format::BackupCounts in_table_;
  format::BackupCounts in_all_;
  std::optional<format::BackupPlace> leaves_of_;
};

}  // namespace manifolddb::backup
