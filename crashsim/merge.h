#pragma once
// Puts the shards of one campaign together, wherever they ran: what comes out is what one machine would have
// written that had tried all of it.

#include <string>
#include <vector>

#include "crashsim/campaign.h"

namespace manifolddb::crashsim {

struct MergeOptions {
  std::vector<std::string> files = {};  // of `crashsim run --shard i/n --json`, each shard once
  std::string json = {};                // the merged results
};
// Says on stderr what is missing, doubled or of another campaign: no verdict then.
Outcomes MergeShards(const MergeOptions& options);

}  // namespace manifolddb::crashsim
