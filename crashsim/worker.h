#pragma once
// Runs a campaign in worker processes, each with its own share of the iterations; gathers what they counted
// and wrote; decides what it all came to.

#include "crashsim/campaign.h"

namespace manifolddb::crashsim {

// The campaign's verdict, printed and written. The exit code is the outcome's value.
Outcomes RunCampaign(const CampaignOptions& options);

}  // namespace manifolddb::crashsim
