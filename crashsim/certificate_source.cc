// A certificate as a test that stands alone: a machine of a page of code over faultfs, then one line for each
// step. Where there are threads, behind the machine a scheduler and one more page. Formatted as clang-format
// would, near enough.
#include <algorithm>
#include <cctype>

#include "crashsim/certificate.h"
#include "crashsim/certificate_parts.h"
#include "crashsim/json.h"

namespace manifolddb::crashsim {
namespace {

constexpr char kIncludes[] = R"(#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/sites.h"
#include "faultfs/crash_point.h"
#include "faultfs/disk.h"
#include "manifolddb/database.h"

namespace manifolddb {
namespace {

)";

constexpr char kMachine[] = R"(
// Column family, table, key: value.
using State = std::map<std::string, std::map<std::string, std::map<std::string, std::string>>>;

struct Put {
  std::string family, table, key, value;
  bool deletes = false;
};

// A change that had not been synced and is lost: sector `sector` of `file`, or its size, or its name.
struct Lost {
  faultfs::Atom::Kind kind;
  std::string file;
  uint64_t effect;
  uint64_t sector = 0;
};

State ReadAll(ReadTransaction& transaction) {
  State state;
  const auto families = transaction.ListColumnFamilies();
  if (!families) return {{families.error().ToString(), {}}};
  for (const std::string& family : *families) {
    const ColumnFamily handle = transaction.OpenColumnFamily(family).value();
    const auto tables = transaction.ListTables(handle);
    if (!tables) return {{tables.error().ToString(), {}}};
    state[family];
    for (const std::string& table : *tables) {
      auto source = transaction.OpenTable(handle, table);
      if (!source) return {{source.error().ToString(), {}}};
      auto entries = source->Entries();
      if (!entries) return {{entries.error().ToString(), {}}};
      state[family][table];
      for (const auto& entry : *entries) {
        if (!entry) return {{entry.error().ToString(), {}}};
        state[family][table].emplace(AsText(entry->key), AsText(entry->value));
      }
    }
  }
  return state;
}

State ReadAll(Database& database) {
  auto transaction = database.BeginRead();
  if (!transaction) return {{transaction.error().ToString(), {}}};
  return ReadAll(*transaction);
}

// A computer with a database, and what the database owes.
class Machine {
 public:
  void Open() {
    auto opened = Database::Open(disk_->NewProcess(), "db", Sizes());
    ASSERT_TRUE(opened) << opened.error().ToString();
    database_ = std::move(*opened);
    const State seen = ReadAll(*database_);
    EXPECT_TRUE(std::ranges::find(owed_, seen) != owed_.end()) << "found is a state that is not owed";
    opened_ = disk_->effects();
    commits_ = {{0, 0, true, seen}};
  }
  void CreateFamily(const std::string& name) {
    State after = commits_.back().state;
    const bool creates = after.try_emplace(name).second;
    const uint64_t called = disk_->effects();
    EXPECT_EQ(database_->CreateColumnFamily(name).has_value(), creates);
    if (creates) commits_.push_back({called, disk_->effects(), true, after});
  }
  void Transact(const std::vector<std::string>& families, const std::vector<Put>& puts, bool commits = true,
                CommitOptions how = {}) {
    State after = commits_.back().state;
    std::vector<ColumnFamily> held;
    for (const std::string& family : families) {
      if (after.contains(family)) held.push_back(database_->OpenColumnFamily(family).value());
    }
    if (held.empty()) return;
    auto transaction = database_->BeginWrite(held);
    ASSERT_TRUE(transaction) << transaction.error().ToString();
    for (const Put& put : puts) {
      if (after.contains(put.family)) Change(*transaction, put, after[put.family]);
    }
    if (!commits) return transaction->Abort();
    const uint64_t called = disk_->effects();
    const auto done = transaction->Commit(how);
    EXPECT_TRUE(done) << done.error().ToString();
    const bool durable = how.durability == Durability::kImmediate;
    commits_.push_back({called, disk_->effects(), durable, after});
  }
  void Checkpoint() {
    EXPECT_TRUE(database_->Checkpoint());
    commits_.push_back({commits_.back().called, disk_->effects(), true, commits_.back().state});
  }
  void Verify() { EXPECT_TRUE(database_->Verify().value().ok()); }
  void Read() { EXPECT_EQ(ReadAll(*database_), commits_.back().state); }
  void OpenSnapshot() {
    snapshot_.emplace(std::pair(database_->BeginRead().value(), commits_.back().state));
    ReadSnapshot();
  }
  void ReadSnapshot() {
    if (!snapshot_) return;
    EXPECT_EQ(ReadAll(snapshot_->first), snapshot_->second);
  }
  void Close() {
    snapshot_.reset();
    EXPECT_TRUE(database_->Close());
    commits_.push_back({commits_.back().called, disk_->effects(), true, commits_.back().state});
  }

