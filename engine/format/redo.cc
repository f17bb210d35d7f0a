// Redo operations to bytes and back.
//
// (1) An encoder reserves room for the longest form of its operation first: it appends all of it or nothing.
// (2) Decoding accepts exactly what encoding can produce, so decoding and encoding again gives the same
//     bytes.
// (3) No length is believed before it was compared with the bytes that are left.
// Bounds that depend on the database (page size, existing families) are checked where the operations are
// applied.

#include "engine/format/redo.h"

#include <initializer_list>

#include "engine/base/assert.h"
#include "engine/base/sites.h"
#include "engine/base/try.h"
#include "manifolddb/options.h"

namespace manifolddb::format {
namespace {

constexpr size_t kVarintBytesMax = 10;
constexpr uint8_t kHasLower = 1;
constexpr uint8_t kHasUpper = 2;

void AppendVarint(base::ByteBuffer& redo, uint64_t value) {
  while (value >= 0x80) {
    redo.AppendReserved(static_cast<uint8_t>(value | 0x80));
    value >>= 7;
  }
  redo.AppendReserved(static_cast<uint8_t>(value));
}

void AppendBytes(base::ByteBuffer& redo, ByteView bytes) {
  AppendVarint(redo, bytes.size());
  redo.AppendReserved(bytes);
}

void AppendKind(base::ByteBuffer& redo, RedoKind kind) { redo.AppendReserved(static_cast<uint8_t>(kind)); }

// For operations that are ids, then perhaps a name, then perhaps what else `names` holds.
Status AppendStructural(base::ByteBuffer& redo, RedoKind kind, std::initializer_list<uint64_t> ids,
                        std::initializer_list<ByteView> names) {
  MANIFOLDDB_ASSERT(names.size() == 0 || (!names.begin()->empty() && names.begin()->size() <= kNameBytesMax));
  size_t names_bytes = 0;
  for (const ByteView name : names) names_bytes += name.size();
  MANIFOLDDB_TRY(redo.Reserve(1 + (ids.size() + names.size()) * kVarintBytesMax + names_bytes));
  AppendKind(redo, kind);
  for (const uint64_t id : ids) {
    MANIFOLDDB_ASSERT(id != 0);
    AppendVarint(redo, id);
  }
  for (const ByteView name : names) AppendBytes(redo, name);
  return {};
}

// Takes fields off the front of `rest`. Each returns false and says why, with `rest` anywhere, if there is
// none.
struct Fields {
  ByteView rest;
  const char* why = nullptr;

  bool Refuse(const char* reason) {
    why = reason;
    return false;
  }

  bool Byte(uint8_t& out) {
    if (rest.empty()) return Refuse("the record ends inside an operation");
    out = static_cast<uint8_t>(rest.front());
    rest = rest.subspan(1);
    return true;
  }

  bool Varint(uint64_t& out) {
    uint64_t value = 0;
    for (size_t i = 0; i < kVarintBytesMax; ++i) {
      uint8_t byte = 0;
      if (!Byte(byte)) return false;
      // Nine bytes hold 63 bits; the tenth has room for one.
      if (i == kVarintBytesMax - 1 && byte > 1) return Refuse("a number has more than 64 bits");
      value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
      if ((byte & 0x80) == 0) {
        if (byte == 0 && i > 0 && !MANIFOLDDB_BROKEN("decode.redo.overlong")) {
          return Refuse("a number is longer than it needs to be");
        }
        out = value;
        return true;
      }
    }
    return Refuse("a number has more than ten bytes");
  }

  template <class Id>
  bool NonZeroId(Id& out) {
    uint64_t raw = 0;
    if (!Varint(raw)) return false;
    if (raw == 0) return Refuse("an id is zero");
    out = Id{raw};
    return true;
  }

  bool Bytes(ByteView& out, uint64_t bytes_max) {
    uint64_t size = 0;
    if (!Varint(size)) return false;
    if (size > rest.size() && !MANIFOLDDB_BROKEN("decode.redo.length")) {
      return Refuse("a key, value or name is longer than the record");
    }
    if (size > bytes_max) return Refuse("a key, value or name is longer than any can be");
    out = rest.first(static_cast<size_t>(size));
    rest = rest.subspan(static_cast<size_t>(size));
    return true;
  }

