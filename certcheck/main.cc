// Replays crash certificates (docs/certificates.md) and says whether they are right: with the engine broken
// at the sites that one names, the rule that it names is broken; without, none is. Shares no code with the
// harness that wrote it: a disk, a model and a judge of its own, the public API, the engine's list of sites.
//
// certcheck FILE...: exit codes 0 all confirmed; 1 one is not; 2 one is none, or asks what no disk may do.
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "certcheck/disk.h"
#include "engine/base/sites.h"
#include "manifolddb/database.h"

namespace manifolddb::certcheck {
namespace {

using Json = nlohmann::json;
using Family = std::map<std::string, std::map<std::string, std::string>>;  // table, key, value
using State = std::map<std::string, Family>;

constexpr uint64_t kNever = ~uint64_t{0};
// Thrown by what is no certificate; by a broken rule; where a process has died, or damage was reported.
[[noreturn]] void Reject(const std::string& why) { throw std::invalid_argument(why); }
struct Wrong {
  std::string rule, why;
};
struct Ended {};

uint64_t Number(const Json& json, const char* name, uint64_t most, uint64_t otherwise = kNever) {
  if (!json.contains(name) && otherwise != kNever) return otherwise;
  const Json& value = json.at(name);
  if (!value.is_number_unsigned() || value.get<uint64_t>() > most) Reject(std::string("bad ") + name);
  return value;
}

// "\xNN" is a byte, all else stands for itself.
std::string Bytes(const Json& text) {
  const std::string from = text.get<std::string>();
  std::string bytes;
  for (size_t i = 0; i < from.size(); ++i) {
    unsigned byte = static_cast<unsigned char>(from[i]);
    if (from[i] == '\\' && std::sscanf(from.c_str() + i, "\\x%2x", &byte) == 1) i += 3;
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

// states_ begins with the newest state that was acknowledged as durable, or that an opening has shown; behind
// it lie those that a crash may take, and, if the process died in a commit, the one that may be there.
class Player {
 public:
  // `lenient`: what a certificate loses is lost whatever wrote it, as far as it is there to be lost.
  Player(const Json& certificate, bool lenient) : lenient_(lenient) {
    const Json& sizes = certificate.at("database");
    disk_->unit = Number(certificate.at("disk"), "sector", 16384);
    options_.page_size = static_cast<uint32_t>(Number(sizes, "page_size", 65536));
    options_.write_unit = static_cast<uint32_t>(Number(sizes, "write_unit", 16384));
    options_.log_bytes_initial = Number(sizes, "log_bytes_initial", 1 << 24);
    options_.log_bytes_max = Number(sizes, "log_bytes_max", 1 << 24);
    options_.cache_bytes = Number(sizes, "cache_bytes", 1 << 28);
    options_.dirty_bytes_max = Number(sizes, "dirty_bytes_max", 1 << 28);
    options_.checkpoint_interval_ms = 0;
    options_.executor = MakeInlineExecutor();
    if (disk_->unit < 512 || options_.write_unit < disk_->unit) Reject("bad sector");
  }

  // With `last_end` the last life ends after so many effects, not where it says.
  void Play(const Json& lives, std::optional<uint64_t> last_end = std::nullopt) {
    for (size_t i = 0; i <= lives.size(); ++i) try {
        if (i == lives.size()) return Open(kNever), Verify("opens");
        const uint64_t named = Number(lives[i], "after_effects", 1 << 24, kNever - 1);
        Open(last_end && i + 1 == lives.size() ? *last_end : named);
        for (const Json& step : lives[i].at("steps")) Do(step);
        if (lives[i].at("closes").get<bool>()) held_.reset(), Settle(database_->Close());
        End(lives[i]);
      } catch (const Ended&) {
        if (i < lives.size()) End(lives[i]);
      }
  }

  uint64_t effects = 0;  // of the last life's boot
 private:
  void Require(bool holds, const std::string& rule, const std::string& why) const {
    if (!holds && !disk_->Lives(process_)) throw Ended();
    if (!holds) throw Wrong{damaged_ ? "damage" : rule, why};
  }
  template <class Answer>
  Answer Take(Answer answer, const std::string& rule) const {
    if (answer) return answer;
    const Error& error = answer.error();
    if (error.code() == Errc::kInvalidArgument) Reject(error.ToString());
    const bool says_so = error.code() >= Errc::kCorrupt && error.code() <= Errc::kPageSizeMismatch;
    if (damaged_ && says_so && !error.file().empty()) throw Ended();
    Require(false, rule, error.ToString());
    return answer;
  }
  template <class Answer>
  void Settle(const Answer& done, bool durable = true) {
    static_cast<void>(Take(done, "answer"));
    if (durable) states_.erase(states_.begin(), states_.end() - 1);
  }
  void Verify(const std::string& rule) const {
    const auto report = Take(database_->Verify(), rule);
    if (!report->ok()) Require(damaged_, "whole", report->problems.front().what);
  }

  void Open(uint64_t last_effects) {
    process_ = disk_->Start(last_effects);
    database_ = *Take(Database::Open(std::make_shared<Process>(disk_, process_), "db", options_), "opens");
    auto transaction = Take(database_->BeginRead(), "opens");
    const State seen = Read(*transaction, "opens");
    const bool allowed = std::ranges::find(states_, seen) != states_.end();
    Require(allowed, "state", "the database shows none of the states that it may show");
    states_ = {seen};
  }

  void End(const Json& life) {
    effects = disk_->effects;
    disk_->alive = 0;
    held_.reset(), database_ = nullptr;
    const std::string how = life.at("end");
    if (how == "kill") return;
    if (how != "power cut") Reject("bad end");
    const Json& lost = life.at("lost");
    std::set<size_t> taken;
    disk_->PowerCut([&](const Disk::Change& change) {
      bool gone = false;
      for (size_t i = 0; i < lost.size(); ++i) {
        const Json& one = lost[i];
        if (one.at("what") != change.what() || one.at("file") != change.file) continue;
        if (change.kind == Disk::Change::kSector && Number(one, "sector", kNever) != change.place) continue;
        if (!lenient_ && Number(one, "effect", kNever) != change.effect) continue;
        gone = true;
        taken.insert(i);
      }
      return gone;
    });
    if (!lenient_ && taken.size() < lost.size()) Reject("it loses what was synced, or never written");
    if (life.contains("damage")) Harm(life.at("closes") == true ? life.at("damage") : Json());
  }

  // Of a database that was closed.
  void Harm(const Json& damage) {
    damaged_ = true;
    const std::string name = damage.at("file"), how = damage.at("how");
    if (!disk_->durable.names.contains(name) || (how != "flip" && how != "remove")) Reject("bad damage");
    Disk::Node& node = disk_->durable.nodes[disk_->durable.names[name]];
    if (how == "flip") node.bytes.at(Number(damage, "offset", 1 << 30)) ^= 1;
    if (how == "remove") disk_->durable.names.erase(name);
    disk_->cache = disk_->durable;
  }

  void Do(const Json& step) {
    const std::string what = step.at("do");
    if (what == "transaction") return Transact(step);
    if (what == "checkpoint") return Settle(database_->Checkpoint());
    if (what == "verify") return Verify("answer");
    State after = states_.back();
    if (what == "read") {
      auto transaction = Take(database_->BeginRead(), "answer");
      return Require(Read(*transaction, "answer") == after, "answer", "a snapshot shows another state");
    }
    if (what == "open_snapshot") held_.emplace(*Take(database_->BeginRead(), "answer"), after);
    if (what.ends_with("_snapshot") && !held_) return;
    if (what.ends_with("_snapshot"))
      return Require(Read(held_->first, "answer") == held_->second, "answer", "a snapshot has changed");
    if (what != "create_family") Reject("bad step");
    const auto made = database_->CreateColumnFamily(Bytes(step.at("family")));
    if (!after.try_emplace(Bytes(step.at("family"))).second) return Require(!made, "answer", what);
    states_.push_back(std::move(after));
    Settle(made);
  }

  void Transact(const Json& step) {
    State after = states_.back();
    std::vector<ColumnFamily> held;
    std::map<std::string, ColumnFamily> families;
    for (const Json& one : step.at("families")) {
      const std::string name = Bytes(one);
      const auto family = database_->OpenColumnFamily(name);
      Require(family.has_value() == after.contains(name), "answer", "OpenColumnFamily of " + name);
      if (family) held.push_back(families[name] = *family);
    }
    if (held.empty()) return;
    auto transaction = Take(database_->BeginWrite(held), "answer");
    for (const Json& change : step.at("changes")) {
      const std::string name = Bytes(change.at("family"));
      if (!families.contains(name)) continue;
      Require(Make(*transaction, families[name], after[name], change), "answer", change.at("do"));
    }
    const std::string end = step.at("end");
    if (end == "abort") return transaction->Abort();
    CommitOptions how{.through_checkpoint = end == "commit through a checkpoint"};
    if (end == "commit, not durable") how.durability = Durability::kNone;
    states_.push_back(std::move(after));
    Settle(transaction->Commit(how), how.durability == Durability::kImmediate);
  }

  // In both, the database and the model; true if the answer is right.
  static bool Make(WriteTransaction& transaction, ColumnFamily family, Family& tables, const Json& change) {
    const std::string what = change.at("do"), name = Bytes(change.at("table"));
    const bool puts = what == "put";
    auto table = puts ? transaction.OpenOrCreateTable(family, name) : transaction.OpenTable(family, name);
    if (!table || (!puts && !tables.contains(name))) return !table && !puts && !tables.contains(name);
    auto& entries = tables[name];
    const std::string key = Bytes(change.at("key"));
    if (puts) {
      const std::string value = Bytes(change.at("value"));
      entries[key] =
          change.contains("times") ? std::string(Number(change, "times", 1 << 20), value.at(0)) : value;
      return table->Put(AsBytes(key), AsBytes(entries[key])).has_value();
    }
    if (what != "delete") Reject("bad change");
    const auto gone = table->Delete(AsBytes(key));
    return gone && *gone == (entries.erase(key) > 0);
  }

  State Read(ReadTransaction& transaction, const std::string& rule) const {
    State state;
    const auto names = Take(transaction.ListColumnFamilies(), rule);
    for (const std::string& name : *names) {
      const ColumnFamily family = *Take(transaction.OpenColumnFamily(name), rule);
      const auto tables = Take(transaction.ListTables(family), rule);
      state[name];
      for (const std::string& table : *tables) {
        const auto source = Take(transaction.OpenTable(family, table), rule);
        auto& entries = state[name][table];
        auto scan = Take(source->Entries(), rule);
        for (const auto& entry : *scan) {
          const auto [key, value] = *Take(entry, rule);
          Require(entries.emplace(AsText(key), AsText(value)).second, "whole", "a key is there twice");
        }
      }
    }
    return state;
  }

  Options options_;
  const std::shared_ptr<Disk> disk_ = std::make_shared<Disk>();
  const bool lenient_;
  uint64_t process_ = 0;
  std::unique_ptr<Database> database_;
  std::optional<std::pair<ReadTransaction, State>> held_;  // a snapshot
  std::vector<State> states_ = {State()};
  bool damaged_ = false;
};

void Break(const Json& sites, bool broken) {
  for (const Json& name : sites) {
    base::Site* site = base::Site::First();
    while (site != nullptr && name != site->name()) site = site->next();
    if (site == nullptr) Reject("no such site");
    site->Break(broken);
  }
}

// With the engine broken; then with the sound one, wherever the last life ends.
std::string Check(const Json& certificate) {
  if (certificate.at("format") != "manifolddb crash certificate, version 1") Reject("another format");
  const Json& lives = certificate.at("lives");
  const Json& sites = certificate.at("broken");
  if (lives.empty() || lives.size() > 16) Reject("bad lives");
  const std::string rule = certificate.at("violation").at("rule");
  Wrong wrong;
  try {
    Break(sites, true);
    Player(certificate, false).Play(lives);
  } catch (const Wrong& caught) {
    wrong = caught;
  }
  Break(sites, false);
  if (wrong.rule != rule) return "not confirmed: found is: " + wrong.rule + " " + wrong.why;
  const std::string confirmed = "confirmed: " + rule + ": " + wrong.why;
  if (sites.empty()) return confirmed;
  uint64_t ends = 0;
  try {
    Player(certificate, true).Play(lives);
    const bool anywhere = !lives.back().contains("damage");
    for (uint64_t last = anywhere ? 1 : 0; ends < last; ++ends) {
      Player sound(certificate, true);
      sound.Play(lives, ends);
      last = std::max(last, sound.effects < ends ? last : ends + 2);
    }
  } catch (const Wrong& caught) {
    return "not confirmed: the sound engine does the same: " + caught.rule + ": " + caught.why;
  }
  return confirmed + "; the sound engine holds, ended at " + std::to_string(ends) + " places";
}

}  // namespace
}  // namespace manifolddb::certcheck

int main(int argc, char** argv) {
  int code = argc < 2 ? 2 : 0;
  for (int i = 1; i < argc; ++i) {
    ::alarm(60);  // a broken engine may go round for ever
    std::string text;
    try {
      std::ifstream file(argv[i]);
      text = manifolddb::certcheck::Check(nlohmann::json::parse(file));
      code = std::max(code, text.starts_with("confirmed") ? 0 : 1);
    } catch (const std::exception& error) {
      text = std::string("no certificate: ") + error.what();
      code = 2;
    }
    std::printf("%s: %s\n", argv[i], text.c_str());
  }
  if (argc < 2) std::fprintf(stderr, "usage: certcheck FILE...\n");
  return code;
}
