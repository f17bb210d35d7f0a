#pragma once
// What both kinds of tables, ReadTable and WriteTable, can be asked beside one key and a cursor.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "manifolddb/bytes.h"
#include "manifolddb/cursor.h"
#include "manifolddb/result.h"
#include "manifolddb/scan.h"
#include "manifolddb/stats.h"

namespace manifolddb {

// An entry that was read, kept by guards: also after the transaction has ended and the entry is gone. The key
// is a copy, the value is not (see Cursor::KeepValue).
struct KeptEntry {
  Value key;    // a copy
  Value value;  // a page that stays, or a large value's bytes
};

// Most pieces that a range is cut into.
inline constexpr size_t kPiecesMax = 4096;
// Most keys that are drawn at once.
inline constexpr size_t kSampleMax = 65536;

// Errors of all: kCorrupt, kIo, kNoMemory; and as Get of the same table. A read that fails does no harm. n is
// the number of entries of the table. By the thread that uses the transaction.
template <class Table>
class TableReading {
 public:
  // Loops over a range (scan.h): entries; keys alone, for which no value is read; values alone, for which no
  // key is decoded or given out. O(log n) for the first, then as a cursor's steps.
  Result<EntryScan> Entries(const Range& range = {}, Direction direction = Direction::kAscending) const {
    return NewScan<EntryScan>(range, direction);
  }
  Result<KeyScan> Keys(const Range& range = {}, Direction direction = Direction::kAscending) const {
    return NewScan<KeyScan>(range, direction);
  }
  Result<ValueScan> Values(const Range& range = {}, Direction direction = Direction::kAscending) const {
    return NewScan<ValueScan>(range, direction);
  }

  // The entry with the least key in the range, or with the greatest; or none. O(log n).
  Result<std::optional<KeptEntry>> First(const Range& range = {}) const;
  Result<std::optional<KeptEntry>> Last(const Range& range = {}) const;

  // The values at `keys`, each in the place of its key; none where there is no entry. Keys in any order, also
  // twice. Several are looked up side by side, in the order of keys, so that the waits for memory overlap:
  // O(k log n), quicker than k calls of Get where the table is larger than the processor's caches. Values
  // keep their pages in memory, as those of Get.
  Result<std::vector<std::optional<Value>>> GetMany(std::span<const ByteView> keys) const;

  // Number of entries in the range, exactly. Of the whole table O(1). Of a part of it every leaf page within
  // the range, or every one outside, whichever are fewer, is looked at for how many entries it has, and read
  // if it is not in memory: O(log n + leaves). So it grows with the range, as a scan does, but by pages and
  // not by entries.
  Result<uint64_t> Count(const Range& range = {}) const;

  // How the table lies in its pages. Reads every page of its tree, and no value outside: O(pages), as a scan
  // of the keys, so it is nothing to ask for every few seconds of a large table.
  Result<TableShape> Shape() const;

  // At most `pieces` - 1 keys of the range, ascending: they cut it into pieces of about equally many
  // pages, each from one of them (inclusive) to the next (exclusive), none of them empty. Fewer where
  // there are fewer entries. `pieces`: 1 to kPiecesMax, else kInvalidArgument. Reads some 4 * `pieces`
  // branch pages, and a leaf for each key: O(pieces * log n).
  Result<std::vector<std::string>> SplitPoints(size_t pieces, const Range& range = {}) const;

  // `count` different keys of the range, drawn at random, ascending; each set of so many is as likely as any
  // other, however large its entries are. All keys where there are no more. `count`: at most kSampleMax, else
  // kInvalidArgument. The same for the same seed and snapshot. Their values: GetMany. Reads the branch pages
  // of the range (about one page in a hundred); then for each key page_size / 10 / entries in a leaf leaf
  // pages, ten for entries of 100 bytes; or, where that would be more than all of the range, each of them
  // once or twice.
  Result<std::vector<std::string>> SampleKeys(size_t count, uint64_t seed, const Range& range = {}) const;

 private:
  template <class Scan>
  Result<Scan> NewScan(const Range& range, Direction direction) const {
    Result<Cursor> cursor = self().NewCursor(range);
    if (!cursor) return std::unexpected(cursor.error());
    return Scan(std::move(*cursor), direction);
  }
  const Table& self() const { return static_cast<const Table&>(*this); }
};

}  // namespace manifolddb
