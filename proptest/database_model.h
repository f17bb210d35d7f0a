#pragma once
// What the database is to be, as a map of maps, and how the database under test is held against it. Twelve
// keys, two families, two tables; pages, log and cache so small that splits, spills, wraps, checkpoints and
// commits through them happen all the time.

#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "faultfs/disk.h"
#include "manifolddb/database.h"

namespace manifolddb::proptest {

// ---- What names, keys and values there are ----------------------------------------------------------------

inline constexpr int kKeys = 12;
inline constexpr int kNames = 2;
inline constexpr int kSnapshots = 2;
inline constexpr uint32_t kPageBytesMin = 512;

// Ascending in `index`. The longest is as long as a key may be on the smallest pages.
inline std::string Key(int index) {
  static const std::array<std::string, kKeys> keys = {
      "",  "a",  "aa", std::string(kPageBytesMin / 4, 'a'), "aab", "ab", "b", "ba", std::string(100, 'b'),
      "c", "cc", "d"};
  RC_ASSERT(std::is_sorted(keys.begin(), keys.end()));
  return keys[static_cast<size_t>(index)];
}
inline std::string FamilyName(int index) { return index == 0 ? "f" : "g"; }
inline std::string TableName(int index) { return index == 0 ? "t" : "u"; }

struct ValueKind {
  static constexpr std::array<size_t, 6> kBytes = {0, 5, 60, 120, 700, 5000};
  int size = *rc::gen::weightedElement<int>({{1, 0}, {3, 1}, {3, 2}, {4, 3}, {3, 4}, {1, 5}});
  char fill = *rc::gen::inRange('a', 'd');

  std::string Of() const { return std::string(kBytes[static_cast<size_t>(size)], fill); }
  std::string Text() const { return std::to_string(Of().size()) + " x '" + fill + "'"; }
};

// Around the smallest that may be; crashsim's `tiny` are the same. Shrinks to the smallest.
struct Sizes {
  uint32_t page_bytes = *rc::gen::weightedElement<uint32_t>({{3, kPageBytesMin}, {1, 2 * kPageBytesMin}});
  uint64_t log_units = *rc::gen::inRange<uint64_t>(8, 17);
  uint64_t log_units_max = log_units + *rc::gen::inRange<uint64_t>(0, 48);
  uint64_t cache_pages = *rc::gen::inRange<uint64_t>(16, 80);
  uint64_t dirty_pages = *rc::gen::inRange<uint64_t>(6, 30);

  Options AsOptions() const {
    Options options;
    options.page_size = page_bytes;
    options.write_unit = kPageBytesMin;
    options.log_bytes_initial = log_units * options.write_unit;
    options.log_bytes_max = log_units_max * options.write_unit;
    options.cache_bytes = cache_pages * page_bytes;
    options.dirty_bytes_max = dirty_pages * page_bytes;
    options.checkpoint_interval_ms = 0;
    options.executor = MakeInlineExecutor();
    return options;
  }
};
inline void showValue(const Sizes& sizes, std::ostream& out) {  // the name is RapidCheck's
  out << "pages of " << sizes.page_bytes << " bytes, log of " << sizes.log_units << " to "
      << sizes.log_units_max << " units, cache of " << sizes.cache_pages << " pages, " << sizes.dirty_pages
      << " dirty at most";
}

// ---- The model --------------------------------------------------------------------------------------------

using Entries = std::map<std::string, std::string>;
using Tables = std::map<std::string, Entries>;
struct Family {
  std::string name;
  Tables tables;
};
using Contents = std::map<int, Family>;  // by order of creation

struct Model {
  Contents committed;
  int families_made = 0;
  std::optional<std::map<int, Tables>> txn;  // the open write transaction: what it holds, as it has it
  std::array<std::optional<Contents>, kSnapshots> snapshots;

