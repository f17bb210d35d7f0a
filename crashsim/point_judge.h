#pragma once
// Judges what is found after an end at one number of effects: by the oracle and, of runs with one actor, by a
// second judge that shares no code with it, and must agree.

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "crashsim/brute_force.h"
#include "crashsim/cover.h"
#include "crashsim/oracle.h"

namespace manifolddb::crashsim {

class PointJudge {
 public:
  // What it is given must outlive it. `second`: null if there is none.
  PointJudge(const Setup& setup, const Oracle& oracle, const BruteForce* second, uint64_t effects)
      : setup_(setup), oracle_(oracle), second_(second), effects_(effects), allowed_(oracle.At(effects)) {}

  Violations operator()(const Recovered& found, const Cover::Boot& again) {
    const auto contents = [&] { return ContentsOf(again(), setup_); };
    if (found.error) return {{Promise::kDurable, "the database opens and reads", Describe(*found.error)}};
    Violations violations = oracle_.Judge(found.seen, allowed_, contents);
    if (second_ != nullptr && violations.empty() != SecondPermits(found, contents)) {
      violations.push_back({Promise::kPrefix, "two judges that agree",
                            std::string("the second one ") + (violations.empty() ? "rejects" : "permits") +
                                " commit " + std::to_string(found.seen.number)});
    }
    if (!found.verify.empty()) {
      violations.push_back({Promise::kWhole, "Verify finds nothing", found.verify.front()});
    }
    return violations;
  }

 private:
  // It reads entries, not sums: each state once.
  bool SecondPermits(const Recovered& found, const std::function<Observation()>& contents) {
    const auto [at, fresh] = permitted_.try_emplace({found.seen.sum, found.seen.number});
    if (fresh) at->second = found.seen.problems.empty() && second_->Permits(contents(), effects_);
    return at->second;
  }

  const Setup& setup_;
  const Oracle& oracle_;
  const BruteForce* const second_;
  const uint64_t effects_;
  const Allowed allowed_;
  std::map<std::pair<StateSum, uint64_t>, bool> permitted_;
};

}  // namespace manifolddb::crashsim
