#pragma once
// Keys that cannot be read, for people and for programs.

#include <nlohmann/json.hpp>
#include <string>

#include "manifolddb/database.h"

namespace manifolddb::tools {

// `column family "f", table "t": keys from "a" to before "b"`; `column family "f": all tables`; and so on.
std::string AffectedText(const VerifyReport::Affected& affected);
// {"family": ..., "table": ..., "from": {...}, "to": {...}}, what is absent left out.
nlohmann::ordered_json AffectedJson(const VerifyReport::Affected& affected);

}  // namespace manifolddb::tools
