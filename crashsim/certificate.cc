// Certificates as JSON. The format is told in docs/certificates.md; whoever changes it raises the version.
#include "crashsim/certificate.h"

#include <algorithm>
#include <map>
#include <utility>

#include "crashsim/json.h"
#include "crashsim/observation.h"

namespace manifolddb::crashsim {
namespace {

// The second one is of lives with threads, the third one of one thread whose storage errs.
constexpr const char* kFormats[] = {"manifolddb crash certificate, version 1",
                                    "manifolddb crash certificate, version 2",
                                    "manifolddb crash certificate, version 3"};

using faultfs::Atom;
using faultfs::EffectKind;

// Any bytes as text: printable ones as they are, the others as \xNN.
std::string Escaped(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char character : bytes) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte >= 0x20 && byte < 0x7f && character != '\\') {
      text += character;
    } else {
      text += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return text;
}

const char* NameOf(StepKind kind) {
  switch (kind) {
    case StepKind::kTransaction: return "transaction";
    case StepKind::kCreateFamily: return "create_family";
    case StepKind::kCheckpoint: return "checkpoint";
    case StepKind::kVerify: return "verify";
    case StepKind::kOpenSnapshot: return "open_snapshot";
    case StepKind::kReadSnapshot: return "read_snapshot";
    case StepKind::kCloseSnapshot: return "close_snapshot";
    case StepKind::kDropFamily: return "drop_family";
    default: return "read";
  }
}

const char* NameOf(OpKind kind) {
  switch (kind) {
    case OpKind::kPut: return "put";
    case OpKind::kDeleteRange: return "delete_range";
    case OpKind::kGet: return "get";
    case OpKind::kScan: return "scan";
    default: return "delete";
  }
}

Json JsonOf(const Op& op, const Step& step) {
  Json json = {{"do", NameOf(op.kind)},
               {"family", Escaped(step.families.at(op.family))},
               {"table", Escaped(op.table)}};
  const bool of_range = op.kind == OpKind::kDeleteRange;
  if (op.has_key) json[of_range ? "lower" : "key"] = Escaped(op.key);
  if (op.has_lower && !of_range) json["lower"] = Escaped(op.lower);
  if (op.has_upper) json["upper"] = Escaped(op.upper);
  if (op.kind == OpKind::kScan) json["backwards"] = op.backwards, json["count"] = op.count;
  if (op.kind != OpKind::kPut) return json;
  const bool one_letter =
      op.value.size() > 1 && op.value.find_first_not_of(op.value.front()) == std::string::npos;
  json["value"] = Escaped(one_letter ? op.value.substr(0, 1) : op.value);
  if (one_letter) json["times"] = op.value.size();
  return json;
}

Json JsonOf(const Step& step) {
  Json json = {{"do", NameOf(step.kind)}};
  const bool of_family = step.kind == StepKind::kCreateFamily || step.kind == StepKind::kDropFamily;
  if (of_family) json["family"] = Escaped(step.families.at(0));
  if (step.slot != 0) json["slot"] = step.slot;
  if (step.kind != StepKind::kTransaction) return json;
  json["families"] = Json::array();
  for (const std::string& family : step.families) json["families"].push_back(Escaped(family));
  json["changes"] = Json::array();
  for (const Op& op : step.ops) json["changes"].push_back(JsonOf(op, step));
  json["end"] = !step.commit                                ? "abort"
                : step.through_checkpoint                   ? "commit through a checkpoint"
                : step.durability == Durability::kImmediate ? "commit"
                                                            : "commit, not durable";
  return json;
}

Json JsonOf(const Loss& loss) {
  switch (loss.kind) {
    case Atom::Kind::kSector: {
      Json json = {{"what", "sector"}, {"effect", loss.effect}, {"file", loss.file}, {"sector", loss.sector}};
      if (loss.torn) json["torn"] = true;
      return json;
    }
    case Atom::Kind::kSize: return {{"what", "size"}, {"effect", loss.effect}, {"file", loss.file}};
    default: return {{"what", "name"}, {"effect", loss.effect}, {"file", loss.file}};
  }
}

Json JsonOf(const Damage& damage) {
  Json json = {{"how", damage.removed ? "remove" : "flip"}, {"file", damage.file}};
  if (!damage.removed) json["offset"] = damage.offset;
  return json;
}

Json JsonOf(const faultfs::Fault& fault) {
  using faultfs::FaultKind;
  using faultfs::Operation;
  constexpr std::pair<Operation, const char*> kCalls[] = {{Operation::kWrite, "write"},
                                                          {Operation::kSync, "sync"},
                                                          {Operation::kAllocate, "allocate"},
                                                          {Operation::kDirectory, "directory"}};
  Json json = {{"calls", Json::array()}};
  for (const auto& [operation, name] : kCalls) {
    const auto counted = fault.counted & faultfs::OperationsOf(fault.kind);
    if ((counted & Only(operation)) != 0) json["calls"].push_back(name);
  }
  if (!fault.file.empty()) json["file"] = fault.file;
  json["at"] = fault.at;
  if (fault.lasting) json["lasting"] = true;
  json["how"] = fault.kind == FaultKind::kNoSpace          ? "no space"
                : fault.kind == FaultKind::kShortWrite     ? "short"
                : fault.kind == FaultKind::kSyncKeepsClean ? "keeps"
                : fault.kind == FaultKind::kSyncReverts    ? "reverts"
                                                           : "error";
  if (fault.parameter != 0) json["bytes"] = fault.parameter;
  return json;
}

Json JsonOf(const Harm& harm) {
  constexpr const char* kNames[] = {"flip", "remove", "older", "twin"};
  Json json = {{"how", kNames[static_cast<size_t>(harm.how)]}, {"file", harm.file}};
  if (harm.how == Harm::How::kFlip || harm.bytes > 0) json["offset"] = harm.offset;
  if (harm.bytes > 0) json["bytes"] = harm.bytes;
  if (harm.bytes > 0 && harm.to != harm.offset) json["to"] = harm.to;
  if (harm.bit != 0) json["bit"] = harm.bit;
  if (harm.how == Harm::How::kOlder) json["after_effects"] = harm.effects;
  return json;
}

// Of certificates of one thread: whether it takes more than programs, ends, and damage behind a clean close.
bool StorageErrs(const Case& what) {
  const auto step_is_more = [](const Step& step) {
    const bool kind = step.kind == StepKind::kDropFamily || step.kind == StepKind::kCloseSnapshot;
    return kind || step.slot != 0 || std::ranges::any_of(step.ops, [](const Op& op) {
             return op.kind != OpKind::kPut && op.kind != OpKind::kDelete;
           });
  };
  return std::ranges::any_of(what.lives, [&](const Life& life) {
    return !life.faults.empty() || life.no_memory != 0 || !life.harm.empty() || life.restarts ||
           std::ranges::any_of(life.lost, &Loss::torn) || std::ranges::any_of(life.steps, step_is_more);
  });
}

// [what, file, offset, bytes], for pictures. What a write did to the size of its file is not told.
Json JsonOf(const faultfs::Effect& effect) {
  constexpr const char* kNames[] = {"write", "grow", "create",      "remove",      "rename",      "sync",
                                    "sync",  "sync", "failed sync", "failed sync", "failed sync", "evict"};
  const bool directory = effect.kind == EffectKind::kSyncDirectory;
  const std::string file = directory ? "." : effect.kind == EffectKind::kRename ? effect.name2 : effect.name;
  return {kNames[static_cast<size_t>(effect.kind)], file, effect.offset, effect.size};
}

const char* NameOf(Moment::At at) {
  switch (at) {
    case Moment::At::kStep: return "beginning";
    case Moment::At::kLock: return "lock";
    case Moment::At::kPublishing: return "atomic";
    case Moment::At::kIo: return "I/O";
    case Moment::At::kWait: return "wait";
    case Moment::At::kEnd: return "end";
    default: return "?";
  }
}

// [what, thread, step, effects so far], and of a switch [..., to, event, what that is], for pictures.
Json JsonOf(const Happened& one) {
  constexpr const char* kNames[] = {"begins", "ends", "switches"};
  Json json = {kNames[static_cast<size_t>(one.what)], one.thread, one.step, one.effects};
  if (one.what != Happened::What::kSwitches) return json;
  json.push_back(one.to);
  json.push_back(one.event);
  json.push_back(NameOf(one.at));
  return json;
}

// Threads, and of the switches those that are chosen, not those that waits and ends ask for.
void AddThreads(const Life& life, const Played& played, uint64_t effects, Json& json) {
  if (life.threads.empty()) return;
  json["threads"] = Json::array();
  for (const auto& steps : life.threads) {
    Json& thread = json["threads"].emplace_back(Json::array());
    for (const Step& step : steps) thread.push_back(JsonOf(step));
  }
  json["switches"] = Json::array();
  json["happened"] = Json::array();
  for (const Switch& at : life.switches) {
    json["switches"].push_back(
        {{"thread", at.thread}, {"step", at.step}, {"event", at.event}, {"to", at.to}});
  }
  for (const Happened& one : played.happened) {
    if (one.effects <= effects) json["happened"].push_back(JsonOf(one));
  }
}

Json JsonOf(const Life& life, const Played& played) {
  Json json = {{"steps", Json::array()}};
  for (const Step& step : life.steps) json["steps"].push_back(JsonOf(step));
  if (!life.faults.empty()) json["faults"] = Json::array();
  for (const faultfs::Fault& fault : life.faults) json["faults"].push_back(JsonOf(fault));
  if (life.no_memory != 0) json["no_memory"] = life.no_memory;
  AddThreads(life, played, std::min(life.effects, played.effects()), json);
  json["closes"] = life.closes;
  json["end"] = life.power ? "power cut" : "kill";
  const uint64_t effects = std::min(life.effects, played.effects());
  if (life.effects != kAtTheEnd) json["after_effects"] = life.effects;
  if (life.power) {
    json["lost"] = Json::array();
    for (const Loss& loss : life.lost) json["lost"].push_back(JsonOf(loss));
  }
  if (!life.harm.empty()) json["harm"] = Json::array();
  for (const Harm& harm : life.harm) json["harm"].push_back(JsonOf(harm));
  if (life.damage) json["damage"] = JsonOf(*life.damage);
  if (life.restarts) json["restarts"] = true;
  // What it came to.
  json["first_effect"] = played.session.first_effect;
  json["opened_after"] = std::min(effects, played.session.opened_effect);
  json["begun_after"] = played.begun;
  const auto& settled = played.session.history.settled;
  if (life.closes && played.session.closed) json["closing_after"] = settled.back().called.effects;
  json["effects"] = Json::array();
  for (uint64_t n = played.session.first_effect; n < effects; ++n) {
    json["effects"].push_back(JsonOf(played.session.trace->effects[n]));
  }
  return json;
}

// ---- States as lines: "family f", "f/t", "f/t 0 = aaa".

std::string TextOfValue(std::string_view value) {
  constexpr size_t kShown = 24;
  if (value.size() > 3 && value.find_first_not_of(value.front()) == std::string_view::npos) {
    return std::to_string(value.size()) + " x " + Escaped(value.substr(0, 1));
  }
  if (value.size() <= kShown) return Escaped(value);
  return Escaped(value.substr(0, kShown)) + "... (" + std::to_string(value.size()) + " bytes)";
}

// Contents are known by digests; what they stand for is what somebody put.
std::map<uint64_t, std::string> ValuesOf(const Case& what) {
  std::map<uint64_t, std::string> values;
  const auto add = [&](const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      for (const Op& op : step.ops) values.emplace(Digest(op.value), TextOfValue(op.value));
    }
  };
  for (const Life& life : what.lives) {
    add(life.steps);
    for (const auto& steps : life.threads) add(steps);
  }
  return values;
}

