// Marks are counted by their place in the sorted list of names: the same in every process of one binary.
#include "crashsim/registry.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "crashsim/random.h"
#include "engine/base/assert.h"
#include "engine/base/sites.h"

namespace manifolddb::crashsim {
namespace {

// Checks of decoders that only forged bytes meet: no crash and no damage leaves the checksum in front of them
// right, so no campaign can notice that they are gone. fuzz/ forges, and breaks them (scripts/fuzz-faults).
constexpr std::string_view kForgedOnly = "decode.";
// No campaign takes backups; proptest/backup_cuts_test.cc does, and breaks these.
constexpr std::string_view kOfBackups = "backup.";
// Nor does one shrink a file; proptest/shrink_cuts_test.cc does.
constexpr std::string_view kOfShrinking = "shrink.";
// Nor does one keep savepoints; proptest/savepoint_cuts_test.cc does.
constexpr std::string_view kOfSavepoints = "savepoint.";

bool IsOurs(const base::Site& site) {
  const std::string_view name = site.name();
  return !name.starts_with(kForgedOnly) && !name.starts_with(kOfBackups) && !name.starts_with(kOfShrinking) &&
         !name.starts_with(kOfSavepoints);
}

}  // namespace

void CountMarks(Counters& counters) {
  const std::vector<std::string> names = MarkNames();
  for (base::Mark* mark = base::Mark::First(); mark != nullptr; mark = mark->next()) {
    const auto at = std::ranges::lower_bound(names, std::string(mark->name()));
    const auto index = static_cast<size_t>(at - names.begin());
    if (index < kMarksMax) counters.marks[index] = mark->hits();
  }
  counters.broken_hits = 0;
  for (base::Site* site = base::Site::First(); site != nullptr; site = site->next()) {
    counters.broken_hits += site->hits();
  }
}

MarksSince::MarksSince() {
  size_t at = 0;
  for (base::Mark* mark = base::Mark::First(); mark != nullptr && at < kMarksMax; mark = mark->next())
    before_[at++] = mark->hits();
}

// The marks in the order in which they registered: the same in each process of one binary.
uint64_t MarksSince::Signature() const {
  uint64_t signature = 0;
  size_t at = 0;
  for (base::Mark* mark = base::Mark::First(); mark != nullptr && at < kMarksMax; mark = mark->next()) {
    if (mark->hits() != before_[at++]) signature = Mix(signature, at);
  }
  return signature;
}

uint64_t HitsOf(std::string_view name) {
  const base::Mark* mark = base::Mark::First();
  while (mark != nullptr && name != mark->name()) mark = mark->next();
  MANIFOLDDB_ASSERT(mark != nullptr);
  return mark->hits();
}

bool BreakSites(const std::vector<std::string>& names) {
  for (base::Site* site = base::Site::First(); site != nullptr; site = site->next()) site->Break(false);
  for (const std::string& name : names) {
    bool known = false;
    for (base::Site* site = base::Site::First(); site != nullptr; site = site->next()) {
      if (name == site->name() && IsOurs(*site)) site->Break(known = true);
    }
    if (!known) {
      std::fprintf(stderr, "crashsim: there is no site '%s' (crashsim sites lists them)\n", name.c_str());
      return false;
    }
  }
  return true;
}

std::vector<std::string> SiteNames() {
  std::vector<std::string> names;
  for (base::Site* site = base::Site::First(); site != nullptr; site = site->next()) {
    if (IsOurs(*site)) names.push_back(site->name());
  }
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> MarkNames() {
  std::vector<std::string> names;
  for (base::Mark* mark = base::Mark::First(); mark != nullptr; mark = mark->next())
    names.push_back(mark->name());
  std::ranges::sort(names);
  return names;
}

}  // namespace manifolddb::crashsim
