// Backup: one snapshot into one file.
//
// (1) The snapshot is pinned by a reader's slot, as any other: all families, at one commit.
// (2) The file has its name if and only if it is complete and durable. A cut before the rename leaves another
//     name, which the next backup replaces; one behind it leaves the name or not, and under it all of the
//     file.
// (3) The database is only read.

#include "manifolddb/backup.h"

#include <algorithm>
#include <span>
#include <utility>

#include "engine/backup/block_writer.h"
#include "engine/backup/leaves.h"
#include "engine/backup/table_writer.h"
#include "engine/base/sites.h"
#include "engine/base/try.h"
#include "engine/db/database_impl.h"
#include "engine/txn/read_transaction.h"

namespace manifolddb {
namespace {

using format::BackupItemKind;

template <class Disk>
ByteView DiskBytes(const Disk& disk) {
  return std::as_bytes(std::span(&disk, 1));
}

struct FamilyAt {
  format::FamilyId id;
  std::string name;
  std::shared_ptr<const mvcc::Tables> tables;
};

// All families as the transaction sees them, ascending by id; their tables as well.
Result<std::vector<FamilyAt>> FamiliesAt(txn::ReadTransactionImpl& transaction) {
  txn::Core& core = transaction.core();
  std::vector<FamilyAt> families;
  for (txn::Family* const family : core.families->AllAt(transaction.snapshot())) {
    MANIFOLDDB_TRY(core.LoadFamily(family, transaction.slot()));
    FamilyAt at{family->id(), core.families->NameAt(*family, transaction.snapshot()), nullptr};
    {
      const mvcc::EpochGuard guard(transaction.slot());
      at.tables = family->versions.At(transaction.snapshot())->tables;
    }
    families.push_back(std::move(at));
  }
  std::ranges::sort(families, {}, &FamilyAt::id);
  return families;
}

// Ascending by id; the list is by name.
std::vector<const mvcc::TableVersion*> TablesById(const mvcc::Tables& tables) {
  std::vector<const mvcc::TableVersion*> by_id;
  for (const mvcc::TableVersion& table : tables) by_id.push_back(&table);
  std::ranges::sort(by_id, {}, [](const mvcc::TableVersion* table) { return table->id; });
  return by_id;
}

// The file, under another name until it is complete.
class BackupOutput {
 public:
  static Result<std::unique_ptr<BackupOutput>> Create(const BackupFile& where) {
    std::unique_ptr<BackupOutput> output(new BackupOutput(where));
    MANIFOLDDB_TRY(output->RefuseExisting());
    MANIFOLDDB_ASSIGN(output->file_, where.storage->Open(output->temporary_, OpenMode::kCreate));
    return output;
  }
  // Removes what was written, unless it was finished. What cannot be removed keeps its name.
  ~BackupOutput() {
    if (file_ != nullptr) static_cast<void>(where_.storage->Remove(temporary_));
  }
  BackupOutput(const BackupOutput&) = delete;
  BackupOutput& operator=(const BackupOutput&) = delete;

  File& file() { return *file_; }
  // REQUIRES: everything is written and durable.
  Status Finish() {
    MANIFOLDDB_TRY(RefuseExisting());
    MANIFOLDDB_TRY(where_.storage->Rename(temporary_, where_.name));
    file_.reset();
    if (MANIFOLDDB_BROKEN("backup.directory_sync.skip")) return {};
    return where_.storage->SyncDirectory();
  }

 private:
  explicit BackupOutput(BackupFile where)
      : where_(std::move(where)), temporary_(where_.name + "-unfinished") {}
  Status RefuseExisting() const {
    MANIFOLDDB_ASSIGN(const bool exists, where_.storage->Exists(where_.name));
    if (!exists) return {};
    return Fail(Errc::kAlreadyExists, "backup.create",
                {.file = where_.name, .message = "a backup replaces nothing; nothing was written"});
  }

