#pragma once
// What the child tells its parent through the pipe: fixed size, so one write is one record, whole or not
// there.

#include <cstdint>

namespace manifolddb::crashsim::kill {

// Writer of the records that tell how far the child's opening got.
inline constexpr uint32_t kNoWriter = ~uint32_t{0};

struct Acknowledgement {
  uint32_t writer = kNoWriter;
  uint32_t immediate = 0;
  uint64_t number = 0;  // of the writer's transaction; for kNoWriter: 0 before opening, 1 after it
  uint64_t commit = 0;  // its place in the commit order, as Commit returned it
};
static_assert(sizeof(Acknowledgement) == 24);

}  // namespace manifolddb::crashsim::kill
