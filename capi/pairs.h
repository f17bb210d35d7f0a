#pragma once
// Pairs of a multimap table, whose types are known only by their names: as manifolddb/multimap_codec.h has
// them for types that are known to the compiler.

#include <cstddef>
#include <string_view>
#include <vector>

#include "manifolddb/bytes.h"
#include "manifolddb/cursor.h"
#include "manifolddb/result.h"

namespace manifolddb::capi {

// How the keys of pairs say where they end.
struct PairShape {
  enum class Kind : unsigned char {
    kNone,     // the table is no multimap
    kUnknown,  // it is one, of keys of which nothing but their type's name is known
    kWidth,    // each key takes `width` bytes
    kEscaped,  // byte strings, escaped
  };
  Kind kind = Kind::kNone;
  size_t width = 0;
};

// Of a table whose keys have this type.
PairShape ShapeOf(std::string_view key_type);
// kInvalidArgument: pairs of such a table cannot be put together or taken apart here.
Status CheckPairs(const PairShape& shape);

// What the pairs of `key` begin with. kInvalidArgument: CheckPairs, and for a key of another width.
Result<std::vector<std::byte>> GroupOf(const PairShape& shape, ByteView key);
// The pair as it is stored.
Result<std::vector<std::byte>> PairOf(const PairShape& shape, ByteView key, ByteView value);

// A pair taken apart: kCorrupt if it is none.
struct Pair {
  std::vector<std::byte> key;
  ByteView group;  // within the stored pair, as the next one
  ByteView value;
};
Result<Pair> Split(const PairShape& shape, ByteView stored);

// To the first pair of the next group; to the last one of the group before.
Result<bool> NextGroup(const PairShape& shape, Cursor& cursor);
Result<bool> PrevGroup(const PairShape& shape, Cursor& cursor);

}  // namespace manifolddb::capi