  // Each as if it had happened after so many effects on the disk since the machine was switched on.
  void Kill(uint64_t effects) {
    const auto trace = disk_->trace();
    effects = std::min<uint64_t>(effects, trace->effects.size());
    Owe(effects);
    snapshot_.reset();
    database_ = nullptr;
    disk_ = std::make_shared<faultfs::Disk>(*trace, effects, 2);
  }
  void CutPower(uint64_t effects, const std::vector<Lost>& lost) {
    const auto trace = disk_->trace();
    effects = std::min<uint64_t>(effects, trace->effects.size());
    Owe(effects);
    snapshot_.reset();
    database_ = nullptr;
    const faultfs::CrashPoint point(trace, effects);
    faultfs::Arrivals arrivals(point.atoms().size(), faultfs::arrival::kWhole);
    for (const Lost& one : lost) Lose(point, one, arrivals);
    disk_ = std::make_shared<faultfs::Disk>(point.Make(arrivals), disk_->traits(), 2);
  }
  // Damage of a database that was closed: from then on an error that says so will do.
  void Flip(const std::string& file, uint64_t offset) {
    auto image = disk_->CacheImage();
    auto bytes = image.Contents(file);
    bytes.at(offset) ^= std::byte{1};
    image.Put(file, bytes);
    disk_ = std::make_shared<faultfs::Disk>(image, disk_->traits(), 2);
    damaged_ = true;
  }
  void Remove(const std::string& file) {
    auto image = disk_->CacheImage();
    image.Remove(file);
    disk_ = std::make_shared<faultfs::Disk>(image, disk_->traits(), 2);
    damaged_ = true;
  }

  // What is found in the end.
  void Look() {
    auto opened = Database::Open(disk_->NewProcess(), "db", Sizes());
    if (!opened && damaged_) return;
    ASSERT_TRUE(opened) << opened.error().ToString();
    database_ = std::move(*opened);
    const State seen = ReadAll(*database_);
    const auto report = database_->Verify();
    if (damaged_ && (!report || !report->ok())) return;
    EXPECT_TRUE(std::ranges::find(owed_, seen) != owed_.end()) << "found is a state that is not owed";
    ASSERT_TRUE(report) << report.error().ToString();
    EXPECT_TRUE(report->ok()) << report->problems.front().what;
  }

 private:
  struct Commit {
    uint64_t called, ended;
    bool durable;
    State state;
  };

  void Change(WriteTransaction& transaction, const Put& put, State::mapped_type& tables) {
    const ColumnFamily family = database_->OpenColumnFamily(put.family).value();
    auto table = put.deletes ? transaction.OpenTable(family, put.table)
                             : transaction.OpenOrCreateTable(family, put.table);
    EXPECT_EQ(table.has_value(), !put.deletes || tables.contains(put.table));
    if (!table) return;
    if (put.deletes) {
      EXPECT_EQ(table->Delete(AsBytes(put.key)).value(), tables[put.table].erase(put.key) > 0);
    } else {
      EXPECT_TRUE(table->Put(AsBytes(put.key), AsBytes(put.value)));
      tables[put.table][put.key] = put.value;
    }
  }

