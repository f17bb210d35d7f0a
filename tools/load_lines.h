#pragma once
// Lines of text into entries: tab-separated, or one JSON object on each line as dump and scan print them.

#include <cstdint>
#include <optional>
#include <string>

#include "manifolddb/result.h"

namespace manifolddb::tools {

struct LoadLine {
  enum class Kind : uint8_t { kFamily, kTable, kEntry };
  Kind kind = Kind::kEntry;
  std::optional<std::string> family;  // bytes of names
  std::optional<std::string> table;
  std::string key_type;  // of a table
  std::string value_type;
  std::string key;  // of an entry
  std::string value;
};

// Two columns, each with escapes, or in hexadecimal. An error's message says what is wrong with the line.
Result<LoadLine> ParseTsvLine(const std::string& line, bool hex);
// An object with "key" and "value", each a string or {"hex": ...} or {"text": ...}, and as far as it names
// them "family" and "table"; or with "kind" "family" or "table". Names have escapes.
Result<LoadLine> ParseJsonLine(const std::string& line);

}  // namespace manifolddb::tools
