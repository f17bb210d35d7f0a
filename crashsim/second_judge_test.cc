// Two judges that agree, each of which notices when the other one forgets a rule.
#include "crashsim/second_judge.h"

#include <gtest/gtest.h>

#include <optional>
#include <utility>
#include <vector>

#include "crashsim/honest_run.h"
#include "crashsim/workload.h"

namespace manifolddb::crashsim {
namespace {

bool Accepts(const Oracle& oracle, const Observation& seen, uint64_t effects) {
  return oracle.Judge(seen.Summarize(), oracle.At(effects), [&] { return seen; }).empty();
}

// Draws a run of one actor, as an honest engine would have answered it.
History DrawHistory(Random& random, std::vector<Model>& states) {
  HonestRun run;
  Swarm swarm = DrawSwarm(random);
  swarm.actors = 1;
  swarm.keys = 6;
  Program program = DrawProgram(random, swarm, {}, 20, 10);
  if (random.Chance(50)) AddSavepoints(program, random.Fork(1));
  for (const Round& round : program.rounds) {
    for (const Step& step : round.actors[0]) {
      if (step.kind != StepKind::kTransaction || !step.commit) continue;
      Transaction one{.serial = step.serial, .durability = step.durability};
      for (const FamilyUid family : {1, 2}) one.Hold(family, run.history.events + 1);
      for (const Op& op : step.ops) one.operations.push_back({op, FamilyUid{1} + op.family % 2, {}});
      run.Finish(one, End::kAcked);
    }
  }
  states = run.states;
  return run.history;
}

// One change that a broken engine might have made.
void Damage(Random& random, Observation& seen) {
  if (seen.families.empty()) return;
  ObservedFamily& family = seen.families[random.Below(seen.families.size())];
  if (family.tables.empty()) return;
  const size_t which = random.Below(family.tables.size());
  ObservedTable& table = family.tables[which];
  switch (random.Below(4)) {
    case 0: seen.families.pop_back(); return;
    case 1: family.tables.erase(family.tables.begin() + static_cast<std::ptrdiff_t>(which)); return;
    case 2:
      if (!table.contents.empty()) table.contents.pop_back();
      break;
    default:
      if (!table.contents.empty()) table.contents.back().digest ^= 1;
  }
  table.length = table.entries = table.contents.size();
  table.sum = {};
  for (const ObservedEntry& entry : table.contents) table.sum += SumOfEntry(Digest(entry.key), entry.digest);
}

TEST(Judges, AgreeOnRandomHistories) {
  size_t permitted = 0;
  size_t rejected = 0;
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    Random random(seed);
    std::vector<Model> states;
    const History history = DrawHistory(random, states);
    const Oracle oracle(Model(), 0, history);
    ASSERT_TRUE(oracle.run_violations().empty()) << seed << ": " << oracle.run_violations()[0].found;
    const SecondJudge second({}, history);
    ASSERT_TRUE(second.explains()) << seed;
    for (int i = 0; i < 20; ++i) {
      const uint64_t effects = random.Below(history.events + 2);
      const size_t state = random.Below(states.size());
      Observation seen = Showing(states[state], state);
      if (random.Chance(40)) Damage(random, seen);
      const bool permits = second.Permits(seen.Summarize(), effects);
      EXPECT_EQ(Accepts(oracle, seen, effects), permits) << "seed " << seed << " draw " << i;
      ++(permits ? permitted : rejected);
    }
  }
  EXPECT_GT(permitted, 200u);
  EXPECT_GT(rejected, 200u);
}

// ---- What one of them forgets -------------------------------------------------------------------------

// A run, and what a crash left of it, in which one rule is broken and no other.
struct Broken {
  JudgingRule rule;
  History history;
  std::optional<Observation> seen = std::nullopt;  // nothing: the run itself breaks it
  uint64_t effects = 0;
};

Broken WrongContents() {
  HonestRun run;
  run.Write({1}, "a");
  Model alien = run.state;
  static_cast<void>(alien.Apply(1, {.kind = OpKind::kPut, .table = "t", .key = "x", .value = "y"}, 99));
  return {JudgingRule::kContents, run.history, Showing(alien, 3), run.history.events};
}

Broken WrongNumber() {
  HonestRun run;
  run.Write({1}, "a");
  return {JudgingRule::kNumber, run.history, Showing(run.states[3], 7), run.history.events};
}

Broken SurvivesUncalled() {
  HonestRun run;
  run.Write({1}, "a");
  const uint64_t before = run.history.transactions.back().began.effects;
  return {JudgingRule::kNotBefore, run.history, Showing(run.states[3], 3), before};
}

Broken LosesACommit() {
  HonestRun run;
  run.Write({1}, "a");
  return {JudgingRule::kCommitFloor, run.history, Showing(run.states[2], 2), run.history.events};
}

// Read before its committer was told, who was told after the crash.
Broken LosesWhatWasRead() {
  HonestRun run;
  run.Write({1}, "a");
  run.history.transactions.back().ended = {1000, 1000};
  run.Read(3);
  return {JudgingRule::kReaderFloor, run.history, Showing(run.states[2], 2),
          run.history.readings[0].read.effects};
}

Broken LosesWhatACheckpointCovers() {
  HonestRun run;
  run.Write({1}, "a", Durability::kNone);
  const Stamp called = run.Now();
  run.history.settled.push_back({called, run.Now(), "checkpoint"});
  return {JudgingRule::kSettledFloor, run.history, Showing(run.states[2], 2), run.history.events};
}

Broken KeepsTheSecondOfTwoUnknown() {
  HonestRun run;
  run.Write({1}, "u", Durability::kImmediate, End::kUnknown);
  const Transaction second = run.Write({1}, "v", Durability::kImmediate, End::kUnknown);
  Model alone = run.state;
  static_cast<void>(ApplyTo(alone, second));
  return {JudgingRule::kUnknownOrder, run.history, Showing(alone, 3), run.history.events};
}

Broken ContradictsTime() {
  HonestRun run;
  run.Write({1}, "a");
  run.Write({2}, "b");
  std::swap(run.history.transactions[2].number, run.history.transactions[3].number);
  return {JudgingRule::kOrder, run.history};
}

Broken ShowsAnotherState() {
  HonestRun run;
  run.Write({1}, "a");
  run.Read(3);
  run.history.readings[0].sum = run.states[1].Sum();
  return {JudgingRule::kReading, run.history};
}

Broken ShowsAnOldState() {
  HonestRun run;
  run.Write({1}, "a");
  run.Read(2);
  return {JudgingRule::kFreshness, run.history};
}

TEST(Judges, NoticeWhenTheOtherOneForgetsARule) {
  const std::vector<Broken> all = {WrongContents(),
                                   WrongNumber(),
                                   SurvivesUncalled(),
                                   LosesACommit(),
                                   LosesWhatWasRead(),
                                   LosesWhatACheckpointCovers(),
                                   KeepsTheSecondOfTwoUnknown(),
                                   ContradictsTime(),
                                   ShowsAnotherState(),
                                   ShowsAnOldState()};
  ASSERT_EQ(all.size(), kJudgingRules) << "each rule has its case";
  for (size_t i = 0; i < all.size(); ++i) {
    const Broken& broken = all[i];
    ASSERT_EQ(static_cast<size_t>(broken.rule), i);
    const auto oracle_holds = [&](Forgotten forgotten) {
      const Oracle oracle(Model(), 0, broken.history, forgotten);
      return oracle.run_violations().empty() &&
             (!broken.seen || Accepts(oracle, *broken.seen, broken.effects));
    };
    const auto second_holds = [&](Forgotten forgotten) {
      const SecondJudge second({}, broken.history, forgotten);
      return second.explains() && (!broken.seen || second.Permits(broken.seen->Summarize(), broken.effects));
    };
    EXPECT_FALSE(oracle_holds({})) << i;
    EXPECT_FALSE(second_holds({})) << i;
    EXPECT_TRUE(oracle_holds({broken.rule})) << i << ": no other rule forbids it, so the second judge tells";
    EXPECT_TRUE(second_holds({broken.rule})) << i << ": no other rule forbids it, so the oracle tells";
  }
}

// Family operations tell no number: whatever order explains the run will do, and more than one may.
TEST(SecondJudge, TriesEveryPlaceOfThoseThatToldNone) {
  HonestRun run;
  Transaction idle{.serial = 50, .end = End::kAcked, .number = 3};
  idle.Hold(1, run.history.events + 1);
  idle.began = run.Now();
  idle.called = run.Now();
  idle.ended = run.Now();
  run.history.transactions.push_back(idle);  // names 3: its own, or the next family operation's
  run.CreateFamily("h");
  Transaction& created = run.history.transactions.back();
  created.number = 0;
  EXPECT_TRUE(SecondJudge({}, run.history).explains()) << "it has 3, the family operation 4";
  created.began = created.called = idle.began;
  const SecondJudge second({}, run.history);
  EXPECT_TRUE(second.explains());
  for (const uint64_t number : {3, 4}) {
    EXPECT_TRUE(second.Permits(Showing(run.states[3], number).Summarize(), run.history.events)) << number;
  }
  EXPECT_FALSE(second.Permits(Showing(run.states[3], 5).Summarize(), run.history.events));
  EXPECT_FALSE(second.Permits(Showing(run.states[2], 2).Summarize(), run.history.events)) << "it is durable";
}

TEST(SecondJudge, RejectsAnswersThatNoStateGives) {
  HonestRun run;
  run.Write({1}, "a");
  Transaction one{.serial = 9};
  one.Hold(1, run.history.events + 1);
  for (const OpKind kind : {OpKind::kGet, OpKind::kLength, OpKind::kDelete, OpKind::kDeleteRange}) {
    one.operations.push_back({{.kind = kind, .table = "t", .key = "a"}, 1, {}});
  }
  run.Finish(one, End::kAcked);
  ASSERT_TRUE(SecondJudge({}, run.history).explains());
  for (size_t i = 0; i < 4; ++i) {
    History wrong = run.history;
    wrong.transactions.back().operations[i].outcome.value += 2;
    EXPECT_FALSE(SecondJudge({}, wrong).explains()) << i;
  }
}

}  // namespace
}  // namespace manifolddb::crashsim