std::vector<std::string> LinesOf(const Model& state, const std::map<uint64_t, std::string>& values) {
  std::vector<std::string> lines;
  for (const auto& [uid, family] : state.families()) {
    if (family.tables.empty()) lines.push_back("family " + Escaped(family.name) + ", empty");
    for (const auto& [name, table] : family.tables) {
      const std::string where = Escaped(family.name) + "/" + Escaped(name);
      if (table.entries.empty()) lines.push_back(where + ", empty");
      for (const auto& [key, value] : table.entries) {
        const auto text = values.find(value.digest);
        lines.push_back(where + " " + Escaped(key) + " = " +
                        (text == values.end() ? "what nobody wrote" : text->second));
      }
    }
  }
  std::ranges::sort(lines);
  if (lines.empty()) lines.push_back("nothing");
  return lines;
}

// Where the last look is judged: every state that it may show, the least first.
Json AllowedStates(const Start& start, const std::map<uint64_t, std::string>& values) {
  Json states = Json::array();
  const Allowed allowed = start.oracle->At(start.owed_at);
  const auto& positions = start.oracle->positions();
  for (size_t p = allowed.floor; p < positions.size(); ++p) {
    if (positions[p].called_at > allowed.effects) continue;
    const Model state = start.oracle->StateAt(p);
    if (!start.shown || state.Sum() == *start.shown) states.push_back(LinesOf(state, values));
  }
  return states;
}

