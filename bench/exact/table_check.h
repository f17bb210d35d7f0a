#pragma once
// What a table has to hold, and whether it does.

#include <cstdint>
#include <map>

#include "manifolddb/database.h"

namespace manifolddb::bench::exact {

// Key -> tag of its value, of one value size.
struct Expected {
  std::map<uint64_t, uint64_t> tags;
  size_t value_bytes = 0;
};

// Ends the program unless the table of `family` holds exactly that.
void CheckTable(Database& database, ColumnFamily family, const Expected& expected);

}  // namespace manifolddb::bench::exact
