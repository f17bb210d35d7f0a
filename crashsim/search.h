#pragma once
// Looks for a failure of one rule: plays a list of steps and ends it everywhere, in one shape.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "crashsim/case.h"

namespace manifolddb::crashsim {

// A step of the one actor, or (reopen) the database closed and opened again; at the end of a list: closed.
// Behind all of them, the steps of threads that run side by side, with the switches amid each.
struct Item {
  Step step = {};
  bool reopen = false;
  std::optional<size_t> thread = std::nullopt;
  struct Away {
    uint64_t event = 0;
    size_t to = 0;
  };
  std::vector<Away> switches = {};
};
using Items = std::vector<Item>;
Switches SwitchesOf(const Items& items);
void SetSwitches(const Switches& switches, Items& items);

// How the lives end, one after the other; what a life has not begun is the next one's. None: the run itself
// is what goes wrong; kGoOn, at the end: what a life does that goes on behind the others.
enum class EndKind : uint8_t { kPower, kKill, kDamage, kGoOn };
using Shape = std::vector<EndKind>;
std::string Describe(const Shape& shape);  // "run", "power cut", "kill, power cut", "kill, run"

struct Hit {
  Case what;
  Finding finding;
};

// Schedules of the threads that are tried where none is known to fail: as `crashsim schedules` would.
struct Wander {
  Strategy strategy = Strategy::kBounded;
  uint32_t preemptions = 2;
  uint64_t seed = 1;
  uint64_t runs = 100;
  std::optional<NamedSchedule> given = std::nullopt;  // this one alone
};

struct SearchWish {
  Setup setup;
  Items items = {};
  std::vector<Switches> otherwise = {};         // schedules to be tried where that of the items does not fail
  std::optional<Wander> wander = std::nullopt;  // instead of both
  Shape shape = {};
  std::optional<Rule> rule = std::nullopt;        // only such a failure counts
  std::optional<Promise> promise = std::nullopt;  // only of this promise; the first one of another is told
  uint64_t recoveries_max = 20'000;
  // The first end is in its life's last step, or behind it.
  bool late = false;
  // The whole search, for the failure in which the fewest changes are lost. Otherwise the first one found.
  bool best = false;
};

struct SearchResult {
  std::optional<Hit> hit;
  std::optional<Hit> other = std::nullopt;  // of another promise than the one wished for
  uint64_t recoveries = 0;
  bool died = false;  // the engine ended the process, or came to no end
};

SearchResult Search(const SearchWish& wish);
// The same in a process of its own: a broken engine may end it.
SearchResult SearchApart(const SearchWish& wish);
// Whether the case holds on the engine without broken sites; in a process of its own as well.
bool HoldsUnbroken(const Case& what);

}  // namespace manifolddb::crashsim
