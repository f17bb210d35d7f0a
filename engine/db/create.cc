// Creation. Order, and what a cut leaves:
//   log filled, synced, renamed, directory synced: a log that was never opened; not a database yet;
//   data file filled and synced under its temporary name: the same;
//   renamed: a whole database with an empty catalog, marked clean, or still the above.
// The first life gives it its name once more and syncs the directory, for a creator may be killed before
// that, or its sync fail. So the data file's name never stands for an incomplete file.

#include "engine/db/create.h"

#include <memory>

#include "engine/base/memory.h"
#include "engine/base/sites.h"
#include "engine/base/try.h"
#include "engine/checkpoint/meta_writer.h"
#include "engine/page/page_allocator.h"
#include "engine/wal/log_file.h"

namespace manifolddb::db {

using format::CopyOrder;
using format::MetaNumber;
using format::MetaPage;

namespace {

constexpr int kCreateAttemptsMax = 8;

Status FillDataFile(File& file, MetaPage meta) {
  MANIFOLDDB_ASSIGN(base::Buffer unit, base::Buffer::Make(meta.write_unit, "database.create"));
  // With the pages that are kept for those who make room: the device may be full from now on.
  const uint64_t pages = meta.page_count + page::ReservePages(meta.page_count);
  MANIFOLDDB_TRY(file.Allocate(pages * meta.page_size));
  format::MetaStamps stamps = {};
  for (const uint64_t number : {uint64_t{1}, uint64_t{2}}) {
    meta.number = MetaNumber{number};
    const int slot = format::SlotOf(meta.number);
    MANIFOLDDB_TRY(checkpoint::WriteMetaCopy(file, meta, {slot, 0}, CopyOrder::kFirst, stamps, unit.span()));
    MANIFOLDDB_TRY(checkpoint::WriteMetaCopy(file, meta, {slot, 1}, CopyOrder::kSecond, stamps, unit.span()));
  }
  // One sync for all: until the rename nothing of it is a database.
  if (!MANIFOLDDB_BROKEN("db.create.data_sync.skip")) MANIFOLDDB_TRY(file.Sync());
  return {};
}

Status FillFiles(Storage& storage, File& file, const std::string& name, const CreateConfig& config) {
  MetaPage meta;
  meta.identity = storage.NewIdentity();
  meta.page_size = config.page_size;
  meta.write_unit = config.write_unit;
  meta.life = format::Life{0};
  meta.log_life = format::Life{0};
  meta.clean = true;
  meta.log_capacity = config.log_capacity;
  meta.page_count = format::FirstPage(config.page_size, config.write_unit).raw();
  meta.next_family = format::FamilyId{1};
  const format::LogHeader header{config.write_unit, meta.identity};
  MANIFOLDDB_TRY(wal::CreateLog(storage, LogName(name), header, config.log_capacity));
  Status filled = FillDataFile(file, meta);
  if (!filled) static_cast<void>(storage.Remove(LogName(name)));  // made just now
  return filled;
}

}  // namespace

std::string LogName(const std::string& name) { return name + "-wal"; }
std::string CreationName(const std::string& name) { return name + "-new"; }

Result<std::unique_ptr<File>> HoldCreation(Storage& storage, const std::string& name) {
  const std::string temporary = CreationName(name);
  auto opened = storage.Open(temporary, OpenMode::kCreate);
  // Who waits for a creation to end holds it for a moment, to look (DatabaseImpl::OpenData).
  for (int attempt = 1; attempt < kCreateAttemptsMax && !opened && opened.error().code() == Errc::kLocked;
       ++attempt) {
    opened = storage.Open(temporary, OpenMode::kCreate);
  }
  if (opened) return opened;
  // The caller knows the database, not its temporary file.
  const Error& error = opened.error();
  std::string path = error.file();
  if (path.ends_with(temporary)) path.resize(path.size() - (temporary.size() - name.size()));
  const bool locked = error.code() == Errc::kLocked;
  return Fail(error.code(), "database.create",
              {.file = std::move(path),
               .os_error = error.os_error(),
               .message = locked ? "another opening is creating it" : error.message()},
              error);
}

Status CreateDatabase(Storage& storage, const std::string& name, const CreateConfig& config) {
  const std::string temporary = CreationName(name);
  // Held until it is the data file, so two creations cannot mix.
  MANIFOLDDB_ASSIGN(const std::unique_ptr<File> file, HoldCreation(storage, name));
  MANIFOLDDB_ASSIGN(const bool exists, storage.Exists(name));
  if (exists) {  // another creation was faster: nothing of it may be replaced any more
    MANIFOLDDB_MARK("db.create.overtaken");
    return storage.Remove(temporary);
  }
  if (Status filled = FillFiles(storage, *file, name, config); !filled) {
    // A full disk has its room back, and who is refused leaves nothing behind. If this fails too, the next
    // creation replaces what is there.
    static_cast<void>(storage.Remove(temporary));
    return filled;
  }
  return storage.Rename(temporary, name);
}

}  // namespace manifolddb::db
