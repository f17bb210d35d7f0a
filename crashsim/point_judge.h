#pragma once
// Judges what is found after an end at one number of effects: by both judges, who must agree.

#include "crashsim/cover.h"
#include "crashsim/judges.h"

namespace manifolddb::crashsim {

class PointJudge {
 public:
  // What it is given must outlive it. `second`: null if there is none.
  PointJudge(const Setup& setup, const Oracle& oracle, const SecondJudge* second, uint64_t effects)
      : setup_(setup), oracle_(oracle), second_(second), allowed_(oracle.At(effects)) {}

  Violations operator()(const Recovered& found, const Cover::Boot& again) const {
    const auto contents = [&] { return ContentsOf(again(), setup_); };
    if (found.error) return {{Promise::kDurable, "the database opens and reads", Describe(*found.error)}};
    Violations violations = oracle_.Judge(found.seen, allowed_, contents);
    if (second_ != nullptr) {
      if (const auto differ = Differ(*second_, found.seen, allowed_.effects, violations))
        violations.push_back(*differ);
    }
    if (!found.verify.empty()) {
      violations.push_back({Promise::kWhole, "Verify finds nothing", found.verify.front()});
    }
    return violations;
  }

 private:
  const Setup& setup_;
  const Oracle& oracle_;
  const SecondJudge* const second_;
  const Allowed allowed_;
};

}  // namespace manifolddb::crashsim