  // 0 if there is none of that name.
  int Find(const std::string& name) const {
    for (const auto& [id, family] : committed) {
      if (family.name == name) return id;
    }
    return 0;
  }
  int Make(const std::string& name) {
    committed[++families_made] = {name, {}};
    return families_made;
  }
  bool Holds(int id) const { return txn && txn->contains(id); }
  // Where a change to the family goes: the transaction, or straight to what is committed. Null: nowhere.
  Tables* Writable(int id) {
    if (id == 0) return nullptr;
    if (!txn) return &committed[id].tables;
    return Holds(id) ? &txn->at(id) : nullptr;
  }
  const Tables* Readable(int id) const { return const_cast<Model*>(this)->Writable(id); }
};

// ---- The database -----------------------------------------------------------------------------------------

template <class T>
T Must(Result<T> result) {
  if (!result) RC_FAIL(result.error().ToString());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

template <class T>
std::string CodeOf(const Result<T>& result) {
  return result ? "success" : std::string(Name(result.error().code()));
}

struct System {
  explicit System(const Sizes& its_sizes) : sizes(its_sizes) { Open(); }

  void Open() { db = Must(Database::Open(disk->NewProcess(), "db", sizes.AsOptions())); }
  void Leave() {
    txn.reset();
    for (auto& snapshot : snapshots) snapshot.reset();
  }
  ColumnFamily Handle(int id) const { return handles.at(id); }

  const Sizes sizes;
  std::shared_ptr<faultfs::Disk> disk = std::make_shared<faultfs::Disk>(faultfs::Traits{.atomic_unit = 512});
  std::unique_ptr<Database> db;
  std::map<int, ColumnFamily> handles;  // by order of creation
  std::optional<WriteTransaction> txn;
  std::array<std::optional<ReadTransaction>, kSnapshots> snapshots;
};

// Without a look at the disk, however many there are.
template <class Table>
void ExpectLength(const System& system, const Table& table, uint64_t length) {
  const uint64_t before = system.disk->operations();
  RC_ASSERT(Must(table.Length()) == length);
  RC_ASSERT(system.disk->operations() == before);
}

template <class Table>
void ExpectEntries(const System& system, const Table& table, const Entries& entries) {
  ExpectLength(system, table, entries.size());
  Cursor cursor = Must(table.NewCursor());
  const auto expect_at = [&](const Entries::value_type& entry) {
    RC_ASSERT(AsText(cursor.key()) == entry.first);
    RC_ASSERT(AsText(Must(cursor.value())) == entry.second);
  };
  bool valid = Must(cursor.First());
  for (const auto& entry : entries) {
    RC_ASSERT(valid);
    expect_at(entry);
    valid = Must(cursor.Next());
  }
  RC_ASSERT(!valid);
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    RC_ASSERT(Must(cursor.Prev()));
    expect_at(*entry);
  }
  RC_ASSERT(!Must(cursor.Prev()));
}

template <class Map>
std::vector<std::string> KeysOf(const Map& map) {
  std::vector<std::string> keys;
  for (const auto& entry : map) keys.push_back(entry.first);
  return keys;
}

inline void ExpectContents(const System& system, ReadTransaction& txn, const Contents& contents) {
  std::map<std::string, const Tables*> by_name;
  for (const auto& [id, family] : contents) by_name[family.name] = &family.tables;
  RC_ASSERT(Must(txn.ListColumnFamilies()) == KeysOf(by_name));
  for (const auto& [name, tables] : by_name) {
    const ColumnFamily family = Must(txn.OpenColumnFamily(name));
    RC_ASSERT(Must(txn.ListTables(family)) == KeysOf(*tables));
    for (const auto& [table, entries] : *tables) {
      ExpectEntries(system, Must(txn.OpenTable(family, table)), entries);
    }
  }
}

inline void ExpectCommitted(const System& system, const Contents& contents) {
  ReadTransaction txn = Must(system.db->BeginRead());
  ExpectContents(system, txn, contents);
}

inline void ExpectWhole(const System& system) {
  const VerifyReport report = Must(system.db->Verify());
  for (const auto& problem : report.problems) RC_FAIL(problem.file + ": " + problem.what);
}

}  // namespace manifolddb::proptest
