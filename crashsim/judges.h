#pragma once
// Both judges of one run: the oracle, and the second one that shares nothing with it. Where they differ, one
// of them is wrong, which is a violation like any other.

#include <cstdint>
#include <optional>

#include "crashsim/oracle.h"
#include "crashsim/second_judge.h"
#include "crashsim/session.h"

namespace manifolddb::crashsim {

class Judges {
 public:
  // `base`: what the session found, with commit number `base_number`, as it was worked out before it opened.
  Judges(Model base, uint64_t base_number, const Session& session);

  const Oracle& oracle() const { return oracle_; }
  // Null if the session could not read what it opened.
  const SecondJudge* second() const { return second_ ? &*second_ : nullptr; }

  // Every sync of this disk lied: nothing that was acknowledged need survive a power cut.
  bool lying() const { return lying_; }

  // What the run itself violated, whatever a crash does.
  Violations RunViolations() const;

 private:
  Oracle oracle_;
  std::optional<SecondJudge> second_;
  bool lying_;
};

// Where the second judge differs from `violations`, the oracle's verdict on what a crash left at `effects`.
// Nothing of a run that it cannot explain.
std::optional<Violation> Differ(const SecondJudge& second, const Summary& seen, uint64_t effects,
                                const Violations& violations);

}  // namespace manifolddb::crashsim
