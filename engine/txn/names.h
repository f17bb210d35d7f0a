#pragma once
// Names of column families, tables and types, and how messages show them.

#include <memory>
#include <string>
#include <string_view>

#include "engine/mvcc/family_versions.h"
#include "manifolddb/result.h"
#include "manifolddb/transaction.h"

namespace manifolddb::txn {

// 1 to kNameBytesMax bytes.
Status CheckName(std::string_view name, const char* operation);
// In quotes, what is not printable escaped, long ones shortened.
std::string Quoted(std::string_view name);
// "table 't', key 'k'".
std::string EntryText(std::string_view table, ByteView key);
// `error`; where its cause is the entry, or bytes of the disk, it names the entry that was asked for as well.
Error OfEntry(const Error& error, std::string_view table, ByteView key);

// Types as a table keeps them: null for raw bytes.
std::shared_ptr<const mvcc::TypeNames> MakeTypeNames(std::string_view key, std::string_view value);
TableTypes TypesOf(const mvcc::TypeNames* names);
// Whether a table may be created with these.
Status CheckNewTypes(const TableTypes& types, uint32_t page_size);
// kTypeMismatch unless `asked` are the types of `table`, or any.
Status CheckTypes(std::string_view table, const mvcc::TypeNames* stored, const TableTypes& asked);

}  // namespace manifolddb::txn
