// Any bytes as a program of operations: the database agrees with a model in all that it shows, Verify finds
// nothing, and no call fails that should not.
#include "fuzz/program.h"
#include "fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace manifolddb::fuzz;
  RunProgram(InputBytes(data, size), Steps::kOperations);
  CountMarks();
  return 0;
}
