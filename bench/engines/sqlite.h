#pragma once
// The adapter of one engine; see engine.h.

#include "bench/engines/engine.h"

namespace manifolddb::bench {
std::unique_ptr<Engine> OpenSqlite(const OpenOptions& options);
}  // namespace manifolddb::bench
