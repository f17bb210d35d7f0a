#pragma once
// From a line that fails to a folder with its certificate: certificate.json, timeline.svg and test.cc.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "crashsim/campaign.h"
#include "crashsim/search.h"
#include "crashsim/verdict.h"

namespace manifolddb::crashsim {

struct CertifyOptions {
  std::string out = {};  // folder, made if it is not there; none: only print
  uint64_t recoveries_max = 1'000'000;
};

// What a campaign's results say of its first violation.
struct Violated {
  std::string line;  // REPRO ...
  std::optional<Promise> promise;
};
std::optional<Violated> FirstViolation(const std::string& json);

// Shrinks it. kViolation: here is the certificate; kVacuous: it fails in a way that none can say.
Outcomes Certify(const Violated& violated, const CertifyOptions& options);

// The same of a sequence of `crashsim exhaustive`, with the engine broken at these sites.
Outcomes CertifySequence(const std::string& name, const std::vector<std::string>& broken,
                         const CertifyOptions& options);

// The same of a race of `crashsim schedules`, in these of its schedules.
Outcomes CertifyRace(const std::string& race, const std::string& schedule, const Wander& wander,
                     const std::vector<std::string>& broken, const CertifyOptions& options);

// Plays `campaign.only` to learn what it violates, then the same. kVacuous as well if it violates nothing.
Outcomes RunShrink(CampaignOptions campaign, const std::string& line, const CertifyOptions& options);

// The campaign; and if it found a violation, a certificate of the first one.
Outcomes RunAndCertify(CampaignOptions campaign, const CertifyOptions& options);

}  // namespace manifolddb::crashsim
