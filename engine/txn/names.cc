#include "engine/txn/names.h"

#include "manifolddb/options.h"

namespace manifolddb::txn {

Status CheckName(std::string_view name, const char* operation) {
  if (!name.empty() && name.size() <= kNameBytesMax) return {};
  return Fail(Errc::kInvalidArgument, operation,
              {.message = "a name has 1 to " + std::to_string(kNameBytesMax) + " bytes, this one " +
                          std::to_string(name.size())});
}

std::string Quoted(std::string_view name) {
  constexpr size_t kShownMax = 80;
  constexpr char kHex[] = "0123456789abcdef";
  std::string shown = "'";
  for (const char c : name.substr(0, kShownMax)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '\\' && c != '\'') {
      shown += c;
    } else {
      shown += "\\x";
      shown += kHex[byte >> 4];
      shown += kHex[byte & 15];
    }
  }
  if (name.size() > kShownMax) shown += "...";
  return shown + "'";
}

}  // namespace manifolddb::txn
