#pragma once
// A failure written down so that others can replay it: certcheck/, a person, a test. All that is in a
// certificate is what a case says, and what playing it came to; pictures and tests are made from it alone.

#include <string>
#include <vector>

#include "crashsim/json_lines.h"
#include "crashsim/shrink.h"

namespace manifolddb::crashsim {

struct Provenance {
  std::string git;
  std::string repro;  // the line that was shrunk
  std::vector<std::string> broken;
};

// REQUIRES: the engine is broken as it was when `shrunk` was found.
Json CertificateOf(const Shrunk& shrunk, const Provenance& from);

// The same as certificates are written: one step to a line.
std::string TextOf(const Json& certificate);
// A picture of time from top to bottom. REQUIRES: made by CertificateOf.
std::string TimelineOf(const Json& certificate);
// A GoogleTest that needs the engine, faultfs and nothing else; it fails where the engine does.
// REQUIRES: made by CertificateOf.
std::string TestOf(const Json& certificate);

}  // namespace manifolddb::crashsim
