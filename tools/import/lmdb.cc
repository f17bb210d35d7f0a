#include <lmdb.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "manifolddb/key_codec.h"
#include "tools/import/foreign.h"

namespace manifolddb::tools {
namespace {

constexpr char kMain[] = "main";
constexpr unsigned kDatabasesMax = 4096;

Error ErrorOf(int result, const std::string& path, const std::string& doing) {
  const bool damaged = result == MDB_CORRUPTED || result == MDB_PAGE_NOTFOUND || result == MDB_INVALID;
  const Errc code = result == ENOENT                            ? Errc::kNotFound
                    : result == EACCES || result == EPERM       ? Errc::kPermission
                    : damaged || result == MDB_VERSION_MISMATCH ? Errc::kCorrupt
                                                                : Errc::kIo;
  return Error(code, "import.lmdb",
               {.file = path,
                .os_error = result > 0 ? result : 0,
                .message = "cannot " + doing + ": " + ::mdb_strerror(result)});
}

ByteView BytesOf(const MDB_val& value) {
  return {static_cast<const std::byte*>(value.mv_data), value.mv_size};
}

// How the entries of a database are stored.
struct Shape {
  bool multimap = false;
  size_t key_integer = 0;    // bytes of one; 0: keys are bytes
  size_t value_integer = 0;  // of a multimap, likewise
};

std::string PartName(size_t integer) { return integer == 0 ? "bytes" : "u" + std::to_string(integer * 8); }

Foreign::Table TableOf(std::string name, const Shape& shape) {
  if (shape.multimap) {
    const std::string parts = PartName(shape.key_integer) + ", " + PartName(shape.value_integer);
    return {.name = std::move(name), .key_type = "multimap<" + parts + ">", .value_type = "tuple<>"};
  }
  return {.name = std::move(name), .key_type = shape.key_integer == 0 ? "" : PartName(shape.key_integer)};
}

// Integers as docs/types.md has them, big-endian; on a machine of that order they are that already.
void AppendInteger(ByteView bytes, EncodedBytes& out) {
  std::string digits(AsText(bytes));
  if (std::endian::native == std::endian::little) digits.assign(digits.rbegin(), digits.rend());
  out.Append(AsBytes(digits));
}

// The key under which an entry is stored; of a multimap it holds the value as well (multimap_codec.h).
std::string StoredKey(ByteView key, ByteView value, const Shape& shape) {
  EncodedBytes out;
  if (shape.key_integer != 0) {
    AppendInteger(key, out);
  } else if (shape.multimap) {
    codec::AppendEscaped(key, out);
  } else {
    out.Append(key);
  }
  if (shape.multimap && shape.value_integer != 0) {
    AppendInteger(value, out);
  } else if (shape.multimap) {
    out.Append(value);
  }
  return std::string(AsText(out.view()));
}

class Lmdb final : public Foreign {
 public:
  explicit Lmdb(std::string path) : path_(std::move(path)) {}
  ~Lmdb() override {
    for (MDB_cursor* const cursor : cursors_) ::mdb_cursor_close(cursor);
    if (transaction_ != nullptr) ::mdb_txn_abort(transaction_);
    if (environment_ != nullptr) ::mdb_env_close(environment_);
  }

  Status Open() {
    if (int result = ::mdb_env_create(&environment_)) return Fail(result, "make an environment");
    if (int result = ::mdb_env_set_maxdbs(environment_, kDatabasesMax)) return Fail(result, "have databases");
    const unsigned flags = MDB_RDONLY | (std::filesystem::is_directory(path_) ? 0 : MDB_NOSUBDIR);
    if (int result = ::mdb_env_open(environment_, path_.c_str(), flags, 0)) return Fail(result, "open it");
    if (int result = ::mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &transaction_)) {
      return Fail(result, "begin a read transaction");
    }
    return FindTables();
  }

  const std::vector<Table>& tables() const override { return tables_; }

  Result<EntrySource> Entries(const Table& table) override {
    const size_t index = static_cast<size_t>(&table - tables_.data());
    MDB_cursor* cursor = nullptr;
    if (int result = ::mdb_cursor_open(transaction_, handles_[index], &cursor)) {
      return std::unexpected(ErrorOf(result, path_, "open a cursor"));
    }
    cursors_.push_back(cursor);
    const bool named_ones_too = handles_[index] == main_;
    return EntrySource([this, cursor, named_ones_too, &table, shape = shapes_[index], key = std::string(),
                        before = std::string()]() mutable -> Result<std::optional<Entry>> {
      MDB_val at;
      MDB_val value;
      int result = ::mdb_cursor_get(cursor, &at, &value, MDB_NEXT);
      while (result == MDB_SUCCESS && named_ones_too && IsNamedDatabase(at)) {
        result = ::mdb_cursor_get(cursor, &at, &value, MDB_NEXT);
      }
      if (result == MDB_NOTFOUND) return std::optional<Entry>();
      if (result != MDB_SUCCESS) return std::unexpected(ErrorOf(result, path_, "read " + table.name));
      const bool as_wide = (shape.key_integer == 0 || at.mv_size == shape.key_integer) &&
                           (shape.value_integer == 0 || value.mv_size == shape.value_integer);
      if (!as_wide) return std::unexpected(Refused("integers of '" + table.name + "' differ in width"));
      key = StoredKey(BytesOf(at), BytesOf(value), shape);
      if (!before.empty() && key <= before) return std::unexpected(Disordered(table));
      before = key;
      return std::optional(Entry{AsBytes(key), shape.multimap ? ByteView() : BytesOf(value)});
    });
  }

