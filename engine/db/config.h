#pragma once
// User words into engine words: the only place that validates options.

#include <cstdint>

#include "manifolddb/options.h"
#include "manifolddb/result.h"

namespace manifolddb::db {

struct CreateConfig {
  uint32_t page_size = 0;
  uint32_t write_unit = 0;
  uint64_t log_capacity = 0;
};

struct Config {
  CreateConfig create;            // used if the database does not exist
  uint32_t page_size_wanted = 0;  // 0: whatever it has
  uint64_t log_bytes_max = 0;
  uint64_t cache_bytes = 0;
  uint64_t dirty_bytes_max = 0;
  uint64_t checkpoint_interval_ns = 0;
};

// kInvalidArgument in `operation`, as Validate.
Result<Config> Resolve(const Options& options, const char* operation = "database.open");

}  // namespace manifolddb::db
