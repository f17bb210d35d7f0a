// Any bytes as a group of the log, as records, and as the operations of one transaction.
#include <cstring>
#include <vector>

#include "engine/base/memory.h"
#include "engine/format/log_format.h"
#include "engine/format/redo.h"
#include "fuzz/raw.h"
#include "fuzz/repair.h"
#include "fuzz/rules.h"
#include "fuzz/target.h"
#include "manifolddb/options.h"

namespace manifolddb::fuzz {
namespace {

using format::LogGroup;
using format::RedoKind;
using format::RedoOperation;

bool Inside(ByteView part, ByteView whole) {
  return part.empty() || (part.data() >= whole.data() && part.size() <= whole.size() &&
                          part.data() - whole.data() <= static_cast<ptrdiff_t>(whole.size() - part.size()));
}

// Encodes the operation again.
Status Append(base::ByteBuffer& redo, const RedoOperation& operation) {
  switch (operation.kind) {
    case RedoKind::kSelect: return format::AppendSelect(redo, operation.family, operation.table);
    case RedoKind::kPut: return format::AppendPut(redo, operation.key, operation.value);
    case RedoKind::kPutExtent:
      return format::AppendPutExtent(redo, operation.key, operation.value, operation.first);
    case RedoKind::kDelete: return format::AppendDelete(redo, operation.key);
    case RedoKind::kDeleteRange: return format::AppendDeleteRange(redo, operation.lower, operation.upper);
    case RedoKind::kCreateTable:
    case RedoKind::kCreateTypedTable:
      return format::AppendCreateTable(redo, operation.family, operation.table, operation.key,
                                       operation.key_type, operation.value_type);
    case RedoKind::kDropTable: return format::AppendDropTable(redo, operation.family, operation.table);
    case RedoKind::kRenameTable:
      return format::AppendRenameTable(redo, operation.family, operation.table, operation.key);
    case RedoKind::kCreateFamily: return format::AppendCreateFamily(redo, operation.family, operation.key);
    case RedoKind::kDropFamily: return format::AppendDropFamily(redo, operation.family);
    case RedoKind::kRenameFamily: return format::AppendRenameFamily(redo, operation.family, operation.key);
  }
  Violation("an operation of no known kind was accepted");
}

bool NeedsTable(RedoKind kind) {
  return kind == RedoKind::kPut || kind == RedoKind::kPutExtent || kind == RedoKind::kDelete ||
         kind == RedoKind::kDeleteRange;
}
bool HasName(RedoKind kind) {
  return kind == RedoKind::kCreateTable || kind == RedoKind::kCreateTypedTable ||
         kind == RedoKind::kRenameTable || kind == RedoKind::kCreateFamily || kind == RedoKind::kRenameFamily;
}

void CheckOperation(const RedoOperation& operation, ByteView record) {
  Expect(Inside(operation.key, record) && Inside(operation.value, record), "bytes outside the record");
  Expect(!operation.lower || Inside(*operation.lower, record), "a bound outside the record");
  Expect(!operation.upper || Inside(*operation.upper, record), "a bound outside the record");
  if (HasName(operation.kind)) {
    Expect(!operation.key.empty() && operation.key.size() <= kNameBytesMax, "an impossible name");
  }
  const std::string_view key_type = operation.key_type;
  const std::string_view value_type = operation.value_type;
  Expect(Inside(AsBytes(key_type), record) && Inside(AsBytes(value_type), record),
         "types outside the record");
  Expect(key_type.size() <= 255 && value_type.size() <= 255, "a type's name is too long");
  const bool typed = !key_type.empty() || !value_type.empty();
  Expect(typed == (operation.kind == RedoKind::kCreateTypedTable), "types of what has none");
}

void CheckOperations(ByteView record) {
  base::ByteBuffer again;
  format::RedoReader reader(record);
  bool selected = false;
  while (!reader.done()) {
    const auto operation = reader.Next();
    if (!operation) {
      Expect(reader.why() != nullptr, "operations refused without a reason");
      Expect(!reader.Next().has_value(), "operations that were refused were accepted later");
      break;
    }
    CheckOperation(*operation, record);
    selected = selected || operation->kind == RedoKind::kSelect;
    Expect(selected || !NeedsTable(operation->kind), "a change to no table was accepted");
    Expect(Append(again, *operation).has_value(), "no memory");
  }
  Expect(again.size() <= record.size() && Equal(again.view(), record.first(again.size())),
         "operations were accepted that are encoded otherwise");
}

// The number of records; each ends where the next one begins.
uint64_t CheckRecords(ByteView bytes) {
  uint64_t records = 0;
  for (ByteView rest = bytes; !rest.empty();) {
    const ByteView before = rest;
    const auto operations = format::TakeLogRecord(rest);
    if (!operations) return 0;
    Expect(before.size() >= 8 && Le64(before, 0) == operations->size(), "a record of another length");
    Expect(Inside(*operations, bytes) && operations->size() + 8 + rest.size() == before.size(),
           "records with something between them");
    const ExactCopy copy(*operations);
    CheckOperations(copy.view());
    ++records;
  }
  return records;
}

void CheckSealed(const LogGroup& header, ByteView group) {
  // What no reader of the log takes (LogReader compares positions), no writer seals.
  if (header.durable_lsn > header.lsn) return;
  const ByteView used = group.first(sizeof(format::LogGroupDisk) + header.bytes);
  std::vector<std::byte> again(format::LogGroupSpan(header.bytes, format::kWriteUnitMin));
  std::memcpy(again.data(), used.data(), used.size());
  Expect(format::SealLogGroup(header, again) == header.checksum, "a group sealed again has another checksum");
  Expect(Equal(MutableByteView(again).first(used.size()), used),
         "a group was accepted that is sealed otherwise");
}

void CheckGroup(ByteView bytes) {
  LogGroup header;
  const bool valid = format::DecodeLogGroupHeader(bytes, header);
  const char* const why = bytes.size() < sizeof(format::LogGroupDisk) ? "too short" : WhyNoGroupHeader(bytes);
  if (valid != (why == nullptr)) {
    Violation(valid ? std::string("a group's header was accepted: ") + why : "a group's header was refused");
  }
  const bool whole = valid && header.bytes <= bytes.size() - sizeof(format::LogGroupDisk);
  const bool fits = whole && Le64(bytes, 0) == base::Checksum64(bytes.subspan(
                                                   8, sizeof(format::LogGroupDisk) - 8 + header.bytes));
  Expect(format::LogGroupIntact(bytes) == fits,
         "a group's checksum or length was overlooked, or none wanted");
  if (!fits) return;
  CheckRecords(bytes.subspan(sizeof(format::LogGroupDisk), header.bytes));
  CheckSealed(header, bytes);
}

}  // namespace
}  // namespace manifolddb::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace manifolddb::fuzz;
  const ExactCopy bytes(InputBytes(data, size));
  CheckGroup(bytes.view());
  if (size > 0) CheckRecords(bytes.view());
  CheckOperations(bytes.view());
  CountMarks();
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  const manifolddb::MutableByteView bytes(reinterpret_cast<std::byte*>(data), size);
  // A group that ends where the input ends, with a checksum that says so.
  if (seed % 4 == 0 && size >= 96) manifolddb::fuzz::PutNumber(bytes, 16, 8, size - 88);
  if (seed % 4 < 2) manifolddb::fuzz::RepairLogGroup(bytes);
  return size;
}
