#include "engine/storage/posix_error.h"

#include <cerrno>

#include "engine/base/assert.h"

namespace manifolddb::storage {

Errc CodeOf(int os_error) {
  MANIFOLDDB_ASSERT(os_error != 0);
  switch (os_error) {
    case ENOENT:
    case ENOTDIR: return Errc::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS: return Errc::kPermission;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return Errc::kNoSpace;
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
    case EINVAL: return Errc::kInvalidArgument;
    case ENOMEM: return Errc::kNoMemory;
    case EMFILE:
    case ENFILE: return Errc::kLimit;
    default: return Errc::kIo;
  }
}

std::unexpected<Error> FailErrno(const char* operation, const std::string& file, int os_error,
                                 uint64_t offset) {
  return Fail(CodeOf(os_error), operation, {.file = file, .offset = offset, .os_error = os_error});
}

}  // namespace manifolddb::storage
