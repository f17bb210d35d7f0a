// Guards those who wait for room in the log against those who commit through checkpoints, one
// after the other.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>

#include "crashsim/directors.h"
#include "crashsim/random.h"
#include "crashsim/registry.h"
#include "crashsim/sequences.h"
#include "crashsim/session.h"
#include "crashsim/stall_watch.h"
#include "faultfs/disk.h"

namespace manifolddb::crashsim {
namespace {

// The last actor for so many steps, which leaves it amid a commit through a checkpoint; then the first one,
// whose commits want a checkpoint as well, and wait for it; then the second one, which fills what room there
// is left, and waits for that checkpoint to make some. Then anybody, the second one seldom.
class UntilOneStalls final : public RaceDirector {
 public:
  UntilOneStalls(uint64_t first_steps, uint64_t seed)
      : first_steps_(first_steps), random_(seed), hits_(Hits()) {}
  bool Advance() override { return false; }
  std::string ToString() const override { return "until one stalls"; }
  bool stalled() const { return Hits() > hits_; }

 private:
  static uint64_t Hits() { return HitsOf("txn.waits_for_log_space"); }
  size_t DoChoose(std::span<const size_t> actors, bool /*forced*/) override {
    if (racing() && !stalled()) {
      constexpr size_t kLast = 3;
      if (raced_++ < first_steps_ && actors.back() == kLast) return actors.size() - 1;
      const auto first = std::ranges::min_element(actors);
      if (*first < 2) return static_cast<size_t>(first - actors.begin());
    }
    // The one that waits: seldom, so that others are at it again when it looks.
    const auto waits = std::ranges::find(actors, size_t{1});
    const size_t chosen = random_.Below(actors.size());
    const bool it = waits != actors.end() && actors[chosen] == 1;
    return it && !random_.Chance(10) ? random_.Below(actors.size()) : chosen;
  }
  const uint64_t first_steps_;
  uint64_t raced_ = 0;
  Random random_;
  const uint64_t hits_;
};

// The checkpoint that runs when a commit begins to wait may just begin to capture; the next one covers all
// that is in the log by then. What goes through checkpoints takes no room.
constexpr uint64_t kPassedMax = 2;

// Whose commits go through checkpoints hold the checkpointer one after the other, so that it never rests.
TEST(Stalls, WhoWaitsForRoomIsNotPassedByThoseWhoCommitThroughCheckpoints) {
  const auto setup = SetupOfSequences(false);
  const Beginning beginning(setup);
  const Race race = *ParseRace(
      "family c, large a; large a, large a | large b, large b | through a, through a, through a, through a, "
      "through a, through a | through c, through c, through c, through c, through c, through c");
  uint64_t stalls = 0, passed = 0;
  const auto run = [&](uint64_t first_steps, uint64_t seed) {
    UntilOneStalls director(first_steps, seed);
    director.Begin();
    const auto watch = std::make_shared<StallWatch>();
    SessionPlan plan{.setup = setup, .program = ProgramOf(race)};
    plan.setup.options.clock = watch;
    plan.setup.options.listener = watch;
    plan.director = &director;
    plan.before_round = [&](size_t round) { director.Race(round == race.round()); };
    director.SetWatch({.meets = [&](const Moment& moment) {
      if (moment.at == Moment::At::kWait) watch->Waits();
    }});
    const auto disk = std::make_shared<faultfs::Disk>(beginning.image, setup.traits, 2);
    const Session session = RunSession(disk, plan, [] { std::abort(); });
    EXPECT_TRUE(session.violations.empty()) << first_steps << "/" << seed;
    EXPECT_LE(watch->passed(), kPassedMax) << "schedule " << first_steps << "/" << seed;
    stalls += director.stalled() ? 1 : 0;
    passed = std::max(passed, watch->passed());
    return director.stalled();
  };
  for (uint64_t first_steps = 0; first_steps <= 60; ++first_steps) {
    const bool again = run(first_steps, 0);
    for (uint64_t seed = 1; again && seed <= 10; ++seed) run(first_steps, seed);
  }
  EXPECT_GT(stalls, 20u) << "else it shows nothing";
  RecordProperty("stalls", static_cast<int>(stalls));
  RecordProperty("passed", static_cast<int>(passed));
}

}  // namespace
}  // namespace manifolddb::crashsim
