#pragma once
// What must hold of the database after the child was killed, and at each moment of its life.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "crashsim/kill/acknowledgement.h"
#include "crashsim/kill/load.h"
#include "manifolddb/database.h"

namespace manifolddb::crashsim::kill {

using Problems = std::vector<std::string>;

// Number of the writer's last transaction in this snapshot; 0 where there is none yet.
Result<uint64_t> NumberOf(ReadTransaction& txn, uint32_t writer);
// Where a writer's own family and a shared one disagree on its last transaction there (G2, G4).
Result<Problems> FindTorn(ReadTransaction& txn, const Load& load);

// The parent's memory over all lives of one database.
class Checker {
 public:
  explicit Checker(const Load& load) : load_(load), states_(load.writers) {}

  void Acknowledge(const Acknowledgement& acknowledgement);
  // All that is wrong with what was recovered. What turns out to be lost, as it may be, is forgotten.
  Result<Problems> Check(Database& db);
  uint64_t acknowledged() const { return acknowledged_; }
  uint64_t lost() const { return lost_; }

 private:
  struct Promise {
    uint64_t commit;
    bool immediate;
  };
  Result<Problems> CheckWriter(ReadTransaction& txn, uint32_t writer, uint64_t number);
  Result<Problems> CheckContended(ReadTransaction& txn, uint32_t shared,
                                  const std::vector<uint64_t>& numbers);
  Problems CheckPrefix(const std::vector<uint64_t>& numbers, uint64_t commits);

  const Load load_;
  std::vector<WriterState> states_;
  std::map<std::pair<uint32_t, uint64_t>, Promise> promises_;  // by writer and number
  uint64_t acknowledged_ = 0;
  uint64_t lost_ = 0;
};

}  // namespace manifolddb::crashsim::kill
