#pragma once
// How the lives of a case end, as text from one process to another: whoever reads it has the steps.

#include <optional>

#include "crashsim/case.h"
#include "crashsim/json_lines.h"
#include "crashsim/search.h"

namespace manifolddb::crashsim {

Json EndsOf(const Hit& hit);
// The same of a case with at least as many steps in each life; without threads.
std::optional<Hit> WithEnds(Case what, const Json& ends);

}  // namespace manifolddb::crashsim
