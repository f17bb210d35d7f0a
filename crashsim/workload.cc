// Draws programs. A tiny universe of families, tables and keys, so that operations meet; long keys beside
// short ones, so that a few dozen of them split nodes; values of all classes, among them those that go to
// extents and those that are larger than the log.
//
// (1) Pure: the same draws give the same program.
// (2) Every program has at least one Immediate commit, so that no run is without something to lose.
#include "crashsim/workload.h"

#include <algorithm>
#include <array>

namespace manifolddb::crashsim {
namespace {

constexpr int kFamilies = 4;
constexpr int kTables = 3;
constexpr uint64_t kGroupHeaderBytes = 200;  // of a group with one operation, about

class Drawer {
 public:
  Drawer(Random& random, const Swarm& swarm, const WorkloadLimits& limits, Serial last_serial)
      : random_(random), swarm_(swarm), limits_(limits), serial_(last_serial) {}

  Step DrawStep(uint32_t actor);
  Step DrawTransaction();
  Step DrawFamilyChange();
  Step FirstFamilies(uint32_t index);

 private:
  std::string Family() { return "family-" + std::to_string(random_.Below(kFamilies)); }
  std::string Table() { return "t" + std::to_string(random_.Below(kTables)); }
  std::string Key();
  std::string Value(uint32_t op);
  Op DrawOp(uint8_t families, uint32_t index);
  Op DrawRange();
  Op DrawScan();
  Op DrawTableChange();
  void AddLedger(Step& step);

