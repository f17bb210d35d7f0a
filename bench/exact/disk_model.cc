// (1) One flush at a time; what begins at busy_until_ is closed to whoever comes at or after that moment.
// (2) Calls may come from several actors of one scheduler: only one of them runs at any time, and it is
//     switched away from inside SleepUntil only. So what is read before a sleep is read again after it.

#include "bench/exact/disk_model.h"

#include <algorithm>

namespace manifolddb::bench::exact {

void Disk::Sync(uint64_t bytes, bool metadata) {
  if (bytes == 0 && !metadata) return Call();
  Spend(model_.sync.Transfer(bytes));
  FlushWith(model_.sync.Base() + (metadata ? model_.metadata_ns : 0), model_.sync_share_ns);
}

void Disk::WriteDurable(uint64_t bytes, bool metadata) {
  Spend(model_.durable.Transfer(bytes));
  FlushWith(model_.durable.Base() + (metadata ? model_.metadata_ns : 0), model_.durable_share_ns);
}

void Disk::FlushWith(uint64_t work_ns, uint64_t share_ns) {
  const uint64_t now = timeline_->Now();
  if (next_ != nullptr && now >= busy_until_) Begin(*next_, busy_until_);
  if (now >= busy_until_) {
    Flush alone{.work_ns = work_ns};
    Begin(alone, now);
    timeline_->SleepUntil(alone.end);
    return;
  }
  if (next_ == nullptr) {
    next_ = std::make_shared<Flush>();
  } else {
    next_->share_ns += share_ns;
  }
  next_->work_ns = std::max(next_->work_ns, work_ns);
  const std::shared_ptr<Flush> mine = next_;
  timeline_->SleepUntil(busy_until_);
  if (mine->end == 0) Begin(*mine, busy_until_);
  timeline_->SleepUntil(mine->end);
}

void Disk::Begin(Flush& flush, uint64_t at) {
  flush.end = at + flush.work_ns + flush.share_ns;
  busy_until_ = flush.end;
  if (next_.get() == &flush) next_.reset();
  ++flushes_;
}

}  // namespace manifolddb::bench::exact
