// certcheck_faults FILE...: exit codes 0 all confirmed; 1 one is not; 2 one is none, or is impossible.
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "certcheck/faults/check.h"

int main(int argc, char** argv) {
  int code = argc < 2 ? 2 : 0;
  // A broken engine may go round for ever, and so may a long certificate.
  std::signal(SIGALRM, [](int) { ::_exit(::write(1, "no certificate: endless\n", 24) == 24 ? 2 : 3); });
  for (int i = 1; i < argc; ++i) {
    std::printf("%s: ", argv[i]), std::fflush(stdout);
    ::alarm(60);
    try {
      const auto text = manifolddb::certcheck::faults::Check(nlohmann::json::parse(std::ifstream(argv[i])));
      code = std::max(code, text.starts_with("confirmed") ? 0 : 1);
      std::printf("%s\n", text.c_str());
    } catch (const std::exception& error) {
      code = 2;
      std::printf("no certificate: %s\n", error.what());
    }
  }
  return argc < 2 ? std::fprintf(stderr, "usage: certcheck_faults FILE...\n"), code : code;
}
