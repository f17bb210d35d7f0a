#pragma once
// An input as a program: steps on a database, each a byte that says which and the bytes of its arguments.

#include <cstddef>
#include <cstdint>

#include "manifolddb/bytes.h"

namespace manifolddb::fuzz {

// Which steps there are.
enum class Steps : uint8_t {
  kOperations,  // what a user does
  kDamage,      // and changes of the files in between
};

// Runs it from an empty directory and judges all that it shows.
void RunProgram(ByteView program, Steps steps);

// Puts a change of the files somewhere into a program that may forge, and some use of them behind it: what
// random bytes seldom spell out.
// Returns the new length. REQUIRES: 32 more bytes of room.
size_t InsertDamage(uint8_t* program, size_t size, uint64_t random);

}  // namespace manifolddb::fuzz