Json ViolationOf(const Case& what, const Replay& replay) {
  const Finding& finding = *replay.finding;
  Json json = {{"rule", Name(finding.rule)},
               {"sentence", Sentence(finding.rule)},
               {"promise", Name(finding.violation.promise)},
               {"meaning", Meaning(finding.violation.promise)},
               {"expected", finding.violation.expected},
               {"found", finding.violation.found}};
  const bool run = replay.lives.back().finding.has_value();  // no end has come to pass
  if (run || replay.start.oracle == nullptr) return json;
  const auto values = ValuesOf(what);
  json["allowed"] = AllowedStates(replay.start, values);
  const bool shows = finding.rule != Rule::kOpens;
  if (shows) json["shown"] = LinesOf(ModelOf(ContentsOf(replay.start.Boot(what.setup), what.setup)), values);
  return json;
}

void Write(const Json& json, size_t indent, std::string& text) {
  constexpr size_t kLine = 108;
  const std::string flat = json.dump();
  if (flat.size() + indent <= kLine || !json.is_structured() || json.empty()) {
    text += flat;
    return;
  }
  const std::string margin(indent + 2, ' ');
  text += json.is_object() ? "{" : "[";
  bool first = true;
  for (const auto& item : json.items()) {
    text += first ? "\n" : ",\n";
    first = false;
    text += margin;
    if (json.is_object()) text += Json(item.key()).dump() + ": ";
    Write(item.value(), indent + 2, text);
  }
  text += "\n" + std::string(indent, ' ') + (json.is_object() ? "}" : "]");
}

}  // namespace