  // States that may be found after an end there: from the newest durable one on, as far as they were asked
  // for. Before the opening had returned: what was owed then.
  void Owe(uint64_t effects) {
    if (effects < opened_) return;
    owed_.clear();
    for (const Commit& commit : commits_) {
      if (commit.called > effects) continue;
      if (commit.durable && commit.ended <= effects) owed_.clear();
      owed_.push_back(commit.state);
    }
  }

  // A sound engine writes otherwise: then whatever changed the same place is lost.
  static void Lose(const faultfs::CrashPoint& point, const Lost& lost, faultfs::Arrivals& arrivals) {
    const auto& atoms = point.atoms();
    const auto here = [&](size_t i) {
      const bool file = point.trace().effects[atoms[i].effect].name == lost.file;
      return atoms[i].kind == lost.kind && file && atoms[i].sector == lost.sector;
    };
    const bool exact = std::ranges::any_of(
        atoms, [&](const auto& atom) { return here(&atom - atoms.data()) && atom.effect == lost.effect; });
    for (size_t i = 0; i < atoms.size(); ++i) {
      if (here(i) && (!exact || atoms[i].effect == lost.effect)) arrivals[i] = faultfs::arrival::kLost;
    }
  }

  std::shared_ptr<faultfs::Disk> disk_ =
      std::make_shared<faultfs::Disk>(faultfs::Traits{.atomic_unit = kSector});
  std::unique_ptr<Database> database_;
  std::optional<std::pair<ReadTransaction, State>> snapshot_;
  std::vector<State> owed_ = {State()};
  std::vector<Commit> commits_;  // since the opening; first, what it showed
  uint64_t opened_ = 0;          // effects
  bool damaged_ = false;
};

)";

// As C++ writes a string.
std::string Quoted(const std::string& escaped) {
  std::string text = "\"";
  for (size_t i = 0; i < escaped.size(); ++i) {
    const bool byte = escaped[i] == '\\';  // of "\xNN", which must not run into what follows
    if (escaped[i] == '"') text += '\\';
    text += escaped[i];
    if (!byte) continue;
    text += escaped.substr(i + 1, 3) + "\" \"";
    i += 3;
  }
  return text + "\"";
}

std::string Value(const Json& change) {
  const std::string value = change.at("value");
  if (!change.contains("times")) return Quoted(value);
  const std::string character = value == "'" ? "\\'" : value;
  return "std::string(" + std::to_string(change.at("times").get<uint64_t>()) + ", '" + character + "')";
}

std::string EndOfTransaction(const Json& step) {
  const std::string end = step.at("end");
  if (end == "abort") return ", false";
  if (end == "commit, not durable") return ", true, {.durability = Durability::kNone}";
  if (end == "commit through a checkpoint") return ", true, {.through_checkpoint = true}";
  return "";
}

// Of a certificate in which storage errs.
std::string OpOf(const Json& change) {
  std::string text = "{.what = " + Quoted(change.at("do"));
  for (const char* of : {"family", "table", "key", "lower", "upper"}) {
    if (change.contains(of)) text += std::string(", .") + of + " = " + Quoted(change.at(of));
  }
  if (change.contains("value")) text += ", .value = " + Value(change);
  if (change.value("backwards", false)) text += ", .backwards = true";
  if (change.contains("count")) text += ", .count = " + std::to_string(change.at("count").get<uint64_t>());
  return text + "}";
}

std::string ErringLine(const Json& step) {
  const std::string what = step.at("do");
  const std::string slot = step.contains("slot") ? std::to_string(step.at("slot").get<uint64_t>()) : "";
  const auto family = [&] { return Quoted(step.at("family").get<std::string>()); };
  if (what == "checkpoint") return "machine.Checkpoint();";
  if (what == "verify") return "machine.Verify();";
  if (what == "read") return "machine.ReadNow();";
  if (what == "open_snapshot") return "machine.OpenSnapshot(" + slot + ");";
  if (what == "read_snapshot") return "machine.ReadSnapshot(" + slot + ");";
  if (what == "close_snapshot") return "machine.CloseSnapshot(" + slot + ");";
  if (what == "create_family") return "machine.CreateFamily(" + family() + ");";
  if (what == "drop_family") return "machine.DropFamily(" + family() + ");";
  std::string families, ops;
  for (const Json& one : step.at("families")) families += (families.empty() ? "" : ", ") + Quoted(one);
  for (const Json& change : step.at("changes")) ops += (ops.empty() ? "" : ", ") + OpOf(change);
  return "machine.Transact({" + families + "}, {" + ops + "}" + EndOfTransaction(step) + ");";
}

std::string Line(const Json& step) {
  const std::string what = step.at("do");
  if (what == "checkpoint") return "machine.Checkpoint();";
  if (what == "verify") return "machine.Verify();";
  if (what == "read") return "machine.Read();";
  if (what == "open_snapshot") return "machine.OpenSnapshot();";
  if (what == "read_snapshot") return "machine.ReadSnapshot();";
  if (what == "create_family")
    return "machine.CreateFamily(" + Quoted(step.at("family").get<std::string>()) + ");";
  std::string families, puts;
  for (const Json& family : step.at("families")) {
    families += (families.empty() ? "" : ", ") + Quoted(family);
  }
  for (const Json& change : step.at("changes")) {
    const bool deletes = change.at("do") == "delete";
    puts += puts.empty() ? "" : ", ";
    puts += "{" + Quoted(change.at("family")) + ", " + Quoted(change.at("table")) + ", " +
            Quoted(change.at("key")) + ", " + (deletes ? "\"\", true" : Value(change)) + "}";
  }
  return "machine.Transact({" + families + "}, {" + puts + "}" + EndOfTransaction(step) + ");";
}

std::string LossLine(const Json& loss) {
  const std::string what = loss.at("what");
  const char* kind = what == "sector" ? "kSector" : what == "size" ? "kSize" : "kDirectory";
  std::string line = std::string("{faultfs::Atom::Kind::") + kind + ", " + Quoted(loss.at("file")) + ", " +
                     std::to_string(loss.at("effect").get<uint64_t>());
  if (what == "sector") line += ", " + std::to_string(loss.at("sector").get<uint64_t>());
  return line + (loss.value("torn", false) ? ", true}" : "}");
}

std::string RaceLine(const Json& life) {
  std::string threads, switches;
  for (const Json& steps : life.at("threads")) {
    std::string thread;
    for (const Json& step : steps) thread += (thread.empty() ? "" : ", ") + ("[&] { " + Line(step) + " }");
    threads += (threads.empty() ? "{" : ", {") + thread + "}";
  }
  for (const Json& one : life.at("switches")) {
    switches += switches.empty() ? "{" : ", {";
    for (const char* of : {"thread", "step", "event", "to"}) {
      switches += (of[1] == 'h' ? "" : ", ") + std::to_string(one.at(of).get<uint64_t>());
    }
    switches += "}";
  }
  return "machine.Race({" + threads + "}, {" + switches + "});";
}

std::vector<std::string> LinesOf(const Json& life) {
  std::vector<std::string> lines = {"machine.Open();"};
  for (const Json& step : life.at("steps")) lines.push_back(Line(step));
  if (life.contains("threads")) lines.push_back(RaceLine(life));
  if (life.at("closes").get<bool>()) lines.emplace_back("machine.Close();");
  const std::string effects = life.contains("after_effects")
                                  ? std::to_string(life.at("after_effects").get<uint64_t>())
                                  : std::string("kAtTheEnd");
  if (life.at("end") == "kill") {
    lines.push_back("machine.Kill(" + effects + ");");
    return lines;
  }
  std::string lost;
  for (const Json& loss : life.at("lost")) lost += (lost.empty() ? "" : ", ") + LossLine(loss);
  lines.push_back("machine.CutPower(" + effects + ", {" + lost + "});");
  if (!life.contains("damage")) return lines;
  const Json& damage = life.at("damage");
  const bool flips = damage.at("how") == "flip";
  lines.push_back(std::string("machine.") + (flips ? "Flip(" : "Remove(") + Quoted(damage.at("file")) +
                  (flips ? ", " + std::to_string(damage.at("offset").get<uint64_t>()) : std::string()) +
                  ");");
  return lines;
}

std::string FaultLine(const Json& fault) {
  const std::string how = fault.at("how");
  const char* const kind = how == "no space"  ? "kNoSpace"
                           : how == "short"   ? "kShortWrite"
                           : how == "keeps"   ? "kSyncKeepsClean"
                           : how == "reverts" ? "kSyncReverts"
                                              : "kIoError";
  std::string calls;
  for (const Json& call : fault.at("calls")) {
    std::string name = call;
    name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
    calls += (calls.empty() ? "" : " | ") + ("faultfs::Only(faultfs::Operation::k" + name + ")");
  }
  std::string line = std::string("{.kind = faultfs::FaultKind::") + kind + ", .counted = " + calls;
  if (fault.contains("file")) line += ", .file = " + Quoted(fault.at("file"));
  line += ", .at = " + std::to_string(fault.at("at").get<uint64_t>());
  if (fault.contains("lasting")) line += ", .lasting = true";
  if (fault.contains("bytes")) line += ", .parameter = " + std::to_string(fault.at("bytes").get<uint64_t>());
  return line + "}";
}

std::string HarmLine(const Json& harm) {
  std::string line = "{.how = " + Quoted(harm.at("how")) + ", .file = " + Quoted(harm.at("file"));
  const auto add = [&](const char* name, const char* of) {
    if (harm.contains(of))
      line += std::string(", .") + name + " = " + std::to_string(harm.at(of).get<uint64_t>());
  };
  add("offset", "offset");
  add("bytes", "bytes");
  add("to", harm.contains("to") ? "to" : harm.contains("bytes") ? "offset" : "to");
  add("effects", "after_effects");
  add("bit", "bit");
  return line + "}";
}

bool Restarts(const Json& life) { return life.value("restarts", false); }

std::vector<std::string> ErringLinesOf(const Json& life) {
  std::string faults, lost, harms;
  for (const Json& fault : life.value("faults", Json::array())) {
    faults += (faults.empty() ? "" : ", ") + FaultLine(fault);
  }
  const uint64_t no_memory = life.value("no_memory", uint64_t{0});
  if (no_memory != 0) faults = "{" + faults + "}, " + std::to_string(no_memory);
  if (no_memory == 0 && !faults.empty()) faults = "{" + faults + "}";
  std::vector<std::string> lines;
  const Json all = life.value("harm", Json::array());
  const bool twin = std::ranges::any_of(all, [](const Json& harm) { return harm.at("how") == "twin"; });
  const auto play = [&] {
    lines.push_back("machine.Open(" + faults + ");");
    for (const Json& step : life.at("steps")) lines.push_back(ErringLine(step));
    if (life.at("closes").get<bool>()) lines.emplace_back("machine.Close();");
  };
  play();
  if (twin) {
    const std::vector<std::string> once = lines;
    lines.emplace_back("Machine other(3);  // another database, with which the same is done");
    for (std::string line : once) lines.push_back("other" + line.substr(std::string("machine").size()));
  }
  const std::string effects = life.contains("after_effects")
                                  ? std::to_string(life.at("after_effects").get<uint64_t>())
                                  : std::string("kAtTheEnd");
  if (life.at("end") == "kill") {
    lines.push_back("machine.Kill(" + effects + ");");
    return lines;
  }
  for (const Json& loss : life.at("lost")) lost += (lost.empty() ? "" : ", ") + LossLine(loss);
  for (const Json& harm : all) harms += (harms.empty() ? "" : ", ") + HarmLine(harm);
  if (!harms.empty()) harms = ", {" + harms + "}" + (twin ? ", &other" : "");
  lines.push_back("machine.CutPower(" + effects + ", {" + lost + "}" + harms + ");");
  if (Restarts(life)) lines.emplace_back("machine.LookApart();");
  return lines;
}

bool StorageErrs(const Json& certificate) {
  return certificate.at("format").get<std::string>().ends_with("version 3");
}

bool HasThreads(const Json& certificate) {
  return std::ranges::any_of(certificate.at("lives"),
                             [](const Json& life) { return life.contains("threads"); });
}

// In place of the first one.
void Replace(std::string_view what, std::string_view with, std::string& text) {
  text.replace(text.find(what), what.size(), with);
}

// What comes before the test: as it is, or with threads, or with storage that errs.
std::string Preamble(const std::string& sizes, bool threads, bool errs, bool restarts) {
  std::string includes = kIncludes, options = sizes, machine = kMachine;
  if (errs) {
    Replace("#include \"engine/base/sites.h\"\n",
            "#include \"engine/base/memory.h\"\n#include \"engine/base/sites.h\"\n", includes);
    machine = kSourceOfErringMachine;
    const std::string look = "  // What is found in the end.\n";
    if (restarts) Replace(look, std::string(kSourceOfLookingApart + 1) + look, machine);
    return includes + options + machine;
  }
  if (!threads) return includes + options + machine;
  Replace("#include <map>\n", "#include <deque>\n#include <functional>\n#include <map>\n", includes);
  Replace("#include <string>\n", "#include <semaphore>\n#include <string>\n#include <thread>\n", includes);
  Replace("#include \"engine/base/sites.h\"\n",
          "#include \"engine/base/mutex.h\"\n#include \"engine/base/sites.h\"\n", includes);
  Replace("Options Sizes() {", std::string(kSourceOfClock) + "Options Sizes() {", options);
  Replace("  return options;\n", "  options.clock = std::make_shared<Ticks>();\n  return options;\n",
          options);
  Replace(" private:\n  struct Commit {", " protected:\n  struct Commit {", machine);
  return includes + options + machine + kSourceOfThreads;
}

std::string SizesOf(const Json& certificate) {
  std::string text =
      "constexpr uint32_t kSector = " + std::to_string(certificate.at("disk").at("sector").get<uint64_t>()) +
      ";\n[[maybe_unused]] constexpr uint64_t kAtTheEnd = ~uint64_t{0};\n\nOptions Sizes() {\n"
      "  Options options;\n";
  for (const auto& size : certificate.at("database").items()) {
    text += "  options." + size.key() + " = " + std::to_string(size.value().get<uint64_t>()) + ";\n";
  }
  return text +
         "  options.checkpoint_interval_ms = 0;\n  options.executor = MakeInlineExecutor();\n"
         "  return options;\n}\n";
}

// "wal.sync.skip": WalSyncSkip.
std::string NameOf(const Json& certificate) {
  std::string name;
  bool upper = true;
  const std::string site = certificate.at("broken").empty() ? std::string("failure")
                                                            : certificate.at("broken")[0].get<std::string>();
  for (const char c : site) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) {
      upper = true;
      continue;
    }
    name += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    upper = false;
  }
  return name;
}

}  // namespace

