#pragma once
// Small databases, each in another state, and with it what each file was like earlier.

#include <memory>
#include <string>
#include <vector>

#include "fuzz/session.h"

namespace manifolddb::fuzz {

struct DamageCase {
  std::string name;
  std::string what;  // one line, for people
  bool clean = false;
  std::unique_ptr<Session> session;  // closed; its images are older versions of its files
  // Only each n-th byte and sector is tried: it is too large for all.
  size_t stride = 1;
};

std::vector<DamageCase> MakeDamageCases();

}  // namespace manifolddb::fuzz