  Random& random_;
  const Swarm& swarm_;
  const WorkloadLimits& limits_;
  Serial serial_;
};

// Key number k is always the same bytes: its length and its first byte depend on k alone. Some share a long
// prefix, one is as long as keys may be, one is empty, some sort around their neighbours' extensions.
std::string KeyNumber(uint64_t k, uint64_t bytes_max) {
  const uint64_t shape = Mix(k, 77) % 8;
  std::string key;
  if (k == 0) return key;
  if (shape < 3) key = "shared-prefix-of-some-length/";
  key += static_cast<char>('a' + k % 26);
  key += std::to_string(k);
  if (shape >= 6) key.resize(std::min<uint64_t>(bytes_max, 20 + Mix(k, 78) % bytes_max), '.');
  if (k == 7) key.resize(bytes_max, '\xff');
  return key;
}

std::string Drawer::Key() { return KeyNumber(random_.Below(swarm_.keys), limits_.key_bytes_max); }

std::string Drawer::Value(uint32_t op) {
  const uint64_t inline_max = limits_.page_size / 4;
  uint64_t bytes;
  const uint64_t draw = random_.Below(100);
  if (limits_.pressure == Pressure::kLog && draw >= 20) {
    // Groups of one write unit and of as many as a group may have, side by side; few too large for the log.
    const uint64_t whole = limits_.group_bytes_max - kGroupHeaderBytes;
    const bool large = swarm_.large_groups && draw >= 40;
    if (large) return MakeValue(serial_, op, whole / 2 + random_.Below(whole / 2));
    return MakeValue(serial_, op, 8 + random_.Below(draw < 24 ? 2 * whole : whole));
  }
  if (draw < 8) {
    bytes = random_.Below(8);  // too short for a tag
  } else if (draw < 70 || !swarm_.large_values) {
    bytes = 8 + random_.Below(inline_max / 2);
  } else if (draw < 80) {
    bytes = inline_max - 40 + random_.Below(80);  // around the bound between leaf and extent
  } else if (draw < 97) {
    bytes = inline_max + random_.Below(limits_.page_size * 4);
  } else {
    bytes = limits_.log_bytes_max / 2 + random_.Below(limits_.log_bytes_max);  // too large for the log, some
  }
  return MakeValue(serial_, op, bytes);
}

Op Drawer::DrawRange() {
  Op op{.kind = OpKind::kDeleteRange};
  op.key = Key();
  op.upper = Key();
  if (op.upper < op.key) std::swap(op.key, op.upper);
  op.has_key = !random_.Chance(15);
  op.has_upper = !random_.Chance(15);
  return op;
}

Op Drawer::DrawScan() {
  Op op{.kind = OpKind::kScan};
  op.key = Key();
  op.has_key = !random_.Chance(30);
  op.backwards = random_.Chance(50);
  op.count = static_cast<uint32_t>(1 + random_.Below(12));
  if (!limits_.resting) return op;
  Random bounds = random_.Fork(1);
  const auto key = [&] { return KeyNumber(bounds.Below(swarm_.keys), limits_.key_bytes_max); };
  op.lower = key();
  op.upper = key();
  if (op.upper < op.lower) std::swap(op.lower, op.upper);
  op.has_lower = bounds.Chance(50);
  op.has_upper = bounds.Chance(60);
  if (bounds.Chance(50)) op.turn_after = static_cast<uint32_t>(1 + bounds.Below(op.count));
  return op;
}

Op Drawer::DrawTableChange() {
  Op op;
  const uint64_t draw = random_.Below(3);
  op.kind = draw == 0 ? OpKind::kCreateTable : draw == 1 ? OpKind::kDropTable : OpKind::kRenameTable;
  if (op.kind == OpKind::kRenameTable) op.key = Table();
  return op;
}

Op Drawer::DrawOp(uint8_t families, uint32_t index) {
  Op op;
  const uint64_t draw = random_.Below(100);
  if (swarm_.deletes && draw < 15) {
    op.kind = OpKind::kDelete;
    op.key = Key();
  } else if (swarm_.ranges && draw < 19) {
    op = DrawRange();
  } else if (swarm_.reads && draw < 33) {
    op = DrawScan();
    if (draw < 25) op = Op{.kind = OpKind::kGet, .key = Key()};
    if (draw == 25) op = Op{.kind = OpKind::kLength};
  } else if (swarm_.table_changes && draw < 37) {
    op = DrawTableChange();
  } else {
    op.kind = OpKind::kPut;
    op.key = Key();
    op.value = Value(index);
  }
  op.family = static_cast<uint8_t>(random_.Below(families));
  op.table = Table();
  return op;
}

void Drawer::AddLedger(Step& step) {
  for (size_t f = 0; f < step.families.size(); ++f) {
    const auto index = static_cast<uint32_t>(step.ops.size());
    step.ops.push_back({.kind = OpKind::kPut,
                        .family = static_cast<uint8_t>(f),
                        .table = kLedgerTable,
                        .key = LedgerKey(step.serial),
                        .value = MakeValue(step.serial, index, 12)});
  }
}

Step Drawer::DrawTransaction() {
  Step step{.kind = StepKind::kTransaction, .serial = ++serial_};
  const uint64_t families = swarm_.several_families ? 1 + random_.Below(3) : 1;
  while (step.families.size() < families) {
    std::string name = Family();
    if (std::ranges::find(step.families, name) == step.families.end())
      step.families.push_back(std::move(name));
  }
  step.add_later = step.families.size() > 1 && random_.Chance(25);
  const uint64_t ops = 1 + random_.Below(swarm_.ops_per_step);
  for (uint32_t i = 0; i < ops; ++i) {
    step.ops.push_back(DrawOp(static_cast<uint8_t>(step.families.size()), i));
  }
  if (swarm_.ledger) AddLedger(step);
  step.commit = !(swarm_.aborts && random_.Chance(12));
  if (swarm_.none_commits && random_.Chance(swarm_.none_percent)) step.durability = Durability::kNone;
  step.through_checkpoint = swarm_.through_checkpoint && random_.Chance(swarm_.through_percent);
  return step;
}

Step Drawer::DrawFamilyChange() {
  Step step{.serial = ++serial_, .families = {Family()}};
  const uint64_t draw = random_.Below(3);
  step.kind = draw == 0   ? StepKind::kCreateFamily
              : draw == 1 ? StepKind::kDropFamily
                          : StepKind::kRenameFamily;
  if (step.kind == StepKind::kRenameFamily) {
    step.families.push_back(Family());
    while (step.families[1] == step.families[0]) step.families[1] = Family();
  }
  return step;
}

Step Drawer::FirstFamilies(uint32_t index) {
  return {
      .kind = StepKind::kCreateFamily, .serial = ++serial_, .families = {"family-" + std::to_string(index)}};
}

Step Drawer::DrawStep(uint32_t actor) {
  const uint64_t draw = random_.Below(100);
  const auto slot = static_cast<uint8_t>(actor);
  if (swarm_.checkpoints && draw < 6) return {.kind = StepKind::kCheckpoint};
  if (swarm_.snapshots && draw < 16) {
    constexpr std::array kKinds = {StepKind::kOpenSnapshot, StepKind::kReadSnapshot, StepKind::kReadSnapshot,
                                   StepKind::kCloseSnapshot};
    return {.kind = kKinds[random_.Below(kKinds.size())], .slot = slot};
  }
  if (swarm_.reads && draw < 24) return {.kind = StepKind::kReadAll};
  if (swarm_.family_changes && draw < 30 && actor == 0) return DrawFamilyChange();
  if (draw == 30) return {.kind = StepKind::kVerify};
  return DrawTransaction();
}

// Transactions that take far more pages while they run than they leave, and run for long after that: others
// go on while one reads from the file.
std::vector<Step> DrawPeaks(Random& random, const WorkloadLimits& limits, Serial serial) {
  std::vector<Step> all;
  for (uint64_t left = random.Between(1, 2); left > 0; --left) {
    Step& step = all.emplace_back(Step{.serial = serial++, .families = {"family-1"}});
    const auto put = [&](uint64_t key, uint64_t bytes) {
      Op op{.table = "t", .key = "key" + std::to_string(key)};
      op.value = MakeValue(step.serial, static_cast<uint32_t>(step.ops.size()), bytes);
      step.ops.push_back(std::move(op));
    };
    for (uint64_t key = random.Between(300, 1500); key > 0; --key) put(key, limits.page_size / 8);
    step.ops.push_back({.kind = OpKind::kDeleteRange, .table = "t", .has_key = false});
    put(0, limits.page_size);
    for (uint64_t reads = random.Between(200, 2000); reads > 0; --reads) {
      step.ops.push_back({.kind = OpKind::kGet, .table = "t", .key = "key0"});
    }
  }
  return all;
}

}  // namespace

Swarm DrawSwarm(Random& random) {
  Swarm swarm;
  bool* const kinds[] = {&swarm.large_values,
                         &swarm.deletes,
                         &swarm.ranges,
                         &swarm.reads,
                         &swarm.several_families,
                         &swarm.none_commits,
                         &swarm.through_checkpoint,
                         &swarm.aborts,
                         &swarm.table_changes,
                         &swarm.family_changes,
                         &swarm.checkpoints,
                         &swarm.snapshots,
                         &swarm.reopens,
                         &swarm.ledger,
                         &swarm.background};
  for (bool* kind : kinds) *kind = random.Chance(65);
  constexpr std::array<uint32_t, 6> kActors = {1, 1, 2, 2, 3, 4};
  swarm.actors = kActors[random.Below(kActors.size())];
  constexpr std::array<uint32_t, 4> kKeys = {6, 16, 40, 150};
  swarm.keys = kKeys[random.Below(kKeys.size())];
  constexpr std::array<uint32_t, 4> kOps = {2, 4, 8, 24};
  swarm.ops_per_step = kOps[random.Below(kOps.size())];
  constexpr std::array<uint32_t, 3> kNone = {15, 40, 85};
  swarm.none_percent = kNone[random.Below(kNone.size())];
  return swarm;
}

void Press(Swarm& swarm, const WorkloadLimits& limits, Random random) {
  if (limits.resting && random.Fork(3).Chance(60)) swarm.through_percent = 25;
  if (limits.pressure == Pressure::kNone) return;
  if (limits.pressure == Pressure::kCache) {
    swarm.keys = std::max<uint32_t>(swarm.keys, 40);
    swarm.ops_per_step = std::max<uint32_t>(swarm.ops_per_step, 8);
    swarm.snapshots = swarm.reads = random.Chance(85);
    return;
  }
  // Small transactions, many at once, with their checkpoints beside them.
  swarm.actors = 2 + static_cast<uint32_t>(random.Below(3));
  swarm.several_families = true;
  swarm.background = random.Chance(85);
  swarm.keys = std::min<uint32_t>(swarm.keys, 16);
  swarm.ops_per_step = 2;
  if (random.Fork(1).Chance(50)) {
    // Groups that wait for their sync side by side, also around the end of the ring.
    swarm.none_commits = true;
    swarm.none_percent = 85;
  }
  swarm.family_changes = swarm.through_checkpoint = random.Chance(20);
  if (random.Fork(2).Chance(70)) {
    // A few fill the ring: whoever comes next waits for the checkpoint to move its tail.
    swarm.large_groups = true;
    swarm.actors = 4;
  }
}

std::string Describe(const Swarm& swarm) {
  const std::pair<bool, const char*> kinds[] = {{swarm.large_values, "large-values"},
                                                {swarm.deletes, "deletes"},
                                                {swarm.ranges, "ranges"},
                                                {swarm.reads, "reads"},
                                                {swarm.several_families, "several-families"},
                                                {swarm.none_commits, "none-commits"},
                                                {swarm.through_checkpoint, "through-checkpoint"},
                                                {swarm.aborts, "aborts"},
                                                {swarm.table_changes, "table-changes"},
                                                {swarm.family_changes, "family-changes"},
                                                {swarm.checkpoints, "checkpoints"},
                                                {swarm.snapshots, "snapshots"},
                                                {swarm.reopens, "reopens"},
                                                {swarm.ledger, "ledger"},
                                                {swarm.background, "background"}};
  std::string text = "actors=" + std::to_string(swarm.actors) + " keys=" + std::to_string(swarm.keys) +
                     " ops-per-step=" + std::to_string(swarm.ops_per_step);
  for (const auto& [on, name] : kinds) {
    if (on) text += std::string(" ") + name;
  }
  return text;
}

Program DrawProgram(Random& random, const Swarm& swarm, const WorkloadLimits& limits, uint32_t steps,
                    Serial last_serial) {
  Drawer drawer(random, swarm, limits, last_serial);
  Program program{.background = swarm.background};
  program.switch_percent = static_cast<uint32_t>(20 + random.Below(70));
  Random habits = random.Fork(1);
  if (limits.resting && habits.Chance(50)) program.hold_percent = static_cast<uint32_t>(5 + habits.Below(40));
  Round first;
  first.actors.resize(1);
  const uint32_t families = swarm.several_families ? kFamilies : 2;
  for (uint32_t i = 0; i < families; ++i) first.actors[0].push_back(drawer.FirstFamilies(i));
  program.rounds.push_back(std::move(first));
  const uint64_t rounds = swarm.reopens ? 1 + random.Below(3) : 1;
  for (uint64_t r = 0; r < rounds; ++r) {
    Round round;
    round.actors.resize(swarm.actors);
    for (uint32_t i = 0; i < steps / rounds; ++i) {
      const auto actor = static_cast<uint32_t>(random.Below(swarm.actors));
      round.actors[actor].push_back(drawer.DrawStep(actor));
    }
    round.reopen = r + 1 < rounds;
    program.rounds.push_back(std::move(round));
  }
  Step last = drawer.DrawTransaction();
  last.commit = true;
  last.durability = Durability::kImmediate;
  program.rounds.back().actors[0].push_back(std::move(last));
  program.close = random.Chance(70);
  return program;
}

namespace {

// Before each operation behind the first put, and behind the last one, perhaps something about savepoints.
// What is put first stays: a transaction of which nothing stays may take a number of its own or name the
// newest one, and where a family operation, which tells none, runs beside it, only what is recovered would
// tell which.
void AddSavepointsTo(Step& step, Random& random) {
  std::vector<Op> ops;
  uint64_t set = 0;
  const auto perhaps = [&] {
    const uint64_t draw = random.Below(100);
    if (draw < 30) {
      ops.push_back({.kind = OpKind::kSetSavepoint});
      ++set;
    } else if (draw < 60 && set > 0) {
      const uint64_t inner = random.Below(set);
      const bool back = draw < 52;
      ops.push_back({.kind = back ? OpKind::kRollBack : OpKind::kReleaseSavepoint,
                     .count = static_cast<uint32_t>(inner)});
      set -= inner + (back ? 0 : 1);
    }
  };
  bool put = false;
  for (Op& op : step.ops) {
    if (put) perhaps();
    put = put || op.kind == OpKind::kPut;
    ops.push_back(std::move(op));
  }
  if (put) perhaps();
  step.ops = std::move(ops);
}

}  // namespace

void AddSavepoints(Program& program, Random random) {
  for (Round& round : program.rounds) {
    for (auto& actor : round.actors) {
      for (Step& step : actor) {
        if (step.kind == StepKind::kTransaction && random.Chance(70)) AddSavepointsTo(step, random);
      }
    }
  }
}

Program DrawFilling(Random& random, const WorkloadLimits& limits, uint32_t steps) {
  constexpr uint64_t kKeys = 400;
  constexpr uint64_t kPagesMax = 8;
  constexpr uint64_t kOpsMax = 6;
  Program program{.close = false};
  Round& first = program.rounds.emplace_back();
  first.actors = {{{.kind = StepKind::kCreateFamily, .serial = 1, .families = {"family-0"}},
                   {.kind = StepKind::kCreateFamily, .serial = 2, .families = {"family-1"}}}};
  std::vector<Step> all;
  for (uint32_t i = 0; i < steps; ++i) {
    Step& step = all.emplace_back(Step{.serial = i + 3, .families = {"family-0"}});
    for (uint64_t left = 1 + random.Below(kOpsMax); left > 0; --left) {
      Op op{.table = "t", .key = "key" + std::to_string(random.Below(kKeys))};
      uint64_t bytes = limits.page_size / 8;
      if (random.Chance(30)) bytes = limits.page_size * (1 + random.Below(kPagesMax)) - limits.page_size / 4;
      if (random.Chance(12)) {
        op.kind = OpKind::kDelete;
      } else {
        op.value = MakeValue(step.serial, static_cast<uint32_t>(step.ops.size()), bytes);
      }
      step.ops.push_back(std::move(op));
    }
  }
  Round& second = program.rounds.emplace_back();
  second.actors.push_back(std::move(all));
  Random beside = random.Fork(3);
  if (beside.Chance(70)) {
    second.actors.push_back(DrawPeaks(beside, limits, steps + 3));
    program.switch_percent = static_cast<uint32_t>(beside.Between(20, 80));
  }
  return program;
}

}  // namespace manifolddb::crashsim
