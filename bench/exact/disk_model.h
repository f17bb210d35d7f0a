#pragma once
// What an I/O costs in virtual time, and who waits for whom. Fitted to a measured disk; `bench_exact --fit`
// prints model and measurement side by side.
//
// Reads, buffered writes and transfers cost a base and their bytes, and do not hinder each other. Durability
// goes through one queue: the disk does one flush at a time; whoever asks while one runs waits for the next,
// and that one serves all who wait, as block layer and controller do it.

#include <cstdint>
#include <memory>

#include "bench/exact/timeline.h"

namespace manifolddb::bench::exact {

struct Cost {
  double base_ns = 0;
  double ns_per_byte = 0;
  uint64_t Base() const { return static_cast<uint64_t>(base_ns); }
  uint64_t Transfer(uint64_t bytes) const {
    return static_cast<uint64_t>(ns_per_byte * static_cast<double>(bytes));
  }
  uint64_t Of(uint64_t bytes) const { return Base() + Transfer(bytes); }
};

// Right at 4 KiB, and the least relative error above; rounded.
struct DiskModel {
  Cost read{.base_ns = 40'700, .ns_per_byte = 0.81};      // past the system's cache
  Cost write{.base_ns = 4'200, .ns_per_byte = 0.068};     // into the system's cache
  Cost sync{.base_ns = 115'500, .ns_per_byte = 0.24};     // bytes: written since the last one
  Cost durable{.base_ns = 106'500, .ns_per_byte = 0.36};  // past the cache and durable, in one call
  // Where blocks are written for the first time, or the file has grown, the file system's journal commits.
  uint64_t metadata_ns = 67'000;
  // Each further request that one flush serves.
  uint64_t sync_share_ns = 41'000;
  uint64_t durable_share_ns = 15'000;
  // A call that has nothing to do on the disk: sync of a clean file, open, rename, remove. A guess.
  uint64_t call_ns = 1'000;
};

class Disk {
 public:
  Disk(const DiskModel& model, std::shared_ptr<Timeline> timeline)
      : model_(model), timeline_(std::move(timeline)) {}

  // Each returns when, in virtual time, it is done.
  void Read(uint64_t bytes) { Spend(model_.read.Of(bytes)); }
  void Write(uint64_t bytes) { Spend(model_.write.Of(bytes)); }
  void Call() { Spend(model_.call_ns); }
  // `bytes` were written since the last one; `metadata`: some of them where nothing had been written.
  void Sync(uint64_t bytes, bool metadata);
  void WriteDurable(uint64_t bytes, bool metadata);

  uint64_t flushes() const { return flushes_; }

 private:
  struct Flush {
    uint64_t work_ns = 0;   // the longest of its requests
    uint64_t share_ns = 0;  // for its further requests
    uint64_t end = 0;       // 0: not begun
  };
  void Spend(uint64_t nanos) { timeline_->SleepUntil(timeline_->Now() + nanos); }
  void FlushWith(uint64_t work_ns, uint64_t share_ns);
  void Begin(Flush& flush, uint64_t at);

  const DiskModel model_;
  const std::shared_ptr<Timeline> timeline_;
  uint64_t busy_until_ = 0;
  std::shared_ptr<Flush> next_;  // begins at busy_until_; those who wait for it hold it, too
  uint64_t flushes_ = 0;
};

}  // namespace manifolddb::bench::exact
