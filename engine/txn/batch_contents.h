#pragma once
// The inside of a WriteBatch: names of tables, and the changes one after the other.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/memory.h"
#include "manifolddb/transaction.h"

namespace manifolddb::txn {

enum class BatchChangeKind : uint8_t { kPut, kDelete, kAddToCounter };

struct BatchTable {
  ColumnFamily family;
  std::string name;
  std::string key_type;
  std::string value_type;
  bool any_types = false;

  TableTypes types() const { return {.key = key_type, .value = value_type, .any = any_types}; }
};

// One change; views into the batch.
struct BatchChange {
  BatchChangeKind kind;
  uint32_t table;  // number of a table of the batch
  ByteView key;
  ByteView value;  // of kAddToCounter: the difference, as a counter is stored
};

struct BatchContents {
  std::vector<BatchTable> tables;
  base::ByteBuffer bytes;  // of each change: kind, table, lengths of key and value, key, value
  uint64_t changes = 0;

  Status Add(const BatchChange& change);
};

// Reads the changes in the order in which they were added. The contents stay as they are meanwhile.
class BatchReader {
 public:
  explicit BatchReader(const BatchContents& contents) : rest_(contents.bytes.view()) {}
  std::optional<BatchChange> Next();

 private:
  ByteView rest_;
};

}  // namespace manifolddb::txn
