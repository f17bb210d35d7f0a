// Questions to one tree as a transaction sees it. Nothing here changes anything.

#include "manifolddb/table_reading.h"

#include <algorithm>
#include <array>
#include <exception>
#include <numeric>

#include "engine/base/assert.h"
#include "engine/base/try.h"
#include "engine/btree/tree_get_many.h"
#include "engine/btree/tree_sample.h"
#include "engine/btree/tree_survey.h"
#include "engine/txn/cursor_impl.h"
#include "engine/txn/read_transaction.h"
#include "engine/txn/write_transaction.h"
#include "manifolddb/transaction.h"

namespace manifolddb {

void ScanStatus::NotAsked() {
  // Whoever leaves by an exception cannot ask.
  const bool asked_how_the_scan_ended = std::uncaught_exceptions() > 0;
  MANIFOLDDB_ASSERT(asked_how_the_scan_ended);
}

namespace txn {

// Insides of the tables, for TableReading.
struct TableInside {
  Core& core;
  mvcc::ReaderSlot* slot;
  format::TreeRoot tree;
  const page::PageWriter* writer;  // null: the version cannot change

  static Result<TableInside> Of(const ReadTable& table, const char*) {
    return TableInside{table.transaction_->core(), table.transaction_->slot(), table.state_->tree, nullptr};
  }
  static Result<TableInside> Of(const WriteTable& table, const char* operation) {
    WriteTransactionImpl& transaction = *table.transaction_;
    MANIFOLDDB_TRY(transaction.CheckTable(*table.state_, operation));
    return TableInside{transaction.core(), transaction.slot(), table.state_->tree, &transaction.pages()};
  }
};

namespace {

// Numbers of `keys`, those of lesser keys first.
std::vector<size_t> InKeyOrder(std::span<const ByteView> keys) {
  std::vector<size_t> order(keys.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return Compare(keys[a], keys[b]) < 0; });
  return order;
}

// Those of `keys` that `numbers` name, at most kGetTogetherMax, into their places in `values`.
Status GetSome(const TableInside& inside, std::span<const ByteView> keys, std::span<const size_t> numbers,
               std::vector<std::optional<Value>>& values) {
  std::array<ByteView, btree::kGetTogetherMax> some;
  std::array<std::optional<btree::FoundValue>, btree::kGetTogetherMax> found;
  for (size_t i = 0; i < numbers.size(); ++i) some[i] = keys[numbers[i]];
  const mvcc::EpochGuard guard(inside.slot);
  MANIFOLDDB_TRY(btree::GetTogether(*inside.core.cache, inside.tree.root,
                                    std::span(some).first(numbers.size()),
                                    std::span(found).first(numbers.size()), guard));
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (!found[i]) continue;
    MANIFOLDDB_ASSIGN(values[numbers[i]], KeepValue(inside.core, *found[i], inside.writer));
  }
  return {};
}

template <class Table>
Result<std::optional<KeptEntry>> EntryAtEnd(const Table& table, const Range& range, bool first) {
  MANIFOLDDB_ASSIGN(Cursor cursor, table.NewCursor(range));
  MANIFOLDDB_ASSIGN(const bool any, first ? cursor.First() : cursor.Last());
  if (!any) return std::optional<KeptEntry>();
  MANIFOLDDB_ASSIGN(Value key, CopyOf(cursor.key(), "table.first"));
  MANIFOLDDB_ASSIGN(Value value, cursor.KeepValue());
  return std::optional<KeptEntry>(std::in_place, std::move(key), std::move(value));
}

Status CheckPieces(size_t pieces, const char* operation) {
  if (pieces >= 1 && pieces <= kPiecesMax) return {};
  return Fail(Errc::kInvalidArgument, operation,
              {.message = std::to_string(pieces) + " pieces, from 1 to " + std::to_string(kPiecesMax)});
}

}  // namespace
}  // namespace txn

template <class Table>
Result<std::optional<KeptEntry>> TableReading<Table>::First(const Range& range) const {
  return txn::EntryAtEnd(self(), range, true);
}

