#include "bench/exact/options.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace manifolddb::bench::exact {
namespace {

[[noreturn]] void Refuse(const char* usage, int code) {
  std::fputs(usage, code == 0 ? stdout : stderr);
  std::exit(code);
}

}  // namespace

Arguments Parse(int argc, char** argv, const char* usage) {
  Arguments parsed;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    const auto value = [&]() -> const char* {
      if (++i >= argc) Refuse(usage, 2);
      return argv[i];
    };
    const auto number = [&]() -> double {
      char* end = nullptr;
      const double parsed_number = std::strtod(value(), &end);
      if (*end != '\0' || !(parsed_number > 0)) Refuse(usage, 2);
      return parsed_number;
    };
    if (option == "--scale") {
      parsed.command.plan.scale = number();
    } else if (option == "--seed") {
      parsed.command.plan.seed = static_cast<uint64_t>(number());
    } else if (option == "--json") {
      parsed.command.json = value();
    } else if (option == "--only") {
      parsed.command.only = value();
    } else if (option == "--no-head") {
      parsed.command.head = false;
    } else if (option == "--twice") {
      parsed.command.twice = true;
    } else if (option == "--fit") {
      parsed.fit = true;
    } else if (option == "--callgrind") {
      parsed.hot_path = value();
    } else if (option == "--operations") {
      parsed.operations = static_cast<uint64_t>(number());
    } else {
      Refuse(usage, option == "--help" || option == "-h" ? 0 : 2);
    }
  }
  return parsed;
}

}  // namespace manifolddb::bench::exact
