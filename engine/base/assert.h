#pragma once
// Always-on assertions: the program is wrong. Never for bytes that came from disk (those are Errc::kCorrupt).

namespace manifolddb::base {
[[noreturn]] void AssertFailed(const char* condition, const char* file, int line);
}

#define MANIFOLDDB_ASSERT(condition)                                    \
  do {                                                                  \
    if (!(condition)) [[unlikely]]                                      \
      ::manifolddb::base::AssertFailed(#condition, __FILE__, __LINE__); \
  } while (0)

// For walks over whole structures: only where MANIFOLDDB_SLOW_CHECKS is 1 (all presets but release).
#if MANIFOLDDB_SLOW_CHECKS
#define MANIFOLDDB_ASSERT_SLOW(condition) MANIFOLDDB_ASSERT(condition)
#else
#define MANIFOLDDB_ASSERT_SLOW(condition) \
  do {                                    \
  } while (0)
#endif

// Documents that both values are legal here.
#define MANIFOLDDB_MAYBE(condition) static_cast<void>(sizeof((condition) ? 1 : 0))
