#pragma once
// Changes to tables of any number of column families, put together without a transaction, and made in one.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "manifolddb/bytes.h"
#include "manifolddb/result.h"
#include "manifolddb/transaction.h"

namespace manifolddb {

namespace txn {
struct BatchContents;
}

//   WriteBatch batch;
//   const auto users = batch.In(people, "users");
//   const auto log = batch.In(history, "log");
//   if (auto put = batch.Put(users, key, value); !put) return put;
//   if (auto put = batch.Put(log, number, text); !put) return put;
//   auto number = db.Apply(batch);
//
// Holds copies of all that it is given; knows no database, holds no family, and may be applied to several
// databases, any number of times. Changes are made in the order in which they were added: of several to one
// key the last one counts. Used by one thread at a time; applying it only reads it. Calls on one that was
// moved from are kInvalidArgument.
class WriteBatch {
 public:
  // One of the batch's tables: a plain value, for calls of this batch.
  class Table {
   public:
    Table() = default;

   private:
    friend class WriteBatch;
    explicit Table(uint32_t number) : number_(number) {}
    uint32_t number_ = ~uint32_t{0};
  };

  WriteBatch();
  WriteBatch(WriteBatch&&) noexcept;
  WriteBatch& operator=(WriteBatch&&) noexcept;
  ~WriteBatch();

  // Names a table, which must be there, with these types, when the batch is applied. Asking again for the
  // same one gives the same. O(tables of the batch).
  Table In(ColumnFamily family, std::string_view name, TableTypes types = {});

  // Each adds a change, or fails and adds nothing: kKeyTooLong, kValueTooLong, kNoMemory; kInvalidArgument: a
  // table of another batch. One copy of key and value; O(1) amortised.
  Status Put(Table table, ByteView key, ByteView value);
  // A key that is not there when the batch is applied is no error.
  Status Delete(Table table, ByteView key);
  // Adds to the counter that is there when the batch is applied: WriteTable::AddToCounter.
  Status AddToCounter(Table table, ByteView key, int64_t delta);

  // Forgets the changes. Tables, and the memory for as many changes, stay.
  void Clear();

  // Whether there is no change in it.
  bool empty() const { return changes() == 0; }
  uint64_t changes() const;  // added since the last Clear
  uint64_t bytes() const;    // that they take in the batch: keys, values, and 13 each

  // Internal: null if it was moved from.
  const txn::BatchContents* contents() const { return contents_.get(); }

 private:
  std::unique_ptr<txn::BatchContents> contents_;
};

}  // namespace manifolddb
