// (1) A program of n letters does the same, to the effect, as the first n rounds of a longer one: what a
//     letter does depends on those before it alone.
#include "crashsim/sequences.h"

#include <algorithm>
#include <array>
#include <utility>

#include "crashsim/iteration.h"
#include "engine/base/assert.h"
#include "faultfs/disk.h"

namespace manifolddb::crashsim {
namespace {

enum class Kind : uint8_t {
  kPut,
  kPutNone,
  kPutThrough,
  kPutLarge,
  kDelete,
  kDeleteRange,
  kAbort,
  kBoth,
  kCreateTable,
  kDropTable,
  kCheckpoint,
  kReopen,
  kSnapshot,
  kCreateFamily,
  kDropFamily,
  kCloseSnapshot,
  kRead,
};

struct LetterInfo {
  const char* name;
  Kind kind;
  char family;  // 0: none in particular
};
// Two letters on b: what two families do beside each other shows with these. Those behind them are for races
// alone.
constexpr Letter kLettersOfSequences = 15;
constexpr std::array<LetterInfo, 21> kLetters = {{
    {"put a", Kind::kPut, 'a'},
    {"put b", Kind::kPut, 'b'},
    {"none a", Kind::kPutNone, 'a'},
    {"none b", Kind::kPutNone, 'b'},
    {"through a", Kind::kPutThrough, 'a'},
    {"large a", Kind::kPutLarge, 'a'},
    {"delete a", Kind::kDelete, 'a'},
    {"range a", Kind::kDeleteRange, 'a'},
    {"abort a", Kind::kAbort, 'a'},
    {"both", Kind::kBoth, 0},
    {"create a", Kind::kCreateTable, 'a'},
    {"drop a", Kind::kDropTable, 'a'},
    {"checkpoint", Kind::kCheckpoint, 0},
    {"reopen", Kind::kReopen, 0},
    {"snapshot", Kind::kSnapshot, 0},
    {"family c", Kind::kCreateFamily, 'c'},
    {"no family b", Kind::kDropFamily, 'b'},
    {"large b", Kind::kPutLarge, 'b'},
    {"close", Kind::kCloseSnapshot, 0},
    {"read", Kind::kRead, 0},
    {"through c", Kind::kPutThrough, 'c'},
}};

constexpr char kTable[] = "t";
constexpr char kNewTable[] = "u";
constexpr char kShortKey[] = "k1";
constexpr char kLongKey[] = "k2";
constexpr size_t kShortBytes = 24;
constexpr size_t kLongBytes = 700;  // two pages of an extent

Op Put(const char* key, Serial serial, uint32_t op, size_t bytes, uint8_t family = 0) {
  return {.family = family, .table = kTable, .key = key, .value = MakeValue(serial, op, bytes)};
}

Step StepOf(const LetterInfo& letter, Serial serial, bool snapshot_open) {
  Step step{.serial = serial};
  if (letter.family != 0) step.families = {std::string(1, letter.family)};
  switch (letter.kind) {
    case Kind::kPut: step.ops = {Put(kShortKey, serial, 0, kShortBytes)}; break;
    case Kind::kPutNone:
      step.ops = {Put(kShortKey, serial, 0, kShortBytes)};
      step.durability = Durability::kNone;
      break;
    case Kind::kPutThrough:
      step.ops = {Put(kShortKey, serial, 0, kShortBytes)};
      step.through_checkpoint = true;
      break;
    case Kind::kPutLarge: step.ops = {Put(kLongKey, serial, 0, kLongBytes)}; break;
    case Kind::kDelete: step.ops = {{.kind = OpKind::kDelete, .table = kTable, .key = kLongKey}}; break;
    case Kind::kDeleteRange: step.ops = {{.kind = OpKind::kDeleteRange, .table = kTable, .key = "k"}}; break;
    case Kind::kAbort:
      step.ops = {Put(kShortKey, serial, 0, kShortBytes)};
      step.commit = false;
      break;
    case Kind::kBoth:
      step.families = {"a", "b"};
      step.ops = {Put(kShortKey, serial, 0, kShortBytes, 0), Put(kShortKey, serial, 1, kShortBytes, 1)};
      break;
    case Kind::kCreateTable: step.ops = {{.kind = OpKind::kCreateTable, .table = kNewTable}}; break;
    case Kind::kDropTable: step.ops = {{.kind = OpKind::kDropTable, .table = kTable}}; break;
    case Kind::kCheckpoint: step.kind = StepKind::kCheckpoint; break;
    case Kind::kReopen:
    case Kind::kRead: step.kind = StepKind::kReadAll; break;
    case Kind::kCloseSnapshot: step.kind = StepKind::kCloseSnapshot; break;
    case Kind::kCreateFamily: step.kind = StepKind::kCreateFamily; break;
    case Kind::kDropFamily: step.kind = StepKind::kDropFamily; break;
    case Kind::kSnapshot:
      step.kind = snapshot_open ? StepKind::kReadSnapshot : StepKind::kOpenSnapshot;
      break;
  }
  return step;
}

}  // namespace

uint8_t Letters() { return kLettersOfSequences; }
const char* NameOf(Letter letter) { return kLetters[letter].name; }

std::string NameOf(const Sequence& sequence) {
  std::string text;
  for (const Letter letter : sequence) text += (text.empty() ? "" : ", ") + std::string(NameOf(letter));
  return text.empty() ? "nothing" : text;
}

std::optional<Sequence> ParseSequence(std::string_view text) {
  Sequence sequence;
  if (text == "nothing") return sequence;
  for (std::string_view rest = text;;) {
    const size_t comma = rest.find(", ");
    const auto found = std::ranges::find(kLetters, rest.substr(0, comma), &LetterInfo::name);
    if (found == kLetters.end()) return std::nullopt;
    sequence.push_back(static_cast<Letter>(found - kLetters.begin()));
    if (comma == std::string_view::npos) return sequence;
    rest.remove_prefix(comma + 2);
  }
}

std::vector<Sequence> EnumerateSequences(uint32_t length) {
  std::vector<Sequence> all = {{}};
  size_t level = 0;  // where the sequences of the last length begin
  for (uint32_t n = 0; n < length; ++n) {
    const size_t end = all.size();
    for (; level < end; ++level) {
      for (Letter letter = 0; letter < Letters(); ++letter) {
        Sequence longer = all[level];
        longer.push_back(letter);
        all.push_back(std::move(longer));
      }
    }
  }
  return all;
}

Program BeginningOfSequences() {
  Program program{.switch_percent = 0};
  Serial serial = 0;
  for (const char* family : {"a", "b"}) {
    program.rounds.push_back(
        {.actors = {{{.kind = StepKind::kCreateFamily, .serial = ++serial, .families = {family}}}}});
    Step puts{.serial = ++serial, .families = {family}};
    puts.ops = {Put(kShortKey, serial, 0, kShortBytes), Put(kLongKey, serial, 1, kLongBytes)};
    program.rounds.push_back({.actors = {{std::move(puts)}}});
  }
  return program;
}

namespace {

constexpr Serial kFirstSerial = 100;  // behind those of the beginning

void AddRounds(const Sequence& sequence, Serial& serial, Program& program) {
  bool snapshot_open = false;
  for (const Letter at : sequence) {
    const LetterInfo& letter = kLetters[at];
    Round round{.actors = {{StepOf(letter, serial++, snapshot_open)}}};
    if (letter.kind == Kind::kReopen) round.reopen = true, snapshot_open = false;
    if (letter.kind == Kind::kSnapshot) snapshot_open = true;
    if (letter.kind == Kind::kCloseSnapshot) snapshot_open = false;
    program.rounds.push_back(std::move(round));
  }
}

}  // namespace

Program ProgramOf(const Sequence& sequence) {
  Program program{.close = false, .switch_percent = 0};
  Serial serial = kFirstSerial;
  AddRounds(sequence, serial, program);
  return program;
}

std::string NameOf(const Race& race) {
  std::string text = race.before.empty() ? "" : NameOf(race.before) + "; ";
  for (size_t i = 0; i < race.actors.size(); ++i) text += (i == 0 ? "" : " | ") + NameOf(race.actors[i]);
  if (race.fault) text += " ! " + race.fault->ToString();
  return text;
}

namespace {

// When it strikes the call says so: what was acknowledged before stays, everything else may be told an error.
bool SaysSo(faultfs::FaultKind kind) {
  switch (kind) {
    case faultfs::FaultKind::kIoError:
    case faultfs::FaultKind::kNoSpace:
    case faultfs::FaultKind::kShortWrite:
    case faultfs::FaultKind::kSyncKeepsClean:
    case faultfs::FaultKind::kSyncReverts: return true;
    default: return false;
  }
}

}  // namespace

std::optional<Race> ParseRace(std::string_view text) {
  Race race;
  if (const size_t sign = text.find(" ! "); sign != std::string_view::npos) {
    race.fault = faultfs::Fault::Parse(text.substr(sign + 3));
    if (!race.fault || !SaysSo(race.fault->kind)) return std::nullopt;
    text = text.substr(0, sign);
  }
  if (const size_t semicolon = text.find("; "); semicolon != std::string_view::npos) {
    const auto before = ParseSequence(text.substr(0, semicolon));
    if (!before) return std::nullopt;
    race.before = *before;
    text.remove_prefix(semicolon + 2);
  }
  for (;;) {
    const size_t bar = text.find(" | ");
    const auto actor = ParseSequence(text.substr(0, bar));
    // Nobody may close the database under the others.
    if (!actor || std::ranges::any_of(*actor, [](Letter at) { return kLetters[at].kind == Kind::kReopen; })) {
      return std::nullopt;
    }
    race.actors.push_back(*actor);
    if (bar == std::string_view::npos) break;
    text.remove_prefix(bar + 3);
  }
  if (race.actors.size() > kActorsMax) return std::nullopt;
  return race;
}

Program ProgramOf(const Race& race) {
  Program program = ProgramOf(race.before);
  Serial serial = kFirstSerial + static_cast<Serial>(race.before.size());
  Round round;
  for (const Sequence& letters : race.actors) {
    std::vector<Step>& steps = round.actors.emplace_back();
    bool snapshot_open = false;
    for (const Letter at : letters) {
      steps.push_back(StepOf(kLetters[at], serial++, snapshot_open));
      steps.back().slot = static_cast<uint8_t>(round.actors.size() - 1);
      if (kLetters[at].kind == Kind::kSnapshot) snapshot_open = true;
      if (kLetters[at].kind == Kind::kCloseSnapshot) snapshot_open = false;
    }
  }
  program.rounds.push_back(std::move(round));
  if (race.fault) {
    for (const char* after : {"put a", "put b", "checkpoint", "read"}) {
      AddRounds(*ParseSequence(after), serial, program);
    }
  }
  return program;
}

Beginning::Beginning(const Setup& setup) {
  const SessionPlan plan{.setup = setup, .program = BeginningOfSequences()};
  const auto disk = std::make_shared<faultfs::Disk>(setup.traits, 1);
  session = RunSession(disk, plan, [] { MANIFOLDDB_ASSERT(false); });  // one actor
  oracle = std::make_unique<Oracle>(Model(), session.opened.number, session.history);
  base_ = oracle->StateAt(oracle->known());
  number = oracle->positions()[oracle->known()].number;
  image = disk->CacheImage();
}

Model Beginning::BaseFor(const Session& opened) const {
  Model base = base_;
  BindIds(base, opened.opened);
  return base;
}

Setup SetupOfSequences(bool garbage, bool torn) {
  constexpr uint32_t kSector = 512;
  const uint32_t unit = torn ? 2 * kSector : kSector;
  constexpr uint64_t kLogUnits = 8;
  Setup setup;
  setup.traits.atomic_unit = kSector;
  setup.traits.garbage_in_torn_units = garbage;
  Options& options = setup.options;
  options.page_size = options.write_unit = unit;
  options.log_bytes_initial = options.log_bytes_max = kLogUnits * unit;
  options.cache_bytes = options.dirty_bytes_max = 64 * unit;
  options.checkpoint_interval_ms = 0;
  setup.recovery_dirty_bytes_max = options.dirty_bytes_max;
  setup.limits = {.page_size = unit,
                  .key_bytes_max = unit / 4,
                  .log_bytes_max = options.log_bytes_max,
                  .group_bytes_max = options.log_bytes_max / 4};
  return setup;
}

}  // namespace manifolddb::crashsim
