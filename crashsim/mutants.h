#pragma once
// Breaks the engine at each of its sites in turn and lets the general campaign find it. A site that survives
// is a hole in the harness or a precaution that is not needed.

#include <cstdint>
#include <string>
#include <vector>

#include "crashsim/campaign.h"

namespace manifolddb::crashsim {

struct MutantsOptions {
  std::string program;             // this binary: one process per site
  std::vector<std::string> sites;  // empty: all that are registered
  uint64_t shard = 0;              // of `shards`: every shards-th site, from this one on
  uint64_t shards = 1;
  uint64_t seed = 1;
  uint64_t executions_max = 0;  // recoveries that a site may survive; 0: no bound
  double seconds = 60;          // of a processor that a site may survive
  unsigned jobs = 2;
  bool matrix = false;  // which scenarios notice each, rather than when the first does
  std::string json;
};

// Prints the table. Holds only if the campaign is silent on the sound engine and kills every mutant.
Outcomes RunMutants(const MutantsOptions& options);

}  // namespace manifolddb::crashsim
