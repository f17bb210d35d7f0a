#pragma once
// Who waits for room in the log waits for checkpoints. For few of them if nobody else takes the room that
// they make: room is not handed out in the order in which it was asked for.

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "manifolddb/executor.h"
#include "manifolddb/stats.h"

namespace manifolddb::crashsim {

// How many checkpoints pass by one that waits: end, and leave it waiting anew. Who is not let go on is not
// counted: that is the schedule's doing. Of a run in which one thread goes on at a time.
class StallWatch final : public Clock, public EventListener {
 public:
  uint64_t NowNanos() override { return now_ += 1000; }
  void OnCheckpoint(const CheckpointInfo& /*checkpoint*/) override { ++ended_; }
  // The calling thread waits, for whatever.
  void Waits() { waits_[std::this_thread::get_id()].emplace_back(now_, ended_); }
  void OnStall(const StallInfo& stall) override {
    if (stall.reason != StallInfo::Reason::kLog) return;
    std::set<uint64_t> behind;  // so many checkpoints
    for (const auto& [at, ended] : waits_[std::this_thread::get_id()]) {
      if (at + stall.nanos >= now_) behind.insert(ended);
    }
    if (!behind.empty()) passed_ = std::max<uint64_t>(passed_, behind.size() - 1);
  }
  uint64_t passed() const { return passed_; }

 private:
  uint64_t now_ = 0;
  uint64_t ended_ = 0;
  uint64_t passed_ = 0;
  std::map<std::thread::id, std::vector<std::pair<uint64_t, uint64_t>>> waits_;
};

}  // namespace manifolddb::crashsim
