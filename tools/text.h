#pragma once
// Bytes as people and programs read them.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "manifolddb/bytes.h"
#include "manifolddb/transaction.h"

namespace manifolddb::tools {

// Valid UTF-8 without control characters.
bool IsPrintable(std::string_view text);

// Printable text as it is; of anything else each byte that is not printable as \xNN, and a backslash as \\.
// Always valid UTF-8; Unescape undoes it. How names are printed and may be given.
std::string Escape(std::string_view bytes);
// Also takes \t, \n and \r, as other programs write them. None if `text` is nothing else than what Escape, or
// Quoted between its quotes, makes.
std::optional<std::string> Unescape(std::string_view text);

// For messages: bytes that are not printable as \xNN, everything else as it is.
std::string Printable(std::string_view text);

// A name, escaped, in double quotes; those in it with a backslash before them.
std::string Quoted(std::string_view name);
// A key or a value on one line: quoted text, or 0x and hexadecimal digits where most of it is not text. Of
// more than `bytes_max` bytes only the first ones, and then the length.
std::string Shown(ByteView bytes, size_t bytes_max);
std::string Hex(ByteView bytes);
// None if `text` is no even number of hexadecimal digits, large or small.
std::optional<std::string> FromHex(std::string_view text);
// " of K to V" for a table's types, in quotes; nothing for raw bytes.
std::string TypesText(const TableTypes& types);

// {"hex": ..., "text": ...}; no text if it is not printable.
nlohmann::json JsonBytes(ByteView bytes);

}  // namespace manifolddb::tools
