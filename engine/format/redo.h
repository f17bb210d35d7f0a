#pragma once
// The logical redo of one transaction: a sequence of operations, appended as they happen, decoded on
// recovery.
//
// Every operation is a kind byte and varints (LEB128, shortest form, at most ten bytes) with the byte strings
// they announce. So every record has one encoding. kPut, kPutExtent, kDelete and kDeleteRange apply to the
// table of the last kSelect.

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/base/memory.h"
#include "engine/format/ids.h"
#include "manifolddb/bytes.h"
#include "manifolddb/result.h"

namespace manifolddb::format {

enum class RedoKind : uint8_t {
  kSelect = 1,             // family, table
  kPut = 2,                // key, value: one that lies in the leaf
  kDelete = 3,             // key
  kDeleteRange = 4,        // flags (bit 0: has lower, bit 1: has upper), lower, upper
  kCreateTable = 5,        // family, table, name
  kDropTable = 6,          // family, table
  kRenameTable = 7,        // family, table, name
  kCreateFamily = 8,       // family, name
  kDropFamily = 9,         // family
  kRenameFamily = 10,      // family, name
  kPutExtent = 11,         // key, value, first page of the extent that it was written to
  kCreateTypedTable = 12,  // family, table, name, key type, value type: not both empty
};

// Each appends one operation or, on kNoMemory, nothing.
Status AppendSelect(base::ByteBuffer& redo, FamilyId family, TableId table);
Status AppendPut(base::ByteBuffer& redo, ByteView key, ByteView value);
Status AppendPutExtent(base::ByteBuffer& redo, ByteView key, ByteView value, PageId first);
// AppendPut, or (`extent`) AppendPutExtent, of a value of `value_bytes` zeros that is still to be filled in:
// the view lives until the redo grows or is cleared. Of an extent the place is still to come, behind the
// value and before any other operation: AppendExtentPlace, for which there is room.
Result<MutableByteView> AppendPutToFill(base::ByteBuffer& redo, ByteView key, size_t value_bytes,
                                        bool extent);
void AppendExtentPlace(base::ByteBuffer& redo, PageId first);
Status AppendDelete(base::ByteBuffer& redo, ByteView key);
Status AppendDeleteRange(base::ByteBuffer& redo, std::optional<ByteView> lower,
                         std::optional<ByteView> upper);
// kCreateTypedTable, if one of the types has a name.
Status AppendCreateTable(base::ByteBuffer& redo, FamilyId family, TableId table, ByteView name,
                         std::string_view key_type = {}, std::string_view value_type = {});
Status AppendDropTable(base::ByteBuffer& redo, FamilyId family, TableId table);
Status AppendRenameTable(base::ByteBuffer& redo, FamilyId family, TableId table, ByteView name);
Status AppendCreateFamily(base::ByteBuffer& redo, FamilyId family, ByteView name);
Status AppendDropFamily(base::ByteBuffer& redo, FamilyId family);
Status AppendRenameFamily(base::ByteBuffer& redo, FamilyId family, ByteView name);

// One decoded operation; views into the record. Fields that the kind does not have keep their defaults.
struct RedoOperation {
  RedoKind kind = RedoKind::kSelect;
  FamilyId family;
  TableId table;
  ByteView key;  // or name
  ByteView value;
  std::string_view key_type;
  std::string_view value_type;
  PageId first;
  std::optional<ByteView> lower;
  std::optional<ByteView> upper;
};

// Reads operations one after the other. Never reads outside the record, whatever it holds.
class RedoReader {
 public:
  explicit RedoReader(ByteView record) : rest_(record) {}
  bool done() const { return rest_.empty(); }
  // The next operation; null and why() if the bytes are none, again at every further call. REQUIRES: !done().
  std::optional<RedoOperation> Next();
  const char* why() const { return why_; }

 private:
  ByteView rest_;
  bool selected_ = false;  // there was a kSelect: kPut and the like have a table
  const char* why_ = nullptr;
};

}  // namespace manifolddb::format