Json CertificateOf(const Shrunk& shrunk, const Provenance& from) {
  const Case& what = shrunk.what;
  const Replay replay = ReplayCase(what);
  const Options& options = what.setup.options;
  const bool threads = std::ranges::any_of(what.lives, [](const Life& l) { return !l.threads.empty(); });
  // Bounds are looked at by the checker of the third version alone.
  const bool of_bounds = replay.finding && replay.finding->violation.promise == Promise::kBounded;
  Json json = {{"format", kFormats[threads                          ? 1
                                   : StorageErrs(what) || of_bounds ? 2
                                                                    : 0]},
               {"commit", from.git},
               {"broken", from.broken},
               {"repro", from.repro},
               {"operations", OperationsOf(what)},
               {"operations_before", shrunk.operations_before},
               {"lost", LossesOf(what)},
               {"disk", {{"sector", what.setup.traits.atomic_unit}, {"order", "none"}}},
               {"database",
                {{"page_size", options.page_size},
                 {"write_unit", options.write_unit},
                 {"log_bytes_initial", options.log_bytes_initial},
                 {"log_bytes_max", options.log_bytes_max},
                 {"cache_bytes", options.cache_bytes},
                 {"dirty_bytes_max", options.dirty_bytes_max}}},
               {"lives", Json::array()}};
  for (size_t i = 0; i < replay.lives.size(); ++i) {
    json["lives"].push_back(JsonOf(what.lives[i], replay.lives[i]));
  }
  json["violation"] = ViolationOf(what, replay);
  return json;
}

std::string TextOf(const Json& certificate) {
  std::string text;
  Write(certificate, 0, text);
  return text + "\n";
}

}  // namespace manifolddb::crashsim
