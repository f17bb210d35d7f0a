#pragma once
// From what the command line says to a table and a range.

#include <optional>
#include <string>

#include "manifolddb/database.h"
#include "tools/entries.h"

namespace manifolddb::tools {

struct TableNames {
  std::string family;
  std::string table;
};
// The names given, or those of the only family and the only table. kInvalidArgument where there are several,
// with their names.
Result<TableNames> FindTable(ReadTransaction& snapshot, const TableGiven& given);

// Bytes of the bounds, and the range over them.
class GivenRange {
 public:
  static Result<GivenRange> From(const RangeGiven& given, bool hex);
  Range range() const;

 private:
  std::optional<std::string> from_;
  std::optional<std::string> after_;
  std::optional<std::string> before_;
  std::optional<std::string> through_;
  std::optional<std::string> prefix_;
};

}  // namespace manifolddb::tools
