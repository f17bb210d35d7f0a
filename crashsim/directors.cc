// (1) A director decides by the order of what it is asked and by nothing else: the same schedule, the same
//     run.
#include "crashsim/directors.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <ranges>
#include <utility>

#include "engine/base/assert.h"

namespace manifolddb::crashsim {
namespace {

constexpr uint64_t kStepsMax = 100'000;  // a long race has some thousand

// "12:1,40:2": the choices that are not the first; "-" for none.
std::string TextOf(const std::map<uint64_t, size_t>& choices) {
  std::string text;
  for (const auto& [call, chosen] : choices) {
    if (chosen == 0) continue;
    text += (text.empty() ? "" : ",") + std::to_string(call) + ":" + std::to_string(chosen);
  }
  return text.empty() ? "-" : text;
}

// ---- All schedules, depth first

class Bounded final : public RaceDirector {
 public:
  explicit Bounded(uint32_t preemptions) : preemptions_(preemptions) {}

  bool Advance() override {
    while (!choices_.empty() && choices_.back().chosen + 1 == choices_.back().actors) choices_.pop_back();
    if (choices_.empty()) return false;
    ++choices_.back().chosen;
    return true;
  }
  std::string ToString() const override {
    std::map<uint64_t, size_t> choices;
    for (const Choice& choice : choices_) choices[choice.call] = choice.chosen;
    return TextOf(choices);
  }

 private:
  struct Choice {
    uint64_t call;
    size_t actors;
    size_t chosen;
  };

  void DoBegin() override { next_ = 0, used_ = 0; }
  size_t DoChoose(std::span<const size_t> actors, bool forced) override {
    if (!forced && used_ == preemptions_) return 0;
    if (next_ == choices_.size()) choices_.push_back({choices(), actors.size(), 0});
    const Choice& choice = choices_[next_++];
    MANIFOLDDB_ASSERT(choice.call == choices() && choice.actors == actors.size());
    if (!forced && choice.chosen != 0) ++used_;
    return choice.chosen;
  }

  const uint32_t preemptions_;
  std::vector<Choice> choices_;
  size_t next_ = 0;
  uint32_t used_ = 0;  // preemptions in this run
};

// ---- One that is given

class Listed final : public RaceDirector {
 public:
  explicit Listed(std::map<uint64_t, size_t> choices) : listed_(std::move(choices)) {}
  bool Advance() override { return false; }
  std::string ToString() const override { return TextOf(listed_); }

 private:
  size_t DoChoose(std::span<const size_t> actors, bool) override {
    const auto found = listed_.find(choices());
    return found == listed_.end() ? 0 : std::min(found->second, actors.size() - 1);
  }
  const std::map<uint64_t, size_t> listed_;
};

// ---- Switches by the seam's events

class Switched final : public RaceDirector {
 public:
  explicit Switched(Switches switches) : listed_(std::move(switches)) { SwitchAtPublishing(); }
  bool Advance() override { return false; }
  std::string ToString() const override {
    std::string text;
    for (const Switch& one : listed_) {
      text += (text.empty() ? "" : ",") + std::to_string(one.thread) + "." + std::to_string(one.step) + "." +
              std::to_string(one.event) + ":" + std::to_string(one.to);
    }
    return text.empty() ? "-" : text;
  }

 private:
  size_t DoChoose(std::span<const size_t> actors, bool) override {
    const Moment& here = moment();
    if (!racing() || !here.counts) return 0;
    for (const Switch& one : listed_) {
      if (one.thread != here.actor || one.step != here.step || one.event != here.event) continue;
      const auto found = std::ranges::find(actors, one.to);
      if (found != actors.end()) return static_cast<size_t>(found - actors.begin());
    }
    return 0;
  }
  const Switches listed_;
};

// ---- Drawn from a seed

class Drawn : public RaceDirector {
 public:
  explicit Drawn(const Draw& draw) : draw_(draw), run_(draw.first) { SwitchAtPublishing(); }
  bool Advance() final { return ++run_ < draw_.first + draw_.runs; }
  std::string ToString() const final {
    return std::string(Name(draw_.strategy)) + ":" + std::to_string(draw_.seed) + ":" + std::to_string(run_);
  }

 protected:
  Random RandomOfRun() const { return Random(Mix(draw_.seed, static_cast<uint64_t>(draw_.strategy), run_)); }

 private:
  const Draw draw_;
  uint64_t run_;
};

class Walk final : public Drawn {
 public:
  using Drawn::Drawn;

 private:
  void DoBegin() override {
    constexpr uint32_t kStay[] = {0, 50, 80, 95};
    random_ = RandomOfRun();
    stay_percent_ = kStay[random_.Below(std::size(kStay))];
  }
  size_t DoChoose(std::span<const size_t> actors, bool forced) override {
    if (!forced && random_.Chance(stay_percent_)) return 0;
    return random_.Below(actors.size());
  }

  Random random_{0};
  uint32_t stay_percent_ = 0;
};

class Pct final : public Drawn {
 public:
  Pct(const Draw& draw, uint64_t steps)
      : Drawn(draw),
        changes_(draw.strategy == Strategy::kPct2 ? 1 : 2),
        steps_max_(std::max<uint64_t>(steps, 1)) {}

