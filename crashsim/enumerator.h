#pragma once
// One sequence of operations after the other, each ended wherever it can be.

#include <cstdint>
#include <string>
#include <vector>

#include "crashsim/cover.h"
#include "crashsim/exhaustive.h"
#include "crashsim/json_lines.h"
#include "crashsim/oracle.h"
#include "crashsim/sequences.h"
#include "crashsim/session.h"

namespace manifolddb::crashsim {

// In place of a sequence: making the database that sequences begin with.
inline constexpr char kCreationSequence[] = "creation";

// What trying one sequence came to.
struct SequenceVerdict {
  // A power cut after so many effects, and how many recoveries stand for its legal images.
  struct Point {
    uint64_t effects = 0;
    std::string images = {};
    uint64_t recoveries = 0;
  };
  std::string sequence;
  CoverTally tally = {};
  std::vector<Point> points = {};
  uint64_t effects = 0;      // of the disk, in the part that was ended
  uint64_t cpu_nanos = 0;    // of the process, everything included
  uint64_t broken_hits = 0;  // how often a broken site misbehaved
  uint64_t wrong = 0;
  std::vector<std::string> violations = {};  // the first ones, for people
};
Json ToJson(const SequenceVerdict& verdict);
SequenceVerdict FromJson(const Json& json);

class Enumerator {
 public:
  explicit Enumerator(const ExhaustiveOptions& options);

  SequenceVerdict Creation() const;
  SequenceVerdict Try(const Sequence& sequence) const;

 private:
  Session Run(const Sequence& sequence) const;
  SequenceVerdict EndEverywhere(const std::string& name, const Session& session, const Oracle& oracle,
                                uint64_t first) const;

  const ExhaustiveOptions& options_;
  const Setup setup_;
  const Beginning beginning_;
};

}  // namespace manifolddb::crashsim
