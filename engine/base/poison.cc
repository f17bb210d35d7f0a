#include "engine/base/poison.h"

namespace manifolddb::base {

void Poison::Set(const Error& error) {
  bool is_first = false;
  {
    MutexLock lock(mutex_);
    is_first = !first_;
    if (is_first) first_ = error;
    set_.store(true, std::memory_order_release);
  }
  if (is_first && listener_ != nullptr) listener_->OnPoison(error);
}

Status Poison::Check(const char* operation) const {
  if (!set()) [[likely]]
    return {};
  MutexLock lock(mutex_);
  // In a forked child nothing was written, and opening the files again there is not what would help.
  if (first_->code() == Errc::kForked) {
    return Fail(Errc::kForked, operation,
                {.file = first_->file(), .message = "refused by " + std::string(first_->operation())},
                *first_);
  }
  return Fail(Errc::kPoisoned, operation, {.file = first_->file(), .message = "after " + first_->ToString()},
              *first_);
}

}  // namespace manifolddb::base