  const BackupFile where_;
  const std::string temporary_;
  std::unique_ptr<File> file_;
};

// One snapshot into one file.
class SnapshotWriter {
 public:
  SnapshotWriter(db::DatabaseImpl& database, txn::ReadTransactionImpl& transaction,
                 const BackupOptions& options)
      : database_(database), transaction_(transaction), options_(options) {}

  Status ReadBase() {
    if (!options_.base) return {};
    MANIFOLDDB_ASSIGN(base_, backup::ReadBase(*options_.base));
    const format::MetaPage& meta = database_.found();
    // No site: nothing of a crash; IncrementTest has bases of other databases.
    if (base_->snapshot.identity == meta.identity && base_->snapshot.page_size == meta.page_size) return {};
    return Fail(Errc::kInvalidArgument, "backup.create",
                {.file = options_.base->name,
                 .message = "this backup is of another database than " + transaction_.core().config.name +
                            "; make one without a base"});
  }

  Result<BackupReport> Run(const BackupFile& where) {
    MANIFOLDDB_ASSIGN(families_, FamiliesAt(transaction_));
    MANIFOLDDB_ASSIGN(const std::unique_ptr<BackupOutput> output, BackupOutput::Create(where));
    MANIFOLDDB_ASSIGN(out_, backup::BlockWriter::Create(output->file(), where.storage->NewIdentity()));
    MANIFOLDDB_TRY(WriteCatalog());
    MANIFOLDDB_TRY(WriteTables());
    MANIFOLDDB_TRY(WriteLeaves());
    MANIFOLDDB_TRY(output->Finish());
    return report_;
  }

 private:
  Status WriteCatalog() {
    const format::MetaPage& meta = database_.found();
    format::BackupSnapshot snapshot{.identity = meta.identity,
                                    .commit = transaction_.snapshot().raw(),
                                    .families = families_.size(),
                                    .page_size = meta.page_size,
                                    .write_unit = meta.write_unit};
    if (base_) {
      snapshot.base = base_->backup;
      snapshot.base_commit = base_->snapshot.commit;
    }
    for (const FamilyAt& family : families_) {
      snapshot.tables += family.tables->size();
      for (const mvcc::TableVersion& table : *family.tables) report_.entries += table.tree.entries;
    }
    report_.commit_number = snapshot.commit;
    report_.column_families = snapshot.families;
    report_.tables = snapshot.tables;
    MANIFOLDDB_TRY(out_->Item(BackupItemKind::kSnapshot, DiskBytes(Encode(snapshot))));
    for (const FamilyAt& family : families_) {
      format::BackupFamilyDisk disk = {};
      disk.family = family.id.raw();
      MANIFOLDDB_TRY(out_->Item(BackupItemKind::kFamily, DiskBytes(disk), AsBytes(family.name)));
    }
    for (const FamilyAt& family : families_) {
      for (const mvcc::TableVersion* const table : TablesById(*family.tables)) {
        MANIFOLDDB_TRY(ListTable(family.id, *table));
      }
    }
    return {};
  }

  Status ListTable(format::FamilyId family, const mvcc::TableVersion& table) {
    const format::BackupTable listed{
        .family = family,
        .table = table.id,
        .entries = table.tree.entries,
        .name = *table.name,
        .key_type = table.types != nullptr ? std::string_view(table.types->key) : std::string_view(),
        .value_type = table.types != nullptr ? std::string_view(table.types->value) : std::string_view()};
    std::string names(listed.name);
    names += listed.key_type;
    names += listed.value_type;
    return out_->Item(BackupItemKind::kTable, DiskBytes(Encode(listed)), AsBytes(names));
  }

  Status WriteTables() {
    for (const FamilyAt& family : families_) {
      for (const mvcc::TableVersion* const table : TablesById(*family.tables)) {
        MANIFOLDDB_TRY(WriteTable({family.id, table->id}, table->tree));
      }
    }
    return {};
  }

