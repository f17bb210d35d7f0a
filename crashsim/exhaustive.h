#pragma once
// Proof by trying everything: all sequences of operations up to a length (sequences.h), the power cut at
// every point of each, every legal image of each point covered (cover.h), recoveries cut as well.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "crashsim/verdict.h"

namespace manifolddb::crashsim {

struct ExhaustiveOptions {
  uint32_t length = 3;
  uint32_t depth = 2;    // of cuts in recoveries
  bool garbage = false;  // a sector that was being written may hold garbage
  bool torn = false;     // pages of two sectors, so that half of one may arrive
  uint64_t shard = 0;    // of `shards`: every shards-th sequence, from this one on
  uint64_t shards = 1;
  unsigned jobs = 2;
  std::optional<std::string> sequence = std::nullopt;  // this one alone
  std::string json = {};                               // results, a line for each sequence
  bool resume = false;                                 // leave out the sequences that `json` has, and append
  bool stop_at_violation = false;
  std::vector<std::string> broken = {};  // sites
};

// Prints what it comes to. kVacuous if nothing was undetermined anywhere.
Outcomes RunExhaustive(const ExhaustiveOptions& options);

}  // namespace manifolddb::crashsim