std::string TestOf(const Json& certificate) {
  const Json& violation = certificate.at("violation");
  const std::string promise =
      violation.at("promise").get<std::string>() + " " + violation.at("meaning").get<std::string>();
  std::string text = "// Made by `crashsim shrink` from the certificate beside it. Fails where promise " +
                     promise + " is\n// broken as the certificate says; holds on a sound engine.\n";
  const bool threads = HasThreads(certificate);
  const bool errs = StorageErrs(certificate);
  const bool restarts = std::ranges::any_of(certificate.at("lives"), Restarts);
  text += Preamble(SizesOf(certificate), threads, errs, restarts);
  text += "TEST(Certificate, " + NameOf(certificate) + ") {\n";
  if (!certificate.at("broken").empty()) {
    text +=
        "#ifdef CERTIFICATE_BROKEN  // as it was when this was found\n"
        "  for (base::Site* site = base::Site::First(); site != nullptr; site = site->next()) {\n";
    for (const Json& site : certificate.at("broken")) {
      text += "    if (std::string(site->name()) == " + Quoted(site) + ") site->Break(true);\n";
    }
    text += "  }\n#endif\n";
  }
  text += threads ? "  Threads machine;\n" : "  Machine machine;\n";
  for (const Json& life : certificate.at("lives")) {
    for (const std::string& line : errs ? ErringLinesOf(life) : LinesOf(life)) text += "  " + line + "\n";
  }
  return text + "  machine.Look();\n}\n\n}  // namespace\n}  // namespace manifolddb\n";
}

}  // namespace manifolddb::crashsim
