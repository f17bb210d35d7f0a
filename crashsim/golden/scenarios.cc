// The scenarios. Fixed options, one thread, the executor's work inline, no checkpoint by time: the same trace
// on every machine. Units and pages of 512 bytes, a log ring of 16 units.

#include "crashsim/golden/scenarios.h"

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "faultfs/crash_point.h"
#include "faultfs/disk.h"
#include "manifolddb/database.h"

namespace manifolddb::crashsim::golden {
namespace {

using faultfs::Disk;
using Lines = std::vector<std::string>;

// A failure here is one of the scenario itself: there is no trace to compare.
template <class T>
T Must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().ToString());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

class Stage {
 public:
  Stage() : Stage(std::make_shared<Disk>(faultfs::Traits{.atomic_unit = 512})) {}
  explicit Stage(std::shared_ptr<Disk> on) : disk_(std::move(on)) {
    options.page_size = 512;
    options.write_unit = 512;
    options.log_bytes_initial = 16 * 512;
    options.log_bytes_max = 16 * 512;
    options.cache_bytes = 512 * 512;
    options.dirty_bytes_max = 256 * 512;
    options.checkpoint_interval_ms = 0;
    options.executor = MakeInlineExecutor();
  }

  Disk& disk() { return *disk_; }
  Database& db() { return *db_; }
  Options options;

  void Open() {
    db_.reset();
    db_ = Must(Database::Open(disk_->NewProcess(), "db", options));
  }
  // A database with one family, one table, one entry, all of it in a durable checkpoint.
  void OpenWithEntry() {
    Open();
    Put("k", "v");
    Must(db_->Checkpoint());
  }
  // The process is gone, the file cache is not.
  void Kill() { disk_->Kill(); }
  // The power is gone as well: of what was not synced after `effects` effects the disk has nothing. A new
  // trace begins.
  void CutPower() { CutPower(disk_->effects()); }
  void CutPower(uint64_t effects) {
    disk_->Kill();
    db_.reset();
    const faultfs::CrashPoint point(disk_->trace(), effects);
    disk_ = std::make_shared<Disk>(point.Draw({faultfs::Policy::kNone}), disk_->traits());
  }

  WriteTransaction Change(const std::string& key, const std::string& value) {
    const ColumnFamily family = Must(db_->OpenOrCreateColumnFamily("f"));
    WriteTransaction txn = Must(db_->BeginWrite(family));
    WriteTable table = Must(txn.OpenOrCreateTable(family, "t"));
    Must(table.Put(AsBytes(key), AsBytes(value)));
    return txn;
  }
  void Put(const std::string& key, const std::string& value, CommitOptions commit = {}) {
    Must(Change(key, value).Commit(commit));
  }

  // The trace from here on.
  void Watch() { watched_from_ = disk_->effects(); }
  Lines Seen() const { return disk_->Lines(watched_from_); }

