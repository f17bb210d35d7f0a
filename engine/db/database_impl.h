#pragma once
// One open database: its parts, wired, and its lifecycle. No algorithms.

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/poison.h"
#include "engine/checkpoint/checkpointer.h"
#include "engine/db/config.h"
#include "engine/format/meta_page.h"
#include "engine/page/data_file.h"
#include "engine/page/page_allocator.h"
#include "engine/page/page_cache.h"
#include "engine/recovery/recovery_plan.h"
#include "engine/recovery/replay.h"
#include "engine/txn/commit_pipeline.h"
#include "engine/txn/core.h"
#include "engine/txn/family.h"
#include "engine/txn/log_space.h"
#include "engine/wal/log_reader.h"
#include "engine/wal/log_writer.h"
#include "manifolddb/database.h"

namespace manifolddb::db {

class DatabaseImpl {
 public:
  static Result<std::unique_ptr<DatabaseImpl>> Open(std::shared_ptr<Storage> storage, const std::string& name,
                                                    const Options& options) noexcept;
  ~DatabaseImpl();
  DatabaseImpl(const DatabaseImpl&) = delete;
  DatabaseImpl& operator=(const DatabaseImpl&) = delete;

  txn::Core& core() { return core_; }
  checkpoint::Checkpointer& checkpointer() { return *checkpointer_; }
  const format::MetaPage& found() const { return found_; }
  Result<VerifyReport> Verify(const VerifyProgressCall& progress);
  Status SetOptions(const OptionChanges& changes) EXCLUDES(options_mutex_);
  Options CurrentOptions() const;  // takes no lock: figures are asked for at any time, by anybody
  DatabaseStats Stats() const;
  Result<std::vector<FamilyStats>> StatsByFamily(ReadTransaction& snapshot, bool with_shape) const;
  Result<ShrinkReport> ShrinkFile(const ShrinkProgressCall& progress);
  Status Close() noexcept EXCLUDES(mutex_);

 private:
  // As SetOptions was told; Core has what follows from it.
  struct Changeable {
    void Become(const Options& options);

    std::atomic<uint64_t> log_bytes_max, cache_bytes, dirty_bytes_max, checkpoint_interval_ms;
  };

  DatabaseImpl(std::shared_ptr<Storage> storage, std::string name, const Options& options,
               const Config& config, recovery::Extents extents);

  // The steps of opening, in order.
  Status OpenFiles();
  Result<std::unique_ptr<File>> OpenData();
  Status FindMeta(File& data);
  Status WireReading(std::unique_ptr<File> data);
  Status Recover();
  Status FinishCreation();
  Status MarkLife();
  void WireWriting(const wal::LogScanResult& scan, checkpoint::CatalogState catalog);

  // Pages that are free because snapshots have gone, for an allocation that finds no room.
  bool ReclaimPages();
  Status CloseOnce();

  // Constant after construction.
  const std::shared_ptr<Storage> storage_;
  const std::string name_;
  const bool read_only_;
  const bool create_if_missing_;
  const Options options_;            // as opened
  const Config config_;              // of them
  const recovery::Extents extents_;  // of the log, in replay
  const std::shared_ptr<Executor> executor_;
  const std::shared_ptr<Clock> clock_;
  const std::shared_ptr<EventListener> listener_;

  // Constant after opening. Destroyed in reverse order.
  format::MetaPage found_;   // the newest meta page, as this life rewrote it
  recovery::MetaPlan plan_;  // what was found before that
  bool was_clean_ = true;
  format::PageBitmap used_;  // pages of the checkpoint found; handed on to the checkpointer
  uint64_t recovered_ = 0;
  format::Lsn log_begin_ = {};  // where this opening's part of the log begins
  bool replay_lacked_room_ = false;
  bool opened_ = false;
  base::Poison poison_;
  mvcc::ReaderSlots slots_;
  std::unique_ptr<File> log_file_;
  std::unique_ptr<page::DataFile> data_;
  std::unique_ptr<page::PageCache> cache_;
  std::unique_ptr<page::PageAllocator> allocator_;
  std::unique_ptr<mvcc::Garbage> garbage_;
  std::unique_ptr<mvcc::VersionSet> versions_;
  std::unique_ptr<txn::Families> families_;
  std::unique_ptr<wal::LogWriter> log_;
  std::unique_ptr<txn::LogSpace> log_space_;
  std::unique_ptr<txn::CommitPipeline> pipeline_;
  txn::Core core_;
  std::unique_ptr<checkpoint::Checkpointer> checkpointer_;

  // Changes come one at a time, so that of two that meet one is there in the end, whole.
  base::Mutex options_mutex_{base::LockRank::kOptions};
  Changeable changeable_;

  base::Mutex mutex_{base::LockRank::kLifecycle};
  base::CondVar close_ended_;
  bool closing_ GUARDED_BY(mutex_) = false;
  std::optional<Status> closed_ GUARDED_BY(mutex_);
};

// The inside of a Database, for the modules above.
struct DatabaseInside {
  static DatabaseImpl& Of(const Database& database) { return *database.impl_; }
};

}  // namespace manifolddb::db
