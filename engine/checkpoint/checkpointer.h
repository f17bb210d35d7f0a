#pragma once
// Makes the data file contain all commits up to a published one, so that recovery starts there and the log
// before it can be reused.
//
// (1) One checkpoint at a time: the role is a token, not a lock held.
// (2) Order on disk: pages, catalog and free map; sync; first copy of the other meta slot; sync; second
//     copy; sync. Only then does the log's tail move and are pages given back.
// (3) What is captured is published, hence durable in the log, and its log position is the end of a group.
// (4) A checkpoint that fails before its meta page is touched changes nothing, except that a failed write
//     or sync poisons the database.
// (5) The file is never shorter than any durable meta page states.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/mutex.h"
#include "engine/checkpoint/catalog_edit.h"
#include "engine/checkpoint/log_growth.h"
#include "engine/format/meta_page.h"
#include "engine/txn/core.h"
#include "engine/wal/log_writer.h"
#include "manifolddb/executor.h"

namespace manifolddb::checkpoint {

class Checkpointer final : public txn::CheckpointService {
 public:
  struct Config {
    format::MetaPage durable;   // the meta page found at opening, as step 1 rewrote it
    format::MetaStamps stamps;  // of the four copies
    format::PageBitmap used;    // pages it owns
    CatalogState catalog;
    format::Life life;
    uint64_t log_bytes_max = 0;
    File* log_file = nullptr;
    wal::LogWriter* log = nullptr;
    Executor* executor = nullptr;
  };
  Checkpointer(txn::Core& core, Config config);
  ~Checkpointer() override;

  void Request() noexcept override;  // as Run: a request that gets lost would be waited for
  Status RunAndWait() noexcept override;
  Status WaitForRunning() noexcept override;
  Result<format::TxnId> CommitThrough(ThroughCommit& commit, bool& ordered) noexcept override;
  // The last one: marks the files clean. Nobody commits any more. Waits for requested work.
  Status RunFinal() noexcept;
  // Where the device is full: runs a checkpoint if there is anything to write; false if it gave no pages
  // back.
  bool MakeRoom();
  // Cuts free pages off the end of the file. Whatever meta page an opening finds states no more than is left:
  // both slots are written before. (5)
  Status CutFile() EXCLUDES(mutex_);
  // The newest published state becomes a savepoint: a checkpoint of it, then one that lists it. The number of
  // its commit. kAlreadyExists, kLimit; kUnknownOutcome once a meta page was touched.
  Result<format::TxnId> CreateSavepoint(const std::string& name) noexcept EXCLUDES(mutex_);
  // A checkpoint that lists it no more; then its pages are given back. kNoSuchSavepoint, kUnknownOutcome.
  Status DeleteSavepoint(const std::string& name) noexcept EXCLUDES(mutex_);
  // Returns when no requested work is on its way any more.
  void WaitIdle() EXCLUDES(mutex_);

  // The durable checkpoint, held still while `look` runs: no checkpoint runs meanwhile.
  template <class Look>
  auto Inspect(Look look) {
    const Turn turn(*this);
    return look(durable_, catalog_, used_);
  }
  // The last ones, oldest first.
  std::vector<CheckpointInfo> History() EXCLUDES(mutex_);
  void SetLogBytesMax(uint64_t bytes) { growth_.SetBytesMax(bytes); }
  uint64_t checkpoints() const { return count_.load(std::memory_order_relaxed); }

 private:
  // The checkpointer's role, while it lives.
  class Turn {
   public:
    explicit Turn(Checkpointer& owner);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Checkpointer& owner_;
  };
  struct Plan {
    ThroughCommit* through = nullptr;
    bool* ordered = nullptr;  // set when `through` is ordered
    bool clean = false;
    const SavepointEdit* savepoint = nullptr;
    bool* meta_touched = nullptr;      // set before the first meta page is
    std::optional<wal::LogRing> ring;  // the log grows to it
  };
  // One checkpoint on its way.
  struct Work;

  // noexcept, as CommitPipeline::Commit.
  Status Run(const Plan& plan, uint64_t began_ns) noexcept;
  Status RunHeld(const Plan& plan) noexcept;
  // One that nobody asked for by RunAndWait. REQUIRES: this thread has the turn.
  Status RunInTurn(const Plan& plan);
  Status FreeDropped();
  Status EditSavepoints(const SavepointEdit& edit);
  void FinishSavepoint(const SavepointEdit& edit, const format::PageBitmap& pages);
  Status WriteAhead(bool synced);
  Status Prepare(Work& work);
  Status PrepareRestoring(Work& work, const txn::Restoring& restoring);
  void AddOwn(Work& work, mvcc::PageDelta own);
  Status WriteFreeMap(Work& work, const format::ExtentRef& old);
  Status WritePages(const format::PageBitmap& used, const std::vector<format::PageRun>& pending,
                    bool all_synced);
  Status WriteMeta(Work& work);
  void PublishThrough(Work& work);
  void Finish(Work& work);
  void Note(const Work& work) EXCLUDES(mutex_);
  void Tell(const std::optional<CheckpointInfo>& done) EXCLUDES(mutex_);
  void NoteDropped();
  void NoteThroughBegun() EXCLUDES(mutex_);
  void NoteThroughEnded() EXCLUDES(mutex_);
  void Undo(Work& work, const Error& error);
  void TakeBack(const mvcc::PageDelta& delta);
  std::optional<wal::LogRing> GrownRing();
  bool GroupsAreLarge() const;
  bool LittleToWrite() const;
  void GrowLog() EXCLUDES(mutex_);

  txn::Core& core_;
  const format::Life life_;
  File& log_file_;
  wal::LogWriter& log_;
  Executor& executor_;
  mvcc::ReaderSlot* const slot_;

  // The role's: touched by whoever has the turn.
  format::MetaPage durable_;
  format::MetaStamps stamps_;
  format::PageBitmap used_;
  CatalogState catalog_;
  LogGrowth growth_;
  uint64_t page_bytes_ = 0;                // written since the last checkpoint that was noted
  std::optional<CheckpointInfo> to_tell_;  // noted; the listener is told of it once nobody is held up
  uint64_t groups_before_ = 0;             // in the log when the last checkpoint had finished
  uint64_t syncs_before_ = 0;              // of the log; the same
  std::atomic<uint64_t> count_{0};
  std::atomic<bool> dropped_left_{false};  // dropped subtrees that the next checkpoint can free

  base::Mutex mutex_{base::LockRank::kCheckpointRole};
  base::CondVar changed_;
  bool running_ GUARDED_BY(mutex_) = false;
  bool requested_ GUARDED_BY(mutex_) = false;
  bool growing_ GUARDED_BY(mutex_) = false;  // role token: one thread makes the log's next ring
  uint64_t idlers_ GUARDED_BY(mutex_) = 0;   // threads in WaitIdle
  uint64_t started_ GUARDED_BY(mutex_) = 0;
  uint64_t finished_ GUARDED_BY(mutex_) = 0;
  Status last_ GUARDED_BY(mutex_);
  std::deque<CheckpointInfo> history_ GUARDED_BY(mutex_);
};

}  // namespace manifolddb::checkpoint
