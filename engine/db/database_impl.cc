// Opening and closing. Opening is recovery (design: how a life begins), in four steps:
//   1. the newest meta page is found and written again for this life, over all copies;
//   2. the log is replayed in memory;
//   3. a checkpoint of the result is written, which starts this life's log;
//   4. the database is handed out.
// Then the log's marker states the life. After a clean close only step 1 and that happen. A read-only
// opening does step 2 over files it cannot change.

#include "engine/db/database_impl.h"

#include <utility>

#include "engine/base/assert.h"
#include "engine/base/memory.h"
#include "engine/base/sites.h"
#include "engine/base/try.h"
#include "engine/db/create.h"
#include "engine/recovery/load.h"
#include "engine/recovery/meta_area.h"
#include "engine/recovery/overlay_file.h"
#include "engine/recovery/recovery_plan.h"
#include "engine/wal/log_file.h"

namespace manifolddb::db {

namespace {

constexpr int kOpenAttemptsMax = 8;  // at a name that comes and goes

}  // namespace

DatabaseImpl::DatabaseImpl(std::shared_ptr<Storage> storage, std::string name, const Options& options,
                           const Config& config, recovery::Extents extents)
    : storage_(std::move(storage)),
      name_(std::move(name)),
      read_only_(options.read_only),
      create_if_missing_(options.create_if_missing && !options.read_only),
      options_(options),
      config_(config),
      extents_(extents),
      executor_(options.executor != nullptr ? options.executor : MakeThreadExecutor()),
      clock_(options.clock != nullptr ? options.clock : MakeMonotonicClock()),
      listener_(options.listener) {
  changeable_.Become(options);
}

DatabaseImpl::~DatabaseImpl() {
  if (!opened_) return;                                     // opening failed: nothing more is written
  MANIFOLDDB_ASSERT(core_.CheckProcess("database.close"));  // Database leaves it where it is
  // Whoever wants the outcome has called Close. Transactions still open are a mistake of the caller's.
  const Status closed = Close();
  MANIFOLDDB_ASSERT(closed || closed.error().code() != Errc::kBusy);
}

Result<std::unique_ptr<DatabaseImpl>> DatabaseImpl::Open(std::shared_ptr<Storage> storage,
                                                         const std::string& name,
                                                         const Options& options) noexcept {
  MANIFOLDDB_ASSIGN(const Config config, Resolve(options));
  for (recovery::Extents extents = recovery::Extents::kAnywhere;; extents = recovery::Extents::kInPlace) {
    std::unique_ptr<DatabaseImpl> database(new DatabaseImpl(storage, name, options, config, extents));
    Status opened = database->OpenFiles();
    if (opened) opened = database->Recover();
    if (opened) {
      // What is met until here is an error of the opening.
      database->data_->SetListener(database->listener_.get());
      database->opened_ = true;
      return database;
    }
    const bool last = extents == recovery::Extents::kInPlace || MANIFOLDDB_BROKEN("db.open.in_place.skip");
    if (last || !database->replay_lacked_room_) return std::unexpected<Error>(opened.error());
    // The device is full, and replay broke the free pages up otherwise than the process before did. It wrote
    // to nothing but those: the same again, as they lay then.
    MANIFOLDDB_MARK("recovery.in_place");
  }
}

Status DatabaseImpl::OpenFiles() {
  MANIFOLDDB_ASSIGN(const bool exists, storage_->Exists(name_));
  if (!exists && create_if_missing_) MANIFOLDDB_TRY(CreateDatabase(*storage_, name_, config_.create));
  MANIFOLDDB_ASSIGN(std::unique_ptr<File> data, OpenData());
  MANIFOLDDB_TRY(data->Lock(read_only_ ? LockMode::kShared : LockMode::kExclusive));
  MANIFOLDDB_TRY(FindMeta(*data));
  MANIFOLDDB_ASSIGN(log_file_, wal::OpenLog(*storage_, LogName(name_),
                                            read_only_ ? OpenMode::kReadOnly : OpenMode::kReadWrite,
                                            {found_.write_unit, found_.identity}, found_.log_capacity));
  MANIFOLDDB_TRY(wal::CheckMarker(*log_file_, {found_.write_unit, found_.identity}, plan_.newest.life));
  return WireReading(std::move(data));
}

// While another opening finishes a creation, the name is away for a moment (FinishCreation); the file has the
// creation's name then, and is locked.
Result<std::unique_ptr<File>> DatabaseImpl::OpenData() {
  for (int attempt = 1;; ++attempt) {
    auto opened = storage_->Open(name_, read_only_ ? OpenMode::kReadOnly : OpenMode::kReadWrite);
    if (opened || opened.error().code() != Errc::kNotFound || attempt == kOpenAttemptsMax) return opened;
    if (const auto creation = storage_->Open(CreationName(name_), OpenMode::kReadOnly)) {
      const Status locked = (*creation)->Lock(LockMode::kShared);
      if (!locked && locked.error().code() == Errc::kLocked) {
        return Fail(Errc::kLocked, "database.open",
                    {.file = opened.error().file(), .message = "another opening is creating it"},
                    locked.error());
      }
    }
    // It may have got its name back between these two calls.
    MANIFOLDDB_ASSIGN(const bool exists, storage_->Exists(name_));
    if (!exists) return opened;
  }
}

namespace {

// What the meta pages of a file take at least that is too short for one, but begins as one does; else 0.
Result<uint64_t> MetaBytesOfStump(File& data, uint64_t size) {
  if (size == 0 || size >= format::kWriteUnitMin) return 0;
  MANIFOLDDB_ASSIGN(base::Buffer front, base::Buffer::Make(size, "database.open"));
  MANIFOLDDB_TRY(data.Read(0, front.span()));
  return format::BeginsAsMetaPage(front.view()) ? uint64_t{4} * format::kWriteUnitMin : 0;
}

// A file that was cut inside its meta pages is not one in which a slot was damaged.
Status CheckMetaAreaWhole(const recovery::MetaArea& area, uint64_t size, File& data) {
  MANIFOLDDB_ASSIGN(uint64_t whole, MetaBytesOfStump(data, size));
  for (const auto& slot : area) {
    for (const format::DecodedMeta& copy : slot) {
      if (copy.verdict == format::MetaVerdict::kValid) whole = uint64_t{4} * copy.meta.write_unit;
    }
  }
  if (size >= whole) return {};
  return Fail(Errc::kTruncated, "database.open",
              {.file = data.name(),
               .offset = size,
               .message = "the file has " + std::to_string(size) + " bytes, its meta pages alone take " +
                          std::to_string(whole)});
}

}  // namespace

// Finds the meta page that counts; nothing is written before everything about it has been checked.
Status DatabaseImpl::FindMeta(File& data) {
  MANIFOLDDB_ASSIGN(const recovery::MetaArea area, recovery::ReadMetaArea(data));
  MANIFOLDDB_ASSIGN(const uint64_t size, data.Size());
  MANIFOLDDB_TRY(CheckMetaAreaWhole(area, size, data));
  MANIFOLDDB_ASSIGN(plan_, recovery::PlanFromMeta(area, data.name()));
  if (config_.page_size_wanted != 0 && config_.page_size_wanted != plan_.newest.page_size) {
    return Fail(Errc::kPageSizeMismatch, "database.open",
                {.file = data.name(),
                 .message = "it has " + std::to_string(plan_.newest.page_size) +
                            " bytes per page, asked for were " + std::to_string(config_.page_size_wanted)});
  }
  const uint64_t stated = plan_.newest.page_count * plan_.newest.page_size;
  if (size < stated) {
    return Fail(Errc::kTruncated, "database.open",
                {.file = data.name(),
                 .offset = size,
                 .message = "the file has " + std::to_string(size) + " bytes, its meta page states " +
                            std::to_string(stated)});
  }
  was_clean_ = plan_.newest.clean;
  MANIFOLDDB_ASSIGN(found_, recovery::BeginLife(plan_, data.name()));
  return {};
}

Status DatabaseImpl::WireReading(std::unique_ptr<File> data) {
  if (read_only_) data = recovery::MakeOverlayFile(std::move(data), found_.page_size);
  data_ = std::make_unique<page::DataFile>(std::move(data), found_.page_size);
  MANIFOLDDB_ASSIGN(format::PageBitmap free, recovery::LoadFreeMap(*data_, found_));
  used_ = free;
  used_.Complement();
  cache_ = std::make_unique<page::PageCache>(*data_, slots_, config_.cache_bytes);
  allocator_ = std::make_unique<page::PageAllocator>(*data_, std::move(free), found_.life);
  const mvcc::RemovedRun no_trees[] = {
      {{format::PageId{0}, format::FirstPage(found_.page_size, found_.write_unit).raw()}, {}},
      {{found_.free_map.first, format::ExtentPages(found_.free_map.bytes, found_.page_size)}, {}}};
  const auto* const kept = allocator_->Disown(std::span(no_trees).first(found_.free_map.null() ? 1 : 2));
  MANIFOLDDB_ASSERT(kept == nullptr);  // the free map was checked for them when it was loaded
  garbage_ = std::make_unique<mvcc::Garbage>(slots_);
  versions_ = std::make_unique<mvcc::VersionSet>(slots_, mvcc::Position{found_.txn, found_.lsn, found_.chain},
                                                 used_, allocator_->NextBirth());
  // Recovery has no checkpointer yet, and needs none: it may take all there is.
  allocator_->SetReclaim([this] { return ReclaimPages(); },
                         [this] { return checkpointer_ != nullptr && checkpointer_->MakeRoom(); });
  families_ = std::make_unique<txn::Families>();
  core_.config = {data_->name(), found_.identity, read_only_, found_.write_unit};
  core_.dirty_bytes_max = config_.dirty_bytes_max;
  core_.checkpoint_interval_ns = config_.checkpoint_interval_ns;
  core_.file = data_.get();
  core_.slots = &slots_;
  core_.cache = cache_.get();
  core_.allocator = allocator_.get();
  core_.garbage = garbage_.get();
  core_.versions = versions_.get();
  core_.families = families_.get();
  core_.poison = &poison_;
  core_.clock = clock_.get();
  core_.listener = listener_.get();
  poison_.SetListener(listener_.get());
  core_.last_checkpoint_ns = clock_->NowNanos();
  return {};
}

bool DatabaseImpl::ReclaimPages() {
  const mvcc::FreeRuns runs = versions_->Collect();
  for (const format::PageRun& run : runs) {
    // The frame first, see CommitPipeline::GiveBack.
    cache_->Drop(run.first, run.pages);
    allocator_->Free(run);
  }
  return !runs.empty();
}

Status DatabaseImpl::Recover() {
  // Before anything is written: what is refused here is left as it is.
  mvcc::ReaderSlot* const slot = slots_.Acquire();
  auto catalog = recovery::LoadCatalog(core_, found_, slot);
  slots_.Release(slot);
  if (!catalog) return std::unexpected<Error>(catalog.error());

  // Step 1. From here on, births and log groups of this life are distinct from all earlier ones.
  if (!read_only_) {
    if (found_.life == format::Life{1}) MANIFOLDDB_TRY(FinishCreation());
    MANIFOLDDB_TRY(recovery::WriteLife(data_->file(), found_, plan_, plan_.stamps));
    if (MANIFOLDDB_BROKEN("db.open.marked_early")) MANIFOLDDB_TRY(MarkLife());
  }

  // Step 2. The spare is set aside before replay breaks the free pages up, or where each extent has its place
  // once they have been taken.
  const bool in_place = extents_ == recovery::Extents::kInPlace;
  if (!read_only_ && !in_place) allocator_->KeepSpare(core_.FreeMapPages());
  wal::LogScanResult scan{{found_.lsn, found_.chain}, found_.txn.next(), 0, 0};
  if (was_clean_) {
    MANIFOLDDB_MARK("recovery.clean");
  } else {
    auto replayed = recovery::ReplayLog(core_, *log_file_, found_, extents_);
    replay_lacked_room_ = !replayed && replayed.error().code() == Errc::kNoSpace;
    if (!replayed) return std::unexpected<Error>(replayed.error());
    scan = *replayed;
    recovered_ = scan.records;
  }
  if (in_place) allocator_->KeepSpare(core_.FreeMapPages());
  WireWriting(scan, std::move(*catalog));

  // Step 3. What was replayed may be in the system's cache only, so nobody sees it before it was written
  // again.
  if (read_only_) return {};
  if (!was_clean_ && !MANIFOLDDB_BROKEN("recovery.checkpoint.skip")) {
    const Status checkpointed = checkpointer_->RunAndWait();
    replay_lacked_room_ = !checkpointed && checkpointed.error().code() == Errc::kNoSpace;
    MANIFOLDDB_TRY(checkpointed);
  }
  // Last of all: an opening that was refused must not keep out the data file that belongs to this log.
  return MarkLife();
}

Status DatabaseImpl::MarkLife() {
  return wal::MarkOpened(*log_file_, {found_.write_unit, found_.identity}, found_.life);
}

// The creator may have been killed before its last step, so the first life repeats it: both names become
// durable, and only then does the log say that it must not be replaced. Later lives find a life, hence all of
// this, on the disk.
// The data file's name may also be one that a sync of the directory has failed to write, which says so
// only once: it is given anew, so that this sync has it to write. Cut in between, it is a creation cut short,
// which the next one replaces. With a marker it could not, but that was written behind a sync that succeeded.
Status DatabaseImpl::FinishCreation() {
  const format::LogHeader header{found_.write_unit, found_.identity};
  MANIFOLDDB_ASSIGN(const bool marked, wal::IsMarked(*log_file_, header));
  if (!marked && !MANIFOLDDB_BROKEN("db.create.name_again.skip")) {
    const std::string temporary = CreationName(name_);
    // Nobody else creates meanwhile, and takes the name for free or its file for a creation cut short.
    MANIFOLDDB_ASSIGN(const std::unique_ptr<File> held, HoldCreation(*storage_, name_));
    MANIFOLDDB_TRY(storage_->Rename(name_, temporary));
    MANIFOLDDB_TRY(storage_->Rename(temporary, name_));
  }
  if (!MANIFOLDDB_BROKEN("db.create.directory_sync.skip")) MANIFOLDDB_TRY(storage_->SyncDirectory());
  return wal::MarkOpened(*log_file_, header, format::Life{0});
}

void DatabaseImpl::WireWriting(const wal::LogScanResult& scan, checkpoint::CatalogState catalog) {
  const wal::LogRing ring{found_.log_capacity, found_.log_origin, found_.write_unit};
  log_ = std::make_unique<wal::LogWriter>(
      *log_file_, poison_,
      wal::LogWriter::Config{ring, found_.identity, found_.life, scan.end, found_.number});
  log_space_ = std::make_unique<txn::LogSpace>(ring, scan.end.lsn);
  log_begin_ = scan.end.lsn;
  pipeline_ = std::make_unique<txn::CommitPipeline>(
      txn::CommitPipeline::Parts{log_.get(), log_space_.get(), versions_.get(), cache_.get(),
                                 allocator_.get(), &poison_, core_.clock},
      scan.next_txn);
  core_.log_space = log_space_.get();
  core_.pipeline = pipeline_.get();
  checkpointer_ = std::make_unique<checkpoint::Checkpointer>(
      core_, checkpoint::Checkpointer::Config{found_, plan_.stamps, std::move(used_), std::move(catalog),
                                              found_.life, config_.log_bytes_max, log_file_.get(), log_.get(),
                                              executor_.get()});
  core_.checkpoints = checkpointer_.get();
}

Status DatabaseImpl::SetOptions(const OptionChanges& changes) {
  base::MutexLock lock(options_mutex_);
  Options changed = CurrentOptions();
  changed.log_bytes_max = changes.log_bytes_max.value_or(changed.log_bytes_max);
  changed.cache_bytes = changes.cache_bytes.value_or(changed.cache_bytes);
  changed.dirty_bytes_max = changes.dirty_bytes_max.value_or(changed.dirty_bytes_max);
  changed.checkpoint_interval_ms = changes.checkpoint_interval_ms.value_or(changed.checkpoint_interval_ms);
  MANIFOLDDB_ASSIGN(const Config config, Resolve(changed, "database.set_options"));
  checkpointer_->SetLogBytesMax(config.log_bytes_max);
  core_.dirty_bytes_max.store(config.dirty_bytes_max, std::memory_order_relaxed);
  core_.checkpoint_interval_ns.store(config.checkpoint_interval_ns, std::memory_order_relaxed);
  cache_->SetBytesMax(config.cache_bytes);
  changeable_.Become(changed);
  return {};
}

Options DatabaseImpl::CurrentOptions() const {
  Options options = options_;
  options.page_size = found_.page_size;
  options.write_unit = found_.write_unit;
  options.log_bytes_max = changeable_.log_bytes_max.load(std::memory_order_relaxed);
  options.cache_bytes = changeable_.cache_bytes.load(std::memory_order_relaxed);
  options.dirty_bytes_max = changeable_.dirty_bytes_max.load(std::memory_order_relaxed);
  options.checkpoint_interval_ms = changeable_.checkpoint_interval_ms.load(std::memory_order_relaxed);
  return options;
}

void DatabaseImpl::Changeable::Become(const Options& options) {
  log_bytes_max.store(options.log_bytes_max, std::memory_order_relaxed);
  cache_bytes.store(options.cache_bytes, std::memory_order_relaxed);
  dirty_bytes_max.store(options.dirty_bytes_max, std::memory_order_relaxed);
  checkpoint_interval_ms.store(options.checkpoint_interval_ms, std::memory_order_relaxed);
}

Status DatabaseImpl::Close() noexcept {
  // Before any lock is taken: another thread of the parent may hold it, and a checkpoint or the log's growth
  // that was on its way when the child was made comes to no end there.
  MANIFOLDDB_TRY(core_.CheckProcess("database.close"));
  {
    base::MutexLock lock(mutex_);
    while (closing_) close_ended_.Wait(mutex_);
    if (closed_) return *closed_;
    closing_ = true;
  }
  const Status status = CloseOnce();
  base::MutexLock lock(mutex_);
  closing_ = false;
  if (status || status.error().code() != Errc::kBusy) closed_ = status;
  close_ended_.NotifyAll();
  return status;
}

Status DatabaseImpl::CloseOnce() {
  constexpr uint64_t kOwnSlots = 1;  // the checkpointer's
  if (const uint64_t in_use = core_.CloseUnlessInUse(kOwnSlots); in_use > 0) {
    return Fail(Errc::kBusy, "database.close",
                {.file = data_->name(), .message = "transactions that are open: " + std::to_string(in_use)});
  }
  checkpointer_->WaitIdle();
  const Status status = read_only_ ? Status() : checkpointer_->RunFinal();
  // Whatever came of it, the files are somebody else's from here on.
  log_file_.reset();
  data_->Close();
  return status;
}

}  // namespace manifolddb::db
