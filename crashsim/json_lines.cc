#include "crashsim/json_lines.h"

#include "crashsim/json.h"

template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace manifolddb::crashsim {

void JsonLines::Write(const Json& record) {
  if (!on_) return;
  file_ << record.dump() + "\n";
  file_.flush();
}

}  // namespace manifolddb::crashsim
