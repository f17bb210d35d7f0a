// Which state is the newest, and whether that can be shown.
//
// (1) The newest meta page that can be read is where everything begins, as in an opening. What an opening
//     refuses because newer commits are lost, or may be, is a doubt here.
// (2) A slot whose copies are both unreadable may have held the next meta page, unless the other one shows
//     that there was none: it is clean, for whoever opens the database after that writes it again; or it lies
//     in the slot where the next one would have been written.
// (3) A checkpoint before the newest one leads to the same state if the log goes on from it without a gap to
//     the newest one's position, commit and chain value: they are the checksums of all groups in between.
// (4) The log vouches for the data file only if it is this database's: its header or its marker says so.
// (5) Nothing is written, and nothing that was read is believed before it was checked.

#include "engine/salvage/evidence.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/base/memory.h"
#include "engine/base/try.h"
#include "engine/db/create.h"
#include "engine/format/log_format.h"
#include "engine/recovery/meta_area.h"
#include "engine/recovery/recovery_plan.h"
#include "engine/recovery/replay.h"
#include "engine/wal/log_file.h"

namespace manifolddb::salvage {

using format::DecodedMeta;
using format::MetaPage;
using format::MetaVerdict;
using Problem = VerifyReport::Problem;

namespace {

Result<std::unique_ptr<UnreadableFile>> OpenOne(Storage& storage, const std::string& name) {
  MANIFOLDDB_ASSIGN(std::unique_ptr<File> file, storage.Open(name, OpenMode::kReadOnly));
  return std::make_unique<UnreadableFile>(std::move(file));
}

std::unexpected<Error> Refuse(Errc code, const std::string& file, const char* why) {
  return Fail(code, "salvage", {.file = file, .offset = 0, .message = why});
}

// Unit `index` of the log, as the data file's meta page has units; none if the log is too short.
Result<std::optional<base::Buffer>> ReadUnit(File& log, uint32_t unit, uint64_t index) {
  std::optional<base::Buffer> none;
  MANIFOLDDB_ASSIGN(const uint64_t size, log.Size());
  if (size < (index + 1) * unit) return none;
  MANIFOLDDB_ASSIGN(base::Buffer bytes, base::Buffer::Make(unit, "salvage"));
  MANIFOLDDB_TRY(log.Read(index * unit, bytes.span()));
  return std::optional<base::Buffer>(std::move(bytes));
}

// The identity that the log's header names, wherever its first unit ends.
Result<std::optional<format::Identity>> IdentityOf(File* log) {
  std::optional<format::Identity> none;
  if (log == nullptr) return none;
  MANIFOLDDB_ASSIGN(const auto unit, ReadUnit(*log, format::kWriteUnitMin, 0));
  if (!unit) return none;
  const format::DecodedLogHeader decoded = format::DecodeLogHeader(unit->view());
  if (decoded.verdict != MetaVerdict::kValid) return none;
  return std::optional<format::Identity>(decoded.header.identity);
}

// No site: no campaign salvages; salvage_test.cc has databases whose files are of two.
bool SameDatabase(const MetaPage& a, const MetaPage& b) {
  return a.identity == b.identity && a.page_size == b.page_size && a.write_unit == b.write_unit;
}

void Doubt(std::vector<Problem>& doubts, const Error& error) {
  doubts.push_back({error.file(), error.offset(), error.message(), {}});
}

// A copy of a meta page that can be read.
struct Copy {
  const MetaPage* meta;
  int slot;
};

Result<std::vector<Copy>> ReadableCopies(const recovery::MetaArea& area, const std::string& file) {
  std::vector<Copy> copies;
  bool ours = false;
  for (int slot = 0; slot < 2; ++slot) {
    for (const DecodedMeta& copy : area[static_cast<size_t>(slot)]) {
      // A newer program has been here: what it means by the rest, nobody knows.
      if (copy.verdict == MetaVerdict::kNewerFormat) return Refuse(Errc::kNewerFormat, file, copy.why);
      ours = ours || copy.verdict != MetaVerdict::kNotOurs;
      if (copy.verdict == MetaVerdict::kValid) copies.push_back({&copy.meta, slot});
    }
  }
  if (!copies.empty()) return copies;
  if (!ours) return Refuse(Errc::kNotADatabase, file, "no meta page found");
  return Refuse(Errc::kCorrupt, file, "no meta page can be read, so nothing can be proven of the rest");
}

// Whether the log is this database's and whole in front: else it does not show what came after the meta page.
Status CheckLog(File& log, const MetaPage& meta) {
  const format::LogHeader expected{meta.write_unit, meta.identity};
  MANIFOLDDB_ASSIGN(const auto header_unit, ReadUnit(log, meta.write_unit, 0));
  MANIFOLDDB_ASSIGN(const auto marker_unit, ReadUnit(log, meta.write_unit, 1));
  const auto corrupt = [&](const char* why) {
    return Fail(Errc::kCorrupt, "salvage", {.file = log.name(), .offset = 0, .message = why});
  };
  if (!header_unit || !marker_unit) return corrupt("the log ends inside its front");
  const format::DecodedLogHeader header = format::DecodeLogHeader(header_unit->view());
  if (header.verdict == MetaVerdict::kNewerFormat) {
    return Fail(Errc::kNewerFormat, "salvage", {.file = log.name(), .offset = 0, .message = header.why});
  }
  // No site, here and below: no campaign salvages.
  const bool ours = header.verdict == MetaVerdict::kValid && header.header.identity == meta.identity &&
                    header.header.write_unit == meta.write_unit;
  if (header.verdict == MetaVerdict::kValid && !ours) return corrupt("the log belongs to another database");
  if (!ours && !format::DecodeLogMarker(marker_unit->view(), meta.identity)) {
    return corrupt("neither the log's header nor its marker can be read");
  }
  return wal::CheckMarker(log, expected, meta.life);
}

// Those of this database. `log`: the identity that the log's header names, which decides where they are of
// two; null: it names none.
Result<std::vector<Copy>> ChooseCopies(const recovery::MetaArea& area, const format::Identity* log,
                                       const std::string& file) {
  MANIFOLDDB_ASSIGN(std::vector<Copy> copies, ReadableCopies(area, file));
  const bool agree = std::ranges::all_of(
      copies, [&](const Copy& copy) { return SameDatabase(*copy.meta, *copies.front().meta); });
  if (agree) return copies;
  if (log == nullptr) {
    return Refuse(Errc::kCorrupt, file, "meta pages of two databases, and no log that says whose file it is");
  }
  // No site: as above.
  std::erase_if(copies, [&](const Copy& copy) { return copy.meta->identity != *log; });
  if (copies.empty()) return Refuse(Errc::kCorrupt, file, "meta pages of two databases, neither the log's");
  return copies;
}

// The newest one of them; of those before `before`, if that is given.
const Copy* NewestOf(const std::vector<Copy>& copies, std::optional<format::MetaNumber> before = {}) {
  const Copy* newest = nullptr;
  for (const Copy& copy : copies) {
    if (before && copy.meta->number >= *before) continue;
    if (newest == nullptr || recovery::IsOlder(*newest->meta, *copy.meta)) newest = &copy;
  }
  return newest;
}

// Invariant 2.
void DoubtLostSlot(const std::vector<Copy>& copies, const Copy& newest, const std::string& file,
                   std::vector<Problem>& doubts) {
  const bool other_slot =
      std::ranges::any_of(copies, [&](const Copy& copy) { return copy.slot != newest.slot; });
  if (other_slot || newest.meta->clean || newest.slot != format::SlotOf(newest.meta->number)) return;
  doubts.push_back({file,
                    format::MetaOffset(1 - newest.slot, 0, newest.meta->write_unit),
                    "both copies of a meta page are unreadable: it may have been newer than meta page " +
                        std::to_string(newest.meta->number.raw()) + ", the one that was found",
                    {}});
}

// Invariant 3.
Result<std::optional<OlderBase>> FindOlderBase(const std::vector<Copy>& copies, const MetaPage& newest,
                                               File& log) {
  std::optional<OlderBase> none;
  const Copy* const older = NewestOf(copies, newest.number);
  if (older == nullptr || older->meta->lsn > newest.lsn) return none;
  OlderBase base{*older->meta, recovery::LogBehind(*older->meta)};
  base.log.meta = newest.number;
  base.log.until = newest.lsn;
  MANIFOLDDB_ASSIGN(const wal::LogPrefix prefix,
                    wal::ReadLogPrefix(log, base.log, [](const wal::LogTransaction&) { return Status(); }));
  const bool leads_there = prefix.read.end.lsn == newest.lsn && prefix.read.end.chain == newest.chain &&
                           prefix.read.next_txn == newest.txn.next();
  return leads_there ? std::optional<OlderBase>(base) : none;
}

}  // namespace

Result<Files> OpenFiles(const DatabaseFile& damaged) {
  Files files;
  MANIFOLDDB_ASSIGN(files.data, OpenOne(*damaged.storage, damaged.name));
  MANIFOLDDB_TRY(files.data->Lock(LockMode::kShared));
  auto log = OpenOne(*damaged.storage, db::LogName(damaged.name));
  if (log) {
    files.log = std::move(*log);
  } else if (log.error().code() != Errc::kNotFound) {
    return std::unexpected<Error>(log.error());
  }
  return files;
}

Result<Evidence> FindEvidence(Files& files) {
  Evidence found;
  MANIFOLDDB_ASSIGN(const recovery::MetaArea area, recovery::ReadMetaArea(*files.data));
  MANIFOLDDB_ASSIGN(const std::optional<format::Identity> identity, IdentityOf(files.log.get()));
  MANIFOLDDB_ASSIGN(const std::vector<Copy> copies,
                    ChooseCopies(area, identity ? &*identity : nullptr, files.data->name()));
  const Copy& newest = *NewestOf(copies);
  found.meta = *newest.meta;
  DoubtLostSlot(copies, newest, files.data->name(), found.doubts);
  const wal::LogScan scan = recovery::LogBehind(found.meta);
  found.log = {.end = scan.start, .next_txn = scan.first_txn};
  if (files.log == nullptr) {
    found.doubts.push_back({db::LogName(files.data->name()),
                            0,
                            "the log is missing: nothing shows that it held no commits",
                            {}});
    return found;
  }
  const Status checked = CheckLog(*files.log, found.meta);
  if (!checked && checked.error().code() != Errc::kCorrupt) return std::unexpected<Error>(checked.error());
  if (!checked) Doubt(found.doubts, checked.error());
  // Closed in order: nothing follows.
  if (!found.meta.clean) {
    MANIFOLDDB_ASSIGN(
        const wal::LogPrefix prefix,
        wal::ReadLogPrefix(*files.log, scan, [](const wal::LogTransaction&) { return Status(); }));
    found.log = prefix.read;
    if (prefix.damage) Doubt(found.doubts, *prefix.damage);
    if (prefix.torn) {
      found.notes.push_back(
          {files.log->name(),
           *prefix.torn,
           "the log's last group is not intact: torn by a crash, and then nobody was told of "
           "its commits, or damaged since; nothing shows which",
           {}});
    }
  }
  if (!files.log->unreadable().empty()) {
    found.doubts.push_back({files.log->name(),
                            files.log->unreadable().begin()->first,
                            "the device does not give these bytes of the log",
                            {}});
  }
  // Last: what only this needs of the log may be unreadable. Then there is no other way, which is no doubt.
  MANIFOLDDB_ASSIGN(found.older, FindOlderBase(copies, found.meta, *files.log));
  return found;
}

}  // namespace manifolddb::salvage
