#pragma once
// Sessions that are ready before the clock starts: to connect, to prepare statements, to map a file and to
// touch its pages for the first time is what some engines pay for each session, and no row is about that.

#include <memory>
#include <vector>

#include "bench/engines/engine.h"

namespace manifolddb::bench {

using Sessions = std::vector<std::unique_ptr<Session>>;

// `count` of them; number i has read family i % families once, both ways.
Sessions OpenSessions(Engine& engine, int count, int families = 1);

// The sessions of the rows that share one database: opened when a row wants more than the one before.
class SharedSessions {
 public:
  // Each new one reads all of family 0, which must have `entries`.
  void Reserve(Engine& engine, int count, uint64_t entries);
  Session& operator[](int number) const { return *sessions_[static_cast<size_t>(number)]; }
  // REQUIRED before the engine is closed.
  void Close() { sessions_.clear(); }

 private:
  Sessions sessions_;
};

}  // namespace manifolddb::bench
