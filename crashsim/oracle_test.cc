// The judge on hand-made histories: what it must accept, what it must reject and under which name.
#include "crashsim/oracle.h"

#include <gtest/gtest.h>

#include <utility>

#include "crashsim/honest_run.h"
#include "crashsim/workload.h"

namespace manifolddb::crashsim {
namespace {

Violations Judge(const Oracle& oracle, const Observation& seen, uint64_t effects) {
  return oracle.Judge(seen.Summarize(), oracle.At(effects), [&] { return seen; });
}
std::vector<Promise> Broken(const Violations& violations) {
  std::vector<Promise> promises;
  for (const Violation& violation : violations) promises.push_back(violation.promise);
  return promises;
}
using Promises = std::vector<Promise>;

TEST(Oracle, AcceptsEveryPrefixFromTheAcknowledgedCommitOn) {
  HonestRun run;
  for (int i = 0; i < 5; ++i) run.Write({1}, "k" + std::to_string(i), Durability::kNone);
  const Oracle oracle(Model(), 0, run.history);
  EXPECT_TRUE(oracle.run_violations().empty());
  const uint64_t end = run.history.events;
  EXPECT_EQ(oracle.At(end).floor, 2u) << "creating a family is durable, None commits are not";
  for (size_t p = 2; p <= 7; ++p) EXPECT_TRUE(Judge(oracle, Showing(run.states[p], p), end).empty()) << p;
  for (size_t p = 0; p < 2; ++p) {
    EXPECT_EQ(Broken(Judge(oracle, Showing(run.states[p], p), end)), Promises{Promise::kDurable}) << p;
  }
}

TEST(Oracle, RejectsALostAcknowledgedCommit) {
  HonestRun run;
  const Transaction lost = run.Write({1}, "a");
  const Oracle oracle(Model(), 0, run.history);
  EXPECT_EQ(Broken(Judge(oracle, Showing(run.states[2], 2), lost.ended.effects)),
            Promises{Promise::kDurable});
  EXPECT_TRUE(Judge(oracle, Showing(run.states[2], 2), lost.ended.effects - 1).empty()) << "not told yet";
}

TEST(Oracle, RejectsHalfATransactionOverTwoFamilies) {
  HonestRun run;
  run.Write({1, 2}, "both");
  const Oracle oracle(Model(), 0, run.history);
  Model half = run.states[2];
  const Performed& first = run.history.transactions.back().operations[0];
  static_cast<void>(half.Apply(1, first.op, 3));
  EXPECT_EQ(Broken(Judge(oracle, Showing(half, 3), run.history.events)), Promises{Promise::kAtomic});
}

TEST(Oracle, RejectsAHoleInTheMiddle) {
  HonestRun run;
  const Transaction a = run.Write({1}, "a", Durability::kNone);
  const Transaction b = run.Write({2}, "b", Durability::kNone);
  const Oracle oracle(Model(), 0, run.history);
  Model hole = run.states[2];
  static_cast<void>(hole.Apply(2, b.operations[0].op, b.serial));
  const Violations violations = Judge(oracle, Showing(hole, 3), run.history.events);
  EXPECT_EQ(Broken(violations), Promises{Promise::kPrefix});
}

TEST(Oracle, RejectsAValueThatNobodyWrote) {
  HonestRun run;
  run.Write({1}, "a");
  const Oracle oracle(Model(), 0, run.history);
  Model wrong = run.states[3];
  static_cast<void>(wrong.Apply(1, {.kind = OpKind::kPut, .table = "t", .key = "a", .value = "noise"}, 3));
  EXPECT_EQ(Broken(Judge(oracle, Showing(wrong, 3), run.history.events)),
            Promises{Promise::kHonestAboutDamage});
}

TEST(Oracle, RejectsACommitThatWasNotCalledYet) {
  HonestRun run;
  const Transaction early = run.Write({1}, "a");
  const Oracle oracle(Model(), 0, run.history);
  const uint64_t before = early.called.effects - 1;
  EXPECT_EQ(Broken(Judge(oracle, Showing(run.states[3], 3), before)), Promises{Promise::kPrefix});
}

TEST(Oracle, RejectsRightContentsUnderAWrongNumber) {
  HonestRun run;
  run.Write({1}, "a");
  const Oracle oracle(Model(), 0, run.history);
  EXPECT_EQ(Broken(Judge(oracle, Showing(run.states[3], 2), run.history.events)), Promises{Promise::kPrefix});
}

TEST(Oracle, RejectsDirectionsThatDisagree) {
  HonestRun run;
  const Oracle oracle(Model(), 0, run.history);
  Observation seen = Showing(run.states[2], 2);
  seen.problems.push_back("keys are out of order");
  EXPECT_EQ(Broken(Judge(oracle, seen, run.history.events)), Promises{Promise::kWhole});
}

TEST(Oracle, HoldsWhatAReaderSawUnlessItWasNone) {
  HonestRun run;
  Transaction unseen = run.Write({1}, "a");
  run.Write({1}, "b", Durability::kNone);
  // A commit that a reader saw before its committer was told.
  for (Transaction& one : run.history.transactions) {
    if (one.serial >= unseen.serial) one.ended = {1000, 1000 + one.serial};
  }
  run.Read(4);
  const Oracle oracle(Model(), 0, run.history);
  const uint64_t after = run.history.readings[0].read.effects;
  EXPECT_STREQ(oracle.At(after).why, "reader");
  EXPECT_EQ(oracle.At(after).floor, 3u) << "the None commit on top may go";
  EXPECT_EQ(Broken(Judge(oracle, Showing(run.states[2], 2), after)), Promises{Promise::kIsolated});
}

TEST(Oracle, HoldsWhatACheckpointCovered) {
  HonestRun run;
  run.Write({1}, "a", Durability::kNone);
  const Stamp called = run.Now();
  run.history.settled.push_back({called, run.Now(), "checkpoint"});
  const Oracle oracle(Model(), 0, run.history);
  EXPECT_EQ(oracle.At(run.history.events).floor, 3u);
  EXPECT_EQ(oracle.At(run.history.events - 1).floor, 2u);
}

TEST(Oracle, RejectsAReadingOfAnotherStateOrOfAnOldOne) {
  HonestRun run;
  run.Write({1}, "a");
  run.Read(3);
  run.history.readings[0].sum = run.states[1].Sum();
  EXPECT_EQ(Broken(Oracle(Model(), 0, run.history).run_violations()), Promises{Promise::kIsolated});

  HonestRun stale;
  stale.Write({1}, "a");
  stale.Read(2);
  EXPECT_EQ(Broken(Oracle(Model(), 0, stale.history).run_violations()), Promises{Promise::kIsolated});
}

TEST(Oracle, RejectsAWrongAnswerInsideATransaction) {
  for (const End end : {End::kAcked, End::kAborted}) {
    HonestRun run;
    run.Write({1}, "a");
    Transaction reader{.serial = 9};
    reader.Hold(1, run.history.events + 1);
    reader.operations.push_back({{.kind = OpKind::kLength, .table = "t"}, 1, {}});
    run.Finish(reader, end);
    EXPECT_TRUE(Oracle(Model(), 0, run.history).run_violations().empty());
    run.history.transactions.back().operations[0].outcome.value = 7;
    EXPECT_EQ(Broken(Oracle(Model(), 0, run.history).run_violations()), Promises{Promise::kIsolated});
  }
}

TEST(Oracle, RejectsNumbersThatLeaveAGapOrContradictTime) {
  HonestRun run;
  run.Write({1}, "a");
  run.Write({1}, "b");
  History gap = run.history;
  gap.transactions.back().number = 9;
  EXPECT_EQ(Broken(Oracle(Model(), 0, gap).run_violations())[0], Promise::kPrefix);
  History swapped = run.history;
  std::swap(swapped.transactions[2].number, swapped.transactions[3].number);
  EXPECT_FALSE(Oracle(Model(), 0, swapped).run_violations().empty());
}

TEST(Oracle, AcceptsAnUnknownOutcomeEitherWayButOnlyWhole) {
  HonestRun run;
  const Transaction unknown = run.Write({1, 2}, "u", Durability::kImmediate, End::kUnknown);
  const Oracle oracle(Model(), 0, run.history);
  const uint64_t end = run.history.events;
  Model with = run.states[2];
  static_cast<void>(ApplyTo(with, unknown));
  EXPECT_TRUE(Judge(oracle, Showing(run.states[2], 2), end).empty());
  EXPECT_TRUE(Judge(oracle, Showing(with, 3), end).empty());
  Model half = run.states[2];
  static_cast<void>(half.Apply(1, unknown.operations[0].op, unknown.serial));
  EXPECT_EQ(Broken(Judge(oracle, Showing(half, 3), end)), Promises{Promise::kAtomic});
}

TEST(Oracle, OrdersUnknownOutcomesByWhoHeldAFamilyFirst) {
  HonestRun run;
  const Transaction first = run.Write({1}, "u", Durability::kImmediate, End::kUnknown);
  const Transaction second = run.Write({1}, "v", Durability::kImmediate, End::kUnknown);
  const Oracle oracle(Model(), 0, run.history);
  EXPECT_EQ(oracle.positions().size(), 2u + 1 + 2) << "first, then both; never the second alone";
  Model alone = run.states[2];
  static_cast<void>(ApplyTo(alone, second));
  EXPECT_FALSE(Judge(oracle, Showing(alone, 3), run.history.events).empty());
}

TEST(Oracle, ForgivesDamageToTheLastDurableCommitOnly) {
  HonestRun run;
  run.Write({1}, "a");
  run.Write({1}, "b");
  const Oracle oracle(Model(), 0, run.history);
  EXPECT_EQ(oracle.At(run.history.events).floor, 4u);
  EXPECT_EQ(oracle.AtWithDamagedLog(run.history.events).floor, 3u);
  EXPECT_EQ(oracle.AtWithDamagedLog(run.history.events, 2).floor, 2u) << "two groups, two proofs";
  EXPECT_EQ(oracle.AtWithDamagedLog(run.history.events, 9).floor, 0u);
}

TEST(Oracle, ForgivesNoDamageToTheLogWhatACheckpointCovers) {
  HonestRun run;
  run.Write({1}, "a");
  const Stamp called = run.Now();
  run.history.settled.push_back({called, run.Now(), "checkpoint"});
  const uint64_t settled = run.history.events;
  run.Write({1}, "b", Durability::kNone);
  run.Write({1}, "c");
  const Oracle oracle(Model(), 0, run.history);
  EXPECT_EQ(oracle.AtWithDamagedLog(settled - 1, 9).floor, 0u) << "before it had succeeded";
  EXPECT_EQ(oracle.AtWithDamagedLog(run.history.events, 9).floor, 3u);
  EXPECT_STREQ(oracle.AtWithDamagedLog(run.history.events, 9).why, "checkpoint");
}

// Family operations tell no number, and a commit that changed nothing may name another's: whatever order
// explains all of it will do.
TEST(Oracle, FindsThePlacesOfThoseThatToldNone) {
  const auto idle = [](HonestRun& run, uint64_t number) {
    Transaction one{.serial = 50 + static_cast<Serial>(number), .end = End::kAcked, .number = number};
    one.Hold(1, run.history.events + 1);
    one.began = run.Now();
    one.called = run.Now();
    one.ended = run.Now();
    run.history.transactions.push_back(one);
  };
  HonestRun named;  // the number of a family operation, which was published before
  idle(named, 2);
  named.Write({1}, "a");
  for (Transaction& one : named.history.transactions) {
    if (one.kind == StepKind::kCreateFamily) one.number = 0;
  }
  EXPECT_TRUE(Oracle(Model(), 0, named.history).run_violations().empty());

  HonestRun own;  // its own, which the family operation behind it does not have
  idle(own, 3);
  own.Write({1}, "a");
  own.history.transactions.back().number = 5;
  own.CreateFamily("h");
  std::swap(own.history.transactions[3], own.history.transactions[4]);
  own.history.transactions[3].number = 0;
  own.history.transactions[3].began = own.history.transactions[3].called = {4, own.history.events + 1};
  EXPECT_FALSE(Oracle(Model(), 0, own.history).run_violations().empty()) << "called after commit 5 ended";
  own.history.transactions[3].called = own.history.transactions[4].began;
  EXPECT_TRUE(Oracle(Model(), 0, own.history).run_violations().empty());
}

// It was ordered, and let go of its family: who took that next saw it, and can never be committed.
TEST(Oracle, KnowsThatTheNextWriterStartsFromAnUnknownOutcome) {
  HonestRun run;
  run.Write({1}, "u", Durability::kImmediate, End::kUnknown);
  Transaction next{.serial = 9};
  next.Hold(1, run.history.events + 1);
  next.operations.push_back({{.kind = OpKind::kLength, .table = "t"}, 1, {}});
  run.Finish(next, End::kAborted);
  run.history.transactions.back().operations[0].outcome = {.value = 1};
  EXPECT_TRUE(Oracle(Model(), 0, run.history).run_violations().empty());
  run.history.transactions.back().operations[0].outcome = {.error = Errc::kNoSuchTable};
  EXPECT_FALSE(Oracle(Model(), 0, run.history).run_violations().empty());
}

TEST(Oracle, KnowsThatAFamilyIsDroppedBehindWhoeverHoldsIt) {
  HonestRun run;
  Transaction drop{
      .serial = 8, .kind = StepKind::kDropFamily, .names = {"f"}, .end = End::kAcked, .changed = true};
  drop.began = drop.called = run.Now();
  Transaction holder{.serial = 9};
  holder.Hold(1, run.history.events + 1);
  holder.operations.push_back({{.kind = OpKind::kLength, .table = "t"}, 1, {}});
  run.Finish(holder, End::kAborted);
  drop.ended = run.Now();
  run.history.transactions.back().operations[0].outcome = {.error = Errc::kNoSuchTable};
  run.history.transactions.push_back(drop);
  EXPECT_TRUE(Oracle(Model(), 0, run.history).run_violations().empty());
}

TEST(Oracle, DemandsThatNothingFollowsAFailedChangeButItsEnd) {
  HonestRun run;
  Transaction one{.serial = 9};
  one.Hold(1, run.history.events + 1);
  for (const OpKind kind : {OpKind::kPut, OpKind::kPut, OpKind::kLength}) {
    one.operations.push_back({{.kind = kind, .table = "t", .key = "k", .value = "v"}, 1, {}});
  }
  run.Finish(one, End::kRefused);
  Transaction& done = run.history.transactions.back();
  const auto holds = [&] { return Oracle(Model(), 0, run.history).run_violations().empty(); };
  done.operations[1].outcome = {.error = Errc::kNoMemory};
  done.operations[2].outcome = {.error = Errc::kTransactionEnded};
  done.outcome = {.error = Errc::kTransactionEnded};
  EXPECT_TRUE(holds());
  done.operations[2].outcome = {.value = 1};
  EXPECT_FALSE(holds()) << "an answer after the failure";
  done.operations[2].outcome = {.error = Errc::kTransactionEnded};
  done.outcome = {.error = Errc::kNoMemory};
  EXPECT_FALSE(holds()) << "Commit has no other answer either";
  done.outcome = {.error = Errc::kTransactionEnded};
  done.operations[1].outcome = {};
  EXPECT_FALSE(holds()) << "nothing had failed";

  // A read that failed has done no harm: what follows is answered as ever.
  done.operations[0].op.kind = OpKind::kGet;
  done.operations[0].outcome = {.error = Errc::kNoMemory};
  done.operations[2].outcome = {.value = 1};
  done.outcome = {};
  EXPECT_TRUE(holds());
  done.operations[2].outcome = {.value = 2};
  EXPECT_FALSE(holds());
}

// "kept" is put, "undone" behind a savepoint, which is gone back to.
Transaction& RunThatGoesBack(HonestRun& run) {
  Transaction one{.serial = 9};
  one.Hold(1, run.history.events + 1);
  const auto add = [&](Op op) { one.operations.push_back({std::move(op), 1, {}}); };
  add({.kind = OpKind::kPut, .table = "t", .key = "kept", .value = "v"});
  add({.kind = OpKind::kSetSavepoint});
  add({.kind = OpKind::kPut, .table = "t", .key = "undone", .value = "v"});
  add({.kind = OpKind::kRollBack});
  add({.kind = OpKind::kLength, .table = "t"});
  run.Finish(one, End::kAcked);
  return run.history.transactions.back();
}

TEST(Oracle, KnowsWhatGoingBackToASavepointLeaves) {
  HonestRun run;
  Transaction& one = RunThatGoesBack(run);
  EXPECT_EQ(one.operations.back().outcome.value, 1u);
  const Oracle oracle(Model(), 0, run.history);
  ASSERT_TRUE(oracle.run_violations().empty());
  const auto permits = [&](const Model& state) {
    const Observation seen = Showing(state, 3);
    return oracle.Judge(seen.Summarize(), oracle.At(run.history.events), [&] { return seen; }).empty();
  };
  EXPECT_TRUE(permits(run.states[3]));
  Model both = run.states[3];
  static_cast<void>(both.Apply(1, one.operations[2].op, one.serial));
  EXPECT_FALSE(permits(both)) << "what was undone has come back";

  one.operations.back().outcome.value = 2;
  EXPECT_FALSE(Oracle(Model(), 0, run.history).run_violations().empty()) << "it is still seen";
}

TEST(Oracle, KnowsThatGoingBackUndoesAFailureToo) {
  HonestRun run;
  Transaction& one = RunThatGoesBack(run);
  const auto holds = [&] { return Oracle(Model(), 0, run.history).run_violations().empty(); };
  one.operations[2].outcome = {.error = Errc::kNoSpace};
  EXPECT_TRUE(holds());
  // Where it does not help, the transaction has ended.
  one.operations[3].outcome = {.error = Errc::kTransactionEnded};
  EXPECT_FALSE(holds()) << "an answer afterwards";
  one.operations[4].outcome = {.error = Errc::kTransactionEnded};
  EXPECT_FALSE(holds()) << "it cannot be committed";
  one.outcome = {.error = Errc::kTransactionEnded};
  one.end = End::kRefused;
  EXPECT_TRUE(holds());
}

TEST(Oracle, OwesWhatALogGroupBehindALostMetaPageTellsOf) {
  HonestRun run;
  run.Write({1}, "a");                           // 3
  const Transaction last = run.Write({1}, "b");  // 4, and then a checkpoint's two copies
  const uint64_t first = last.ended.effects + 1;
  const uint64_t second = first + 2;
  run.history.events += 6;
  run.Write({1}, "c");
  for (const bool logged : {false, true}) {
    run.history.transactions.back().logged = logged;
    const Oracle oracle(Model(), 0, run.history);
    EXPECT_EQ(oracle.AtWithLostMeta(run.history.events, first, second).floor, logged ? 4u : 0u);
    EXPECT_EQ(oracle.AtWithLostMeta(second + 1, first, second).floor, 0u) << "nothing is behind it yet";
  }
  run.history.settled.push_back({{1, 6}, {first, 9}, "checkpoint"});
  const Oracle oracle(Model(), 0, run.history);
  EXPECT_GE(oracle.AtWithLostMeta(second + 1, first, second).floor, 1u) << "an earlier checkpoint covers it";
}

TEST(Program, ValuesCarryTheirWriter) {
  const std::string value = MakeValue(77, 5, 100);
  EXPECT_EQ(TagOf(AsBytes(value)).serial, 77u);
  EXPECT_EQ(TagOf(AsBytes(value)).op, 5u);
  EXPECT_EQ(value, MakeValue(77, 5, 100));
  EXPECT_NE(value, MakeValue(77, 6, 100));
  EXPECT_EQ(TagOf(AsBytes(MakeValue(77, 5, 7))).serial, 0u) << "no room for a tag";
}

std::string Fingerprint(uint64_t seed) {
  Random random(seed);
  const Swarm swarm = DrawSwarm(random);
  const Program program = DrawProgram(random, swarm, {}, 40, 0);
  uint64_t sum = 0;
  for (const Round& round : program.rounds) {
    for (const auto& steps : round.actors) {
      for (const Step& step : steps) {
        sum = Mix(sum, step.serial, static_cast<uint64_t>(step.kind));
        for (const Op& op : step.ops) sum = Mix(sum, Digest(op.key), Digest(op.value));
      }
    }
  }
  return Describe(swarm) + " " + std::to_string(sum);
}

TEST(Program, IsTheSameForTheSameSeedAndDiffersForOthers) {
  EXPECT_EQ(Fingerprint(5), Fingerprint(5));
  EXPECT_NE(Fingerprint(5), Fingerprint(6));
}

}  // namespace
}  // namespace manifolddb::crashsim
