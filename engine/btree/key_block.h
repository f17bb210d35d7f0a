#pragma once
// Keys put together from a node's prefix and what is stored behind it, one after the other in one place.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "engine/base/le.h"

namespace manifolddb::btree {

// The 16 bytes of a key in which the prefix ends. Each further key of the node is completed by storing the
// whole block from registers. Stored behind the prefix alone, the next load over both would wait: a processor
// forwards to it what lies in one store that has not reached the cache yet, not in one and before it.
class KeyBlock {
 public:
  static constexpr size_t kBytes = 16;

  KeyBlock() = default;
  // REQUIRES: `key` begins with the prefix, and has room for kBytes behind it.
  KeyBlock(std::byte* key, size_t prefix_bytes)
      : to_(key + prefix_bytes / kBytes * kBytes), taken_(prefix_bytes % kBytes) {
    std::memset(to_ + taken_, 0, kBytes);
    begin_ = Load(to_);
  }

  // How long the rest of a key may be for Complete.
  size_t room() const { return kBytes - taken_; }
  // The key with this rest. Reads kBytes of `rest`; what is behind the key in the block is anything.
  void Complete(const std::byte* rest) const {
    const Block block = begin_ | Load(rest) << (8 * taken_);
    base::StoreLe<uint64_t>(to_, static_cast<uint64_t>(block));
    base::StoreLe<uint64_t>(to_ + 8, static_cast<uint64_t>(block >> 64));
  }

 private:
  __extension__ using Block = unsigned __int128;
  static Block Load(const std::byte* bytes) {
    return Block{base::LoadLe<uint64_t>(bytes)} | Block{base::LoadLe<uint64_t>(bytes + 8)} << 64;
  }

  std::byte* to_ = nullptr;
  size_t taken_ = 0;  // bytes of the prefix in the block, less than kBytes
  Block begin_ = 0;   // these, and zeros
};

}  // namespace manifolddb::btree
