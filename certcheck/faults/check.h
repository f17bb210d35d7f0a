#pragma once
// Replays crash certificates in which calls fail and storage errs (docs/certificates.md, version 3) and says
// whether they are right: with the engine broken at the sites that one names, the rule that it names is
// broken; without, none is. A certificate is any text: what is wrong with one is an exception with the place.
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "certcheck/erring_disk/disk.h"
#include "engine/base/memory.h"
#include "engine/base/sites.h"
#include "manifolddb/database.h"

namespace manifolddb::certcheck::faults {

using Json = nlohmann::json;
using Table = std::map<std::string, std::string>;
using State = std::map<std::string, std::map<std::string, Table>>;  // family, table, key, value

constexpr uint64_t kNever = ~uint64_t{0};
constexpr uint64_t kEndsMost = 400;  // of the sound engine's last life: no more are tried
constexpr const char* kHolds = "not confirmed: no rule is broken";
// Thrown by what is no certificate; by a broken rule; by an error that a call that failed explains; where a
// process has died, or damage was reported.
[[noreturn]] inline void Reject(const std::string& why) { throw std::invalid_argument(why); }
struct Wrong {
  std::string rule, why;
};
struct Excused {};
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
inline std::optional<std::string> MaybeBytes(const Json& json, const char* name) {
  return json.contains(name) ? std::optional(Bytes(json.at(name))) : std::nullopt;
}

class Player {
 public:
  // `lenient`: what a certificate loses is lost whatever wrote it, as far as it is there to be lost.
  Player(const Json& certificate, bool lenient, uint64_t identity = 0)
      : certificate_(certificate), lenient_(lenient) {
    const Json& sizes = certificate.at("database");
    disk_->unit = Number(certificate.at("disk"), "sector", 16384);
    disk_->identity = identity;
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
  ~Player() { base::SetAllocationGate({}); }

  // With `last_end` the last life ends after so many effects, not where it says.
  void Play(const Json& lives, std::optional<uint64_t> last_end = std::nullopt) {
    for (size_t i = 0; i <= lives.size(); ++i) try {
        if (i == lives.size() && !looks_) return;
        if (i == lives.size()) return Open(Json::object(), kNever), Verify("opens");
        const uint64_t named = Number(lives[i], "after_effects", 1 << 24, kNever - 1);
        Open(lives[i], last_end && i + 1 == lives.size() ? *last_end : named);
        for (const Json& step : lives[i].at("steps")) try {
            Do(step), CheckBounds();
          } catch (const Excused&) {
          }
        if (lives[i].at("closes").get<bool>()) held_.clear(), Settle(database_->Close());
        End(lives[i]);
      } catch (const Excused&) {
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
  // A call that failed explains an error, but not that stored bytes are damaged; only what a sync took from
  // the cache, a value in an extent, may be that.
  template <class Answer>
  Answer Take(Answer answer, const std::string& rule, bool damage_as_well = false) const {
    if (answer) return answer;
    const Error& error = answer.error();
    if (error.code() == Errc::kInvalidArgument || error.code() == Errc::kKeyTooLong) Reject(error.ToString());
    const bool damage = error.code() >= Errc::kCorrupt && error.code() <= Errc::kPageSizeMismatch;
    if (damaged_ && damage && !error.file().empty()) throw Ended();
    const bool taken = Met("reverts") && error.operation() == "page.read_extent";
    // Want of room or memory is met before anything is ordered.
    const bool refused =
        disk_->struck.size() == static_cast<size_t>(std::ranges::count(disk_->struck, "no space"));
    const bool poisoned = error.code() == Errc::kPoisoned || error.code() == Errc::kUnknownOutcome;
    Require(Struck(), rule, error.ToString());
    Require(!poisoned || !refused, "answer", error.ToString());
    Require(!damage || taken || damage_as_well, rule, error.ToString());
    throw Excused();
  }
  template <class Answer>
  void Settle(const Answer& done, bool durable = true) {
    static_cast<void>(Take(done, "answer"));
    if (durable) owed_ = {now_};
  }
  bool Struck() const { return !disk_->struck.empty() || refused_; }
  bool Met(const char* how) const { return std::ranges::count(disk_->struck, how) > 0; }
  // A commit, or what is like it: whoever reads has it; or maybe those who open the database; or nobody.
  void Commit(const Status& done, State after, bool durable) {
    const bool unknown = !done && done.error().code() == Errc::kUnknownOutcome;
    if (done || unknown || !disk_->Lives(process_)) owed_.push_back(after);
    if (done) now_ = std::move(after);
    Settle(done, durable);
  }

  void Verify(const std::string& rule) const {
    const auto report = Take(database_->Verify(), rule, true);
    if (!report->ok()) Require(damaged_ || Struck(), "whole", report->problems.front().what);
  }
  void CheckBounds() const {
    const uint64_t most = 2 * options_.dirty_bytes_max + uint64_t{4} * options_.page_size;
    Require(database_->Stats().dirty_bytes <= most, "answer", "more changed pages in memory than allowed");
    const auto log = disk_->cache.names.find("db-wal");
    const uint64_t bytes = log == disk_->cache.names.end() ? 0 : disk_->cache.nodes[log->second].size;
    Require(bytes <= options_.log_bytes_max + 2 * options_.write_unit, "answer", "the log is too long");
  }

  void Open(const Json& life, uint64_t last_effects) {
    process_ = disk_->Start(last_effects, FaultsOf(life));
    refused_ = committing_ = false;
    base::SetAllocationGate([this, left = Number(life, "no_memory", 1 << 20, 0)](size_t) mutable {
      return !committing_ || left == 0 || --left != 0 || !(refused_ = true);
    });
    auto opened = Database::Open(std::make_shared<Process>(disk_, process_), "db", options_);
    // On a full disk a database opens that was open once.
    Require(opened || !was_open_ || !Met("no space"), "opens", opened ? "" : opened.error().ToString());
    database_ = *Take(std::move(opened), "opens");
    auto transaction = Take(database_->BeginRead(), "opens");
    now_ = Read(*transaction, "opens");
    Require(std::ranges::count(owed_, now_) > 0, shown_ ? "restarts" : "state",
            "it shows no state that it may show");
    owed_ = {now_};
    was_open_ = true, shown_ = false;
  }

  static std::vector<Fault> FaultsOf(const Json& life) {
    static const std::set<std::string> any = {"write", "sync", "allocate", "directory"};
    static const std::map<std::string, std::set<std::string>> ways = {{"error", any},
                                                                      {"no space", {"allocate"}},
                                                                      {"short", {"write"}},
                                                                      {"keeps", {"sync"}},
                                                                      {"reverts", {"sync"}}};
    std::vector<Fault> faults;
    for (const Json& one : life.value("faults", Json::array())) {
      const Fault& fault = faults.emplace_back(one.at("calls"), one.value("file", ""), one.at("how"),
                                               Number(one, "at", 1 << 24), Number(one, "bytes", kNever, 0), 0,
                                               one.value("lasting", false));
      if (!ways.contains(fault.how)) Reject("bad how: " + fault.how);
      for (const std::string& call : fault.calls)
        if (!ways.at(fault.how).contains(call)) Reject("bad calls: " + call + ", " + fault.how);
    }
    return faults;
  }

  void End(const Json& life) {
    effects = disk_->effects;
    disk_->alive = 0;
    held_.clear(), database_ = nullptr;
    const std::string how = life.at("end");
    if (how == "kill") return;
    if (how != "power cut") Reject("bad end: " + how);
    std::set<const Json*> taken;
    Directory left = disk_->After([](const Change&) { return false; });
    for (Change change : disk_->changes) {
      const Json* const lost = change.fate == Change::kDurable ? nullptr : LostIn(life.at("lost"), change);
      if (lost != nullptr) taken.insert(lost);
      const bool torn = lost != nullptr && lost->value("torn", false) && change.kind == Change::kSector;
      if (torn) change.bytes.assign(disk_->unit, '\x5a');
      if ((lost == nullptr || torn) && change.fate != Change::kGone) disk_->Apply(change, left);
    }
    if (!lenient_ && taken.size() < life.at("lost").size()) Reject("bad lost: never written, or synced");
    for (const Json& harm : life.value("harm", Json::array())) Damage(harm, left);
    disk_->PowerCut(std::move(left));
    if (life.value("restarts", false) && !damaged_) LookApart();
  }
  // What a copy of the disk shows is owed to the openings that follow, however many of them are ended.
  void LookApart() {
    if (shown_) return;
    Player apart(certificate_, true);
    *apart.disk_ = *disk_;
    apart.owed_ = owed_;
    apart.Open(Json::object(), kNever);
    owed_ = apart.owed_, shown_ = true;
  }
  const Json* LostIn(const Json& lost, const Change& change) const {
    for (const Json& one : lost) {
      if (one.at("what") != change.what() || one.at("file") != change.file) continue;
      if (change.kind == Change::kSector && Number(one, "sector", kNever) != change.place) continue;
      if (lenient_ || Number(one, "effect", kNever) == change.effect) return &one;
    }
    return nullptr;
  }

  // Bytes of a file become others: one bit; what they were after so many effects; what another database has
  // there with which the same was done.
  void Damage(const Json& harm, Directory& left) {
    const std::string name = harm.at("file"), how = harm.at("how");
    damaged_ = true;
    if (!left.names.contains(name)) Reject("bad file: " + name);
    Node& node = left.nodes[left.names[name]];
    node.bytes.resize(node.size);
    if (how == "remove") return static_cast<void>(left.names.erase(name));
    const uint64_t offset = Number(harm, "offset", kNever, 0), to = Number(harm, "to", kNever, offset);
    if (how == "flip" && offset >= node.size) Reject("bad offset: behind the end of " + name);
    if (how == "flip") return Flip(node.bytes[offset], Number(harm, "bit", 7, 0));
    if (how != "older" && how != "twin") Reject("bad how: " + how);
    Directory other = how == "twin" ? Twin() : Directory();
    const uint64_t then = Number(harm, "after_effects", kNever, 0);
    if (how == "older") other = disk_->After([then](const Change& one) { return one.effect < then; });
    if (!other.names.contains(name)) return;
    Node& from = other.nodes[other.names[name]];
    from.bytes.resize(from.size);
    const uint64_t bytes = Number(harm, "bytes", kNever, 0);
    if (bytes == 0) return static_cast<void>(node = from);
    if (offset >= from.size || to >= node.size) return;
    const uint64_t count = std::min({bytes, from.size - offset, node.size - to});
    node.bytes.replace(to, count, from.bytes, offset, count);
  }
  static void Flip(char& byte, uint64_t bit) { byte = static_cast<char>(byte ^ (1 << bit)); }
  Directory Twin() const {
    Player twin(certificate_, true, 1);
    twin.looks_ = false;
    Json life = certificate_.at("lives")[0];
    life["end"] = "kill", life.erase("after_effects");
    twin.Play(Json::array({life}));
    return twin.disk_->cache;
  }

  void Do(const Json& step) {
    const std::string what = step.at("do");
    if (what == "transaction") return Transact(step);
    if (what == "checkpoint") return Settle(database_->Checkpoint());
    if (what == "verify") return Verify("answer");
    const uint64_t slot = Number(step, "slot", 64, 0);
    if (what == "close_snapshot") return static_cast<void>(held_.erase(slot));
    if (what == "read" || what == "open_snapshot") {
      held_.erase(slot);
      held_.emplace(slot, std::pair(*Take(database_->BeginRead(), "answer"), now_));
    }
    if (what == "read" || what.ends_with("_snapshot")) {
      const auto held = held_.find(slot);
      if (held == held_.end()) return;
      Require(Read(held->second.first, "answer") == held->second.second, "answer",
              "a snapshot shows another state");
      return what == "read" ? static_cast<void>(held_.erase(slot)) : void();
    }
    State after = now_;
    const std::string family = Bytes(step.at("family"));
    if (what != "create_family" && what != "drop_family") Reject("bad step: " + what);
    const bool creates = what == "create_family";
    const bool fits = creates ? after.try_emplace(family).second : after.erase(family) > 0;
    Status done;
    if (creates) {
      if (auto made = database_->CreateColumnFamily(family); !made) done = std::unexpected(made.error());
    } else {
      done = database_->DropColumnFamily(family);
    }
    if (!fits) return Require(!done, "answer", what);
    Commit(done, std::move(after), true);
  }

  void Transact(const Json& step) {
    State after = now_;
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
      const std::string said = Ask(*transaction, families[name], after[name], change);
      Require(said == Expect(after[name], change), "answer",
              change.at("do").get<std::string>() + ": " + said.substr(0, 40));
      CheckBounds();
    }
    const std::string end = step.at("end");
    if (end == "abort") return transaction->Abort();
    if (!end.starts_with("commit")) Reject("bad end: " + end);
    CommitOptions how{.through_checkpoint = end == "commit through a checkpoint"};
    if (end == "commit, not durable") how.durability = Durability::kNone;
    committing_ = true;
    const auto done = transaction->Commit(how);
    committing_ = false;
    Commit(done ? Status() : std::unexpected(done.error()), std::move(after),
           how.durability == Durability::kImmediate);
  }

  static std::string ValueOf(const Json& change) {
    const std::string value = Bytes(change.at("value"));
    const uint64_t times = Number(change, "times", 1 << 20, 1);
    if (times != 1 && value.empty()) Reject("bad times: of nothing");
    return times == 1 ? value : std::string(times, value[0]);
  }

  // What the database says to a change or a question.
  std::string Ask(WriteTransaction& transaction, ColumnFamily family,
                  const std::map<std::string, Table>& tables, const Json& change) const {
    const std::string what = change.at("do"), name = Bytes(change.at("table"));
    if (what != "put" && !tables.contains(name))
      return transaction.OpenTable(family, name) ? "a table" : "no table";
    auto table = Take(
        what == "put" ? transaction.OpenOrCreateTable(family, name) : transaction.OpenTable(family, name),
        "answer");
    if (what == "put" || what == "delete" || what == "get") static_cast<void>(change.at("key"));
    const auto key = MaybeBytes(change, "key"), lower = MaybeBytes(change, "lower"),
               upper = MaybeBytes(change, "upper");
    Range range;
    if (lower) range.lower = AsBytes(*lower);
    if (upper) range.upper = AsBytes(*upper);
    if (what == "delete_range") return std::to_string(*Take(table->DeleteRange(range), "answer"));
    if (what == "put")
      return Take(table->Put(AsBytes(*key), AsBytes(ValueOf(change))), "answer") ? "done" : "";
    if (what == "delete") return std::to_string(*Take(table->Delete(AsBytes(*key)), "answer"));
    if (what == "get") {
      const auto value = Take(table->Get(AsBytes(*key)), "answer");
      return *value ? "value " + std::string(AsText((*value)->bytes())) : "none";
    }
    if (what != "scan") Reject("bad change: " + what);
    auto cursor = Take(table->NewCursor(range), "answer");
    const bool back = change.value("backwards", false);
    auto there = back ? (key ? cursor->SeekForPrev(AsBytes(*key)) : cursor->Last())
                      : (key ? cursor->Seek(AsBytes(*key)) : cursor->First());
    std::string seen;
    for (uint64_t left = Number(change, "count", 1 << 20); *Take(there, "answer") && left > 0; --left) {
      seen += std::string(AsText(cursor->key())) + "=" +
              std::string(AsText(*Take(cursor->value(), "answer"))) + ";";
      if (left > 1) there = back ? cursor->Prev() : cursor->Next();
    }
    return seen;
  }

  // What it has to say; the model changes.
  static std::string Expect(std::map<std::string, Table>& tables, const Json& change) {
    const std::string what = change.at("do"), name = Bytes(change.at("table"));
    if (what != "put" && !tables.contains(name)) return "no table";
    Table& table = tables[name];
    const auto key = MaybeBytes(change, "key"), lower = MaybeBytes(change, "lower"),
               upper = MaybeBytes(change, "upper");
    if (what == "put") return table[*key] = ValueOf(change), "done";
    if (what == "delete") return std::to_string(table.erase(*key));
    if (what == "get") return table.contains(*key) ? "value " + table[*key] : "none";
    auto first = lower ? table.lower_bound(*lower) : table.begin();
    auto last = upper && (!lower || *lower < *upper) ? table.lower_bound(*upper)
                : upper                              ? first
                                                     : table.end();
    if (what == "delete_range") {
      const auto count = std::distance(first, last);
      return table.erase(first, last), std::to_string(count);
    }
    std::vector<std::pair<std::string, std::string>> seen(first, last);
    const bool back = change.value("backwards", false);
    std::erase_if(seen, [&](const auto& one) { return key && (back ? one.first > *key : one.first < *key); });
    if (back) std::ranges::reverse(seen);
    seen.resize(std::min<size_t>(seen.size(), Number(change, "count", 1 << 20)));
    std::string text;
    for (const auto& [one, value] : seen) text += one + "=" + value + ";";
    return text;
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
        auto scan = Take(source->Entries(), rule);
        auto& entries = state[name][table];
        for (const auto& entry : *scan) {
          const auto [key, value] = *Take(entry, rule);
          Require(entries.emplace(AsText(key), AsText(value)).second, "whole", "a key is there twice");
        }
      }
    }
    return state;
  }

