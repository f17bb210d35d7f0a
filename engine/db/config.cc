#include "engine/db/config.h"

#include <algorithm>
#include <bit>
#include <string>

#include "engine/base/try.h"
#include "engine/format/meta_page.h"
#include "engine/format/page_header.h"

namespace manifolddb::db {
namespace {

// What is wrong with options, collected: who has mended one mistake should not be told of the next only then.
class Complaints {
 public:
  void Unless(bool holds, const char* option, uint64_t value, const char* rule) {
    if (holds) return;
    if (!message_.empty()) message_ += "; ";
    message_ += std::string(option) + " is " + std::to_string(value) + "; it must be " + rule;
  }
  Status Sum(const char* operation) const {
    if (message_.empty()) return {};
    return Fail(Errc::kInvalidArgument, operation, {.message = message_});
  }

 private:
  std::string message_;
};

void CheckLog(const Options& options, uint32_t unit, Complaints& complaints) {
  constexpr uint64_t kLogBytesMax = uint64_t{1} << 40;
  constexpr uint64_t kLogUnitsMin = 8;
  const uint64_t initial = options.log_bytes_initial;
  const bool initial_holds = initial % unit == 0 && initial >= kLogUnitsMin * unit && initial <= kLogBytesMax;
  complaints.Unless(initial_holds, "log_bytes_initial", initial,
                    "a multiple of write_unit, at least 8 of them, at most 2^40");
  const uint64_t max = options.log_bytes_max;
  const uint64_t least = initial_holds ? initial : 0;
  complaints.Unless(max >= least && max % unit == 0 && max <= kLogBytesMax, "log_bytes_max", max,
                    "a multiple of write_unit, at least log_bytes_initial, at most 2^40");
}

Status Check(const Options& options, uint32_t page, const char* operation) {
  constexpr uint64_t kIntervalMsMax = uint64_t{1} << 40;
  Complaints complaints;
  const uint32_t unit = options.write_unit;
  const bool unit_holds =
      std::has_single_bit(unit) && unit >= format::kWriteUnitMin && unit <= format::kWriteUnitMax;
  const bool page_holds =
      std::has_single_bit(page) && page >= format::kPageBytesMin && page <= format::kPageBytesMax;
  complaints.Unless(unit_holds, "write_unit", unit, "a power of two from 512 to 16384");
  // Where none was given it follows from the unit, and so does what is wrong with it.
  if (options.page_size != 0 || unit_holds)
    complaints.Unless(page_holds, "page_size", page, "a power of two from 512 to 65536");
  // Whether sizes go together is asked only of those that are right by themselves.
  const uint32_t multiple_of = unit_holds ? unit : 1;
  if (page_holds && (options.page_size == 0 || options.create_if_missing))
    complaints.Unless(page % multiple_of == 0, "page_size", page, "a multiple of write_unit");
  CheckLog(options, multiple_of, complaints);
  complaints.Unless(options.cache_bytes > 0, "cache_bytes", 0, "at least 1");
  complaints.Unless(options.checkpoint_interval_ms <= kIntervalMsMax, "checkpoint_interval_ms",
                    options.checkpoint_interval_ms, "at most 2^40");
  return complaints.Sum(operation);
}

}  // namespace

Result<Config> Resolve(const Options& options, const char* operation) {
  const uint32_t page =
      options.page_size != 0 ? options.page_size : std::max(format::kPageBytesDefault, options.write_unit);
  MANIFOLDDB_TRY(Check(options, page, operation));
  Config config;
  config.page_size_wanted = options.page_size;
  config.create = {page, options.write_unit, options.log_bytes_initial};
  config.log_bytes_max = options.log_bytes_max;
  config.cache_bytes = options.cache_bytes;
  constexpr uint64_t kDirtyBytesMin = uint64_t{1} << 20;  // with less there is a sync every few pages
  const uint64_t dirty = options.dirty_bytes_max;
  config.dirty_bytes_max = dirty != 0 ? dirty : std::max(options.cache_bytes / 2, kDirtyBytesMin);
  config.checkpoint_interval_ns = options.checkpoint_interval_ms * 1'000'000;
  return config;
}

}  // namespace manifolddb::db

namespace manifolddb {

Status Validate(const Options& options) {
  MANIFOLDDB_TRY(db::Resolve(options, "options.validate"));
  return {};
}

}  // namespace manifolddb
