#include "tools/load_lines.h"

#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "engine/base/try.h"
#include "tools/entries.h"
#include "tools/text.h"

namespace manifolddb::tools {
namespace {

using Json = nlohmann::json;

std::unexpected<Error> Wrong(std::string message) {
  return Fail(Errc::kInvalidArgument, "tools.load", {.message = std::move(message)});
}

// A name or a type, as printed; none if the line has none.
Result<std::optional<std::string>> NameIn(const Json& line, const char* field) {
  if (!line.contains(field)) return std::optional<std::string>();
  if (!line[field].is_string()) return Wrong(std::string("\"") + field + "\" is no string");
  MANIFOLDDB_ASSIGN(std::string name, NameGiven(line[field].get<std::string>()));
  return std::optional(std::move(name));
}

Result<std::string> BytesIn(const Json& line, const char* field) {
  const std::string quoted = std::string("\"") + field + "\"";
  if (!line.contains(field)) {
    const char* const hint = std::string(field) == "value" ? ": dump prints it with --values" : "";
    return Wrong("an entry without " + quoted + hint);
  }
  const Json& bytes = line[field];
  if (bytes.is_string()) return bytes.get<std::string>();
  const bool hex = bytes.is_object() && bytes.contains("hex");
  const bool text = bytes.is_object() && bytes.contains("text");
  if ((!hex && !text) || (hex && !bytes["hex"].is_string()) || (text && !bytes["text"].is_string()))
    return Wrong(quoted + " is neither a string nor an object with \"hex\" or \"text\"");
  if (!hex) return bytes["text"].get<std::string>();
  MANIFOLDDB_ASSIGN(std::string given, BytesGiven(bytes["hex"].get<std::string>(), true, field));
  if (text && bytes["text"] != given) return Wrong("\"hex\" and \"text\" of " + quoted + " differ");
  return given;
}

Result<LoadLine::Kind> KindOf(const Json& line) {
  if (!line.contains("kind") || line["kind"] == "entry") return LoadLine::Kind::kEntry;
  if (line["kind"] == "family") return LoadLine::Kind::kFamily;
  if (line["kind"] == "table") return LoadLine::Kind::kTable;
  return Wrong("\"kind\" is none of \"family\", \"table\", \"entry\"");
}

// Of members with the same name the library keeps one; which was meant, nobody knows.
Result<Json> ParseJson(const std::string& line) {
  std::vector<std::set<std::string>> open;
  std::optional<std::string> twice;
  const auto see = [&](int, Json::parse_event_t event, const Json& parsed) {
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key && !open.back().insert(parsed.get<std::string>()).second)
      twice = parsed.get<std::string>();
    return true;
  };
  Json json = Json::parse(line, see, false);
  if (!json.is_object()) return Wrong("no JSON object; --format tsv reads lines of a key, a tab and a value");
  if (twice) return Wrong(Shown(AsBytes(*twice), 64) + " is there twice");
  return json;
}

// What scan writes as \xNN was not written by it; a line end of another system is no part of a value.
Status CheckNoControls(const std::string& line, size_t tab) {
  for (size_t i = 0; i < line.size(); ++i) {
    const auto byte = static_cast<uint8_t>(line[i]);
    if (i == tab || (byte >= 0x20 && byte != 0x7f)) continue;
    return Wrong("a control character, byte " + std::to_string(i + 1) + " of it: as part of a key or value " +
                 "it is written " + Escape(line.substr(i, 1)));
  }
  return {};
}

}  // namespace

Result<LoadLine> ParseTsvLine(const std::string& line, bool hex) {
  const size_t tab = line.find('\t');
  if (tab == std::string::npos) return Wrong("no tab between a key and a value");
  MANIFOLDDB_TRY(CheckNoControls(line, tab));
  LoadLine parsed;
  MANIFOLDDB_ASSIGN(parsed.key, BytesGiven(line.substr(0, tab), hex, "key"));
  MANIFOLDDB_ASSIGN(parsed.value, BytesGiven(line.substr(tab + 1), hex, "value"));
  return parsed;
}

Result<LoadLine> ParseJsonLine(const std::string& line) {
  MANIFOLDDB_ASSIGN(const Json json, ParseJson(line));
  LoadLine parsed;
  MANIFOLDDB_ASSIGN(parsed.kind, KindOf(json));
  MANIFOLDDB_ASSIGN(parsed.family, NameIn(json, "family"));
  MANIFOLDDB_ASSIGN(parsed.table, NameIn(json, "table"));
  if (parsed.kind == LoadLine::Kind::kTable) {
    MANIFOLDDB_ASSIGN(const auto key_type, NameIn(json, "key_type"));
    MANIFOLDDB_ASSIGN(const auto value_type, NameIn(json, "value_type"));
    parsed.key_type = key_type.value_or("");
    parsed.value_type = value_type.value_or("");
  }
  if (parsed.kind == LoadLine::Kind::kEntry) {
    MANIFOLDDB_ASSIGN(parsed.key, BytesIn(json, "key"));
    MANIFOLDDB_ASSIGN(parsed.value, BytesIn(json, "value"));
  }
  return parsed;
}

}  // namespace manifolddb::tools
