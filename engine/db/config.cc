#include "engine/db/config.h"

#include <algorithm>
#include <bit>
#include <string>

#include "engine/base/try.h"
#include "engine/format/meta_page.h"
#include "engine/format/page_header.h"

namespace manifolddb::db {
namespace {

Status Check(bool holds, const char* option, uint64_t value, const char* rule) {
  if (holds) return {};
  return Fail(Errc::kInvalidArgument, "database.open",
              {.message = std::string(option) + " is " + std::to_string(value) + "; it must be " + rule});
}

}  // namespace

Result<Config> Resolve(const Options& options) {
  constexpr uint64_t kLogBytesMax = uint64_t{1} << 40;
  constexpr uint64_t kIntervalMsMax = uint64_t{1} << 40;
  constexpr uint64_t kLogUnitsMin = 8;
  const uint32_t unit = options.write_unit;
  MANIFOLDDB_TRY(
      Check(std::has_single_bit(unit) && unit >= format::kWriteUnitMin && unit <= format::kWriteUnitMax,
            "write_unit", unit, "a power of two from 512 to 16384"));
  Config config;
  config.page_size_wanted = options.page_size;
  const uint32_t page =
      options.page_size != 0 ? options.page_size : std::max(format::kPageBytesDefault, unit);
  MANIFOLDDB_TRY(
      Check(std::has_single_bit(page) && page >= format::kPageBytesMin && page <= format::kPageBytesMax,
            "page_size", page, "a power of two from 512 to 65536"));
  if (options.page_size == 0 || options.create_if_missing) {
    MANIFOLDDB_TRY(Check(page % unit == 0, "page_size", page, "a multiple of write_unit"));
  }
  const uint64_t initial = options.log_bytes_initial;
  MANIFOLDDB_TRY(Check(initial % unit == 0 && initial >= kLogUnitsMin * unit && initial <= kLogBytesMax,
                       "log_bytes_initial", initial,
                       "a multiple of write_unit, at least 8 of them, at most 2^40"));
  MANIFOLDDB_TRY(Check(options.log_bytes_max >= initial && options.log_bytes_max % unit == 0 &&
                           options.log_bytes_max <= kLogBytesMax,
                       "log_bytes_max", options.log_bytes_max,
                       "a multiple of write_unit, at least log_bytes_initial, at most 2^40"));
  MANIFOLDDB_TRY(Check(options.cache_bytes > 0, "cache_bytes", 0, "at least 1"));
  MANIFOLDDB_TRY(Check(options.checkpoint_interval_ms <= kIntervalMsMax, "checkpoint_interval_ms",
                       options.checkpoint_interval_ms, "at most 2^40"));
  config.create = {page, unit, initial};
  config.log_bytes_max = options.log_bytes_max;
  config.cache_bytes = options.cache_bytes;
  constexpr uint64_t kDirtyBytesMin = uint64_t{1} << 20;  // with less there is a sync every few pages
  const uint64_t dirty = options.dirty_bytes_max;
  config.dirty_bytes_max = dirty != 0 ? dirty : std::max(options.cache_bytes / 2, kDirtyBytesMin);
  config.checkpoint_interval_ns = options.checkpoint_interval_ms * 1'000'000;
  return config;
}

}  // namespace manifolddb::db
