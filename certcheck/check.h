#pragma once
// Replays crash certificates (docs/certificates.md) and says whether they are right: with the engine broken
// at the sites that one names, the rule that it names is broken; without, none is. Shares no code with the
// harness that wrote it: a disk, a model and a judge of its own, the public API, the engine's list of sites.
// A certificate is any text: what is wrong with one is an exception that names the place.
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "certcheck/disk.h"
#include "engine/base/sites.h"
#include "manifolddb/database.h"

namespace manifolddb::certcheck {

using Json = nlohmann::json;
using Family = std::map<std::string, std::map<std::string, std::string>>;  // table, key, value
using State = std::map<std::string, Family>;

constexpr uint64_t kNever = ~uint64_t{0};
constexpr const char* kHolds = "not confirmed: no rule is broken";
// Thrown by what is no certificate; by a broken rule; where a process has died, or damage was reported.
[[noreturn]] inline void Reject(const std::string& why) { throw std::invalid_argument(why); }
struct Wrong {
  std::string rule, why;
};
struct Ended {};

inline uint64_t Number(const Json& json, const char* name, uint64_t most, uint64_t otherwise = kNever) {
  if (!json.contains(name) && otherwise != kNever) return otherwise;
  const Json& value = json.at(name);
  if (value.is_number_unsigned() && value.get<uint64_t>() <= most) return value;
  Reject(std::string("bad ") + name + ": " + value.dump().substr(0, 40) + ", at most " +
         std::to_string(most));
}

// "\xNN" is a byte, all else stands for itself.
inline std::string Bytes(const Json& text) {
  std::string from = text.get<std::string>(), bytes;
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
    if (disk_->unit < 512 || options_.write_unit % disk_->unit != 0)
      Reject("bad sector: at least 512, and write_unit is a multiple of it");
  }

