// Guards the schedules that are tried one by one: all of them, the same again, silent on the sound engine and
// loud on one that only a certain switch breaks.
#include "crashsim/schedules.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "crashsim/directors.h"
#include "crashsim/lock_graph.h"
#include "crashsim/race_runner.h"
#include "crashsim/races.h"
#include "crashsim/scheduler.h"
#include "crashsim/sequences.h"
#include "engine/base/mutex.h"

namespace manifolddb::crashsim {
namespace {

[[noreturn]] void Die() { std::_Exit(7); }

// Answers by a list, then with the first one.
class Listed final : public Director {
 public:
  explicit Listed(std::vector<size_t> list) : list_(std::move(list)) {}
  size_t Choose(std::span<const size_t> actors, bool forced) override {
    asked.push_back({actors.size(), forced});
    const size_t at = asked.size() - 1;
    return at < list_.size() ? std::min(list_[at], actors.size() - 1) : 0;
  }
  struct Asked {
    size_t actors;
    bool forced;
    friend bool operator==(const Asked&, const Asked&) = default;
  };
  std::vector<Asked> asked;

 private:
  const std::vector<size_t> list_;
};

std::string Interleaving(std::vector<size_t> list) {
  Listed director(std::move(list));
  std::string order;
  Scheduler scheduler(0, {}, Die, &director);
  std::vector<std::function<void()>> bodies;
  for (const char name : {'a', 'b'}) {
    bodies.push_back([&order, &scheduler, name] {
      for (int i = 0; i < 2; ++i) {
        order += name;
        scheduler.Yield(50);
      }
    });
  }
  scheduler.Run(std::move(bodies));
  return order;
}

TEST(Director, DecidesEverySwitch) {
  EXPECT_EQ(Interleaving({}), "aabb");
  EXPECT_EQ(Interleaving({1}), "bbaa");
  EXPECT_EQ(Interleaving({0, 1}), "abba");  // a, then b, whose end leaves a
  EXPECT_EQ(Interleaving({0, 1, 1}), "abab");
}

TEST(Director, IsAskedBeforeLocksAndWhenOneWaits) {
  base::Mutex mutex(base::LockRank::kFamilies);
  base::CondVar changed;
  bool ready = false;
  Listed director({});
  Scheduler scheduler(0, {}, Die, &director);
  scheduler.Run({[&] {
                   base::MutexLock lock(mutex);
                   while (!ready) changed.Wait(mutex);
                 },
                 [&] {
                   base::MutexLock lock(mutex);
                   ready = true;
                   changed.NotifyAll();
                 }});
  // Who begins; a at its lock. b is alone from then on until it wakes a, which neither may choose after b's
  // end.
  EXPECT_EQ(director.asked, (std::vector<Listed::Asked>{{2, true}, {2, false}}));
}

TEST(Director, ALockThatAnotherHasIsWaitedFor) {
  base::Mutex outer(base::LockRank::kFamilies);
  base::Mutex inner(base::LockRank::kPageCache);
  std::string order;
  Listed director({0, 0, 1});  // a holds `outer` when b goes on
  Scheduler scheduler(0, {}, Die, &director);
  const auto body = [&](char name) {
    base::MutexLock first(outer);
    base::MutexLock second(inner);
    order += name;
  };
  scheduler.Run({[&] { body('a'); }, [&] { body('b'); }});
  EXPECT_EQ(order, "ab");
}

TEST(Director, IsAskedAtAtomicsIfItWantsToBe) {
  for (const bool wants : {false, true}) {
    std::string order;
    const auto director = MakeListed({{1, 1}});  // a begins, b takes over at the first chance
    if (wants) director->SwitchAtPublishing();
    director->Begin();
    Scheduler scheduler(0, {}, Die, director.get());
    const auto body = [&](char name) {
      order += name;
      base::AtPublishing();
      order += name;
    };
    scheduler.Run({[&] { body('a'); }, [&] { body('b'); }});
    EXPECT_EQ(order, wants ? "abba" : "aabb");
  }
}

// What it meets that counts, as "actor.step.event kind".
class Meeting final : public Director {
 public:
  size_t Choose(std::span<const size_t>, bool) override { return 0; }
  void Meet(const Moment& moment) override {
    constexpr char kKinds[] = "slpiwe-";
    met += std::to_string(moment.actor) + "." + std::to_string(moment.step) + "." +
           std::to_string(moment.event) + (moment.counts ? "" : "?") +
           kKinds[static_cast<size_t>(moment.at)] + " ";
  }
  std::string met;
};

TEST(Director, EventsAreCountedInEachStep) {
  base::Mutex mutex(base::LockRank::kFamilies);
  base::CondVar changed;
  bool ready = false;
  Meeting director;
  Scheduler scheduler(0, {}, Die, &director);
  scheduler.Run({[&] {
                   scheduler.BeginStep(0);
                   base::AtPublishing();
                   scheduler.Yield(50);
                   scheduler.BeginStep(1);
                   base::MutexLock lock(mutex);
                   while (!ready) changed.Wait(mutex);
                 },
                 [&] {
                   scheduler.BeginStep(0);
                   {
                     const Scheduler::Aside aside;
                     base::AtIo();
                   }
                   base::AtIo();
                   base::MutexLock lock(mutex);
                   ready = true;
                   changed.NotifyAll();
                 }});
  EXPECT_EQ(director.met,
            "0.0.0s 0.0.1p 0.0.2?- 0.1.0s 0.1.1l 0.1.2w 1.0.0s 1.0.1?i 1.0.1i 1.0.2l 1.0.3e 0.1.3l 0.1.4e ");
}

TEST(Director, SwitchesAreNamedByTheirEvents) {
  const auto order_of = [](Switches switches) {
    std::string order;
    const auto director = MakeSwitched(std::move(switches));
    director->Begin();
    director->Race(true);
    Scheduler scheduler(0, {}, Die, director.get());
    const auto body = [&](char name) {
      scheduler.BeginStep(0);
      order += name;
      base::AtPublishing();
      order += name;
    };
    scheduler.Run({[&] { body('a'); }, [&] { body('b'); }, [&] { body('c'); }});
    return order;
  };
  EXPECT_EQ(order_of({}), "aabbcc");
  EXPECT_EQ(order_of({{0, 0, 0, 2}}), "ccaabb");
  EXPECT_EQ(order_of({{0, 0, 1, 1}}), "abbacc") << "behind the end of b the first that can go on";
  EXPECT_EQ(order_of({{0, 0, 1, 1}, {1, 0, 2, 2}}), "abbcca") << "or who is named there";
  EXPECT_EQ(order_of({{1, 0, 1, 0}}), "aabbcc") << "who has ended cannot go on";
}

TEST(DirectorDeathTest, AWakeUpThatIsMissingIsADeadlock) {
  EXPECT_EXIT(
      {
        base::Mutex mutex(base::LockRank::kFamilies);
        base::CondVar changed;
        bool ready = false;
        Listed director({});
        Scheduler scheduler(0, {}, Die, &director);
        scheduler.Run({[&] {
                         base::MutexLock lock(mutex);
                         while (!ready) changed.Wait(mutex);
                       },
                       [&] {
                         base::MutexLock lock(mutex);
                         ready = true;  // and nobody is told
                       }});
      },
      testing::ExitedWithCode(7), "");
}

// A lock that goes through the seam as the engine's do, without their own check of ranks.
class ToyLock {
 public:
  explicit ToyLock(base::LockRank rank) : rank_(rank) {}
  void Lock() {
    base::switch_seam->BeforeLock(rank_);
    while (taken_) base::switch_seam->Wait(this, false);
    taken_ = true;
    base::switch_seam->Locked(rank_);
  }
  void Unlock() {
    taken_ = false;
    base::switch_seam->Unlocked(this, rank_);
  }

