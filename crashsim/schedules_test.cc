// Guards the schedules that are tried one by one: all of them, the same again, silent on the sound engine and
// loud on one that only a certain switch breaks.
#include "crashsim/schedules.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

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
  size_t Choose(size_t actors, bool forced) override {
    asked.push_back({actors, forced});
    const size_t at = asked.size() - 1;
    return at < list_.size() ? std::min(list_[at], actors - 1) : 0;
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

TEST(Races, NamesAreReadBack) {
  std::set<std::string> names;
  for (const std::string& name : RaceNames()) {
    const auto race = ParseRace(name);
    ASSERT_TRUE(race) << name;
    EXPECT_EQ(NameOf(*race), name);
    EXPECT_GT(race->actors.size(), 1u) << name;
    names.insert(name);
  }
  EXPECT_EQ(names.size(), RaceNames().size());
  EXPECT_FALSE(ParseRace("put a | reopen"));
  EXPECT_FALSE(ParseRace("put a | "));
  EXPECT_FALSE(ParseRace("; put a"));
}

SchedulesOptions Of(const char* race, uint32_t preemptions, std::vector<std::string> broken) {
  SchedulesOptions options;
  options.race = race;
  options.preemptions = preemptions;
  options.stop_at_violation = true;
  options.broken = std::move(broken);
  return options;
}

TEST(Schedules, TheSoundEngineHoldsInAllOfThem) {
  SchedulesOptions options;
  options.preemptions = 1;
  EXPECT_EQ(RunSchedules(options), Outcomes::kHolds);
}

TEST(Schedules, ACheckpointThatCapturesACommitAmidItsWayIsFoundByOneSwitch) {
  const std::vector<std::string> broken = {"checkpoint.capture.unappended"};
  EXPECT_EQ(RunSchedules(Of("put a | checkpoint", 0, broken)), Outcomes::kHolds);
  EXPECT_EQ(RunSchedules(Of("put a | checkpoint", 1, broken)), Outcomes::kViolation);
}

TEST(Schedules, AReaderThatSeesACommitTooEarlyIsFound) {
  EXPECT_EQ(RunSchedules(Of("snapshot, snapshot | put a, checkpoint", 2, {"txn.publish.early"})),
            Outcomes::kViolation);
}

TEST(Schedules, OneThatIsGivenIsPlayedAgain) {
  SchedulesOptions options = Of("put a | checkpoint", 0, {"checkpoint.capture.unappended"});
  options.schedule = "-";
  EXPECT_EQ(RunSchedules(options), Outcomes::kHolds);
  options.schedule = "22:1";
  EXPECT_EQ(RunSchedules(options), Outcomes::kViolation);
  options.schedule = "22:1;";
  EXPECT_EQ(RunSchedules(options), Outcomes::kHarnessError);
}

}  // namespace
}  // namespace manifolddb::crashsim
