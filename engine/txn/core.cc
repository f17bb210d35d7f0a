// Loading a family's tables on first use.
//
// The table tree in the durable catalog changes only at checkpoints that find the family changed, and a
// family is changed only by who has loaded it; so while it is loaded here, its pages stay.

#include "engine/txn/core.h"

#include <algorithm>
#include <vector>

#include "engine/base/assert.h"
#include "engine/base/sites.h"
#include "engine/base/try.h"
#include "engine/txn/catalog_contents.h"
#include "engine/txn/names.h"

namespace manifolddb::txn {
namespace {

// A wait for a checkpoint; told of when it is over, however it ends.
class Stall {
 public:
  Stall(Core& core, StallInfo::Reason reason)
      : core_(core), reason_(reason), began_(core.clock->NowNanos()) {}
  ~Stall() { core_.NoteStall({.reason = reason_, .nanos = core_.clock->NowNanos() - began_}); }
  Stall(const Stall&) = delete;
  Stall& operator=(const Stall&) = delete;

 private:
  Core& core_;
  const StallInfo::Reason reason_;
  const uint64_t began_;
};

}  // namespace

void Core::NoteStall(const StallInfo& stall) {
  stalls.fetch_add(1, std::memory_order_relaxed);
  stall_nanos.fetch_add(stall.nanos, std::memory_order_relaxed);
  if (listener != nullptr) listener->OnStall(stall);
}

Status Core::CheckProcess(const char* operation) const {
  if (fork_generation == base::ForkGeneration()) [[likely]]
    return {};
  return Fail(Errc::kForked, operation, {.file = config.name});
}

Status Core::CheckOpen(const char* operation) const {
  if (!closed.load(std::memory_order_seq_cst)) [[likely]]
    return {};
  MANIFOLDDB_TRY(CheckProcess(operation));
  base::MutexLock lock(close_decision);  // perhaps it comes to nothing
  if (!closed.load(std::memory_order_relaxed)) return {};
  return Fail(Errc::kClosed, operation, {.file = config.name});
}

// This looks at the slots after it has set `closed`, and whoever enters looks at `closed` after it has taken
// a slot: one of them sees the other.
uint64_t Core::CloseUnlessInUse(uint64_t own_slots) {
  base::MutexLock lock(close_decision);
  closed.store(true, std::memory_order_seq_cst);
  const uint64_t in_use = slots->InUse();
  MANIFOLDDB_ASSERT(in_use >= own_slots);
  if (in_use > own_slots) closed.store(false, std::memory_order_release);
  return in_use - own_slots;
}

Status Core::CheckWritable(const char* operation) const {
  MANIFOLDDB_TRY(CheckProcess(operation));
  MANIFOLDDB_TRY(CheckOpen(operation));
  if (config.read_only) return Fail(Errc::kReadOnly, operation, {.file = config.name});
  return poison->Check(operation);
}

Status Core::WaitForMemory() {
  if (cache->bytes_dirty() < DirtyBytesMax()) [[likely]]
    return {};
  MANIFOLDDB_MARK("txn.waits_for_memory");
  const Stall stall(*this, StallInfo::Reason::kMemory);
  MANIFOLDDB_TRY(checkpoints->WaitForRunning());
  if (cache->bytes_dirty() < DirtyBytesMax()) return {};
  // One checkpoint that began after this call is enough: what is still dirty then belongs to running
  // transactions, which write it out themselves.
  return checkpoints->RunAndWait();
}

Status Core::ReserveLogSpace(uint64_t span) {
  MANIFOLDDB_ASSERT(span <= log_space->group_bytes_max());
  if (log_space->TryReserve(span)) [[likely]]
    return {};
  MANIFOLDDB_MARK("txn.waits_for_log_space");
  const Stall stall(*this, StallInfo::Reason::kLog);
  // What the checkpoint that runs now gives back may do: a whole one more would hold up everybody for as long
  // again.
  for (;;) {
    MANIFOLDDB_TRY(checkpoints->WaitForRunning());
    if (log_space->TryReserve(span)) return {};
    if (log_space->AwaitOthers(span)) continue;
    MANIFOLDDB_TRY(checkpoints->RunAndWait());
    if (log_space->TryReserve(span)) return {};
  }
}

void Core::RequestCheckpointIfDue() {
  if (poison->set()) return;
  const bool memory = cache->bytes_dirty() * 2 >= DirtyBytesMax();
  const bool log = log_space->used() * 2 >= log_space->usable();
  const uint64_t interval_ns = checkpoint_interval_ns.load(std::memory_order_relaxed);
  const bool time = interval_ns != 0 &&
                    clock->NowNanos() - last_checkpoint_ns.load(std::memory_order_relaxed) >= interval_ns;
  if (memory || log || time) checkpoints->Request();
}

Status Core::LoadFamily(Family* family, mvcc::ReaderSlot* slot) noexcept {
  if (!family->versions.empty()) [[likely]]
    return {};
  if (!families->BeginLoading(family)) return {};
  Status status;
  const format::Life life_end = format::LifeOf(allocator->NextBirth());  // nothing of it was born in this one
  const auto of = [&] {
    const std::string name = families->NameAt(*family, kNewestOrdered);
    return name.empty() ? std::to_string(family->id().raw()) : Quoted(name);
  };
  const DurableFamily& durable = family->durable;
  if (auto tables = ReadTables(*this, durable.tables_tree, durable.next_table, life_end, slot, of)) {
    auto version = std::make_unique<mvcc::FamilyVersion>();
    version->next_table = family->durable.next_table;
    version->tables = *tables;
    family->durable.tables = *tables;
    family->versions.Install(std::move(version));
  } else {
    status = std::unexpected<Error>(tables.error());
  }
  families->EndLoading(family);
  return status;
}

void Core::PruneVersions(Family* family) {
  constexpr uint32_t kPruneAt = 8;  // chain length that is worth a look at the pinned snapshots
  if (family->versions.length() < kPruneAt) return;
  const format::TxnId published = versions->published_txn();
  std::vector<uint64_t> pinned;
  slots->PinnedSnapshots(pinned);
  family->versions.Prune(published, pinned, *garbage);
  garbage->Collect();
}

}  // namespace manifolddb::txn
