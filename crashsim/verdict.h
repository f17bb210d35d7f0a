#pragma once
// Verdicts are values, never text that somebody greps for.

#include <cstdint>
#include <string>
#include <vector>

#include "manifolddb/result.h"

namespace manifolddb::crashsim {

// The contract's promises (docs/durability.md).
enum class Promise : uint8_t {
  kDurable = 1,
  kAtomic = 2,
  kPrefix = 3,
  kIsolated = 4,
  kWhole = 5,
  kRestartable = 6,
  kHonestAboutDamage = 7,
  kHonestAboutErrors = 8,
  kNoLeaks = 9,
  kBounded = 10,
};
const char* Name(Promise promise);  // "G1"
const char* Meaning(Promise promise);

struct Violation {
  Promise promise = Promise::kDurable;
  std::string expected;
  std::string found;
};
using Violations = std::vector<Violation>;

// Exit codes of the program, and what a campaign comes to.
enum class Outcomes : int {
  kHolds = 0,
  kViolation = 1,
  kHarnessError = 2,
  kVacuous = 3,
};
const char* Name(Outcomes outcome);

// "G1 durable: expected ...; found ...": for messages.
std::string Describe(const Violation& violation);
// "kCorrupt page.load db @4096: ...": for messages.
std::string Describe(const Error& error);

}  // namespace manifolddb::crashsim
