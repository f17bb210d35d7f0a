#pragma once
// Makes a failure of a campaign small: few operations of one thread, one end, few lost sectors; and writes
// it down as a certificate.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "crashsim/lines/coordinates.h"
#include "crashsim/search.h"
#include "crashsim/sequences.h"
#include "crashsim/verdict.h"

namespace manifolddb::crashsim {

// What was found, and how it got smaller.
struct Shrunk {
  Case what;
  Finding finding;
  Shape shape;
  uint64_t recoveries = 0;
  uint64_t operations_before = 0;
};

// The programs of the line's generations, one actor's, as the first of them begins on an empty disk.
struct Origin {
  Setup setup;
  Items items;
  std::optional<Wander> wander = std::nullopt;  // of items with threads: where a schedule that fails is
  std::string scenario = {};                    // of a campaign's line
  uint64_t seed = 1;
};
std::optional<Origin> OriginOf(const Coordinates& at, std::string& why);
// The same of a sequence of `crashsim exhaustive`, behind the making of the database that it begins with.
Origin OriginOf(const Sequence& sequence);
// The same of a race. Nothing if calls fail in it: certificates cannot say that.
std::optional<Origin> OriginOf(const Race& race, const Wander& wander);

class Shrinker {
 public:
  Shrinker(Origin origin, std::optional<Promise> promise, bool broken, uint64_t recoveries_max)
      : origin_(std::move(origin)), promise_(promise), broken_(broken), recoveries_max_(recoveries_max) {}

  // Nothing: it is not to be had with what certificates can say.
  std::optional<Shrunk> Run();
  uint64_t recoveries() const { return recoveries_; }

 private:
  struct Found {
    Setup setup = {};
    Items items = {};
    Shape shape = {};
    std::optional<Hit> hit = std::nullopt;
  };

  bool Spent() const { return recoveries_ >= recoveries_max_; }
  std::optional<Hit> Try(const Setup& setup, const Items& items, uint64_t recoveries_max);
  std::optional<Hit> Find(const SearchWish& wish);
  bool Races() const { return origin_.wander.has_value(); }
  bool Translate();
  bool TranslateRace();
  bool TranslateIn(const std::vector<Shape>& shapes);
  bool Take(Found found);
  bool Accept(Items items);
  void AcceptSteps(const std::function<bool(Step&)>& change);
  void DropItems();
  void DropOps();
  void DropSwitches();
  void CloseRanks();
  void Simplify();
  void Rename();
  std::optional<Hit> BestEnd();
  std::optional<Shrunk> RunHunt(uint64_t operations_before);

  const Origin origin_;
  const std::optional<Promise> promise_;
  const bool broken_;  // on purpose: then any promise will do if this one will not
  const uint64_t recoveries_max_;
  uint64_t recoveries_ = 0;
  // The smallest so far.
  Setup setup_;
  Items items_;
  Shape shape_;
  std::optional<Rule> rule_;
  std::optional<Hit> hit_;
  Found other_;  // of another promise
};

}  // namespace manifolddb::crashsim
