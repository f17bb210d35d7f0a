#include "engine/base/thread.h"

namespace manifolddb::base {

uint64_t ThisThread() {
  thread_local char here = 0;
  return reinterpret_cast<uint64_t>(&here);
}

}  // namespace manifolddb::base
