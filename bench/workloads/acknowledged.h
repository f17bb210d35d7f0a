#pragma once
// Which version of each key a database must hold, after several threads wrote at once.
//
// The order of two commits is known only if one had returned before the other began. So what must be there is
// the version of a write after whose return no other one began that was acknowledged, too: mostly one, never
// more than there were threads. A lost update leaves an older one, and is noticed.

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "bench/measure/theme.h"

namespace manifolddb::bench {

// Of a thread, noted as cheaply as can be while it is measured.
struct AcknowledgedWrite {
  uint64_t key = 0;  // its number among the keys, not the key
  uint64_t version = 0;
  uint64_t begun = 0, done = 0;  // by the clock, before the transaction and after its commit has returned
};

class Acknowledged {
 public:
  // All have version 0, of a time before all others.
  explicit Acknowledged(uint64_t keys) : last_(keys) {}

  // In any order. A key beyond the last one is a new one.
  void Add(const AcknowledgedWrite& write);
  void Add(const std::vector<AcknowledgedWrite>& writes) {
    for (const AcknowledgedWrite& write : writes) Add(write);
  }
  uint64_t keys() const { return last_.size(); }
  bool MayBe(uint64_t key, uint64_t version) const;

 private:
  struct Last {
    uint64_t version = 0;
    uint64_t done = 0;       // of that one
    uint64_t begun_max = 0;  // of all
  };
  std::vector<Last> last_;
  std::unordered_multimap<uint64_t, Last> also_;  // by key: what may have come last, too
};

// Opens the engine again and reads all of family 0: every key is there, `number_of` each is its number (of
// one that nobody put: any), each value is whole and of the version that was acknowledged last.
void VerifyAcknowledged(const Run& run, const Acknowledged& acknowledged, size_t value_bytes,
                        const std::function<uint64_t(uint64_t key)>& number_of);

}  // namespace manifolddb::bench