 private:
  std::shared_ptr<Disk> disk_;
  std::unique_ptr<Database> db_;
  uint64_t watched_from_ = 0;
};

Lines Create() {
  Stage stage;
  stage.Open();
  return stage.Seen();
}

Lines CreateWithDefaults() {
  Stage stage;
  stage.options = {.checkpoint_interval_ms = 0, .executor = MakeInlineExecutor()};
  stage.Open();
  return stage.Seen();
}

Lines SyncedPut() {
  Stage stage;
  stage.OpenWithEntry();
  stage.Watch();
  stage.Put("k", "w");
  return stage.Seen();
}

Lines UnsyncedPut() {
  Stage stage;
  stage.OpenWithEntry();
  stage.Watch();
  stage.Put("k", "w", {.durability = Durability::kNone});
  return stage.Seen();
}

Lines UnsyncedThenSyncedPut() {
  Stage stage;
  stage.OpenWithEntry();
  stage.Watch();
  stage.Put("k", "w", {.durability = Durability::kNone});
  stage.Put("k", "x");
  return stage.Seen();
}

Lines PutBehindTheEndOfTheRing() {
  Stage stage;
  stage.OpenWithEntry();
  constexpr uint64_t kRingUnits = 16;
  constexpr uint64_t kSpanUnits = 3;
  const std::string value(2 * 512, 'w');
  // Until less than a group's length is left of the ring. A checkpoint each time, so that none comes by
  // itself.
  for (uint64_t used = 2; used + kSpanUnits <= kRingUnits; used += kSpanUnits) {
    stage.Put("k", value);
    Must(stage.db().Checkpoint());
  }
  stage.Put("k", "one unit", {.durability = Durability::kNone});
  stage.Watch();
  stage.Put("k", value);
  return stage.Seen();
}

Lines CommitThroughCheckpoint() {
  Stage stage;
  stage.OpenWithEntry();
  stage.Put("k", "logged", {.durability = Durability::kNone});
  stage.Watch();
  stage.Put("l", "w", {.through_checkpoint = true});
  return stage.Seen();
}

// More pages than may be unsynced, which is half of the dirty limit: and that many bring a checkpoint.
Lines CheckpointOfManyPages() {
  Stage stage;
  stage.options.dirty_bytes_max = 16 * 512;
  stage.options.log_bytes_initial = stage.options.log_bytes_max = 64 * 512;
  stage.OpenWithEntry();
  const uint64_t checkpoints = stage.db().Stats().checkpoints;
  for (int i = 10; stage.db().Stats().checkpoints == checkpoints; ++i) {
    stage.Watch();
    stage.Put("k" + std::to_string(i), std::string(120, 'v'), {.durability = Durability::kNone});
  }
  return stage.Seen();
}

Lines Checkpoint() {
  Stage stage;
  stage.OpenWithEntry();
  stage.Put("k", "w");
  stage.Watch();
  Must(stage.db().Checkpoint());
  return stage.Seen();
}

Lines CheckpointGrowsTheLog() {
  Stage stage;
  stage.options.log_bytes_max = 32 * 512;
  stage.OpenWithEntry();
  const uint64_t before = stage.db().Stats().checkpoints;
  while (stage.db().Stats().checkpoints == before) {
    stage.Watch();
    stage.Put("k", "w");
  }
  Must(stage.db().Checkpoint());
  return stage.Seen();
}

Lines Spill() {
  Stage stage;
  stage.options.dirty_bytes_max = 8 * 512;
  stage.OpenWithEntry();
  stage.Watch();
  const ColumnFamily family = Must(stage.db().OpenColumnFamily("f"));
  WriteTransaction txn = Must(stage.db().BeginWrite(family));
  WriteTable table = Must(txn.OpenTable(family, "t"));
  const std::string value(100, 'x');
  for (int i = 0; i < 40; ++i) Must(table.Put(AsBytes("key" + std::to_string(i)), AsBytes(value)));
  txn.Abort();
  return stage.Seen();
}

Lines CreateFamily() {
  Stage stage;
  stage.OpenWithEntry();
  stage.Watch();
  Must(stage.db().CreateColumnFamily("g"));
  return stage.Seen();
}

Lines DropFamily() {
  Stage stage;
  stage.OpenWithEntry();
  stage.Watch();
  Must(stage.db().DropColumnFamily("f"));
  return stage.Seen();
}

Lines Close() {
  Stage stage;
  stage.OpenWithEntry();
  stage.Put("k", "w");
  stage.Watch();
  Must(stage.db().Close());
  return stage.Seen();
}

Lines CloseUnchanged() {
  Stage stage;
  stage.OpenWithEntry();
  stage.Watch();
  Must(stage.db().Close());
  return stage.Seen();
}

Lines OpenAfterClose() {
  Stage stage;
  stage.OpenWithEntry();
  Must(stage.db().Close());
  stage.Watch();
  stage.Open();
  return stage.Seen();
}

Lines OpenAfterCutWithTail() {
  Stage stage;
  stage.OpenWithEntry();
  stage.Put("k", "w");
  stage.CutPower();
  stage.Open();
  return stage.Seen();
}

Lines OpenAfterCutWithoutTail() {
  Stage stage;
  stage.OpenWithEntry();
  stage.CutPower();
  stage.Open();
  return stage.Seen();
}

// The cut is after the first copy of a checkpoint's meta page was synced.
Lines OpenAfterCutBetweenCopies() {
  Stage stage;
  stage.OpenWithEntry();
  stage.Put("k", "w");
  uint64_t cut = stage.disk().effects();
  Must(stage.db().Checkpoint());
  uint64_t syncs = 0;  // of the data, of the first copy
  const auto trace = stage.disk().trace();
  while (syncs < 2) syncs += trace->effects[cut++].kind == faultfs::EffectKind::kSync ? 1 : 0;
  stage.CutPower(cut);
  stage.Open();
  return stage.Seen();
}

Lines OpenAfterKill() {
  Stage stage;
  stage.OpenWithEntry();
  stage.Put("k", "w", {.durability = Durability::kNone});
  stage.Kill();
  stage.Watch();
  stage.Open();
  return stage.Seen();
}

// Nothing is written, so there is nothing to sync.
Lines ReadOnly() {
  Stage stage;
  stage.OpenWithEntry();
  stage.Put("k", "w");
  stage.CutPower();
  stage.options.read_only = true;
  stage.Open();
  Must(stage.db().Close());
  return stage.Seen();
}

// A creation that was killed right after the rename from one name to the other; what the next one does.
Lines OpenAfterKillBehindRename(const std::string& from, const std::string& to) {
  Stage stage;
  stage.Open();
  const auto trace = stage.disk().trace();
  const auto is_that = [&](const faultfs::Effect& effect) {
    return effect.kind == faultfs::EffectKind::kRename && effect.name == from && effect.name2 == to;
  };
  uint64_t cut = 0;
  while (!is_that(trace->effects[cut])) ++cut;
  Stage next(std::make_shared<Disk>(*trace, cut + 1));
  next.Watch();
  next.Open();
  return next.Seen();
}

// The data file had been given its name and the directory was not yet synced.
Lines OpenAfterKillInCreation() { return OpenAfterKillBehindRename("db-new", "db"); }
// Its name had been taken away, to be given again.
Lines OpenAfterKillBetweenNames() { return OpenAfterKillBehindRename("db", "db-new"); }

// The copy of the newest meta page that was written first is damaged; nothing but damage, or a crash of the
// opening before, leaves it so.
Lines OpenWithUnreadableCopy() {
  Stage stage;
  stage.OpenWithEntry();
  stage.CutPower();
  {
    auto file = Must(stage.disk().Open("db", OpenMode::kReadWrite));
    alignas(kBufferAlignment) static constexpr std::byte kGarbage[512] = {std::byte{1}};
    Must(file->Write(0, ByteView(kGarbage)));
    Must(file->Sync());
  }
  stage.Watch();
  stage.Open();
  return stage.Seen();
}

Lines FailedLogSync() {
  Stage stage;
  stage.OpenWithEntry();
  stage.disk().Arm({.kind = faultfs::FaultKind::kSyncKeepsClean});
  stage.Watch();
  const bool committed = stage.Change("k", "w").Commit().has_value();
  const bool began = stage.db().BeginWrite(Must(stage.db().OpenColumnFamily("f"))).has_value();
  const bool checkpointed = stage.db().Checkpoint().has_value();
  if (committed || began || checkpointed) throw std::runtime_error("a poisoned database goes on");
  static_cast<void>(stage.db().Close());
  return stage.Seen();
}

}  // namespace

