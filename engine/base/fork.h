#pragma once
// Whether this process is the one in which something was made, or a child of it.

#include <atomic>
#include <cstdint>

namespace manifolddb::base {

// Forks between the start of the program and this process: what was made under another number is a parent's.
// Counted from the first call of storage::ForkGeneration on; always 0 where there are no processes.
inline std::atomic<uint64_t> fork_generation{0};
inline uint64_t ForkGeneration() { return fork_generation.load(std::memory_order_relaxed); }

}  // namespace manifolddb::base