  const Json& certificate_;
  Options options_;
  const std::shared_ptr<Disk> disk_ = std::make_shared<Disk>();
  const bool lenient_;
  uint64_t process_ = 0;
  std::unique_ptr<Database> database_;
  std::map<uint64_t, std::pair<ReadTransaction, State>> held_;  // snapshots
  State now_;                                                   // what a snapshot shows
  // What the next opening may show: from the newest state on that was acknowledged as durable.
  std::vector<State> owed_ = {State()};
  bool looks_ = true;  // in the end
  bool was_open_ = false, damaged_ = false, committing_ = false, refused_ = false;
  bool shown_ = false;  // to who looked apart, and to nobody since
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

// With the engine broken; then with the sound one, wherever the last life ends, if nothing is damaged there.
inline std::string Check(const Json& certificate) {
  if (certificate.at("format") != "manifolddb crash certificate, version 3") Reject("bad format");
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
    Player whole(certificate, true);
    whole.Play(lives);
    const uint64_t step = 1 + whole.effects / kEndsMost;
    const bool harmed = lives.back().contains("harm");
    for (uint64_t last = 0; !harmed && last <= whole.effects; last += step, ++ends) {
      Player(certificate, true).Play(lives, last);
    }
  } catch (const Wrong& caught) {
    return "not confirmed: the sound engine does the same: " + caught.rule + ": " + caught.why;
  }
  return confirmed + "; the sound engine holds, ended at " + std::to_string(ends) + " places";
}

}  // namespace manifolddb::certcheck::faults