const std::vector<Scenario>& Scenarios() {
  static const std::vector<Scenario> scenarios = {
      {"Create", Create},
      {"CreateWithDefaults", CreateWithDefaults, 4096},
      {"SyncedPut", SyncedPut},
      {"UnsyncedPut", UnsyncedPut},
      {"UnsyncedThenSyncedPut", UnsyncedThenSyncedPut},
      {"PutBehindTheEndOfTheRing", PutBehindTheEndOfTheRing},
      {"CommitThroughCheckpoint", CommitThroughCheckpoint},
      {"Checkpoint", Checkpoint},
      {"CheckpointOfManyPages", CheckpointOfManyPages},
      {"CheckpointGrowsTheLog", CheckpointGrowsTheLog},
      {"Spill", Spill},
      {"CreateFamily", CreateFamily},
      {"DropFamily", DropFamily},
      {"Close", Close},
      {"CloseUnchanged", CloseUnchanged},
      {"OpenAfterClose", OpenAfterClose},
      {"OpenAfterCutWithTail", OpenAfterCutWithTail},
      {"OpenAfterCutWithoutTail", OpenAfterCutWithoutTail},
      {"OpenAfterCutBetweenCopies", OpenAfterCutBetweenCopies},
      {"OpenAfterKill", OpenAfterKill},
      {"OpenWithUnreadableCopy", OpenWithUnreadableCopy},
      {"ReadOnly", ReadOnly},
      {"OpenAfterKillInCreation", OpenAfterKillInCreation},
      {"OpenAfterKillBetweenNames", OpenAfterKillBetweenNames},
      {"FailedLogSync", FailedLogSync},
  };
  return scenarios;
}

}  // namespace manifolddb::crashsim::golden
