#include "crashsim/judges.h"

#include <string>
#include <utility>

namespace manifolddb::crashsim {

Judges::Judges(Model base, uint64_t base_number, const Session& session)
    : oracle_(std::move(base), base_number, session.history), lying_(session.trace->traits.lying_flush) {
  if (!session.open_error) second_.emplace(session.opened, session.history);
}

Violations Judges::RunViolations() const {
  Violations violations = oracle_.run_violations();
  if (violations.empty() && second_ && !second_->explains()) {
    violations.push_back(
        {Promise::kPrefix, "two judges that agree", "the second one cannot explain the run"});
  }
  return violations;
}

std::optional<Violation> Differ(const SecondJudge& second, const Summary& seen, uint64_t effects,
                                const Violations& violations) {
  if (!second.explains() || violations.empty() == second.Permits(seen, effects)) return std::nullopt;
  return Violation{Promise::kPrefix, "two judges that agree",
                   std::string("the second one ") + (violations.empty() ? "rejects" : "permits") +
                       " commit " + std::to_string(seen.number)};
}

}  // namespace manifolddb::crashsim
