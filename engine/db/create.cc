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

}  // namespace

std::string LogName(const std::string& name) { return name + "-wal"; }
std::string CreationName(const std::string& name) { return name + "-new"; }

Status CreateDatabase(Storage& storage, const std::string& name, const CreateConfig& config) {
  const std::string temporary = CreationName(name);
  // Made locked, and held until it is the data file, so two creations cannot mix.
  const auto opened = storage.Open(temporary, OpenMode::kCreate);
  if (!opened && opened.error().code() == Errc::kNotFound) {
    // Of the temporary file the caller knows nothing.
    const std::string& path = opened.error().file();
    return Fail(Errc::kNotFound, "database.create",
                {.file = path.substr(0, path.size() - (temporary.size() - name.size())),
                 .message = "its directory does not exist"});
  }
  if (!opened) return std::unexpected<Error>(opened.error());
  File* const file = opened->get();
  MANIFOLDDB_ASSIGN(const bool exists, storage.Exists(name));
  if (exists) {  // another creation was faster: nothing of it may be replaced any more
    MANIFOLDDB_MARK("db.create.overtaken");
    return storage.Remove(temporary);
  }

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

  MANIFOLDDB_TRY(FillDataFile(*file, meta));
  return storage.Rename(temporary, name);
}

}  // namespace manifolddb::db
