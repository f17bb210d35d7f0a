#pragma once
// What every fuzz target shares: how it accuses, how the engine is broken under it, what libFuzzer counts.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "manifolddb/bytes.h"

// What libFuzzer calls, and replay_main.cc where there is no libFuzzer.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv);
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed);
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace manifolddb::fuzz {

// The engine, or what is left of the files, is wrong: says so in one line and ends the process.
[[noreturn]] void Violation(const std::string& what);
// Instead of that: `handler` throws.
void OnViolation(void (*handler)(const std::string&));
inline void Expect(bool holds, const char* what) {
  if (!holds) Violation(what);
}

// The input as bytes of the engine.
inline ByteView InputBytes(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const std::byte*>(data), size};
}

// A copy in a block of its own: a sanitizer sees a read of one byte too many.
class ExactCopy {
 public:
  explicit ExactCopy(ByteView bytes);
  ByteView view() const { return {bytes_.get(), size_}; }
  MutableByteView span() { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  size_t size_;
};

// Breaks the engine at this site and no other; false if there is none of that name.
bool BreakSite(const std::string& name);

// Whether any input hit this mark of the engine; false as well if there is none of that name.
bool WasHit(const std::string& mark);

// After an input: each mark of the engine that it hit counts for libFuzzer as a branch of its own, so that
// inputs that reach a rare branch of recovery are kept.
void CountMarks();

}  // namespace manifolddb::fuzz