 private:
  void DoBegin() override {
    random_ = RandomOfRun();
    priorities_.clear();
    for (uint64_t& at : changes_) at = random_.Between(1, steps_max_);
  }
  size_t DoChoose(std::span<const size_t> actors, bool) override {
    if (steps() > 2 * steps_max_) return random_.Below(actors.size());
    const size_t first = Highest(actors);
    return Fall(actors[first]) ? Highest(actors) : first;
  }
  void DoOnly(size_t actor) override { Fall(actor); }

  // Below all that were drawn, and among those that fell in an order that was drawn: changes_ is not sorted.
  bool Fall(size_t actor) {
    const auto at = std::ranges::find(changes_, steps());
    if (at == changes_.end()) return false;
    PriorityOf(actor) = static_cast<uint64_t>(at - changes_.begin());
    return true;
  }
  uint64_t& PriorityOf(size_t actor) {
    const auto [at, fresh] = priorities_.try_emplace(actor);
    if (fresh) at->second = changes_.size() + (random_.Next() >> 8);
    return at->second;
  }
  size_t Highest(std::span<const size_t> actors) {
    size_t highest = 0;
    // In the order of their numbers: a priority is drawn when an actor is first seen.
    for (size_t i = 0; i < actors.size(); ++i) {
      if (PriorityOf(actors[i]) > PriorityOf(actors[highest])) highest = i;
    }
    return highest;
  }

  Random random_{0};
  std::vector<uint64_t> changes_;  // steps
  const uint64_t steps_max_;
  std::map<size_t, uint64_t> priorities_;
};

std::optional<Draw> ParseDraw(const std::string& text) {
  const size_t colon = text.find(':');
  const auto strategy = ParseStrategy(text.substr(0, colon));
  if (colon == std::string::npos || !strategy || *strategy == Strategy::kBounded) return std::nullopt;
  unsigned long long seed = 0;
  unsigned long long run = 0;
  char rest = 0;
  if (std::sscanf(text.c_str() + colon, ":%llu:%llu%c", &seed, &run, &rest) != 2) return std::nullopt;
  return Draw{.strategy = *strategy, .seed = seed, .first = run};
}

}  // namespace

const char* Name(Strategy strategy) {
  switch (strategy) {
    case Strategy::kBounded: return "bounded";
    case Strategy::kWalk: return "walk";
    case Strategy::kPct2: return "pct2";
    case Strategy::kPct3: return "pct3";
  }
  MANIFOLDDB_ASSERT(!"a strategy");
  return "";
}

std::optional<Strategy> ParseStrategy(const std::string& name) {
  for (const Strategy strategy : kStrategies) {
    if (name == Name(strategy)) return strategy;
  }
  return std::nullopt;
}

void RaceDirector::Begin() {
  choices_ = steps_ = 0;
  racing_ = false;
  moment_ = {};
  switches_.clear();
  DoBegin();
}

void RaceDirector::CountStep() {
  if (racing_ && ++steps_ > kStepsMax) on_endless_();
}

size_t RaceDirector::Choose(std::span<const size_t> actors, bool forced) {
  CountStep();
  const size_t chosen = DoChoose(actors, forced);
  ++choices_;
  MANIFOLDDB_ASSERT(chosen < actors.size());
  // Nobody has met anything yet: as if the first one had gone on, to the beginning of its first step.
  if (racing_ && chosen != 0) {
    switches_.push_back({moment_.actor, moment_.step, moment_.event, actors[chosen]});
  }
  return chosen;
}

void RaceDirector::Meet(const Moment& moment) {
  moment_ = moment;
  if (racing_ && watch_.meets) watch_.meets(moment);
}

void RaceDirector::GoesOn(size_t actor) {
  if (racing_ && watch_.goes_on) watch_.goes_on(actor);
}

void RaceDirector::Only(size_t actor) {
  if (!racing_) return;
  CountStep();
  DoOnly(actor);
}

std::unique_ptr<RaceDirector> MakeBounded(uint32_t preemptions) {
  return std::make_unique<Bounded>(preemptions);
}
std::unique_ptr<RaceDirector> MakeListed(std::map<uint64_t, size_t> choices) {
  return std::make_unique<Listed>(std::move(choices));
}
std::unique_ptr<RaceDirector> MakeSwitched(Switches switches) {
  return std::make_unique<Switched>(std::move(switches));
}
std::unique_ptr<RaceDirector> MakeDrawn(const Draw& draw, uint64_t steps) {
  MANIFOLDDB_ASSERT(draw.strategy != Strategy::kBounded);
  if (draw.strategy == Strategy::kWalk) return std::make_unique<Walk>(draw);
  return std::make_unique<Pct>(draw, steps);
}

std::optional<NamedSchedule> ParseSchedule(const std::string& text) {
  NamedSchedule named;
  if (text == "-") return named;
  named.draw = ParseDraw(text);
  if (named.draw) return named;
  const char* at = text.c_str();
  for (;;) {
    unsigned long long call = 0;
    unsigned long long choice = 0;
    int read = 0;
    if (std::sscanf(at, "%llu:%llu%n", &call, &choice, &read) != 2) return std::nullopt;
    named.choices[call] = static_cast<size_t>(choice);
    at += read;
    if (*at == '\0') return named;
    if (*at++ != ',') return std::nullopt;
  }
}

}  // namespace manifolddb::crashsim