 private:
  Status Fail(int result, const std::string& doing) const {
    return std::unexpected(ErrorOf(result, path_, doing));
  }
  Error Refused(const std::string& why) const {
    return Error(Errc::kInvalidArgument, "import.lmdb", {.file = path_, .message = why});
  }
  Error Disordered(const Table& table) const {
    return Refused("entries of '" + table.name +
                   "' are in another order than that of their bytes: its program compares them by a function "
                   "of its own");
  }

  // A key of the unnamed database names another one if it can be opened by it.
  bool IsNamedDatabase(const MDB_val& key) const {
    const std::string name(static_cast<const char*>(key.mv_data), key.mv_size);
    for (const std::string& known : named_) {
      if (known == name) return true;
    }
    return false;
  }

  Status FindTables() {
    if (int result = ::mdb_dbi_open(transaction_, nullptr, 0, &main_)) return Fail(result, "open it");
    MDB_cursor* cursor = nullptr;
    if (int result = ::mdb_cursor_open(transaction_, main_, &cursor)) return Fail(result, "open a cursor");
    cursors_.push_back(cursor);
    bool entries = false;
    MDB_val key;
    MDB_val value;
    int result = MDB_SUCCESS;
    while ((result = ::mdb_cursor_get(cursor, &key, &value, MDB_NEXT_NODUP)) == MDB_SUCCESS) {
      const std::string name(static_cast<const char*>(key.mv_data), key.mv_size);
      MDB_dbi handle = 0;
      // A name with a zero in it is none for the call, which would take its beginning.
      const bool is_name = name.find('\0') == name.npos &&
                           ::mdb_dbi_open(transaction_, name.c_str(), 0, &handle) == MDB_SUCCESS;
      if (!is_name) {
        entries = true;
      } else if (Status added = Add(name, handle); !added) {
        return added;
      } else {
        named_.push_back(name);
      }
    }
    if (result != MDB_NOTFOUND) return Fail(result, "list its databases");
    return entries ? Add(kMain, main_) : Status();
  }

  Status Add(const std::string& name, MDB_dbi handle) {
    unsigned flags = 0;
    if (int result = ::mdb_dbi_flags(transaction_, handle, &flags)) return Fail(result, "look at " + name);
    if ((flags & MDB_REVERSEKEY) != 0) {
      return std::unexpected(Refused("'" + name + "' compares keys from their ends (MDB_REVERSEKEY)"));
    }
    // LMDB keeps flags for several values of a key where there is one only, and does not look at them.
    if ((flags & MDB_DUPSORT) == 0) flags &= ~static_cast<unsigned>(MDB_REVERSEDUP | MDB_INTEGERDUP);
    if ((flags & MDB_REVERSEDUP) != 0) {
      return std::unexpected(Refused("'" + name + "' compares values from their ends (MDB_REVERSEDUP)"));
    }
    Shape shape{.multimap = (flags & MDB_DUPSORT) != 0};
    const bool integer_keys = (flags & MDB_INTEGERKEY) != 0;
    const bool integer_values = (flags & MDB_INTEGERDUP) != 0;
    if (integer_keys || integer_values) {
      if (Status found = FindWidths(name, handle, integer_keys, integer_values, shape); !found) return found;
    }
    tables_.push_back(TableOf(name, shape));
    shapes_.push_back(shape);
    handles_.push_back(handle);
    return {};
  }

  // All integers of one database are as wide as the first; of an empty one nobody knows.
  Status FindWidths(const std::string& name, MDB_dbi handle, bool keys, bool values, Shape& shape) {
    MDB_cursor* cursor = nullptr;
    if (int result = ::mdb_cursor_open(transaction_, handle, &cursor)) return Fail(result, "open a cursor");
    cursors_.push_back(cursor);
    MDB_val key{sizeof(uint64_t), nullptr};
    MDB_val value{sizeof(uint64_t), nullptr};
    const int result = ::mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    if (result != MDB_SUCCESS && result != MDB_NOTFOUND) return Fail(result, "read " + name);
    const auto width = [&](const MDB_val& first) {
      return result == MDB_SUCCESS && first.mv_size == sizeof(uint32_t) ? sizeof(uint32_t) : sizeof(uint64_t);
    };
    if (keys) shape.key_integer = width(key);
    if (values) shape.value_integer = width(value);
    return {};
  }

  const std::string path_;
  MDB_env* environment_ = nullptr;
  MDB_txn* transaction_ = nullptr;
  MDB_dbi main_ = 0;
  std::vector<MDB_cursor*> cursors_;
  std::vector<std::string> named_;
  std::vector<Table> tables_;
  std::vector<Shape> shapes_;     // of tables_
  std::vector<MDB_dbi> handles_;  // likewise
};

}  // namespace

Result<std::unique_ptr<Foreign>> OpenLmdb(const std::string& path) {
  auto opened = std::make_unique<Lmdb>(path);
  if (const Status status = opened->Open(); !status) return std::unexpected(status.error());
  return std::unique_ptr<Foreign>(std::move(opened));
}

}  // namespace manifolddb::tools
