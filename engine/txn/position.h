#pragma once
// A place in a table as bytes that outlive the process.
//
//   version (1 byte, 1)   key   checksum (8 bytes, little-endian)
//
// The checksum is over the identities of database, family and table and what is before it, so that the bytes
// of another table are told from this one's without carrying its ids. Users store these: a version is never
// given another meaning.

#include <string>

#include "engine/format/ids.h"
#include "engine/format/meta_page.h"
#include "manifolddb/bytes.h"
#include "manifolddb/result.h"

namespace manifolddb::txn {

// Which table of a database. No id is used again once the table has been in a commit that stays. That of a
// table which never was (its transaction was aborted, or its commit without durability was lost in a crash)
// is given to another one: a position in the first is then taken for one in the second.
struct TableIdentity {
  format::FamilyId family;
  format::TableId table;
};

std::string EncodePosition(const format::Identity& database, TableIdentity table, ByteView key);
// The key, within `position`.
Result<ByteView> DecodePosition(const format::Identity& database, TableIdentity table, ByteView position);
// What DecodePosition says of bytes that it refuses.
std::unexpected<Error> NoPosition(ByteView position);

}  // namespace manifolddb::txn
