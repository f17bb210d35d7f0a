#include "crashsim/json_lines.h"

#include "crashsim/json.h"

template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace manifolddb::crashsim {

bool NumbersFit(const Json& json) {
  constexpr double kCountMax = 9'007'199'254'740'992;  // 2^53
  if (json.is_number_float()) return json.get<double>() >= 0 && json.get<double>() <= kCountMax;
  for (const auto& part : json) {
    if (part.is_structured() || part.is_number_float()) {
      if (!NumbersFit(part)) return false;
    }
  }
  return true;
}

void JsonLines::Write(const Json& record) {
  if (!on_) return;
  file_ << record.dump() + "\n";
  file_.flush();
}

}  // namespace manifolddb::crashsim
