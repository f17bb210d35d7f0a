// Which ring of the log a checkpoint states, and which one is wanted next.

#include <algorithm>

#include "engine/checkpoint/checkpointer.h"
#include "engine/page/page_cache.h"
#include "engine/txn/log_space.h"
#include "engine/wal/log_writer.h"

namespace manifolddb::checkpoint {
namespace {

// About where filling a group's place costs what its first write saves (docs/design/007).
constexpr uint64_t kLargeGroupUnits = 16;

// A checkpoint that writes so little of what the log holds is not worth waiting for (docs/design/016).
constexpr uint64_t kLittleOfLog = 8;

}  // namespace

// A log that a checkpoint finds half full wants to grow; it does so behind the checkpoint, and what has been
// filled by now is stated.
std::optional<wal::LogRing> Checkpointer::GrownRing() {
  const uint64_t capacity = durable_.log_capacity;
  const uint64_t ready = growth_.Ready(capacity);
  if (ready > capacity)
    return wal::LogRing{ready, durable_.lsn, durable_.write_unit};  // origin: WriteFreeMap
  const bool half_full = core_.log_space->used() * 2 >= core_.log_space->usable();
  if (half_full) {
    growth_.Want(capacity, GroupsAreLarge() ? wal::NewBytes::kReserved : wal::NewBytes::kWritten,
                 LittleToWrite() ? LogGrowth::Checkpoints::kCheap : LogGrowth::Checkpoints::kWrite);
  }
  return std::nullopt;
}

// Extents are written with the transactions, whatever the ring. So are the pages of transactions that spill.
// Where commits do not wait for the disk the syncs of a checkpoint are not little, whatever it writes.
bool Checkpointer::LittleToWrite() const {
  const uint64_t groups = log_.groups() - groups_before_;
  const uint64_t syncs = log_.syncs() - syncs_before_;
  return core_.cache->bytes_dirty() * kLittleOfLog <= core_.log_space->used() && syncs * 2 >= groups;
}

bool Checkpointer::GroupsAreLarge() const {
  const uint64_t groups = log_.groups() - groups_before_;
  // Of a small ring as many units as would be large are never in one group.
  const uint64_t large = std::min(kLargeGroupUnits * durable_.write_unit, durable_.log_capacity / 8);
  return core_.log_space->used() >= std::max<uint64_t>(groups, 1) * large;
}

}  // namespace manifolddb::checkpoint
