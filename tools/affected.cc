// A range of keys, of a table, of the tables of a column family, or of column families.

#include "tools/affected.h"

#include "tools/text.h"

namespace manifolddb::tools {
namespace {

constexpr size_t kShownBytesMax = 64;

// Of a range that holds one key at most.
bool IsOneKey(const VerifyReport::Affected& range) {
  return range.lower && range.upper && *range.upper == *range.lower + '\0';
}

}  // namespace

std::string AffectedText(const VerifyReport::Affected& affected) {
  const bool keys = !affected.table.empty();
  const bool tables = !keys && !affected.family.empty();
  std::string text;
  if (keys || tables) text += "column family " + Quoted(affected.family);
  if (keys) text += ", table " + Quoted(affected.table);
  if (!text.empty()) text += ": ";
  const std::string one = keys ? "key" : tables ? "table" : "column family";
  const std::string many = keys ? "keys" : tables ? "tables" : "column families";
  const auto shown = [](const std::string& bound) { return Shown(AsBytes(bound), kShownBytesMax); };
  if (IsOneKey(affected)) return text + one + " " + shown(*affected.lower);
  if (!affected.lower && !affected.upper) return text + "all " + many;
  text += many;
  if (affected.lower) text += " from " + shown(*affected.lower);
  if (affected.upper) text += " to before " + shown(*affected.upper);
  return text;
}

nlohmann::ordered_json AffectedJson(const VerifyReport::Affected& affected) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  if (!affected.family.empty()) json["family"] = Escape(affected.family);
  if (!affected.table.empty()) json["table"] = Escape(affected.table);
  if (affected.lower) json["from"] = JsonBytes(AsBytes(*affected.lower));
  if (affected.upper) json["to"] = JsonBytes(AsBytes(*affected.upper));
  return json;
}

}  // namespace manifolddb::tools
