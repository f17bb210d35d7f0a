#pragma once
// What a reader keeps while others go on: a cursor that rests in the middle of a table, and values whose
// bytes must stay as they were. Both keep pages in memory that others would like to have.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "crashsim/random.h"
#include "manifolddb/transaction.h"

namespace manifolddb::crashsim {

// A cursor with bounds over one table of a snapshot.
class RestingCursor {
 public:
  // Lets the one that rests in the snapshot go on; where none does, one is left at some entry of some table,
  // if there is a table. What is wrong, or nothing; after an error none rests.
  static Result<std::optional<std::string>> GoOnOrRest(std::optional<RestingCursor>& resting,
                                                       ReadTransaction& transaction, Random random);

 private:
  struct Entry {
    std::string key;
    uint64_t digest = 0;
  };

  static Result<std::optional<RestingCursor>> Rest(ReadTransaction& transaction, Random random);
  // Moves some steps, in both directions and beyond the bounds: what it shows must be what the snapshot held
  // there when the cursor was made. What is wrong, or nothing.
  Result<std::optional<std::string>> GoOn();
  RestingCursor(Cursor cursor, std::vector<Entry> entries, Random random)
      : cursor_(std::move(cursor)), entries_(std::move(entries)), random_(random) {}
  static Result<std::vector<Entry>> ReadTableWhole(const ReadTable& table);
  Result<bool> Place(const std::string& key);
  Result<std::optional<std::string>> Compare(bool there);

  Cursor cursor_;
  std::vector<Entry> entries_;  // within the bounds
  Random random_;
  size_t at_ = 0;  // 0: before the first; i: entry i - 1; behind all: after the last
};

// Values that were read and are kept, the newest few.
class HeldValues {
 public:
  void Hold(Value value);
  // What changed under a value, or nothing.
  std::optional<std::string> Check() const;
  void LetGo() { held_.clear(); }

 private:
  struct Held {
    Value value;
    uint64_t digest;
  };
  std::deque<Held> held_;
};

}  // namespace manifolddb::crashsim
