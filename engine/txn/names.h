#pragma once
// Names of column families and tables, and how messages show them.

#include <string>
#include <string_view>

#include "manifolddb/result.h"

namespace manifolddb::txn {

// 1 to kNameBytesMax bytes.
Status CheckName(std::string_view name, const char* operation);
// In quotes, what is not printable escaped, long ones shortened.
std::string Quoted(std::string_view name);

}  // namespace manifolddb::txn