  bool Name(ByteView& out) {
    if (!Bytes(out, kNameBytesMax)) return false;
    return out.empty() ? Refuse("a name is empty") : true;
  }

  bool Types(RedoOperation& out) {
    ByteView key;
    ByteView value;
    if (!Bytes(key, kTypeNameBytesMax) || !Bytes(value, kTypeNameBytesMax)) return false;
    if (key.empty() && value.empty()) return Refuse("a typed table has no types");
    out.key_type = AsText(key);
    out.value_type = AsText(value);
    return true;
  }

  bool Bounds(RedoOperation& out) {
    uint8_t flags = 0;
    if (!Byte(flags)) return false;
    if ((flags & ~(kHasLower | kHasUpper)) != 0) return Refuse("a range has unknown flags");
    if ((flags & kHasLower) != 0 && !Bytes(out.lower.emplace(), kValueBytesMax)) return false;
    return (flags & kHasUpper) == 0 || Bytes(out.upper.emplace(), kValueBytesMax);
  }
};

bool TakeOperation(Fields& fields, RedoOperation& out) {
  uint8_t kind = 0;
  if (!fields.Byte(kind)) return false;
  out.kind = static_cast<RedoKind>(kind);
  switch (out.kind) {
    case RedoKind::kSelect:
    case RedoKind::kDropTable: return fields.NonZeroId(out.family) && fields.NonZeroId(out.table);
    case RedoKind::kPut:
      return fields.Bytes(out.key, kValueBytesMax) && fields.Bytes(out.value, kValueBytesMax);
    case RedoKind::kPutExtent:
      return fields.Bytes(out.key, kValueBytesMax) && fields.Bytes(out.value, kValueBytesMax) &&
             fields.NonZeroId(out.first);
    case RedoKind::kDelete: return fields.Bytes(out.key, kValueBytesMax);
    case RedoKind::kDeleteRange: return fields.Bounds(out);
    case RedoKind::kCreateTable:
    case RedoKind::kRenameTable:
      return fields.NonZeroId(out.family) && fields.NonZeroId(out.table) && fields.Name(out.key);
    case RedoKind::kCreateTypedTable:
      return fields.NonZeroId(out.family) && fields.NonZeroId(out.table) && fields.Name(out.key) &&
             fields.Types(out);
    case RedoKind::kCreateFamily:
    case RedoKind::kRenameFamily: return fields.NonZeroId(out.family) && fields.Name(out.key);
    case RedoKind::kDropFamily: return fields.NonZeroId(out.family);
  }
  return fields.Refuse("no such operation");
}

bool NeedsTable(RedoKind kind) {
  return kind == RedoKind::kPut || kind == RedoKind::kPutExtent || kind == RedoKind::kDelete ||
         kind == RedoKind::kDeleteRange;
}

}  // namespace

Status AppendSelect(base::ByteBuffer& redo, FamilyId family, TableId table) {
  return AppendStructural(redo, RedoKind::kSelect, {family.raw(), table.raw()}, {});
}

Status AppendPut(base::ByteBuffer& redo, ByteView key, ByteView value) {
  MANIFOLDDB_ASSERT(key.size() <= kValueBytesMax && value.size() <= kValueBytesMax);
  MANIFOLDDB_TRY(redo.Reserve(1 + 2 * kVarintBytesMax + key.size() + value.size()));
  AppendKind(redo, RedoKind::kPut);
  AppendBytes(redo, key);
  AppendBytes(redo, value);
  return {};
}

Status AppendPutExtent(base::ByteBuffer& redo, ByteView key, ByteView value, PageId first) {
  MANIFOLDDB_ASSERT(key.size() <= kValueBytesMax && value.size() <= kValueBytesMax && first != PageId{});
  MANIFOLDDB_TRY(redo.Reserve(1 + 3 * kVarintBytesMax + key.size() + value.size()));
  AppendKind(redo, RedoKind::kPutExtent);
  AppendBytes(redo, key);
  AppendBytes(redo, value);
  AppendVarint(redo, first.raw());
  return {};
}

Result<MutableByteView> AppendPutToFill(base::ByteBuffer& redo, ByteView key, size_t value_bytes,
                                        bool extent) {
  MANIFOLDDB_ASSERT(key.size() <= kValueBytesMax && value_bytes <= kValueBytesMax);
  MANIFOLDDB_TRY(redo.Reserve(1 + 3 * kVarintBytesMax + key.size() + value_bytes));
  AppendKind(redo, extent ? RedoKind::kPutExtent : RedoKind::kPut);
  AppendBytes(redo, key);
  AppendVarint(redo, value_bytes);
  return redo.AppendZerosReserved(value_bytes);
}

void AppendExtentPlace(base::ByteBuffer& redo, PageId first) {
  MANIFOLDDB_ASSERT(first != PageId{});
  AppendVarint(redo, first.raw());
}

Status AppendDelete(base::ByteBuffer& redo, ByteView key) {
  MANIFOLDDB_ASSERT(key.size() <= kValueBytesMax);
  MANIFOLDDB_TRY(redo.Reserve(1 + kVarintBytesMax + key.size()));
  AppendKind(redo, RedoKind::kDelete);
  AppendBytes(redo, key);
  return {};
}

Status AppendDeleteRange(base::ByteBuffer& redo, std::optional<ByteView> lower,
                         std::optional<ByteView> upper) {
  const size_t bytes = (lower ? lower->size() : 0) + (upper ? upper->size() : 0);
  MANIFOLDDB_ASSERT(bytes <= kValueBytesMax);
  MANIFOLDDB_TRY(redo.Reserve(2 + 2 * kVarintBytesMax + bytes));
  AppendKind(redo, RedoKind::kDeleteRange);
  redo.AppendReserved(static_cast<uint8_t>((lower ? kHasLower : 0) | (upper ? kHasUpper : 0)));
  if (lower) AppendBytes(redo, *lower);
  if (upper) AppendBytes(redo, *upper);
  return {};
}

Status AppendCreateTable(base::ByteBuffer& redo, FamilyId family, TableId table, ByteView name,
                         std::string_view key_type, std::string_view value_type) {
  MANIFOLDDB_ASSERT(key_type.size() <= kTypeNameBytesMax && value_type.size() <= kTypeNameBytesMax);
  const std::initializer_list<uint64_t> ids = {family.raw(), table.raw()};
  if (key_type.empty() && value_type.empty()) {
    return AppendStructural(redo, RedoKind::kCreateTable, ids, {name});
  }
  return AppendStructural(redo, RedoKind::kCreateTypedTable, ids,
                          {name, AsBytes(key_type), AsBytes(value_type)});
}

Status AppendDropTable(base::ByteBuffer& redo, FamilyId family, TableId table) {
  return AppendStructural(redo, RedoKind::kDropTable, {family.raw(), table.raw()}, {});
}

Status AppendRenameTable(base::ByteBuffer& redo, FamilyId family, TableId table, ByteView name) {
  return AppendStructural(redo, RedoKind::kRenameTable, {family.raw(), table.raw()}, {name});
}

Status AppendCreateFamily(base::ByteBuffer& redo, FamilyId family, ByteView name) {
  return AppendStructural(redo, RedoKind::kCreateFamily, {family.raw()}, {name});
}

Status AppendDropFamily(base::ByteBuffer& redo, FamilyId family) {
  return AppendStructural(redo, RedoKind::kDropFamily, {family.raw()}, {});
}

Status AppendRenameFamily(base::ByteBuffer& redo, FamilyId family, ByteView name) {
  return AppendStructural(redo, RedoKind::kRenameFamily, {family.raw()}, {name});
}

std::optional<RedoOperation> RedoReader::Next() {
  MANIFOLDDB_ASSERT(!done());
  Fields fields{.rest = rest_};
  RedoOperation operation;
  // The group's checksum matched, so no crash explains a refusal here: forged, or a fault of ours.
  if (!TakeOperation(fields, operation)) {
    why_ = fields.why;
    return std::nullopt;
  }
  if (operation.kind == RedoKind::kSelect) selected_ = true;
  if (NeedsTable(operation.kind) && !selected_ && !MANIFOLDDB_BROKEN("decode.redo.selected")) {
    why_ = "an operation comes before any table was selected";
    return std::nullopt;
  }
  MANIFOLDDB_ASSERT(fields.rest.size() < rest_.size());
  rest_ = fields.rest;
  return operation;
}

}  // namespace manifolddb::format
