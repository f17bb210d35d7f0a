#pragma once
// The savepoints of one write transaction that a session runs.

#include <optional>
#include <utility>
#include <vector>

#include "crashsim/program.h"
#include "manifolddb/transaction.h"

namespace manifolddb::crashsim {

class Savepoints {
 public:
  explicit Savepoints(WriteTransaction& transaction) : transaction_(transaction) {}

  // REQUIRES: `op` is about savepoints. `changed`: whether the transaction has changed something, as it is
  // again after going back. Nothing: there is none to go back to, since setting it has failed.
  std::optional<Status> Do(const Op& op, bool& changed);

 private:
  WriteTransaction& transaction_;
  std::vector<std::pair<Savepoint, bool>> set_;  // the innermost last; changed by then
};

}  // namespace manifolddb::crashsim
