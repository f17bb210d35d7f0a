// Bytes as people and programs read them.
//
// (1) What is printed is valid UTF-8 without control characters, whatever the bytes: a damaged file cannot
//     upset a terminal or a JSON parser.
// (2) Escape has one result for each name, and Unescape leads back.

#include "tools/text.h"

namespace manifolddb::tools {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

// Length of the printable character at the front of `text`, 0 if there is none.
size_t PrintableCharacter(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  if (byte(0) < 0x80) return byte(0) >= 0x20 && byte(0) != 0x7f ? 1 : 0;
  const size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc2 || byte(0) > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // C1 controls; overlong forms; surrogates; beyond the last code point.
  if (byte(0) == 0xc2 && byte(1) < 0xa0) return 0;
  if ((byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xf0 && byte(1) < 0x90)) return 0;
  if ((byte(0) == 0xed && byte(1) >= 0xa0) || (byte(0) == 0xf4 && byte(1) >= 0x90)) return 0;
  return length;
}

void AppendHex(std::string& out, char c) {
  const auto byte = static_cast<uint8_t>(c);
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

// Those of `special` get a backslash before them.
std::string EscapeWith(std::string_view bytes, std::string_view special) {
  std::string out;
  while (!bytes.empty()) {
    const size_t length = PrintableCharacter(bytes);
    if (length == 0) {
      out += "\\x";
      AppendHex(out, bytes[0]);
      bytes.remove_prefix(1);
      continue;
    }
    if (special.find(bytes[0]) != std::string_view::npos) out += '\\';
    out += bytes.substr(0, length);
    bytes.remove_prefix(length);
  }
  return out;
}

bool MostlyText(std::string_view bytes) {
  size_t printable = 0;
  for (const char c : bytes) printable += c >= 0x20 && c < 0x7f ? 1 : 0;
  return IsPrintable(bytes) || printable * 2 >= bytes.size();
}

}  // namespace

bool IsPrintable(std::string_view text) {
  while (!text.empty()) {
    const size_t length = PrintableCharacter(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string Escape(std::string_view bytes) { return EscapeWith(bytes, "\\"); }
std::string Printable(std::string_view text) { return EscapeWith(text, ""); }

std::optional<std::string> Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char next = text[i] == '\\' && i + 1 < text.size() ? text[i + 1] : '\0';
    if (text[i] != '\\') {
      out += text[i];
    } else if (next == '\\' || next == '"') {
      out += next;
      i += 1;
    } else if (next == 't' || next == 'n' || next == 'r') {
      out += next == 't' ? '\t' : next == 'n' ? '\n' : '\r';
      i += 1;
    } else {
      if (i + 3 >= text.size() || text[i + 1] != 'x') return std::nullopt;
      const size_t high = kDigits.find(text[i + 2]);
      const size_t low = kDigits.find(text[i + 3]);
      if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
      out += static_cast<char>(high << 4 | low);
      i += 3;
    }
  }
  return out;
}

std::string Quoted(std::string_view name) { return '"' + EscapeWith(name, "\\\"") + '"'; }

std::string Shown(ByteView bytes, size_t bytes_max) {
  const bool cut = bytes.size() > bytes_max;
  const ByteView head = cut ? bytes.first(bytes_max) : bytes;
  // A character that was cut in two is shown as bytes.
  std::string shown = MostlyText(AsText(head)) ? Quoted(AsText(head)) : "0x" + Hex(head);
  if (cut) shown += "... (" + std::to_string(bytes.size()) + " bytes)";
  return shown;
}

std::string Hex(ByteView bytes) {
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const char c : AsText(bytes)) AppendHex(hex, c);
  return hex;
}

std::optional<std::string> FromHex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  const auto digit = [](char c) {
    return kDigits.find(c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c);
  };
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    const size_t high = digit(text[i]);
    const size_t low = digit(text[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

nlohmann::json JsonBytes(ByteView bytes) {
  nlohmann::json json = {{"hex", Hex(bytes)}};
  if (IsPrintable(AsText(bytes))) json["text"] = std::string(AsText(bytes));
  return json;
}

std::string TypesText(const TableTypes& types) {
  if (types.key.empty() && types.value.empty()) return "";
  const auto shown = [](std::string_view name) { return name.empty() ? "bytes" : Quoted(name); };
  return " of " + shown(types.key) + " to " + shown(types.value);
}

}  // namespace manifolddb::tools
