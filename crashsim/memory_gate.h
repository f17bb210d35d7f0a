#pragma once
// Decides which of the engine's allocations are refused.

#include <atomic>
#include <cstdint>

namespace manifolddb::crashsim {

// Refuses data allocations of the engine: the at-th from now on, and so many behind it. Of all, or of those
// only that are made while some actor is in Commit.
class MemoryGate {
 public:
  MemoryGate(uint64_t at, uint64_t times, bool in_commit = false)
      : at_(at), times_(times), in_commit_(in_commit) {}
  // One that counts and refuses nothing.
  static constexpr uint64_t kNever = ~uint64_t{0};

  bool Allows();
  void EnterCommit() { committers_.fetch_add(1); }
  void LeaveCommit() { committers_.fetch_sub(1); }
  uint64_t counted() const { return count_.load(); }
  uint64_t counted_in_commit() const { return count_in_commit_.load(); }
  void Open() { open_.store(true); }
  bool refused() const { return refused_.load(); }

 private:
  const uint64_t at_;
  const uint64_t times_;
  const bool in_commit_;
  std::atomic<uint64_t> committers_{0};
  std::atomic<uint64_t> count_{0};
  std::atomic<uint64_t> count_in_commit_{0};
  std::atomic<bool> open_{false};
  std::atomic<bool> refused_{false};
};

}  // namespace manifolddb::crashsim
