#pragma once
// The bytes of an input, taken one after the other. Behind the end there are zeros.
//
// Two of them in one expression or call are a trap: compilers take them in different orders, and the input
// means something else under each.

#include <cstdint>

#include "manifolddb/bytes.h"

namespace manifolddb::fuzz {

class Input {
 public:
  explicit Input(ByteView bytes) : rest_(bytes) {}
  bool done() const { return rest_.empty(); }
  uint8_t Byte() {
    if (rest_.empty()) return 0;
    const auto byte = std::to_integer<uint8_t>(rest_.front());
    rest_ = rest_.subspan(1);
    return byte;
  }
  uint32_t Word() {
    const uint32_t low = Byte();
    return low | uint32_t{Byte()} << 8;
  }
  // REQUIRES: bound > 0.
  size_t Below(size_t bound) { return (bound <= 256 ? Byte() : Word()) % bound; }

 private:
  ByteView rest_;
};

}  // namespace manifolddb::fuzz
