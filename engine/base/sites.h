#pragma once
// Fault sites and marks: how the harness proves itself. In the shipped library both compile to nothing.
//
// A site is a place where a test build can break the engine on purpose:
//     if (!MANIFOLDDB_BROKEN("wal.sync.skip")) MANIFOLDDB_TRY(file.Sync());
// A mark counts that a rare path was taken:
//     MANIFOLDDB_MARK("recovery.torn_tail");
// Names are string literals "module.thing.what"; crashsim breaks all but "decode." (only forged bytes meet
// them: fuzz/) and "backup." (proptest/). Each registers itself before main in builds with
// MANIFOLDDB_SITES=1, whether or not its code ever runs. The registry is process-wide; sites are switched
// while no database is open, marks are counted by any thread.

#if MANIFOLDDB_SITES
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace manifolddb::base {

class Site {
 public:
  explicit Site(const char* name);
  const char* name() const { return name_; }
  // True if the engine is to misbehave here; counts how often it did.
  bool Broken() {
    if (!broken_.load(std::memory_order_relaxed)) return false;
    hits_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  void Break(bool on) { broken_.store(on, std::memory_order_relaxed); }
  uint64_t hits() const { return hits_.load(std::memory_order_relaxed); }
  Site* next() const { return next_; }
  static Site* First();

 private:
  const char* name_;
  std::atomic<bool> broken_{false};
  std::atomic<uint64_t> hits_{0};
  Site* next_;
};

class Mark {
 public:
  explicit Mark(const char* name);
  const char* name() const { return name_; }
  void Hit() { hits_.fetch_add(1, std::memory_order_relaxed); }
  uint64_t hits() const { return hits_.load(std::memory_order_relaxed); }
  Mark* next() const { return next_; }
  static Mark* First();

 private:
  const char* name_;
  std::atomic<uint64_t> hits_{0};
  Mark* next_;
};

template <size_t N>
struct Literal {
  char text[N];
  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr Literal(const char (&from)[N]) { std::copy_n(from, N, text); }
};
template <Literal kName>
struct SiteOf {
  static inline Site site{kName.text};
};
template <Literal kName>
struct MarkOf {
  static inline Mark mark{kName.text};
};

}  // namespace manifolddb::base

#define MANIFOLDDB_BROKEN(name) (::manifolddb::base::SiteOf<name>::site.Broken())
#define MANIFOLDDB_MARK(name) (::manifolddb::base::MarkOf<name>::mark.Hit())
#else
#define MANIFOLDDB_BROKEN(name) false
#define MANIFOLDDB_MARK(name) static_cast<void>(0)
#endif