  Status WriteTable(format::BackupPlace place, const format::TreeRoot& tree) {
    MANIFOLDDB_TRY(out_->Item(BackupItemKind::kData, DiskBytes(Encode(place))));
    out_->SetPlace(place);
    backup::KnownLeaves known;
    if (base_) {
      if (auto found = base_->leaves.extract(place)) known = backup::KnownLeaves(std::move(found.mapped()));
    }
    const std::function<void(uint64_t)> written = [this](uint64_t entries) {
      report_.entries_written += entries;
      if (options_.progress) options_.progress({report_.entries_written, report_.entries, out_->bytes()});
    };
    backup::TableWriter writer({transaction_.core(), transaction_.slot(), *out_, Unrecognisable(), written},
                               known);
    MANIFOLDDB_TRY(writer.Write(tree));
    MANIFOLDDB_TRY(out_->Item(BackupItemKind::kDataEnd, DiskBytes(Encode(writer.counts()))));
    out_->SetPlace(std::nullopt);
    counts_.ranges += writer.counts().ranges;
    counts_.entries += writer.counts().entries;
    report_.leaves += writer.leaves().size();
    report_.leaves_written += writer.leaves_written();
    leaves_.push_back({place, writer.leaves()});
    return {};
  }

  // What an opening for reading has replayed lies on pages of births that the next opening for writing draws
  // as well.
  format::Birth Unrecognisable() const {
    const bool leaves_a_trace = !transaction_.core().config.read_only;
    return leaves_a_trace ? format::Birth{~uint64_t{0}} : format::FirstBirth(database_.found().life);
  }

  // And the end.
  Status WriteLeaves() {
    constexpr size_t kLeavesEach = size_t{1} << 16;  // of an item: a megabyte
    MANIFOLDDB_ASSIGN(const uint64_t begin, out_->BeginBlock());
    for (const auto& [place, leaves] : leaves_) {
      for (size_t at = 0; at < leaves.size(); at += kLeavesEach) {
        const size_t count = std::min(kLeavesEach, leaves.size() - at);
        const format::BackupPlaceDisk of = Encode(place);
        MANIFOLDDB_TRY(
            out_->BeginItem(BackupItemKind::kLeaves, sizeof of + count * sizeof(format::BackupLeafDisk)));
        MANIFOLDDB_TRY(out_->Append(DiskBytes(of)));
        for (const backup::Leaf& leaf : std::span(leaves).subspan(at, count)) {
          format::BackupLeafDisk disk = {};
          disk.birth = leaf.birth;
          disk.place = leaf.place;
          MANIFOLDDB_TRY(out_->Append(DiskBytes(disk)));
        }
      }
    }
    MANIFOLDDB_TRY(out_->Item(BackupItemKind::kEnd, DiskBytes(Encode(counts_))));
    report_.bytes = out_->bytes();
    return out_->Finish(begin);
  }

  db::DatabaseImpl& database_;
  txn::ReadTransactionImpl& transaction_;
  const BackupOptions& options_;
  std::optional<backup::Base> base_;
  std::vector<FamilyAt> families_;
  std::unique_ptr<backup::BlockWriter> out_;
  std::vector<std::pair<format::BackupPlace, std::vector<backup::Leaf>>> leaves_;
  format::BackupCounts counts_;
  BackupReport report_;
};

}  // namespace

Result<BackupReport> Backup(const Database& database, const BackupFile& output,
                            const BackupOptions& options) {
  db::DatabaseImpl& inside = db::DatabaseInside::Of(database);
  txn::ReadTransactionImpl transaction(inside.core());
  MANIFOLDDB_TRY(inside.core().CheckOpen("backup.create"));
  SnapshotWriter work(inside, transaction, options);
  MANIFOLDDB_TRY(work.ReadBase());
  return work.Run(output);
}

}  // namespace manifolddb
