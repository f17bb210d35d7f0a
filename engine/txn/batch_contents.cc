// Changes as bytes in memory. They go nowhere else: fixed fields in the machine's own order.

#include "engine/txn/batch_contents.h"

#include <cstring>

#include "engine/base/assert.h"
#include "engine/base/try.h"

namespace manifolddb::txn {
namespace {

// Before key and value.
struct Lead {
  uint32_t table;
  uint32_t key_bytes;
  uint32_t value_bytes;
};
constexpr size_t kLeadBytes = 1 + sizeof(Lead);

}  // namespace

Status BatchContents::Add(const BatchChange& change) {
  MANIFOLDDB_ASSERT(change.table < tables.size());
  MANIFOLDDB_TRY(bytes.Reserve(kLeadBytes + change.key.size() + change.value.size()));
  const Lead lead{change.table, static_cast<uint32_t>(change.key.size()),
                  static_cast<uint32_t>(change.value.size())};
  bytes.AppendReserved(static_cast<uint8_t>(change.kind));
  bytes.AppendReserved(std::as_bytes(std::span(&lead, 1)));
  bytes.AppendReserved(change.key);
  bytes.AppendReserved(change.value);
  ++changes;
  return {};
}

std::optional<BatchChange> BatchReader::Next() {
  if (rest_.empty()) return std::nullopt;
  Lead lead;
  std::memcpy(&lead, rest_.data() + 1, sizeof lead);
  BatchChange change{.kind = static_cast<BatchChangeKind>(rest_[0]),
                     .table = lead.table,
                     .key = rest_.subspan(kLeadBytes, lead.key_bytes),
                     .value = rest_.subspan(kLeadBytes + lead.key_bytes, lead.value_bytes)};
  rest_ = rest_.subspan(kLeadBytes + lead.key_bytes + lead.value_bytes);
  return change;
}

}  // namespace manifolddb::txn
