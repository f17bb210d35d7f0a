#pragma once
// What the program was built from; cmake/revision.cmake writes the definition, at every build.

#include <string>

namespace manifolddb::crashsim {

// The commit, with -dirty if files under version control differed from it; "unknown" outside a checkout.
std::string GitRevision();

}  // namespace manifolddb::crashsim
