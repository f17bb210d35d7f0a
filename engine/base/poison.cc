#include "engine/base/poison.h"

namespace manifolddb::base {

void Poison::Set(const Error& error) {
  MutexLock lock(mutex_);
  if (!first_) first_ = error;
  set_.store(true, std::memory_order_release);
}

Status Poison::Check(const char* operation) const {
  if (!set()) [[likely]]
    return {};
  MutexLock lock(mutex_);
  // In a forked child nothing was written, and opening the files again there is not what would help.
  const Errc code = first_->code() == Errc::kForked ? Errc::kForked : Errc::kPoisoned;
  return Fail(code, operation, {.file = first_->file(), .message = "after " + first_->ToString()});
}

}  // namespace manifolddb::base
