// Any bytes as a program of operations between which the files are damaged, and forged if the program's first
// byte is odd. Damage is reported, or of no effect; a forged database does no harm to the process, and if
// Verify finds nothing it is one like any other.
#include "fuzz/program.h"
#include "fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace manifolddb::fuzz;
  RunProgram(InputBytes(data, size), Steps::kDamage);
  CountMarks();
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 2 == 0 && size + 32 <= max_size) size = manifolddb::fuzz::InsertDamage(data, size, seed);
  return size;
}
