#pragma once
// What a broken engine may end is done in a process of its own.

#include <functional>
#include <string>
#include <string_view>

namespace manifolddb::crashsim {

// What it told until it ended, and whether it ended well.
struct Told {
  std::string text;
  bool well = false;
};
using Tell = std::function<void(std::string_view)>;
// After so many seconds it is ended. What it says on stderr is of no interest.
Told Apart(unsigned seconds_max, const std::function<void(const Tell& tell)>& body);

}  // namespace manifolddb::crashsim
