#include "engine/txn/names.h"

#include "engine/format/catalog_record.h"
#include "manifolddb/options.h"

namespace manifolddb::txn {
namespace {

std::string ShownTypes(const TableTypes& types) {
  const auto shown = [](std::string_view name) { return name.empty() ? "raw bytes" : Quoted(name); };
  return "keys " + shown(types.key) + " and values " + shown(types.value);
}

}  // namespace

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

std::string EntryText(std::string_view table, ByteView key) {
  return "table " + Quoted(table) + ", key " + Quoted(AsText(key));
}

Error OfEntry(const Error& error, std::string_view table, ByteView key) {
  const ErrorCategory category = error.category();
  const bool of_bytes = category == ErrorCategory::kRestore || error.code() == Errc::kIo;
  const bool of_entry = error.code() == Errc::kKeyTooLong || error.code() == Errc::kValueTooLong;
  if (!of_bytes && !of_entry) return error;
  ErrorDetails details = {.file = error.file(),
                          .offset = error.offset(),
                          .os_error = error.os_error(),
                          .message = EntryText(table, key) + ": " + error.message()};
  // Operations are literals.
  const char* const operation = error.operation().data();
  if (error.cause() == nullptr) return Error(error.code(), operation, std::move(details));
  return Error(error.code(), operation, std::move(details), *error.cause());
}

std::shared_ptr<const mvcc::TypeNames> MakeTypeNames(std::string_view key, std::string_view value) {
  if (key.empty() && value.empty()) return nullptr;
  return std::make_shared<const mvcc::TypeNames>(std::string(key), std::string(value));
}

TableTypes TypesOf(const mvcc::TypeNames* names) {
  return names == nullptr ? TableTypes{} : TableTypes{.key = names->key, .value = names->value};
}

Status CheckNewTypes(const TableTypes& types, uint32_t page_size) {
  constexpr const char* kOperation = "table.create";
  if (types.any) {
    return Fail(Errc::kInvalidArgument, kOperation, {.message = "a table is created with types of its own"});
  }
  if (format::TypeNamesFit(page_size, types.key.size(), types.value.size())) return {};
  return Fail(Errc::kInvalidArgument, kOperation,
              {.message = "names of types of " + std::to_string(types.key.size()) + " and " +
                          std::to_string(types.value.size()) + " bytes; each has at most " +
                          std::to_string(kTypeNameBytesMax) + ", both together less in pages below 4 KiB"});
}

Status CheckTypes(std::string_view table, const mvcc::TypeNames* stored, const TableTypes& asked) {
  const TableTypes types = TypesOf(stored);
  if (asked.any || (types.key == asked.key && types.value == asked.value)) return {};
  return Fail(
      Errc::kTypeMismatch, "table.open",
      {.message = "table " + Quoted(table) + " holds " + ShownTypes(types) + ", not " + ShownTypes(asked)});
}

}  // namespace manifolddb::txn
