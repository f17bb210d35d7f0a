#pragma once
// errno as an Error: the code that tells the caller what to do, and everything known about the place.

#include <cstdint>
#include <string>

#include "manifolddb/result.h"

namespace manifolddb::storage {

// The code for an errno value of a file system call. 0 is not one.
Errc CodeOf(int os_error);

// The error of a call on `file` that ended with `os_error`.
std::unexpected<Error> FailErrno(const char* operation, const std::string& file, int os_error,
                                 uint64_t offset = ErrorDetails::kNoOffset);

}  // namespace manifolddb::storage