  // With `last_end` the last life ends after so many effects, not where it says.
  void Play(const Json& lives, std::optional<uint64_t> last_end = std::nullopt) {
    for (size_t i = 0; i <= lives.size(); ++i) try {
        if (i == lives.size()) return Open(kNever), Verify("opens");
        const uint64_t named = Number(lives[i], "after_effects", 1 << 24, kNever - 1);
        Open(last_end && i + 1 == lives.size() ? *last_end : named);
        for (const Json& step : lives[i].at("steps")) Do(step);
        if (lives[i].at("closes").get<bool>()) held_.reset(), Settle(database_->Close()), closed_ = true;
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
    if (error.code() == Errc::kInvalidArgument || error.code() == Errc::kKeyTooLong) Reject(error.ToString());
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
    Require(std::ranges::find(states_, seen) != states_.end(), "state", "it shows no state that it may show");
    states_ = {seen};
    closed_ = false;
  }

  void End(const Json& life) {
    effects = disk_->effects;
    disk_->alive = 0;
    held_.reset(), database_ = nullptr;
    const std::string how = life.at("end");
    if (how == "kill") return;
    if (how != "power cut") Reject("bad end: " + how);
    const Json& lost = life.at("lost");
    std::set<size_t> taken;
    disk_->PowerCut([&](const Disk::Change& change) {
      bool gone = false;
      for (size_t i = 0; i < lost.size(); ++i) {
        const Json& one = lost[i];
        if (one.at("what") != change.what() || one.at("file") != change.file) continue;
        if (change.kind == Disk::Change::kSector && Number(one, "sector", kNever) != change.place) continue;
        if (!lenient_ && Number(one, "effect", kNever) != change.effect) continue;
        taken.insert(i), gone = true;
      }
      return gone;
    });
    if (!lenient_ && taken.size() < lost.size()) Reject("bad lost: never written, or synced");
    if (life.contains("damage")) Harm(life.at("damage"));
  }

  // Once, and of a database that was closed: nothing tells the loss of both files, or of a log's last group.
  void Harm(const Json& damage) {
    const std::string name = damage.at("file"), how = damage.at("how");
    if (damaged_ || !closed_) Reject("bad damage: not the first, or of a database that was not closed");
    const bool possible = disk_->durable.names.contains(name) && (how == "flip" || how == "remove");
    if (!possible) Reject("bad damage: " + how + " of " + name);
    damaged_ = true;
    std::string& bytes = disk_->durable.nodes[disk_->durable.names[name]].bytes;
    if (how == "flip") bytes[Number(damage, "offset", std::max<uint64_t>(bytes.size(), 1) - 1)] ^= 1;
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
    if (what.ends_with("_snapshot")) {
      const bool same = !held_ || Read(held_->first, "answer") == held_->second;
      return Require(same, "answer", "a snapshot has changed");
    }
    if (what != "create_family") Reject("bad step: " + what);
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
    if (!end.starts_with("commit")) Reject("bad end: " + end);
    CommitOptions how{.through_checkpoint = end == "commit through a checkpoint"};
    if (end == "commit, not durable") how.durability = Durability::kNone;
    states_.push_back(std::move(after));
    Settle(transaction->Commit(how), how.durability == Durability::kImmediate);
  }

  // In both, the database and the model; true if the answer is right.
  bool Make(WriteTransaction& transaction, ColumnFamily family, Family& tables, const Json& change) const {
    const std::string what = change.at("do"), name = Bytes(change.at("table")), key = Bytes(change.at("key"));
    if (what != "put" && what != "delete") Reject("bad change: " + what);
    if (what == "delete" && !tables.contains(name)) return !transaction.OpenTable(family, name);
    auto table = Take(
        what == "put" ? transaction.OpenOrCreateTable(family, name) : transaction.OpenTable(family, name),
        "answer");
    if (what == "delete")
      return *Take(table->Delete(AsBytes(key)), "answer") == (tables[name].erase(key) > 0);
    const std::string value = Bytes(change.at("value"));
    const uint64_t times = Number(change, "times", 1 << 20, 1);
    if (times != 1 && value.empty()) Reject("bad times: of nothing");
    std::string& entry = tables[name][key] = times == 1 ? value : std::string(times, value[0]);
    return Take(table->Put(AsBytes(key), AsBytes(entry)), "answer").has_value();
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
  bool closed_ = false, damaged_ = false;
};

// These sites and no others.
inline void Break(const Json& sites) {
  size_t known = 0;
  for (base::Site* site = base::Site::First(); site != nullptr; site = site->next()) {
    const bool broken = std::ranges::find(sites, site->name()) != sites.end();
    site->Break(broken), known += broken ? 1 : 0;
  }
  if (!sites.is_array() || known < sites.size()) Reject("bad broken: not a list of the engine's sites");
}

// With the engine broken; then with the sound one, wherever the last life ends.
inline std::string Check(const Json& certificate) {
  if (certificate.at("format") != "manifolddb crash certificate, version 1") Reject("bad format");
  const Json &lives = certificate.at("lives"), &sites = certificate.at("broken");
  if (!lives.is_array() || lives.empty() || lives.size() > 16) Reject("bad lives: not a list of 1 to 16");
  const std::string rule = certificate.at("violation").at("rule");
  Wrong wrong;
  try {
    Break(sites);
    Player(certificate, false).Play(lives);
  } catch (const Wrong& caught) {
    wrong = caught;
  }
  Break(Json::array());
  if (wrong.rule.empty()) return kHolds;
  if (wrong.rule != rule) return "not confirmed: found is: " + wrong.rule + " " + wrong.why;
  const std::string confirmed = "confirmed: " + rule + ": " + wrong.why;
  if (sites.empty()) return confirmed;
  uint64_t ends = 0;
  try {
    Player(certificate, true).Play(lives);
    for (uint64_t last = lives.back().contains("damage") ? 0 : 1; ends < last; ++ends) {
      Player sound(certificate, true);
      sound.Play(lives, ends);
      last = std::max(last, sound.effects < ends ? last : ends + 2);
    }
  } catch (const Wrong& caught) {
    return "not confirmed: the sound engine does the same: " + caught.rule + ": " + caught.why;
  }
  return confirmed + "; the sound engine holds, ended at " + std::to_string(ends) + " places";
}

}  // namespace manifolddb::certcheck
