// Write transactions: taking families, changing tables, and the two roads of a commit.
//
// What a crash leaves: before ordering nothing but pages that the durable checkpoint calls free; after it,
// see commit_pipeline.cc and the checkpointer.

#include "engine/txn/write_transaction.h"

#include <algorithm>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/sites.h"
#include "engine/base/thread.h"
#include "engine/base/try.h"
#include "engine/format/log_format.h"
#include "engine/format/redo.h"

namespace manifolddb::txn {

using format::FamilyId;
using format::TxnId;

namespace {
constexpr std::byte kGap[wal::kRedoGap] = {};

// The moment `ms` from now, or never.
uint64_t After(Clock& clock, uint64_t ms) {
  constexpr uint64_t kNanosPerMs = 1'000'000;
  const uint64_t now = clock.NowNanos();
  return ms > (kNoLimit - now) / kNanosPerMs ? kNoLimit : now + ms * kNanosPerMs;
}

}  // namespace

WriteTransactionImpl::WriteTransactionImpl(Core& core)
    : core_(core),
      slot_(core.slots->Acquire()),
      pages_(*core.cache, *core.allocator, core.DrawWriterSerial(), page::Room::kShared),
      thread_(base::ThisThread()) {
  core_.open_writers.fetch_add(1, std::memory_order_relaxed);
}

WriteTransactionImpl::~WriteTransactionImpl() { Abort(); }

Result<std::unique_ptr<WriteTransactionImpl>> WriteTransactionImpl::Begin(
    Core& core, std::span<const ColumnFamily> families, const WriteOptions& options) noexcept {
  std::unique_ptr<WriteTransactionImpl> transaction(new WriteTransactionImpl(core));
  MANIFOLDDB_TRY(core.CheckWritable("transaction.begin"));
  MANIFOLDDB_TRY(core.WaitForMemory());
  transaction->redo_given_up_ = !options.log;
  if (options.log) MANIFOLDDB_TRY(transaction->PrepareRedo());
  MANIFOLDDB_TRY(transaction->TakeFamilies(families, options));
  if (options.run_ms_max != kNoLimit) {
    transaction->run_ms_max_ = options.run_ms_max;
    transaction->ends_ns_ = After(*core.clock, options.run_ms_max);
  }
  return transaction;
}

Status WriteTransactionImpl::PrepareRedo() {
  redo_ = core_.redo_pool.Take();
  // What one put and the sealing of its group take, so that it does not grow twice.
  MANIFOLDDB_TRY(redo_.Reserve(2 * core_.config.write_unit));
  return redo_.Append(kGap);
}

Status WriteTransactionImpl::TakeFamilies(std::span<const ColumnFamily> wanted, const WriteOptions& options) {
  base::SmallVector<Family*, 8> families;
  for (const ColumnFamily handle : wanted) {
    Family* const family = core_.families->Find(FamilyId{handle.id()});
    if (family == nullptr) {
      return Fail(Errc::kNoSuchColumnFamily, "transaction.begin",
                  {.message = "id " + std::to_string(handle.id())});
    }
    families.push_back(family);
  }
  std::sort(families.begin(), families.end(), [](Family* a, Family* b) { return a->id() < b->id(); });
  families.truncate(std::unique(families.begin(), families.end()));
  TokenWait wait;
  if (options.wait_ms_max != kNoLimit) {
    wait = {core_.clock, After(*core_.clock, options.wait_ms_max)};
  }
  MANIFOLDDB_TRY(core_.families->TakeTokens(families, "transaction.begin", nullptr, wait));
  // From here the tokens are released by whoever ends the transaction: all of them are in families_.
  holds_tokens_ = true;
  Status status;
  for (Family* const family : families) {
    if (status) status = AddTaken(family);
    if (!status) families_.emplace_back(family, nullptr);
  }
  return status;
}

Status WriteTransactionImpl::AddTaken(Family* family) {
  if (!family->ExistsAt(kNewestOrdered)) {
    return Fail(Errc::kNoSuchColumnFamily, "transaction.begin",
                {.message = "column family " + std::to_string(family->id().raw()) + " was dropped"});
  }
  MANIFOLDDB_TRY(core_.LoadFamily(family, slot_));
  const mvcc::FamilyVersion* const newest = family->versions.Newest();
  newest_read_ = std::max(newest_read_, newest->txn);
  families_.emplace_back(family, newest);
  return {};
}

Status WriteTransactionImpl::AddColumnFamily(ColumnFamily handle) noexcept {
  MANIFOLDDB_TRY(CheckLive("transaction.add_column_family"));
  Family* const family = core_.families->Find(FamilyId{handle.id()});
  if (family == nullptr) {
    return Fail(Errc::kNoSuchColumnFamily, "transaction.add_column_family",
                {.message = "id " + std::to_string(handle.id())});
  }
  if (FindEdit(handle, "transaction.add_column_family")) return {};
  MANIFOLDDB_TRY(core_.families->TryTakeToken(family));
  if (Status added = AddTaken(family); !added) {
    core_.families->ReleaseTokens({&family, 1});
    return added;
  }
  return {};
}

Result<FamilyEdit*> WriteTransactionImpl::FindEdit(ColumnFamily handle, const char* operation) {
  for (FamilyEdit& edit : families_) {
    if (edit.family()->id().raw() == handle.id()) return &edit;
  }
  return Fail(Errc::kInvalidArgument, operation,
              {.message = "the transaction was not begun with column family " + std::to_string(handle.id())});
}

Status WriteTransactionImpl::CheckLive(const char* operation) {
  if (ended_) return Fail(Errc::kTransactionEnded, operation);
  if (failed_) {
    return Fail(Errc::kTransactionEnded, operation,
                {.message = "only Abort is left after " + failed_->ToString()}, *failed_);
  }
  if (ends_ns_ != kNoLimit) [[unlikely]]
    MANIFOLDDB_TRY(CheckTime(operation));
  if (const uint64_t thread = base::ThisThread(); thread != thread_) {
    core_.families->AdoptTokens(HeldFamilies());
    thread_ = thread;
  }
  return core_.poison->Check(operation);  // its slot keeps the database open
}

Status WriteTransactionImpl::CheckTime(const char* operation) {
  if (core_.clock->NowNanos() < ends_ns_) return {};
  failed_for_good_ = true;
  return Failed(Error(Errc::kLimit, operation,
                      {.message = "the transaction has taken more than the " + std::to_string(run_ms_max_) +
                                  " ms that it was given (WriteOptions::run_ms_max): abort it"}));
}

Status WriteTransactionImpl::CheckTable(const WriteTableState& table, const char* operation) {
  MANIFOLDDB_TRY(CheckLive(operation));
  if (table.dropped)
    return Fail(Errc::kNoSuchTable, operation, {.message = "'" + table.name + "' was dropped"});
  return {};
}

std::unexpected<Error> WriteTransactionImpl::Failed(const Error& error) {
  failed_ = error;
  return std::unexpected<Error>(error);
}

bool WriteTransactionImpl::changed() const {
  return std::any_of(families_.begin(), families_.end(),
                     [](const FamilyEdit& edit) { return edit.changed(); });
}

Result<uint64_t> WriteTransactionImpl::Commit(const CommitOptions& options) noexcept {
  if (Status live = CheckLive("transaction.commit"); !live) {
    Abort();
    return std::unexpected<Error>(live.error());
  }
  while (pages_.marks() > 0) [[unlikely]] pages_.ReleaseMark();
  savepoints_.clear();
  // Nothing to order, unless it read what is not published yet: then its success must wait for that (G4),
  // which an empty commit behind it does.
  const TxnId published = core_.versions->published_txn();
  if (!changed() && newest_read_ <= published) {
    End();
    return published.raw();
  }
  if (!changed() && redo_given_up_) {
    // An empty group says as much as a checkpoint, and takes no pages with it.
    redo_given_up_ = false;
    if (Status prepared = PrepareRedo(); !prepared) {
      Abort();
      return std::unexpected<Error>(prepared.error());
    }
  }
  const bool through =
      options.through_checkpoint || redo_given_up_ || LogSpan() > core_.log_space->group_bytes_max();
  Result<TxnId> txn = through ? CommitThrough() : CommitLogged(options.durability);
  const Presence presence(core_);  // keeps the files until the request is made
  Abort();                         // lets go of what was not ordered; no effect on what was
  if (!txn) return std::unexpected<Error>(txn.error());
  pages_.StartWriteBack();
  core_.commits.fetch_add(1, std::memory_order_relaxed);
  core_.RequestCheckpointIfDue();
  return txn->raw();
}

uint64_t WriteTransactionImpl::LogSpan() const {
  return format::LogGroupSpan(redo_.size() - sizeof(format::LogGroupDisk), core_.config.write_unit);
}

Result<TxnId> WriteTransactionImpl::CommitLogged(Durability durability) {
  MANIFOLDDB_ASSIGN(const uint64_t span, wal::LogWriter::ReserveSealing(redo_, core_.config.write_unit));
  MANIFOLDDB_TRY(core_.ReserveLogSpace(span));

  PendingCommit commit;
  commit.redo = &redo_;
  commit.sync = durability == Durability::kImmediate;
  commit.reserved = span;
  commit.order = [&](TxnId txn) {
    commit.effects.delta = pages_.Finish();
    commit.effects.dropped = dropped_;
    InstallVersions(txn);
    if (MANIFOLDDB_BROKEN("mvcc.reuse.unpublished")) {
      core_.pipeline->GiveBack(core_.versions->FreeUnpublished(commit.effects));
    }
  };
  bool ordered = false;
  Result<TxnId> txn = core_.pipeline->Commit(commit, ordered);
  if (!ordered) core_.log_space->Unreserve(span);
  return txn;
}

Result<TxnId> WriteTransactionImpl::CommitThrough() {
  MANIFOLDDB_MARK("txn.commit_through_checkpoint");
  CheckpointService::ThroughCommit commit;
  commit.pages = &pages_;
  commit.dropped = dropped_;
  for (const FamilyEdit& edit : families_) {
    if (edit.changed()) commit.changes.push_back({edit.family(), edit.Build(), edit.next_table()});
  }
  commit.order = [&](TxnId txn) { InstallVersions(txn); };
  bool ordered = false;
  MANIFOLDDB_ASSIGN(const TxnId txn, core_.checkpoints->CommitThrough(commit, ordered));
  core_.pipeline->NoteDurable(txn);
  return txn;
}

Status WriteTransactionImpl::OnCommit(std::function<void(uint64_t)> callback) {
  MANIFOLDDB_TRY(CheckLive("transaction.on_commit"));
  on_commit_.push_back(std::move(callback));
  return {};
}

// Under the commit queue's lock: no I/O here.
void WriteTransactionImpl::InstallVersions(TxnId txn) {
  for (const FamilyEdit& edit : families_) {
    if (!edit.changed()) continue;
    auto version = std::make_unique<mvcc::FamilyVersion>();
    version->txn = txn;
    version->next_table = edit.next_table();
    version->tables = edit.Build();
    Family* const family = edit.family();
    family->versions.Install(std::move(version));
    family->commits.store(family->commits.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    core_.families->MarkChanged(family);
    core_.PruneVersions(family);
  }
  ended_ = true;
  ReleaseFamilies();
}

base::SmallVector<Family*, 8> WriteTransactionImpl::HeldFamilies() const {
  base::SmallVector<Family*, 8> families;
  for (const FamilyEdit& edit : families_) families.push_back(edit.family());
  return families;
}

void WriteTransactionImpl::ReleaseFamilies() {
  if (!std::exchange(holds_tokens_, false)) return;
  CountUnwritten(0);
  core_.families->ReleaseTokens(HeldFamilies());
}

void WriteTransactionImpl::Abort() noexcept {
  // One that never got its families was never begun.
  if (!ended_ && holds_tokens_) core_.aborts.fetch_add(1, std::memory_order_relaxed);
  End();
}

void WriteTransactionImpl::End() noexcept {
  if (!std::exchange(ended_, true)) pages_.Abandon();
  ReleaseFamilies();
  // An ended transaction holds nothing: the database may be closed while the object still exists.
  pages_.DropScratch();
  if (mvcc::ReaderSlot* const slot = std::exchange(slot_, nullptr); slot != nullptr) {
    core_.redo_pool.Give(std::move(redo_));
    core_.slots->Release(slot);
    core_.open_writers.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace manifolddb::txn
