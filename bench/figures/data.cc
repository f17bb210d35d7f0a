// Keys, values and directories that the workloads share. Nothing is random: each run does the same.

#include "bench/figures/data.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace manifolddb::bench {

void Die(const std::string& why) {
  std::fprintf(stderr, "bench_figures: %s\n", why.c_str());
  std::exit(1);
}

void FillValue(uint64_t number, std::span<std::byte> out) {
  uint64_t word = Mix(number);
  for (size_t at = 0; at < out.size(); at += sizeof word) {
    std::memcpy(out.data() + at, &word, std::min(sizeof word, out.size() - at));
    word = Mix(word);
  }
}

bool HasTag(ByteView value, uint64_t number) {
  uint64_t word = 0;
  if (value.size() < sizeof word) return false;
  std::memcpy(&word, value.data(), sizeof word);
  return word == Mix(number);
}

bool IsValueOf(ByteView value, uint64_t number, size_t bytes) {
  std::array<std::byte, 4096> expected;
  if (value.size() != bytes || bytes > expected.size()) return false;
  FillValue(number, std::span(expected).first(bytes));
  return std::memcmp(value.data(), expected.data(), bytes) == 0;
}

Scratch::Scratch(const std::string& parent, const std::string& name)
    : path_(parent + "/figures-" + std::to_string(::getpid()) + "-" + name) {
  std::filesystem::remove_all(path_);
  std::filesystem::create_directories(path_);
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

uint64_t NowNanos() {
  return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch() /
                               std::chrono::nanoseconds(1));
}

}  // namespace manifolddb::bench
