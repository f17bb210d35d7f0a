#pragma once
// Virtual time: what the simulated disk spends, and what the engine reads as its clock.

#include <cstdint>
#include <memory>

#include "manifolddb/executor.h"

namespace manifolddb::bench::exact {

class Timeline {
 public:
  virtual ~Timeline() = default;
  // Nanoseconds since the beginning; never goes back.
  virtual uint64_t Now() const = 0;
  // The caller is busy, or waits for the disk, until then. No effect if that is over.
  virtual void SleepUntil(uint64_t nanos) = 0;
};

// Of one thread: sleeping is moving the clock.
class SoloTimeline final : public Timeline {
 public:
  uint64_t Now() const override { return now_; }
  void SleepUntil(uint64_t nanos) override {
    if (nanos > now_) now_ = nanos;
  }

 private:
  uint64_t now_ = 0;
};

// Virtual time as the engine's clock.
class TimelineClock final : public Clock {
 public:
  explicit TimelineClock(std::shared_ptr<Timeline> timeline) : timeline_(std::move(timeline)) {}
  uint64_t NowNanos() override { return timeline_->Now(); }

 private:
  const std::shared_ptr<Timeline> timeline_;
};

}  // namespace manifolddb::bench::exact
