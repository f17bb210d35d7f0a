// Batches: filled without a database, applied in a transaction.
//
// What a crash leaves of one is what it leaves of the transaction that it was applied in.

#include "manifolddb/write_batch.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/try.h"
#include "engine/format/page_header.h"
#include "engine/txn/batch_contents.h"
#include "engine/txn/names.h"
#include "engine/txn/write_transaction.h"
#include "manifolddb/key_codec.h"
#include "manifolddb/options.h"

namespace manifolddb {
namespace {

// No database has longer keys.
constexpr size_t kKeyBytesOfAnyMax = 8192;

std::unexpected<Error> MovedFrom(const char* operation) {
  return Fail(Errc::kInvalidArgument, operation, {.message = "the batch was moved to another object"});
}

// What went wrong, and with which change: the database's own word for it is kept.
std::unexpected<Error> Refused(const Error& error, uint64_t number, const txn::BatchTable& table) {
  return Fail(error.code(), "batch.apply",
              {.file = error.file(),
               .offset = error.offset(),
               .os_error = error.os_error(),
               .message = "change " + std::to_string(number) + " of the batch, in table " +
                          txn::Quoted(table.name) + ": " + error.message()},
              error);
}

}  // namespace

WriteBatch::WriteBatch() : contents_(std::make_unique<txn::BatchContents>()) {}
WriteBatch::WriteBatch(WriteBatch&&) noexcept = default;
WriteBatch& WriteBatch::operator=(WriteBatch&&) noexcept = default;
WriteBatch::~WriteBatch() = default;

WriteBatch::Table WriteBatch::In(ColumnFamily family, std::string_view name, TableTypes types) {
  if (contents_ == nullptr) return Table();
  auto& tables = contents_->tables;
  const auto same = [&](const txn::BatchTable& table) {
    return table.family == family && table.name == name && table.key_type == types.key &&
           table.value_type == types.value && table.any_types == types.any;
  };
  const auto known = std::find_if(tables.begin(), tables.end(), same);
  const auto number = static_cast<uint32_t>(known - tables.begin());
  if (known == tables.end()) {
    tables.push_back({.family = family,
                      .name = std::string(name),
                      .key_type = std::string(types.key),
                      .value_type = std::string(types.value),
                      .any_types = types.any});
  }
  return Table(number);
}

namespace {

Status CheckChange(const txn::BatchContents* contents, uint32_t table, ByteView key, const char* operation) {
  if (contents == nullptr) return MovedFrom(operation);
  if (table >= contents->tables.size()) {
    return Fail(Errc::kInvalidArgument, operation,
                {.message = "the table is none of this batch: use what its In has given"});
  }
  if (key.size() > kKeyBytesOfAnyMax) {
    return Fail(
        Errc::kKeyTooLong, operation,
        {.message = txn::EntryText(contents->tables[table].name, key) + ": " + std::to_string(key.size()) +
                    " bytes, at most " + std::to_string(kKeyBytesOfAnyMax) + " in any database"});
  }
  return {};
}

}  // namespace

Status WriteBatch::Put(Table table, ByteView key, ByteView value) {
  MANIFOLDDB_TRY(CheckChange(contents_.get(), table.number_, key, "batch.put"));
  if (value.size() > kValueBytesMax) {
    return Fail(
        Errc::kValueTooLong, "batch.put",
        {.message = std::to_string(value.size()) + " bytes, at most " + std::to_string(kValueBytesMax)});
  }
  return contents_->Add({txn::BatchChangeKind::kPut, table.number_, key, value});
}

Status WriteBatch::Delete(Table table, ByteView key) {
  MANIFOLDDB_TRY(CheckChange(contents_.get(), table.number_, key, "batch.delete"));
  return contents_->Add({txn::BatchChangeKind::kDelete, table.number_, key, {}});
}

Status WriteBatch::AddToCounter(Table table, ByteView key, int64_t delta) {
  MANIFOLDDB_TRY(CheckChange(contents_.get(), table.number_, key, "batch.add_to_counter"));
  EncodedBytes encoded;
  KeyCodec<int64_t>::Encode(delta, encoded);
  return contents_->Add({txn::BatchChangeKind::kAddToCounter, table.number_, key, encoded.view()});
}

void WriteBatch::Clear() {
  if (contents_ == nullptr) return;
  contents_->bytes.Clear();
  contents_->changes = 0;
}

uint64_t WriteBatch::changes() const { return contents_ != nullptr ? contents_->changes : 0; }
uint64_t WriteBatch::bytes() const { return contents_ != nullptr ? contents_->bytes.size() : 0; }

namespace {

// Before anything is changed: what can be told of keys by their lengths.
Status CheckKeys(const txn::BatchContents& contents, uint32_t key_bytes_max) {
  txn::BatchReader reader(contents);
  for (uint64_t number = 1; const auto change = reader.Next(); ++number) {
    if (change->key.size() <= key_bytes_max || change->kind == txn::BatchChangeKind::kDelete) continue;
    const Error error(
        Errc::kKeyTooLong, "batch.apply",
        {.message = "key " + txn::Quoted(AsText(change->key)) + ": " + std::to_string(change->key.size()) +
                    " bytes, at most " + std::to_string(key_bytes_max)});
    return Refused(error, number, contents.tables[change->table]);
  }
  return {};
}

Status Make(const txn::BatchChange& change, WriteTable& table) {
  switch (change.kind) {
    case txn::BatchChangeKind::kPut: return table.Put(change.key, change.value);
    case txn::BatchChangeKind::kDelete: {
      MANIFOLDDB_TRY(table.Delete(change.key));
      return {};
    }
    case txn::BatchChangeKind::kAddToCounter: {
      MANIFOLDDB_TRY(table.AddToCounter(change.key, *KeyCodec<int64_t>::Decode(change.value)));
      return {};
    }
  }
  return {};
}

}  // namespace

Status WriteTransaction::Apply(const WriteBatch& batch) {
  if (impl_ == nullptr) {
    return Fail(Errc::kInvalidArgument, "batch.apply",
                {.message = "the transaction was moved to another object"});
  }
  if (batch.contents() == nullptr) return MovedFrom("batch.apply");
  const txn::BatchContents& contents = *batch.contents();
  MANIFOLDDB_TRY(CheckKeys(contents, format::KeyBytesMax(impl_->core().file->page_size())));
  std::vector<WriteTable> tables;
  for (const txn::BatchTable& table : contents.tables) {
    MANIFOLDDB_ASSIGN(WriteTable opened, OpenTable(table.family, table.name, table.types()));
    tables.push_back(opened);
  }
  txn::BatchReader reader(contents);
  for (uint64_t number = 1; const auto change = reader.Next(); ++number) {
    if (Status made = Make(*change, tables[change->table]); !made) {
      return Refused(made.error(), number, contents.tables[change->table]);
    }
  }
  return {};
}

}  // namespace manifolddb
