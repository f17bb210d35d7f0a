// Any text as a line that `manifolddb load` is given. The first byte says as what: JSON, columns, or columns
// in hexadecimal.
//
// Held: nothing ends the process, what is refused says why, and what is understood, written as `dump` and
// `scan` write it, is understood alike.
#include <string>
#include <string_view>

#include "fuzz/target.h"
#include "tools/load_lines.h"
#include "tools/text.h"

namespace manifolddb::fuzz {
namespace {

using tools::LoadLine;
using Json = nlohmann::json;

bool Alike(const LoadLine& a, const LoadLine& b) {
  return a.kind == b.kind && a.family == b.family && a.table == b.table && a.key_type == b.key_type &&
         a.value_type == b.value_type && a.key == b.key && a.value == b.value;
}

// Null if it was refused, with a reason.
const LoadLine* Understood(const Result<LoadLine>& parsed) {
  if (parsed) return &*parsed;
  Expect(parsed.error().code() == Errc::kInvalidArgument, "a line is refused as something else");
  Expect(!parsed.error().message().empty(), "a line is refused without a reason");
  return nullptr;
}

std::string AsJson(const LoadLine& line) {
  Json json = Json::object();
  if (line.family) json["family"] = tools::Escape(*line.family);
  if (line.table) json["table"] = tools::Escape(*line.table);
  switch (line.kind) {
    case LoadLine::Kind::kFamily: json["kind"] = "family"; break;
    case LoadLine::Kind::kTable:
      json["kind"] = "table";
      json["key_type"] = tools::Escape(line.key_type);
      json["value_type"] = tools::Escape(line.value_type);
      break;
    case LoadLine::Kind::kEntry:
      json["key"] = tools::JsonBytes(AsBytes(line.key));
      json["value"] = tools::JsonBytes(AsBytes(line.value));
      break;
  }
  return json.dump();
}

void CheckJson(const std::string& text) {
  const auto parsed = tools::ParseJsonLine(text);
  const LoadLine* const line = Understood(parsed);
  if (line == nullptr) return;
  const auto again = tools::ParseJsonLine(AsJson(*line));
  Expect(again && Alike(*again, *line), "a line of JSON that reads otherwise than it is written");
}

void CheckColumns(const std::string& text, bool hex) {
  const auto parsed = tools::ParseTsvLine(text, hex);
  const LoadLine* const line = Understood(parsed);
  if (line == nullptr) return;
  const auto column = [&](const std::string& bytes) {
    return hex ? tools::Hex(AsBytes(bytes)) : tools::Escape(bytes);
  };
  const auto again = tools::ParseTsvLine(column(line->key) + "\t" + column(line->value), hex);
  Expect(again && Alike(*again, *line), "columns that read otherwise than they are written");
}

}  // namespace
}  // namespace manifolddb::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace manifolddb::fuzz;
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'j': CheckJson(text); break;
    case 't': CheckColumns(text, false); break;
    case 'x': CheckColumns(text, true); break;
    default: break;
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  constexpr std::string_view kKinds = "jtx";
  const uint8_t kind = size > 0 ? data[0] : 0;
  size = LLVMFuzzerMutate(data, size, max_size);
  if (size > 0) data[0] = seed % 16 == 0 ? static_cast<uint8_t>(kKinds[seed / 16 % kKinds.size()]) : kind;
  return size;
}
