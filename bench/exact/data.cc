#include "bench/exact/data.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "manifolddb/storage.h"

namespace manifolddb::bench::exact {

void Die(const std::string& why) {
  std::fprintf(stderr, "bench_exact: %s\n", why.c_str());
  std::exit(1);
}

void FillValue(uint64_t tag, std::span<std::byte> out) {
  uint64_t word = Mix(tag);
  for (size_t at = 0; at < out.size(); at += sizeof word) {
    std::memcpy(out.data() + at, &word, std::min(sizeof word, out.size() - at));
    word = Mix(word);
  }
}

bool HasTag(ByteView value, uint64_t tag) {
  uint64_t word = 0;
  if (value.size() < sizeof word) return false;
  std::memcpy(&word, value.data(), sizeof word);
  return word == Mix(tag);
}

bool IsValueOf(ByteView value, uint64_t tag, size_t bytes) {
  if (value.size() != bytes) return false;
  uint64_t word = Mix(tag);
  for (size_t at = 0; at < bytes; at += sizeof word) {
    if (std::memcmp(value.data() + at, &word, std::min(sizeof word, bytes - at)) != 0) return false;
    word = Mix(word);
  }
  return true;
}

std::unique_ptr<std::byte[], AlignedFree> AlignedBytes(size_t bytes) {
  auto* const memory = static_cast<std::byte*>(std::aligned_alloc(kBufferAlignment, bytes));
  if (memory == nullptr) Die("no memory");
  return std::unique_ptr<std::byte[], AlignedFree>(memory);
}

}  // namespace manifolddb::bench::exact
