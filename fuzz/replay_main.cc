// Runs a fuzz target without libFuzzer: as a test, under every compiler, and to play an input again.
//
//   fuzz_TARGET --corpus FOLDER [--mutations N] [--seed S] [--reaches MARK]..
//                                                            every file of it, then N changed ones; the files
//                                                            alone have to reach these rare branches
//   fuzz_TARGET FILE..                                       these inputs
//   fuzz_TARGET --hex DIGITS                                 this one, as a REPRO line names it
//
// The same arguments run the same inputs. An input that ends the process, or takes longer than a minute, is
// printed as a REPRO line. Exit code: 0; 1 if the files do not reach a MARK; 2 for wrong arguments, among
// them a corpus without files.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/mutate.h"
#include "fuzz/target.h"

// Of AddressSanitizer and its kin.
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

using manifolddb::fuzz::Mutate;
using manifolddb::fuzz::RandomBelow;
using manifolddb::fuzz::SeedMutations;
using Bytes = std::vector<uint8_t>;

constexpr unsigned kSecondsMax = 60;
constexpr size_t kInputBytesMax = 4096;
constexpr size_t kHexBytesMax = 2048;

// What is running, for whoever finds the process dying.
const char* program = "";
Bytes running;
bool said = false;

void SayRepro() {
  if (std::exchange(said, true)) return;
  std::string line = std::string("REPRO ") + program;
  if (running.size() <= kHexBytesMax) {
    line += " --hex ";
    for (const uint8_t byte : running) {
      line += "0123456789abcdef"[byte >> 4];
      line += "0123456789abcdef"[byte & 15];
    }
  } else {
    const std::string path = (std::filesystem::temp_directory_path() / "fuzz-finding").string();
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(running.data()), static_cast<std::streamsize>(running.size()));
    line += " " + path;
  }
  line += "\n";
  if (::write(2, line.data(), line.size()) < 0) return;
}

void OnSignal(int number) {
  if (number == SIGALRM) {
    const char text[] = "fuzz: an input takes longer than a minute\n";
    if (::write(2, text, sizeof text - 1) < 0) ::_exit(1);
  }
  SayRepro();
  std::signal(number, SIG_DFL);
  std::raise(number == SIGALRM ? SIGABRT : number);
}

void CatchDeath() {
  for (const int number : {SIGABRT, SIGALRM}) std::signal(number, OnSignal);
  if (__sanitizer_set_death_callback != nullptr) {
    __sanitizer_set_death_callback(SayRepro);
  } else {
    for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(number, OnSignal);
  }
}

void Run(Bytes input) {
  running = std::move(input);
  ::alarm(kSecondsMax);
  LLVMFuzzerTestOneInput(running.data(), running.size());
  ::alarm(0);
}

Bytes ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "%s: cannot read %s\n", program, path.c_str());
    std::exit(2);
  }
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

// By name, so that every machine runs them in the same order.
std::vector<std::string> FilesIn(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.is_regular_file()) paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  if (paths.empty()) {
    std::fprintf(stderr, "%s: there is no input in %s: a test of nothing\n", program, folder.c_str());
    std::exit(2);
  }
  return paths;
}

Bytes Mutated(Bytes bytes) {
  for (size_t changes = 1 + RandomBelow(4); changes > 0; --changes) {
    const size_t size = bytes.size();
    bytes.resize(std::max(size + 64, kInputBytesMax));
    bytes.resize(Mutate(bytes.data(), size, bytes.size()));
  }
  return bytes;
}

Bytes FromHex(const std::string& digits) {
  Bytes bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoul(digits.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

struct Arguments {
  std::string corpus;
  std::vector<std::string> reaches;
  uint64_t mutations = 0;
  uint64_t seed = 1;
  std::vector<std::string> files;
  std::string hex;
};

Arguments Parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (!word.starts_with("--")) {
      arguments.files.push_back(word);
      continue;
    }
    const std::string value = i + 1 < argc ? argv[++i] : "";
    if (word == "--corpus") {
      arguments.corpus = value;
    } else if (word == "--reaches") {
      arguments.reaches.push_back(value);
    } else if (word == "--mutations") {
      arguments.mutations = std::strtoull(value.c_str(), nullptr, 10);
    } else if (word == "--seed") {
      arguments.seed = std::strtoull(value.c_str(), nullptr, 10);
    } else if (word == "--hex") {
      arguments.hex = value;
    } else {
      std::fprintf(stderr, "%s: unknown option %s\n", program, word.c_str());
      std::exit(2);
    }
  }
  if (arguments.corpus.empty() && arguments.files.empty() && arguments.hex.empty()) {
    std::fprintf(stderr,
                 "usage: %s --corpus FOLDER [--mutations N] [--seed S] [--reaches MARK].. | FILE.. | "
                 "--hex DIGITS\n",
                 program);
    std::exit(2);
  }
  return arguments;
}

}  // namespace

int main(int argc, char** argv) {
  program = argv[0];
  const Arguments arguments = Parse(argc, argv);
  LLVMFuzzerInitialize(&argc, &argv);
  CatchDeath();
  if (!arguments.hex.empty()) Run(FromHex(arguments.hex));
  for (const std::string& path : arguments.files) Run(ReadFile(path));
  if (arguments.corpus.empty()) return 0;
  SeedMutations(arguments.seed);
  std::vector<Bytes> inputs;
  for (const std::string& path : FilesIn(arguments.corpus)) inputs.push_back(ReadFile(path));
  for (const Bytes& input : inputs) Run(input);
  for (const std::string& mark : arguments.reaches) {
    if (manifolddb::fuzz::WasHit(mark)) continue;
    std::fprintf(stderr, "%s: no input in %s reaches %s any more (fuzz/corpus/README.md)\n", program,
                 arguments.corpus.c_str(), mark.c_str());
    return 1;
  }
  for (uint64_t i = 0; i < arguments.mutations; ++i) Run(Mutated(inputs[RandomBelow(inputs.size())]));
  std::printf("%zu inputs of the corpus, %llu changed ones\n", inputs.size(),
              static_cast<unsigned long long>(arguments.mutations));
  return 0;
}
