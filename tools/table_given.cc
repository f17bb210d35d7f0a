#include "tools/table_given.h"

#include <vector>

#include "engine/base/try.h"
#include "tools/text.h"

namespace manifolddb::tools {
namespace {

constexpr const char* kOperation = "tools.arguments";

// `names`: those that there are; `option` chooses among them.
Result<std::string> OnlyOne(const std::vector<std::string>& names, const std::string& what,
                            const std::string& option) {
  if (names.size() == 1) return names.front();
  std::string message = "there is no " + what;
  if (!names.empty()) {
    message = "there are " + std::to_string(names.size()) + " of them, so " + option + " must say which " +
              what + ":";
    constexpr size_t kNamed = 10;
    for (size_t i = 0; i < names.size() && i < kNamed; ++i) message += " " + Quoted(names[i]);
    if (names.size() > kNamed) message += " ...";
  }
  return Fail(Errc::kInvalidArgument, kOperation, {.message = message});
}

Status Set(std::optional<std::string>& bytes, const std::optional<std::string>& given, bool hex) {
  if (given) {
    MANIFOLDDB_ASSIGN(bytes, BytesGiven(*given, hex, "key"));
  }
  return {};
}

std::optional<ByteView> ViewOf(const std::optional<std::string>& bytes) {
  return bytes ? std::optional(AsBytes(*bytes)) : std::nullopt;
}

}  // namespace

Result<std::string> BytesGiven(const std::string& text, bool hex, const char* what) {
  std::optional<std::string> bytes = hex ? FromHex(text) : Unescape(text);
  if (bytes) return *std::move(bytes);
  const char* const wanted = hex ? "', given as hexadecimal, is not an even number of hexadecimal digits"
                                 : "' is none as this tool prints them: a backslash is written \\\\, other "
                                   "bytes \\x and two digits";
  constexpr size_t kShown = 64;
  std::string shown = Printable(text.substr(0, kShown));
  if (text.size() > kShown) shown += "... (" + std::to_string(text.size()) + " bytes)";
  return Fail(Errc::kInvalidArgument, kOperation,
              {.message = std::string("the ") + what + " '" + shown + wanted});
}

Result<std::string> NameGiven(const std::string& text) { return BytesGiven(text, false, "name"); }

Result<TableNames> FindTable(ReadTransaction& snapshot, const TableGiven& given) {
  TableNames names;
  if (given.family) {
    MANIFOLDDB_ASSIGN(names.family, NameGiven(*given.family));
  } else {
    MANIFOLDDB_ASSIGN(const std::vector<std::string> all, snapshot.ListColumnFamilies());
    MANIFOLDDB_ASSIGN(names.family, OnlyOne(all, "column family", "--family"));
  }
  if (given.table) {
    MANIFOLDDB_ASSIGN(names.table, NameGiven(*given.table));
  } else {
    MANIFOLDDB_ASSIGN(const ColumnFamily family, snapshot.OpenColumnFamily(names.family));
    MANIFOLDDB_ASSIGN(const std::vector<std::string> all, snapshot.ListTables(family));
    MANIFOLDDB_ASSIGN(names.table, OnlyOne(all, "table", "--table"));
  }
  return names;
}

Result<GivenRange> GivenRange::From(const RangeGiven& given, bool hex) {
  GivenRange range;
  MANIFOLDDB_TRY(Set(range.from_, given.from, hex));
  MANIFOLDDB_TRY(Set(range.after_, given.after, hex));
  MANIFOLDDB_TRY(Set(range.before_, given.before, hex));
  MANIFOLDDB_TRY(Set(range.through_, given.through, hex));
  MANIFOLDDB_TRY(Set(range.prefix_, given.prefix, hex));
  return range;
}

Range GivenRange::range() const {
  return {.lower = ViewOf(from_),
          .upper = ViewOf(before_),
          .after = ViewOf(after_),
          .through = ViewOf(through_),
          .prefix = ViewOf(prefix_)};
}

}  // namespace manifolddb::tools
