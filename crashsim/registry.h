#pragma once
// The engine's registry of breakable sites and marks, by name.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crashsim/campaign.h"

namespace manifolddb::crashsim {

// In byte order. Sites that only forged bytes can tell from the sound engine are for fuzz/, and left out.
std::vector<std::string> SiteNames();
std::vector<std::string> MarkNames();  // in byte order
// Breaks these sites and no others; prints and returns false if one is not registered.
bool BreakSites(const std::vector<std::string>& names);
// Puts the marks' and the broken sites' counts of this process into `counters`.
void CountMarks(Counters& counters);
// Which marks this process has passed since it was made.
class MarksSince {
 public:
  MarksSince();
  uint64_t Signature() const;

 private:
  std::array<uint64_t, kMarksMax> before_;
};
// How often this process has come to the mark. REQUIRES: there is one of this name.
uint64_t HitsOf(std::string_view mark);

}  // namespace manifolddb::crashsim