 private:
  const base::LockRank rank_;
  bool taken_ = false;  // one actor runs at a time
};

// One actor takes the locks one inside the other, then the other one does, in its own order; nobody is
// switched away from amid that. What the graph has to say.
std::optional<std::string> InversionOf(std::vector<ToyLock*> first, std::vector<ToyLock*> second) {
  Listed director({});
  LockGraph graph;
  graph.Enter("here");
  Scheduler scheduler(0, {}, Die, &director, &graph);
  const auto nested = [](const std::vector<ToyLock*>& locks) {
    for (ToyLock* lock : locks) lock->Lock();
    for (ToyLock* lock : locks) lock->Unlock();
  };
  scheduler.Run({[&] { nested(first); }, [&] { nested(second); }});
  return graph.TakeInversion();
}

TEST(LockGraph, AnInversionIsToldThoughNobodyEverWaited) {
  ToyLock families(base::LockRank::kFamilies);
  ToyLock space(base::LockRank::kLogSpace);
  ToyLock cache(base::LockRank::kPageCache);
  EXPECT_FALSE(InversionOf({&families, &space, &cache}, {&families, &cache}));
  EXPECT_EQ(InversionOf({&families, &space}, {&space, &families}),
            "lock of rank 40 asked for inside 50 in schedule here; 50 asked for inside 40 in schedule here");
}

TEST(LockGraph, ACycleOfThreeAndTwoOfOneRankAreInversions) {
  ToyLock cache(base::LockRank::kPageCache);
  ToyLock other(base::LockRank::kPageCache);
  LockGraph graph;
  using enum base::LockRank;
  const std::vector<base::LockRank> outer = {kFamilies, kLogSpace, kPageCache};
  graph.Enter("1");
  graph.Ask(std::span(outer).subspan(0, 1), kLogSpace);
  graph.Enter("2");
  graph.Ask(std::span(outer).subspan(1, 1), kPageCache);
  EXPECT_FALSE(graph.TakeInversion());
  graph.Enter("3");
  graph.Ask(std::span(outer).subspan(2, 1), kFamilies);
  EXPECT_EQ(graph.TakeInversion(),
            "lock of rank 40 asked for inside 90 in schedule 3; 50 asked for inside 40 in schedule 1; "
            "90 asked for inside 50 in schedule 2");
  EXPECT_TRUE(InversionOf({&cache, &other}, {})) << "of one rank";
}

TEST(LockGraph, WhoHasGivenALockBackHoldsItNoMore) {
  ToyLock families(base::LockRank::kFamilies);
  ToyLock space(base::LockRank::kLogSpace);
  Listed director({});
  LockGraph graph;
  Scheduler scheduler(0, {}, Die, &director, &graph);
  scheduler.Run({[&] {
    space.Lock();
    space.Unlock();
    families.Lock();
    space.Lock();
    families.Unlock();
    space.Unlock();
    families.Lock();
    families.Unlock();
  }});
  EXPECT_FALSE(graph.TakeInversion());
}

TEST(LockGraph, SeesTheEnginesLocks) {
  const RaceOptions options{.preemptions = 0};
  RaceRunner runner(options, *ParseRace("put a | checkpoint"),
                    {[](const std::string&) {}, [](const std::string&, const std::string&) { Die(); }});
  const RaceVerdict verdict = runner.All();
  EXPECT_EQ(verdict.wrong, 0u);
  EXPECT_GT(verdict.lock_orders, 0u);
}

TEST(Races, NamesAreReadBack) {
  std::set<std::string> names;
  for (const KnownRace& known : KnownRaces()) {
    const auto race = ParseRace(known.text);
    ASSERT_TRUE(race) << known.text;
    EXPECT_EQ(NameOf(*race), known.text);
    EXPECT_GT(race->actors.size(), 1u) << known.text;
    names.insert(known.text);
  }
  EXPECT_EQ(names.size(), KnownRaces().size());
  EXPECT_FALSE(ParseRace("put a | reopen"));
  EXPECT_FALSE(ParseRace("put a | "));
  EXPECT_FALSE(ParseRace("; put a"));
  EXPECT_FALSE(ParseRace("put a | put b ! sync"));
  EXPECT_FALSE(ParseRace("put a | put b ! sync_fails_later@1")) << "what it excuses nobody here knows";
}

TEST(Races, EveryScenarioHasAShortOneAndALongOne) {
  for (const char* scenario :
       {"two committers in one family", "two committers in different families", "one over both families",
        "a committer and a checkpoint", "readers opening and closing beside reclaim",
        "sync failure with several waiting", "log full with several waiting",
        "drop of a column family in use"}) {
    const std::vector<KnownRace> races = FindRaces(scenario);
    EXPECT_TRUE(std::ranges::any_of(races, [](const KnownRace& r) { return r.length == Length::kShort; }))
        << scenario;
    EXPECT_TRUE(std::ranges::any_of(races, [](const KnownRace& r) { return r.length == Length::kLong; }))
        << scenario;
  }
  ASSERT_EQ(FindRaces("put a | put b").size(), 1u);
  EXPECT_TRUE(FindRaces("put a | put b | nobody").empty());
}

TEST(Directors, NamesOfSchedulesAreReadBack) {
  EXPECT_TRUE(ParseSchedule("-")->choices.empty());
  EXPECT_EQ(ParseSchedule("12:1,40:2")->choices, (std::map<uint64_t, size_t>{{12, 1}, {40, 2}}));
  const auto drawn = ParseSchedule("pct3:5:17");
  ASSERT_TRUE(drawn && drawn->draw);
  EXPECT_EQ(drawn->draw->strategy, Strategy::kPct3);
  EXPECT_EQ(drawn->draw->seed, 5u);
  EXPECT_EQ(MakeDrawn(*drawn->draw, 100)->ToString(), "pct3:5:17");
  for (const char* none : {"", "12", "12:1;", "bounded:1:1", "walk:1", "walk:1:1:1", "pct4:1:1"}) {
    EXPECT_FALSE(ParseSchedule(none)) << none;
  }
}

// What a director chooses of two actors that can always go on, `steps` times; "-" where only one can.
std::string ChoicesOf(RaceDirector& director, size_t steps) {
  director.Begin();
  director.Race(true);
  const std::vector<size_t> actors = {0, 1};
  std::string choices;
  for (size_t i = 0; i < steps; ++i) choices += static_cast<char>('a' + director.Choose(actors, false));
  return choices;
}

size_t SwitchesIn(const std::string& choices) {
  size_t switches = 0;
  for (size_t i = 1; i < choices.size(); ++i) switches += choices[i] != choices[i - 1];
  return switches;
}

TEST(Directors, PrioritiesChangeSoOften) {
  constexpr size_t kSteps = 40;
  for (const auto& [strategy, changes] : {std::pair{Strategy::kPct2, 1u}, std::pair{Strategy::kPct3, 2u}}) {
    std::set<std::string> all;
    size_t most = 0;
    const auto director = MakeDrawn({.strategy = strategy, .seed = 3, .runs = 200}, kSteps);
    do {
      const std::string choices = ChoicesOf(*director, kSteps);
      EXPECT_EQ(choices, ChoicesOf(*director, kSteps)) << "the same again";
      most = std::max(most, SwitchesIn(choices));
      all.insert(choices);
    } while (director->Advance());
    EXPECT_EQ(most, changes);
    EXPECT_GT(all.size(), kSteps) << "who is first, and when that changes";
  }
}

TEST(Directors, WhoGoesFirstDoesNotKeepTheOthersWaitingForEver) {
  const auto director = MakeDrawn({.strategy = Strategy::kPct2, .seed = 1}, 10);
  EXPECT_GT(SwitchesIn(ChoicesOf(*director, 100)), 20u);
}

TEST(Directors, AWalkGoesEverywhere) {
  size_t fewest = 200;
  size_t most = 0;
  const auto director = MakeDrawn({.strategy = Strategy::kWalk, .seed = 3, .runs = 30}, 1);
  do {
    const size_t switches = SwitchesIn(ChoicesOf(*director, 200));
    fewest = std::min(fewest, switches);
    most = std::max(most, switches);
  } while (director->Advance());
  EXPECT_LT(fewest, 15u) << "who runs stays";
  EXPECT_GT(most, 80u) << "anybody goes on";
}

SchedulesOptions Of(const char* race, uint32_t preemptions, std::vector<std::string> broken) {
  SchedulesOptions options;
  options.race = race;
  options.how.preemptions = preemptions;
  options.how.stop_at_violation = true;
  options.broken = std::move(broken);
  return options;
}

SchedulesOptions Drawn(Strategy strategy, uint64_t seed, uint64_t runs) {
  SchedulesOptions options;
  options.how.strategy = strategy;
  options.how.seed = seed;
  options.how.runs = runs;
  return options;
}

TEST(Schedules, TheSoundEngineHoldsInAllOfThem) {
  SchedulesOptions options;
  options.how.preemptions = 1;
  EXPECT_EQ(RunSchedules(options), Outcomes::kHolds);
}

// Everything that a run of them comes to: a line for each race, with the hash of all its traces.
std::string ResultsOf(SchedulesOptions options) {
  options.json =
      (std::filesystem::temp_directory_path() / ("crashsim_schedules_" + std::to_string(::getpid())))
          .string();
  EXPECT_EQ(RunSchedules(options), Outcomes::kHolds);
  std::ifstream file(options.json);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  std::filesystem::remove(options.json);
  return text;
}

// All races, each in a process of its own; the sound engine holds in all of them.
TEST(Schedules, TheSameSeedTheSameTraces) {
  for (const Strategy strategy : kStrategies) {
    SchedulesOptions options = Drawn(strategy, 9, 4);
    options.how.preemptions = 0;
    options.how.points = 2;
    const std::string results = ResultsOf(options);
    EXPECT_NE(results.find("\"trace_hash\":"), std::string::npos);
    EXPECT_EQ(results, ResultsOf(options)) << Name(strategy);
  }
}

TEST(Schedules, AnotherSeedOtherTraces) {
  for (const Strategy strategy : {Strategy::kWalk, Strategy::kPct2, Strategy::kPct3}) {
    SchedulesOptions options = Drawn(strategy, 9, 4);
    options.race = "put a | put b | checkpoint";
    const std::string results = ResultsOf(options);
    ++options.how.seed;
    EXPECT_NE(results, ResultsOf(options)) << Name(strategy);
  }
}

TEST(Schedules, ACheckpointThatCapturesACommitAmidItsWayIsFoundByOneSwitch) {
  const std::vector<std::string> broken = {"checkpoint.capture.unappended"};
  EXPECT_EQ(RunSchedules(Of("put a | checkpoint", 0, broken)), Outcomes::kHolds);
  EXPECT_EQ(RunSchedules(Of("put a | checkpoint", 1, broken)), Outcomes::kViolation);
}

TEST(Schedules, EveryStrategyFindsACheckpointThatCapturesACommitAmidItsWay) {
  for (const Strategy strategy : {Strategy::kWalk, Strategy::kPct2, Strategy::kPct3}) {
    SchedulesOptions options = Drawn(strategy, 1, 500);
    options.race = "put a | checkpoint";
    options.how.stop_at_violation = true;
    options.broken = {"checkpoint.capture.unappended"};
    EXPECT_EQ(RunSchedules(options), Outcomes::kViolation) << Name(strategy);
  }
}

TEST(Schedules, AReaderThatSeesACommitTooEarlyIsFound) {
  EXPECT_EQ(RunSchedules(Of("snapshot, snapshot | put a, checkpoint", 2, {"txn.publish.early"})),
            Outcomes::kViolation);
}

TEST(Schedules, APageThatASnapshotReadsAndSomebodyReusesIsFound) {
  EXPECT_EQ(RunSchedules(Of("readers opening and closing beside reclaim", 1, {"mvcc.reuse.snapshot"})),
            Outcomes::kViolation);
}

TEST(Schedules, ASyncThatFailedAndPoisonedNobodyIsFound) {
  EXPECT_EQ(RunSchedules(Of("put a | put b ! sync_reverts@1:db-wal", 0, {"wal.sync.poison.skip"})),
            Outcomes::kViolation);
}

TEST(Schedules, AFaultThatNeverStrikesProvesNothing) {
  EXPECT_EQ(RunSchedules(Of("put a | put b ! sync_reverts@90:db-wal", 2, {})), Outcomes::kVacuous);
}

TEST(Schedules, OneThatIsGivenIsPlayedAgain) {
  SchedulesOptions options = Of("put a | checkpoint", 0, {"checkpoint.capture.unappended"});
  options.schedule = "-";
  EXPECT_EQ(RunSchedules(options), Outcomes::kHolds);
  options.schedule = "29:1";
  EXPECT_EQ(RunSchedules(options), Outcomes::kViolation);
  options.schedule = "29:1;";
  EXPECT_EQ(RunSchedules(options), Outcomes::kHarnessError);
}

TEST(Schedules, OneThatWasDrawnIsPlayedAgain) {
  SchedulesOptions options = Of("put a | checkpoint", 0, {"checkpoint.capture.unappended"});
  size_t holds = 0;
  size_t wrong = 0;
  for (int run = 0; run < 60; ++run) {
    options.schedule = "pct3:1:" + std::to_string(run);
    const Outcomes outcome = RunSchedules(options);
    EXPECT_EQ(outcome, RunSchedules(options));
    ++(outcome == Outcomes::kHolds ? holds : wrong);
  }
  EXPECT_GT(holds, 0u);
  EXPECT_GT(wrong, 0u);
}

}  // namespace
}  // namespace manifolddb::crashsim
