// The checkpoint, as a recipe. Invariants in the header. What a cut leaves behind:
//   while pages are written:   pages that the durable checkpoint calls free; recovery starts from it and
//   replays; before the data sync:      the same; in the first meta copy:    that copy torn, new, or still
//   the one of two checkpoints ago; the other copy of the slot
//                              is the latter, so the slot never becomes unreadable, and the other slot is
//                              newest;
//   between the copies:        first copy new and durable, second one old: the new checkpoint counts;
//   in the second copy:        the same.
// The log's tail moves after all of this, so whichever meta page is found, the log behind it is whole.

#include "engine/checkpoint/checkpointer.h"

#include <algorithm>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/checksum.h"
#include "engine/base/memory.h"
#include "engine/base/sites.h"
#include "engine/base/size.h"
#include "engine/base/try.h"
#include "engine/checkpoint/meta_writer.h"

namespace manifolddb::checkpoint {

using format::PageRun;
using format::TxnId;

namespace {

// Written and not yet synced at most: a sync of everything at once would stall the log's syncs behind it.
constexpr uint64_t kUnsyncedBytesMax = uint64_t{32} << 20;

// After some errors the disk is as it was, as far as anybody relies on it, and the database goes on: after a
// want of room or memory, and after a read that failed or found damage. Only what `file` failed to write is
// unknown.
bool LeavesDiskKnown(const Error& error, const File& file) {
  const Errc code = error.code();
  if (code == Errc::kNoSpace || code == Errc::kNoMemory || code == Errc::kCorrupt || code == Errc::kLimit) {
    return true;
  }
  return (code == Errc::kIo || code == Errc::kTruncated) && !file.failed();
}

format::PageBitmap RunAsSet(PageRun run) {
  format::PageBitmap set(run.end());
  set.Set(run);
  return set;
}

}  // namespace

struct Checkpointer::Work {
  explicit Work(const Plan& made) : plan(made) {}
  // What the checkpoint itself makes. Of one that restores it is all that is not on the disk yet.
  format::PageBitmap Own() const {
    format::PageBitmap pages(used.size());
    for (const PageRun& run : own.introduced) pages.Set(run);
    return pages;
  }
  const Plan& plan;
  mvcc::Capture capture;
  mvcc::Position at;  // what the meta page will state
  std::vector<txn::Family*> changed;
  CatalogEdit catalog;
  mvcc::PageDelta through;  // of the commit that goes through this checkpoint
  mvcc::PageDelta own;      // of catalog and free map
  format::PageBitmap used;  // pages the new checkpoint owns
  const txn::Restoring* restoring = nullptr;
  format::PageBitmap inherited_before;  // while restoring
  format::MetaPage meta;
  base::Buffer meta_unit;  // where it is encoded
  bool meta_touched = false;
  uint64_t began_ns = 0;
};

Checkpointer::Checkpointer(txn::Core& core, Config config)
    : core_(core),
      life_(config.life),
      log_file_(*config.log_file),
      log_(*config.log),
      executor_(*config.executor),
      slot_(core.slots->Acquire()),
      durable_(std::move(config.durable)),
      stamps_(config.stamps),
      used_(std::move(config.used)),
      catalog_(std::move(config.catalog)),
      growth_(log_file_, durable_.write_unit, durable_.log_capacity, config.log_bytes_max) {
  NoteDropped();
}

Checkpointer::~Checkpointer() {
  WaitIdle();
  core_.slots->Release(slot_);
}

void Checkpointer::Request() noexcept {
  {
    base::MutexLock lock(mutex_);
    if (requested_) return;
    requested_ = true;
  }
  executor_.Submit([this] {
    // A failure is remembered: in the poison, or by the next one that waits for a checkpoint and meets it
    // again.
    static_cast<void>(RunAndWait());
    {
      base::MutexLock lock(mutex_);
      requested_ = false;
      if (growing_) return;
      growing_ = true;
      changed_.NotifyAll();
    }
    GrowLog();
  });
}

void Checkpointer::WaitIdle() {
  base::MutexLock lock(mutex_);
  ++idlers_;
  while (requested_ || running_ || growing_) changed_.Wait(mutex_);
  --idlers_;
}

Status Checkpointer::RunAndWait() noexcept {
  {
    base::MutexLock lock(mutex_);
    const uint64_t wanted = started_ + 1;
    while (running_) {
      changed_.Wait(mutex_);
      if (finished_ >= wanted) return last_;  // somebody else's, begun after this call
    }
    running_ = true;
    ++started_;
  }
  Plan plan;
  plan.ring = GrownRing();
  Status status = plan.ring ? RunHeld(plan) : Run(plan, core_.clock->NowNanos());
  const std::optional<CheckpointInfo> done = std::exchange(to_tell_, std::nullopt);
  {
    base::MutexLock lock(mutex_);
    running_ = false;
    finished_ = started_;
    last_ = status;
    changed_.NotifyAll();
  }
  Tell(done);
  return status;
}

Status Checkpointer::WaitForRunning() noexcept {
  base::MutexLock lock(mutex_);
  const uint64_t ended = finished_;
  while (running_) {
    changed_.Wait(mutex_);
    if (finished_ != ended) return last_;
  }
  return {};
}

Status Checkpointer::RunFinal() noexcept {
  WaitIdle();
  const Turn turn(*this);
  Plan plan;
  plan.clean = true;
  Status status = RunHeld(plan);
  Tell(std::exchange(to_tell_, std::nullopt));
  return status;
}

Result<TxnId> Checkpointer::CommitThrough(ThroughCommit& commit, bool& ordered) noexcept {
  const Turn turn(*this);
  ordered = false;
  Plan plan;
  plan.through = &commit;
  plan.ordered = &ordered;
  NoteThroughBegun();
  Status status = RunHeld(plan);
  if (status) NoteThroughEnded();
  Tell(std::exchange(to_tell_, std::nullopt));
  if (!status) {
    if (!ordered) return std::unexpected<Error>(status.error());
    return Fail(Errc::kUnknownOutcome, "transaction.commit",
                {.file = status.error().file(), .message = status.error().ToString()}, status.error());
  }
  return durable_.txn;
}

// Whoever waits for a checkpoint has one when this one has ended well: else those who commit so, one behind
// the other, would hold up for ever who waits for room. One that failed may have failed for want of what its
// own transaction asked for, which is nobody else's error: they go on to one of their own.
void Checkpointer::NoteThroughBegun() {
  base::MutexLock lock(mutex_);
  ++started_;
}

void Checkpointer::NoteThroughEnded() {
  base::MutexLock lock(mutex_);
  finished_ = started_;
  last_ = {};
}

Status Checkpointer::RunInTurn(const Plan& plan) {
  NoteThroughBegun();
  Status status = Run(plan, core_.clock->NowNanos());
  if (status) NoteThroughEnded();
  return status;
}

// Until somebody wants a checkpoint, or the end: then it goes on behind that, or never.
void Checkpointer::GrowLog() {
  for (;;) {
    {
      base::MutexLock lock(mutex_);
      if (requested_ || idlers_ > 0) break;
    }
    if (core_.poison->set()) break;
    const Result<bool> grown = growth_.Grow();
    if (!grown && !LeavesDiskKnown(grown.error(), log_file_)) core_.poison->Set(grown.error());
    if (!grown || !*grown) break;
  }
  base::MutexLock lock(mutex_);
  growing_ = false;
  changed_.NotifyAll();
}

Status Checkpointer::RunHeld(const Plan& plan) noexcept {
  MANIFOLDDB_TRY(core_.poison->Check("checkpoint"));
  const uint64_t began = core_.clock->NowNanos();
  MANIFOLDDB_TRY(WriteAhead(plan.ring.has_value()));
  MANIFOLDDB_TRY(core_.pipeline->Hold());
  Status status = Run(plan, began);
  const bool ordered = plan.through != nullptr && *plan.ordered;
  if (!ordered || !MANIFOLDDB_BROKEN("checkpoint.through.released_early")) core_.pipeline->Release();
  return status;
}

// Most of the pages, while nobody is held up yet: what is published now. `synced`: those who will be held
// wait for what comes then only.
Status Checkpointer::WriteAhead(bool synced) {
  mvcc::Capture capture = core_.versions->CaptureNewest(slot_);
  Status status = WritePages(capture.used, capture.pending, synced);
  core_.versions->EndCapture(std::move(capture.dropped));  // what was dropped is not this one's to free
  core_.slots->Unpin(slot_);
  if (!status && !LeavesDiskKnown(status.error(), core_.file->file())) core_.poison->Set(status.error());
  return status;
}

Status Checkpointer::Run(const Plan& plan, uint64_t began_ns) noexcept {
  MANIFOLDDB_TRY(core_.poison->Check("checkpoint"));
  Work work(plan);
  work.began_ns = began_ns;
  Status status = Prepare(work);
  const bool meta_first = MANIFOLDDB_BROKEN("checkpoint.meta_before_data");
  if (status && meta_first) status = WriteMeta(work);
  if (status)
    status = WritePages(work.restoring == nullptr ? work.used : work.Own(), work.capture.pending, true);
  if (status && !meta_first) status = WriteMeta(work);
  if (status) {
    Finish(work);
    Note(work);
  } else {
    Undo(work, status.error());
    core_.slots->Unpin(slot_);
  }
  return status;
}

// Everything that can fail for want of room or memory, and all pages in memory.
Status Checkpointer::Prepare(Work& work) {
  ThroughCommit* const through = work.plan.through;
  // Before the capture, which keeps all that is pending: what only snapshots saw that have gone since need
  // not be written, and there may be no room without it.
  core_.pipeline->GiveBack(core_.versions->Collect());
  work.capture = core_.versions->CaptureNewest(slot_);
  work.at = work.capture.at;
  work.used = work.capture.used;
  // After the capture: whatever it covers was marked before.
  work.changed = core_.families->TakeChanged();
  if (through != nullptr && through->restoring != nullptr) return PrepareRestoring(work, *through->restoring);
  CatalogInput input{work.at.txn,          work.changed,        nullptr,
                     work.capture.dropped, work.plan.savepoint, core_.allocator->ceiling()};
  if (through != nullptr) {
    work.at.txn = core_.pipeline->next_txn();
    work.through = through->pages->Finish();
    for (const PageRun& run : work.through.introduced) {
      if (run.end() > work.used.size()) work.used.Resize(run.end());
      work.used.Set(run);
    }
    for (const mvcc::RemovedRun& removed : work.through.removed) work.used.Clear(removed.run);
    input.at = work.at.txn;
    input.through = &through->changes;
    input.dropped.insert(input.dropped.end(), through->dropped.begin(), through->dropped.end());
    for (const auto& change : through->changes) {
      const auto known = std::find(input.changed.begin(), input.changed.end(), change.family);
      if (known == input.changed.end()) input.changed.push_back(change.family);
    }
  }
  page::PageWriter pages(*core_.cache, *core_.allocator, core_.DrawWriterSerial(), page::Room::kAll);
  MANIFOLDDB_ASSIGN(work.catalog, EditCatalog(core_, pages, slot_, catalog_, input));
  AddOwn(work, pages.Finish());
  return WriteFreeMap(work, durable_.free_map);
}

// The commit owns what the savepoint owns, and gives up whatever else is owned: both sets are known exactly.
// Its catalog is the savepoint's, edited; so is the account of what earlier openings have left. (The births
// of what is given up are not known: it waits for every version that is older.)
Status Checkpointer::PrepareRestoring(Work& work, const txn::Restoring& restoring) {
  work.restoring = &restoring;
  work.at.txn = core_.pipeline->next_txn();
  const mvcc::Savepoint& savepoint = restoring.version->savepoint();
  const format::PageBitmap pages = core_.versions->PagesOf(savepoint.number);
  format::PageBitmap again = pages;
  again.Remove(work.capture.used);
  again.ForEachRun([&](PageRun run) { work.through.introduced.push_back(run); });
  format::PageBitmap gone = work.capture.used;
  gone.Remove(pages);
  gone.ForEachRun([&](PageRun run) { work.through.removed.push_back({run, {}}); });
  work.used = pages;

  format::PageBitmap inherited = core_.versions->EarlierPages();
  inherited.KeepOnly(pages);
  const format::ExtentRef& map = savepoint.record.free_map;
  inherited.Remove(RunAsSet({map.first, format::ExtentPages(map.bytes, core_.file->page_size())}));
  inherited.Remove(RunAsSet({{}, format::FirstPage(durable_.page_size, durable_.write_unit).raw()}));
  work.inherited_before = core_.allocator->ExchangeInherited(std::move(inherited));
  page::PageWriter writer(*core_.cache, *core_.allocator, core_.DrawWriterSerial(), page::Room::kAll);
  MANIFOLDDB_ASSIGN(work.catalog, RestoreCatalog(core_, writer, slot_, restoring, work.at.txn));
  AddOwn(work, writer.Finish());
  return WriteFreeMap(work, map);
}

void Checkpointer::AddOwn(Work& work, mvcc::PageDelta own) {
  work.own = std::move(own);
  for (const PageRun& run : work.own.introduced) {
    if (run.end() > work.used.size()) work.used.Resize(run.end());
    work.used.Set(run);
  }
  for (const mvcc::RemovedRun& removed : work.own.removed) work.used.Clear(removed.run);
}

// The free map is an extent of its own, which it counts as used; `old`, the one before, as free.
Status Checkpointer::WriteFreeMap(Work& work, const format::ExtentRef& old) {
  const uint32_t page_size = core_.file->page_size();
  if (!old.null()) {
    const PageRun run{old.first, format::ExtentPages(old.bytes, page_size)};
    work.used.Clear(run);
    work.own.removed.push_back({run, old.birth});
  }
  PageRun run;
  for (;;) {
    // Taking pages may grow the file, and with it the map.
    const uint64_t pages = core_.FreeMapPages();
    MANIFOLDDB_ASSIGN(run, core_.allocator->TakeSpare(pages));
    if (core_.FreeMapPages() == pages) break;
    core_.allocator->Free(run);
  }
  work.own.introduced.push_back(run);
  format::PageBitmap free = work.used;
  // Whatever is owned the allocator has given out, and it gives up no end of the file in which anything is.
  const uint64_t page_count = core_.allocator->page_count();
  MANIFOLDDB_ASSERT(page_count >= free.size() || free.NextSet(page_count) == free.size());
  free.Resize(page_count);
  free.Set(run);
  work.used = free;
  free.Complement();
  if (MANIFOLDDB_BROKEN("checkpoint.free_map.stale")) {
    free = used_;
    free.Resize(work.used.size());
    free.Complement();
  }
  MANIFOLDDB_ASSIGN(base::Buffer bytes, base::Buffer::Make(free.EncodedBytes(), "checkpoint.free_map"));
  free.Encode(bytes.span());
  MANIFOLDDB_ASSIGN(const format::Birth birth, core_.allocator->DrawBirth());
  MANIFOLDDB_TRY(core_.file->WriteExtent(run.first, bytes.view()));

  MANIFOLDDB_ASSIGN(work.meta_unit, base::Buffer::Make(durable_.write_unit, "checkpoint.meta"));
  work.meta = durable_;
  work.meta.number = durable_.number.next();
  work.meta.life = life_;
  work.meta.log_life = life_;
  work.meta.clean = work.plan.clean;
  work.meta.txn = work.at.txn;
  work.meta.lsn = work.at.lsn;
  if (MANIFOLDDB_BROKEN("checkpoint.position.inside_group") && work.at.lsn > durable_.lsn) {
    work.meta.lsn = format::Lsn{work.at.lsn.raw() - durable_.write_unit};
  }
  work.meta.chain = work.at.chain;
  if (work.plan.ring) {
    work.meta.log_capacity = work.plan.ring->capacity;
    work.meta.log_origin = work.at.lsn;
  }
  work.meta.catalog = work.catalog.state.tree;
  work.meta.free_map = format::ExtentRef{run.first, birth, bytes.size(), base::Checksum64(bytes.view())};
  work.meta.page_count = free.size();
  work.meta.next_family = core_.families->next_id();
  if (work.restoring != nullptr) work.meta.next_family = work.restoring->next_family;
  if (const SavepointEdit* const edit = work.plan.savepoint) {
    work.meta.savepoints = edit->record || core_.versions->Savepoints().size() > 1;
    if (!edit->record && MANIFOLDDB_BROKEN("savepoint.delete.early")) {
      work.meta.savepoints = !core_.versions->Savepoints().empty();  // no site: it is gone already
    }
  }
  return {};
}

// Writes the pages of `used` that the durable checkpoint does not have, and those that only snapshots still
// see (so that they need no memory), by position, with bounded unsynced bytes. `all_synced`: what was written
// is durable, hence clean, on return.
Status Checkpointer::WritePages(const format::PageBitmap& used, const std::vector<PageRun>& pending,
                                bool all_synced) {
  std::vector<format::PageId> pages = format::PageBitmap::Difference(used, used_);
  const size_t owned = pages.size();
  for (const PageRun& run : pending) {
    for (uint64_t i = 0; i < run.pages; ++i) pages.push_back(format::PageId{run.first.raw() + i});
  }
  if (pages.size() > owned) std::sort(pages.begin(), pages.end());
  const uint64_t unsynced_max = std::min(kUnsyncedBytesMax, core_.DirtyBytesMax() / 2);
  const auto chunk_pages = base::ToSize(std::max<uint64_t>(unsynced_max / core_.file->page_size(), 1));
  for (size_t first = 0; first < pages.size(); first += chunk_pages) {
    const auto chunk = std::span(pages).subspan(first, std::min(chunk_pages, pages.size() - first));
    MANIFOLDDB_TRY(core_.cache->WriteOut(chunk, page_bytes_));
    if (chunk.size() < chunk_pages) break;
    MANIFOLDDB_MARK("checkpoint.synced_amid");
    // Clean pages are let go of: from then on they are on the disk or nowhere.
    if (!MANIFOLDDB_BROKEN("checkpoint.sync_amid.skip")) MANIFOLDDB_TRY(core_.file->file().Sync());
    core_.cache->MarkClean(chunk);
  }
  if (!all_synced) return {};
  if (!MANIFOLDDB_BROKEN("checkpoint.data_sync.skip")) MANIFOLDDB_TRY(core_.file->file().Sync());
  core_.cache->MarkClean(pages);
  return {};
}

Status Checkpointer::WriteMeta(Work& work) {
  if (MANIFOLDDB_BROKEN("checkpoint.tail.early")) core_.log_space->MoveTail(work.at.lsn);
  if (work.plan.through != nullptr) {
    const TxnId txn = core_.pipeline->OrderHeld(work.plan.through->order);
    MANIFOLDDB_ASSERT(txn == work.at.txn);
    *work.plan.ordered = true;
    if (MANIFOLDDB_BROKEN("checkpoint.through.released_early")) {
      // Published as well: nothing can be published behind it otherwise.
      PublishThrough(work);
      core_.slots->Unpin(slot_);
      static_cast<void>(core_.slots->PinNewest(slot_, core_.versions->published()));
      core_.pipeline->Release();
    }
  }
  work.meta_touched = true;
  if (work.plan.meta_touched != nullptr) *work.plan.meta_touched = true;
  if (MANIFOLDDB_BROKEN("checkpoint.meta.memory.late")) {
    MANIFOLDDB_ASSIGN(work.meta_unit, base::Buffer::Make(durable_.write_unit, "checkpoint.meta"));
  }
  const MutableByteView unit = work.meta_unit.span();
  MANIFOLDDB_TRY(
      WriteMetaCopyDurably(core_.file->file(), work.meta, 0, format::CopyOrder::kFirst, stamps_, unit));
  MANIFOLDDB_TRY(
      WriteMetaCopyDurably(core_.file->file(), work.meta, 1, format::CopyOrder::kSecond, stamps_, unit));
  return {};
}

void Checkpointer::PublishThrough(Work& work) {
  mvcc::CommitEffects effects{work.at.txn, std::move(work.through), {}};
  effects.restores = work.restoring != nullptr;
  mvcc::CommitEffects* const group = &effects;
  core_.pipeline->GiveBack(core_.versions->Publish({&group, 1}, work.at, core_.allocator->NextBirth()));
}

void Checkpointer::Finish(Work& work) {
  durable_ = work.meta;
  const format::PageBitmap before = std::exchange(used_, std::move(work.used));
  const bool late = MANIFOLDDB_BROKEN("savepoint.create.late");
  if (work.plan.savepoint != nullptr && !late) FinishSavepoint(*work.plan.savepoint, before);
  catalog_ = std::move(work.catalog.state);
  for (auto& update : work.catalog.updates) update.family->durable = std::move(update.after);
  for (txn::Family* const family : work.catalog.newer) core_.families->MarkChanged(family);

  log_.SetDurableMeta(durable_.number);
  if (work.plan.ring) {
    const wal::LogRing ring{durable_.log_capacity, durable_.log_origin, durable_.write_unit};
    log_.SetRing(ring);
    core_.log_space->SetRing(ring);
  }
  core_.log_space->MoveTail(work.at.lsn);
  groups_before_ = log_.groups();
  syncs_before_ = log_.syncs();
  if (work.plan.through != nullptr && !MANIFOLDDB_BROKEN("checkpoint.through.released_early")) {
    PublishThrough(work);
  }
  core_.slots->Unpin(slot_);
  core_.pipeline->GiveBack(core_.versions->CheckpointDurable(work.at, work.own));
  if (work.plan.savepoint != nullptr && late) FinishSavepoint(*work.plan.savepoint, before);
  core_.garbage->Collect();
  core_.last_checkpoint_ns.store(core_.clock->NowNanos(), std::memory_order_relaxed);
  core_.allocator->KeepSpare(core_.FreeMapPages());
  NoteDropped();
  count_.fetch_add(1, std::memory_order_relaxed);
}

void Checkpointer::Note(const Work& work) {
  constexpr size_t kHistoryMax = 16;
  const CheckpointInfo info{.number = durable_.number.raw(),
                            .commit_number = durable_.txn.raw(),
                            .began_ns = work.began_ns,
                            .ended_ns = core_.last_checkpoint_ns.load(std::memory_order_relaxed),
                            .page_bytes = std::exchange(page_bytes_, 0),
                            .of_commit = work.plan.through != nullptr,
                            .log_grew = work.plan.ring.has_value()};
  {
    base::MutexLock lock(mutex_);
    history_.push_back(info);
    if (history_.size() > kHistoryMax) history_.pop_front();
  }
  to_tell_ = info;
}

// Behind everything else: commits are no longer held up, and whoever is told finds it done.
void Checkpointer::Tell(const std::optional<CheckpointInfo>& done) {
  if (done && core_.listener != nullptr) core_.listener->OnCheckpoint(*done);
}

std::vector<CheckpointInfo> Checkpointer::History() {
  base::MutexLock lock(mutex_);
  return {history_.begin(), history_.end()};
}

// What unreadable pages own comes back with no checkpoint of this opening.
void Checkpointer::NoteDropped() {
  const bool left = std::any_of(catalog_.dropped.begin(), catalog_.dropped.end(),
                                [](const DroppedSubtree& subtree) { return !subtree.unreadable; });
  dropped_left_.store(left, std::memory_order_relaxed);
}

bool Checkpointer::MakeRoom() {
  if (core_.poison->set()) return false;
  // Even if it gives nothing back: what is in the log has its place on the disk then. A replay would lay it
  // out otherwise, and may find no room for that (docs/design/006).
  const bool gives = core_.versions->WaitsForCheckpoint() || dropped_left_.load(std::memory_order_relaxed);
  if (!gives && core_.log_space->used() == 0) return false;
  return RunAndWait().has_value() && gives;
}

void Checkpointer::Undo(Work& work, const Error& error) {
  const bool known = !work.meta_touched && LeavesDiskKnown(error, core_.file->file());
  if (!known) core_.poison->Set(error);
  core_.versions->EndCapture(std::move(work.capture.dropped));
  for (txn::Family* const family : work.changed) core_.families->MarkChanged(family);
  // Once a meta page may state them, its pages are nobody's to reuse: the next opening knows.
  if (!known) return;
  MANIFOLDDB_MARK("checkpoint.undone");
  if (work.restoring == nullptr) {
    TakeBack(work.own);
    TakeBack(work.through);
  } else {
    core_.pipeline->GiveBack(work.own.introduced);
    core_.allocator->ExchangeInherited(std::move(work.inherited_before));
  }
  core_.allocator->KeepSpare(core_.FreeMapPages());
}

void Checkpointer::TakeBack(const mvcc::PageDelta& delta) {
  core_.pipeline->GiveBack(delta.introduced);
  for (const mvcc::RemovedRun& removed : delta.removed) {
    // The free map is the checkpointer's own, no reference names it.
    if (removed.run.first != durable_.free_map.first) core_.allocator->Reown(removed);
  }
}

}  // namespace manifolddb::checkpoint
