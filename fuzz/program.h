#pragma once
// An input as a program: steps on a database, each a byte that says which and the bytes of its arguments.

#include "manifolddb/bytes.h"

namespace manifolddb::fuzz {

// Which steps there are.
enum class Steps : uint8_t {
  kOperations,  // what a user does
  kDamage,      // and changes of the files in between
};

// Runs it from an empty directory and judges all that it shows.
void RunProgram(ByteView program, Steps steps);

}  // namespace manifolddb::fuzz
