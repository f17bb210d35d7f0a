#pragma once
// What has been seen of recovery, and what that says of what has not: each recovery has a signature (which
// marks it passed, how it ended), and the programs of a campaign are drawn independently, so how
// many signatures one program alone has shown tells how many the next one would add (Good and Turing), and at
// least how many there are that nobody has met (Chao).

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>

namespace manifolddb::crashsim {

// One worker's, in memory that the supervising process shares.
class Behaviours {
 public:
  static constexpr size_t kMax = size_t{1} << 13;

  // A recovery of program `iteration` has shown `signature`. One thread at a time.
  void Note(uint64_t signature, uint64_t iteration);
  // Adds the programs that showed each signature. While a worker writes, some of the newest may be missing.
  void AddTo(std::map<uint64_t, uint64_t>& programs) const;
  // Signatures that found no room: from the first on, no estimate can be believed.
  uint64_t lost() const { return lost_; }

 private:
  struct Slot {
    uint64_t signature = 0;       // 0: empty
    uint64_t programs = 0;        // that showed it
    uint64_t last_iteration = 0;  // and 1
  };
  std::array<Slot, kMax> slots_ = {};
  uint64_t lost_ = 0;
};

struct Unseen {
  uint64_t programs = 0;
  uint64_t behaviours = 0;  // seen
  uint64_t once = 0;        // of these, by one program alone
  uint64_t twice = 0;
  double next = 0;        // so many new ones another program is expected to show: Good and Turing
  double at_least = 0;    // so many there are, at least, that no program has shown: Chao's second estimator
  double coverage = 0;    // so much of what programs show was seen: 1 is all of it
  bool believed = false;  // there were enough programs, and room for all they showed
};
// `programs` that showed each behaviour, of so many tried. Source: Chao, A. and Jost, L. (2012),
// Coverage-based rarefaction and extrapolation, Ecology 93; incidence data.
// `lost`: signatures that found no room.
Unseen EstimateUnseen(const std::map<uint64_t, uint64_t>& programs, uint64_t tried, uint64_t lost = 0);

}  // namespace manifolddb::crashsim
