#include "engine/base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace manifolddb::base {

void AssertFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "manifolddb: assertion failed: %s at %s:%d\n", condition, file, line);
  std::fflush(stderr);
  std::abort();
}

}  // namespace manifolddb::base
