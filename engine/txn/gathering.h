#pragma once
// Whether a group is worth waiting for. Bookkeeping only; its owner has the lock.
//
// (1) Committers that one group has woken come back together, a little later. A group that leaves without
//     them makes two of one, in turns, each with a sync of its own. So it waits for as many as there were.
// (2) Waiting costs what it takes at most: less than a sync, of which it saves one. Where they do not come in
//     that time, it is tried ever more seldom.
// (3) One committer by itself expects nobody and never waits.

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace manifolddb::txn {

class Gathering {
 public:
  // All have come that are expected, if `waiting` commits wait.
  bool Complete(size_t waiting) const { return waiting >= expected_; }
  // How long the first of them may wait for the others.
  uint64_t nanos_max() const { return std::clamp(sync_nanos_ / 4 * 3, kNanosLeast, kNanosMost); }

  // A group begins. `waited`: not with all that came, but with all that came in time.
  void Begins(bool waited) {
    if (waited) {
      vain_ = std::min(vain_ + 1, kVainMax);
      seldom_ = (uint32_t{1} << vain_) - 1;
    } else if (expected_ > 1) {
      vain_ = 0;
    }
  }
  // It has ended: `woken` committers go back to their work, `waiting` have come meanwhile.
  void Ended(size_t woken, size_t waiting) {
    expected_ = seldom_ > 0 ? 0 : woken + waiting;
    if (seldom_ > 0) --seldom_;
  }
  // A sync took so long.
  void NoteSync(uint64_t nanos) { sync_nanos_ += nanos / 8 - sync_nanos_ / 8; }

 private:
  static constexpr uint64_t kNanosLeast = 20'000;
  static constexpr uint64_t kNanosMost = 1'000'000;
  static constexpr uint32_t kVainMax = 6;

  size_t expected_ = 0;      // commits, those that wait included
  uint32_t vain_ = 0;        // times in a row that not all of them came
  uint32_t seldom_ = 0;      // groups until it is tried again
  uint64_t sync_nanos_ = 0;  // of late, about
};

}  // namespace manifolddb::txn