template <class Table>
Result<std::optional<KeptEntry>> TableReading<Table>::Last(const Range& range) const {
  return txn::EntryAtEnd(self(), range, false);
}

template <class Table>
Result<std::vector<std::optional<Value>>> TableReading<Table>::GetMany(std::span<const ByteView> keys) const {
  MANIFOLDDB_ASSIGN(const txn::TableInside inside, txn::TableInside::Of(self(), "table.get_many"));
  std::vector<std::optional<Value>> values(keys.size());
  const std::vector<size_t> order = txn::InKeyOrder(keys);
  for (size_t at = 0; at < order.size(); at += btree::kGetTogetherMax) {
    const size_t count = std::min(btree::kGetTogetherMax, order.size() - at);
    MANIFOLDDB_TRY(txn::GetSome(inside, keys, std::span(order).subspan(at, count), values));
  }
  return values;
}

template <class Table>
Result<uint64_t> TableReading<Table>::Count(const Range& range) const {
  MANIFOLDDB_ASSIGN(const txn::TableInside inside, txn::TableInside::Of(self(), "table.count"));
  MANIFOLDDB_ASSIGN(const txn::Bounds bounds, txn::Bounds::Of(range, inside.core.file->page_size()));
  return btree::Count(*inside.core.cache, inside.tree, bounds.lower(), bounds.upper(), inside.slot);
}

template <class Table>
Result<TableShape> TableReading<Table>::Shape() const {
  MANIFOLDDB_ASSIGN(const txn::TableInside inside, txn::TableInside::Of(self(), "table.shape"));
  return btree::ShapeOf(*inside.core.cache, inside.tree, inside.slot);
}

template <class Table>
Result<std::vector<std::string>> TableReading<Table>::SplitPoints(size_t pieces, const Range& range) const {
  MANIFOLDDB_TRY(txn::CheckPieces(pieces, "table.split_points"));
  MANIFOLDDB_ASSIGN(const txn::TableInside inside, txn::TableInside::Of(self(), "table.split_points"));
  MANIFOLDDB_ASSIGN(const txn::Bounds bounds, txn::Bounds::Of(range, inside.core.file->page_size()));
  MANIFOLDDB_ASSIGN(const std::vector<std::string> separators,
                    btree::SplitPoints(*inside.core.cache, inside.tree.root, bounds.lower(), bounds.upper(),
                                       pieces, inside.slot));
  // Each separator's first key behind it. Pieces that are empty go.
  MANIFOLDDB_ASSIGN(Cursor cursor, self().NewCursor(range));
  MANIFOLDDB_ASSIGN(bool any, cursor.First());
  std::vector<std::string> points;
  if (!any) return points;
  std::string before(AsText(cursor.key()));
  for (const std::string& separator : separators) {
    MANIFOLDDB_ASSIGN(any, cursor.Seek(AsBytes(separator)));
    if (!any || AsText(cursor.key()) == before) continue;
    before = AsText(cursor.key());
    points.push_back(before);
  }
  return points;
}

template <class Table>
Result<std::vector<std::string>> TableReading<Table>::SampleKeys(size_t count, uint64_t seed,
                                                                 const Range& range) const {
  constexpr const char* kOperation = "table.sample_keys";
  if (count > kSampleMax) {
    return Fail(Errc::kInvalidArgument, kOperation,
                {.message = std::to_string(count) + " keys, at most " + std::to_string(kSampleMax)});
  }
  MANIFOLDDB_ASSIGN(const txn::TableInside inside, txn::TableInside::Of(self(), kOperation));
  MANIFOLDDB_ASSIGN(const txn::Bounds bounds, txn::Bounds::Of(range, inside.core.file->page_size()));
  return btree::SampleKeys(*inside.core.cache, inside.tree.root, bounds.lower(), bounds.upper(), count, seed,
                           inside.slot);
}

template class TableReading<ReadTable>;
template class TableReading<WriteTable>;

}  // namespace manifolddb
