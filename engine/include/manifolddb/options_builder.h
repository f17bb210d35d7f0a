#pragma once
// Options put together call by call, and checked at the end, all of them at once:
//
//   const Result<Options> options =
//       OptionsBuilder(OptionsForServer(memory)).LogBytesMax(uint64_t{4} << 30).ReadOnly().Build();
//
// What each means stands in options.h; plain Options do as well.

#include <cstdint>
#include <memory>
#include <utility>

#include "manifolddb/options.h"

namespace manifolddb {

// Each call sets an option and gives the builder back. A plain value.
class OptionsBuilder {
 public:
  // Begins with these: the defaults, or a preset (presets.h).
  explicit OptionsBuilder(Options from = {}) : options_(std::move(from)) {}

  // As the members of Options of the same names.
  OptionsBuilder& CreateIfMissing(bool yes = true) { return Set(options_.create_if_missing, yes); }
  OptionsBuilder& ReadOnly(bool yes = true) { return Set(options_.read_only, yes); }
  OptionsBuilder& PageSize(uint32_t bytes) { return Set(options_.page_size, bytes); }
  OptionsBuilder& WriteUnit(uint32_t bytes) { return Set(options_.write_unit, bytes); }
  OptionsBuilder& LogBytesInitial(uint64_t bytes) { return Set(options_.log_bytes_initial, bytes); }
  OptionsBuilder& LogBytesMax(uint64_t bytes) { return Set(options_.log_bytes_max, bytes); }
  OptionsBuilder& CacheBytes(uint64_t bytes) { return Set(options_.cache_bytes, bytes); }
  OptionsBuilder& DirtyBytesMax(uint64_t bytes) { return Set(options_.dirty_bytes_max, bytes); }
  OptionsBuilder& CheckpointIntervalMs(uint64_t ms) { return Set(options_.checkpoint_interval_ms, ms); }
  OptionsBuilder& RunOn(std::shared_ptr<Executor> on) { return Set(options_.executor, std::move(on)); }
  OptionsBuilder& TimeBy(std::shared_ptr<Clock> clock) { return Set(options_.clock, std::move(clock)); }
  OptionsBuilder& Tell(std::shared_ptr<EventListener> whom) {
    return Set(options_.listener, std::move(whom));
  }

  // The options, if Open would take them: else kInvalidArgument with every mistake at once, as Validate.
  Result<Options> Build() const {
    if (const Status valid = Validate(options_); !valid) return std::unexpected(valid.error());
    return options_;
  }

 private:
  template <class T>
  OptionsBuilder& Set(T& option, T value) {
    option = std::move(value);
    return *this;
  }

  Options options_;
};

}  // namespace manifolddb
