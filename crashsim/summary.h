#pragma once
// What a campaign came to: as records, as text, and whether it proved anything.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "crashsim/campaign.h"

namespace manifolddb::crashsim {

// Why a campaign that violated nothing proved nothing; empty if it did prove something.
std::vector<std::string> Vacuities(const CampaignOptions& options, const Counters& counters);

// What of the place that was to be played again was never come to; empty if all of it was.
std::vector<std::string> NotPlayedAgain(const Coordinates& only, const Counters& counters);
// Its scenario drew another fault than the line says.
bool DrewAnotherFault(const Counters& counters);

// `failed`: the harness did.
Outcomes OutcomeOf(const Counters& counters, bool failed, const std::vector<std::string>& vacuities);

Json HeaderOf(const CampaignOptions& options);
// What recoveries have shown, by signature: how many programs showed it; `lost`, which found no room.
Json BehavioursOf(const std::map<uint64_t, uint64_t>& programs, uint64_t lost);
// What SummaryOf was given, read back; nothing if it is no summary of this version's.
std::optional<Counters> CountersOf(const Json& summary);
Json SummaryOf(const Counters& counters, const Unseen& unseen, Outcomes outcome, double seconds,
               const std::vector<std::string>& vacuities);
void Print(const CampaignOptions& options, const Counters& counters, const Unseen& unseen, Outcomes outcome,
           double seconds, const std::vector<std::string>& vacuities);

}  // namespace manifolddb::crashsim
