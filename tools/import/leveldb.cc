#include <leveldb/db.h>
#include <leveldb/options.h>

#include <utility>

#include "tools/import/foreign.h"

namespace manifolddb::tools {
namespace {

Error ErrorOf(const leveldb::Status& status, const std::string& path) {
  // Its locks are told as I/O errors; their text is all there is to tell them by.
  const std::string text = status.ToString();
  const bool locked = text.find("lock") != text.npos || text.find("Resource temporarily") != text.npos;
  const Errc code = status.IsNotFound() || status.IsInvalidArgument() ? Errc::kNotFound
                    : status.IsCorruption()                           ? Errc::kCorrupt
                    : locked                                          ? Errc::kLocked
                                                                      : Errc::kIo;
  return Error(code, "import.leveldb", {.file = path, .message = text});
}

class LevelDb final : public Foreign {
 public:
  explicit LevelDb(std::string path) : path_(std::move(path)) {}

  Status Open() {
    leveldb::Options options;
    options.create_if_missing = false;
    options.paranoid_checks = true;
    leveldb::DB* database = nullptr;
    const leveldb::Status opened = leveldb::DB::Open(options, path_, &database);
    if (!opened.ok()) return std::unexpected(ErrorOf(opened, path_));
    database_.reset(database);
    return {};
  }

  const std::vector<Table>& tables() const override { return tables_; }

  Result<EntrySource> Entries(const Table&) override {
    leveldb::ReadOptions options;
    options.verify_checksums = true;
    options.fill_cache = false;
    scan_.reset(database_->NewIterator(options));
    scan_->SeekToFirst();
    return EntrySource([this, first = true]() mutable -> Result<std::optional<Entry>> {
      if (!std::exchange(first, false)) scan_->Next();
      if (!scan_->status().ok()) return std::unexpected(ErrorOf(scan_->status(), path_));
      if (!scan_->Valid()) return std::optional<Entry>();
      const auto bytes = [](const leveldb::Slice& slice) {
        return AsBytes(std::string_view(slice.data(), slice.size()));
      };
      return std::optional(Entry{bytes(scan_->key()), bytes(scan_->value())});
    });
  }

 private:
  const std::string path_;
  std::unique_ptr<leveldb::DB> database_;
  std::unique_ptr<leveldb::Iterator> scan_;
  const std::vector<Table> tables_ = {{.name = "main", .key_type = {}}};
};

}  // namespace

Result<std::unique_ptr<Foreign>> OpenLevelDb(const std::string& path) {
  auto opened = std::make_unique<LevelDb>(path);
  if (const Status status = opened->Open(); !status) return std::unexpected(status.error());
  return std::unique_ptr<Foreign>(std::move(opened));
}

}  // namespace manifolddb::tools
