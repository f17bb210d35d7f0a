#pragma once
// What is done to the database, each with what the model says of it. One line of text each.

#include <rapidcheck.h>
#include <rapidcheck/state.h>

#include <algorithm>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "proptest/database_model.h"

namespace manifolddb::proptest {

// ---- Commands ---------------------------------------------------------------------------------------------

using Command = rc::state::Command<Model, System>;

enum class How { kImmediate, kNone, kThrough };
inline How AnyHow() {
  return *rc::gen::weightedElement<How>({{4, How::kImmediate}, {4, How::kNone}, {1, How::kThrough}});
}
inline CommitOptions OptionsOf(How how) {
  return {.durability = how == How::kNone ? Durability::kNone : Durability::kImmediate,
          .through_checkpoint = how == How::kThrough};
}
inline std::string Text(How how) {
  return how == How::kNone ? "None" : how == How::kThrough ? "through checkpoint" : "Immediate";
}

inline int AnyKey() { return *rc::gen::inRange(0, kKeys); }
inline std::optional<std::string> BoundOf(int index) {
  return index < kKeys ? std::optional(Key(index)) : std::nullopt;
}
inline std::optional<ByteView> ViewOf(const std::optional<std::string>& bound) {
  return bound ? std::optional(AsBytes(*bound)) : std::nullopt;
}
inline std::string BoundText(int index) { return index < kKeys ? "k" + std::to_string(index) : "none"; }
inline bool Within(const std::string& key, int lower, int upper) {
  return (lower >= kKeys || key >= Key(lower)) && (upper >= kKeys || key < Key(upper));
}

// A command on one table; `how` counts where no transaction is open.
struct TableCommand : Command {
  int family = *rc::gen::weightedElement<int>({{3, 0}, {1, 1}});
  int table = *rc::gen::weightedElement<int>({{3, 0}, {1, 1}});
  How how = AnyHow();

  std::string At() const { return FamilyName(family) + "." + TableName(table); }
  int Id(const Model& model) const { return model.Find(FamilyName(family)); }
  Entries* Writable(Model& model) const {
    Tables* const tables = model.Writable(Id(model));
    if (tables == nullptr || !tables->contains(TableName(table))) return nullptr;
    return &tables->at(TableName(table));
  }
  const Entries* Readable(const Model& model) const { return Writable(const_cast<Model&>(model)); }

  // Runs `body(transaction, family)` in the open transaction, or in one of its own that is committed. Where
  // the family is missing or not held, the error is checked and the body left out.
  template <class Body>
  void InTransaction(const Model& model, System& system, Body body) const {
    const int id = Id(model);
    if (id == 0) {
      RC_ASSERT(CodeOf(system.db->OpenColumnFamily(FamilyName(family))) == "kNoSuchColumnFamily");
      return;
    }
    const ColumnFamily handle = Must(system.db->OpenColumnFamily(FamilyName(family)));
    RC_ASSERT(handle == system.Handle(id));
    if (system.txn && !model.Holds(id)) {
      RC_ASSERT(CodeOf(system.txn->OpenTable(handle, TableName(table))) == "kInvalidArgument");
      return;
    }
    if (system.txn) {
      body(*system.txn, handle);
      return;
    }
    WriteTransaction txn = Must(system.db->BeginWrite(handle));
    body(txn, handle);
    Must(txn.Commit(OptionsOf(how)));
  }
  // The same with the table, which must be where the model has one.
  template <class Body>
  void WithTable(const Model& model, System& system, Body body) const {
    InTransaction(model, system, [&](WriteTransaction& txn, ColumnFamily handle) {
      auto opened = txn.OpenTable(handle, TableName(table));
      if (Readable(model) == nullptr) {
        RC_ASSERT(CodeOf(opened) == "kNoSuchTable");
        return;
      }
      body(*opened);
    });
  }
  void Show(std::ostream& out, const std::string& what, const std::string& arguments) const {
    out << what << "(" << At() << (arguments.empty() ? "" : ", ") << arguments << ") [" << Text(how) << "]";
  }
};

// Makes what is missing: family, hold on it, table. `keys` of them at once.
struct Put : TableCommand {
  int key = AnyKey();
  bool all = *rc::gen::weightedElement<bool>({{2, false}, {1, true}});
  ValueKind value;

  void apply(Model& model) const override {
    int id = Id(model);
    if (id == 0) id = model.Make(FamilyName(family));
    if (model.txn && !model.Holds(id)) (*model.txn)[id] = model.committed[id].tables;
    Entries& entries = (*model.Writable(id))[TableName(table)];
    for (int i = all ? 0 : key; i < (all ? kKeys : key + 1); ++i) entries[Key(i)] = value.Of();
  }
  void run(const Model& model, System& system) const override {
    const ColumnFamily handle = Must(system.db->OpenOrCreateColumnFamily(FamilyName(family)));
    int id = Id(model);
    if (id == 0) {
      id = model.families_made + 1;
      RC_ASSERT(!std::any_of(system.handles.begin(), system.handles.end(),
                             [&](const auto& known) { return known.second == handle; }));
      system.handles[id] = handle;
    }
    RC_ASSERT(handle == system.Handle(id));
    std::optional<WriteTransaction> own;
    if (!system.txn) own.emplace(Must(system.db->BeginWrite(handle)));
    WriteTransaction& txn = own ? *own : *system.txn;
    Must(txn.AddColumnFamily(handle));
    WriteTable table_handle = Must(txn.OpenOrCreateTable(handle, TableName(table)));
    for (int i = all ? 0 : key; i < (all ? kKeys : key + 1); ++i) {
      Must(table_handle.Put(AsBytes(Key(i)), AsBytes(value.Of())));
    }
    if (own) Must(own->Commit(OptionsOf(how)));
  }
  void show(std::ostream& out) const override {
    Show(out, "Put", (all ? "each key" : "k" + std::to_string(key)) + ", " + value.Text());
  }
};

struct Delete : TableCommand {
  int key = AnyKey();

  void apply(Model& model) const override {
    if (Entries* const entries = Writable(model)) entries->erase(Key(key));
  }
  void run(const Model& model, System& system) const override {
    WithTable(model, system, [&](WriteTable& handle) {
      RC_ASSERT(Must(handle.Delete(AsBytes(Key(key)))) == Readable(model)->contains(Key(key)));
    });
  }
  void show(std::ostream& out) const override { Show(out, "Delete", "k" + std::to_string(key)); }
};

struct DeleteRange : TableCommand {
  int lower = *rc::gen::inRange(0, kKeys + 2);
  int upper = *rc::gen::inRange(0, kKeys + 2);

  void apply(Model& model) const override {
    if (Entries* const entries = Writable(model)) {
      std::erase_if(*entries, [&](const auto& entry) { return Within(entry.first, lower, upper); });
    }
  }
  void run(const Model& model, System& system) const override {
    WithTable(model, system, [&](WriteTable& handle) {
      const auto gone = std::count_if(Readable(model)->begin(), Readable(model)->end(),
                                      [&](const auto& entry) { return Within(entry.first, lower, upper); });
      const auto low = BoundOf(lower);
      const auto high = BoundOf(upper);
      const auto deleted = Must(handle.DeleteRange({.lower = ViewOf(low), .upper = ViewOf(high)}));
      RC_ASSERT(deleted == static_cast<uint64_t>(gone));
    });
  }
  void show(std::ostream& out) const override {
    Show(out, "DeleteRange", BoundText(lower) + " to " + BoundText(upper));
  }
};

struct Get : TableCommand {
  int key = AnyKey();

  void run(const Model& model, System& system) const override {
    WithTable(model, system, [&](WriteTable& handle) {
      const auto found = Must(handle.Get(AsBytes(Key(key))));
      const auto at = Readable(model)->find(Key(key));
      RC_ASSERT(found.has_value() == (at != Readable(model)->end()));
      if (found) RC_ASSERT(found->text() == at->second);
    });
  }
  void show(std::ostream& out) const override { Show(out, "Get", "k" + std::to_string(key)); }
};

// Seeks and walks to the end, in one direction, within bounds: in a write transaction, where it may delete
// each second entry under the cursor, or through what is committed.
struct Walk : TableCommand {
  bool forward = *rc::gen::arbitrary<bool>();
  bool reading = *rc::gen::arbitrary<bool>();
  bool deleting = !reading && *rc::gen::arbitrary<bool>();
  int from = AnyKey();
  int lower = *rc::gen::inRange(0, 2 * kKeys);  // mostly none
  int upper = *rc::gen::inRange(0, 2 * kKeys);

  std::vector<std::string> Path(const Entries& entries) const {
    std::vector<std::string> path;
    for (const auto& [key, value] : entries) {
      if (!Within(key, lower, upper) || (forward ? key < Key(from) : key > Key(from))) continue;
      path.insert(forward ? path.end() : path.begin(), key);
    }
    return path;
  }
  void apply(Model& model) const override {
    Entries* const entries = Writable(model);
    if (entries == nullptr || !deleting) return;
    const auto path = Path(*entries);
    for (size_t i = 0; i < path.size(); i += 2) entries->erase(path[i]);
  }
  // Calls `visited(key, number)` at each entry.
  template <class Table, class Visited>
  void Follow(const System& system, const Table& handle, const Entries& entries, Visited visited) const {
    ExpectLength(system, handle, entries.size());
    const auto low = BoundOf(lower);
    const auto high = BoundOf(upper);
    Cursor cursor = Must(handle.NewCursor({.lower = ViewOf(low), .upper = ViewOf(high)}));
    bool valid = Must(forward ? cursor.Seek(AsBytes(Key(from))) : cursor.SeekForPrev(AsBytes(Key(from))));
    const auto path = Path(entries);
    for (size_t i = 0; i < path.size(); ++i) {
      RC_ASSERT(valid);
      RC_ASSERT(AsText(cursor.key()) == path[i]);
      RC_ASSERT(AsText(Must(cursor.value())) == entries.at(path[i]));
      visited(path[i], i);
      valid = Must(forward ? cursor.Next() : cursor.Prev());
    }
    RC_ASSERT(!valid);
  }
  void run(const Model& model, System& system) const override {
    if (reading) {
      RunReading(model, system);
      return;
    }
    WithTable(model, system, [&](WriteTable& handle) {
      Follow(system, handle, *Readable(model), [&](const std::string& key, size_t number) {
        if (deleting && number % 2 == 0) RC_ASSERT(Must(handle.Delete(AsBytes(key))));
      });
    });
  }
  void RunReading(const Model& model, const System& system) const {
    ReadTransaction txn = Must(system.db->BeginRead());
    const auto known = model.committed.find(Id(model));
    const auto handle = txn.OpenColumnFamily(FamilyName(family));
    RC_ASSERT(CodeOf(handle) == (known == model.committed.end() ? "kNoSuchColumnFamily" : "success"));
    if (!handle) return;
    const Tables& tables = known->second.tables;
    const auto opened = txn.OpenTable(*handle, TableName(table));
    RC_ASSERT(CodeOf(opened) == (tables.contains(TableName(table)) ? "success" : "kNoSuchTable"));
    if (opened) Follow(system, *opened, tables.at(TableName(table)), [](const std::string&, size_t) {});
  }
  void show(std::ostream& out) const override {
    Show(out,
         std::string(forward ? "Walk" : "WalkBack") + (reading    ? "Committed"
                                                       : deleting ? "Deleting"
                                                                  : ""),
         "from k" + std::to_string(from) + ", " + BoundText(lower) + " to " + BoundText(upper));
  }
};

struct MakeTable : TableCommand {
  void apply(Model& model) const override {
    if (Tables* const tables = model.Writable(Id(model))) tables->try_emplace(TableName(table));
  }
  void run(const Model& model, System& system) const override {
    InTransaction(model, system, [&](WriteTransaction& txn, ColumnFamily handle) {
      const char* const expected = Readable(model) == nullptr ? "success" : "kAlreadyExists";
      RC_ASSERT(CodeOf(txn.CreateTable(handle, TableName(table))) == expected);
    });
  }
  void show(std::ostream& out) const override { Show(out, "CreateTable", ""); }
};

struct DropTable : TableCommand {
  void apply(Model& model) const override {
    if (Tables* const tables = model.Writable(Id(model))) tables->erase(TableName(table));
  }
  void run(const Model& model, System& system) const override {
    InTransaction(model, system, [&](WriteTransaction& txn, ColumnFamily handle) {
      const char* const expected = Readable(model) != nullptr ? "success" : "kNoSuchTable";
      RC_ASSERT(CodeOf(txn.DropTable(handle, TableName(table))) == expected);
    });
  }
  void show(std::ostream& out) const override { Show(out, "DropTable", ""); }
};

struct RenameTable : TableCommand {
  int to = *rc::gen::inRange(0, kNames);

  void apply(Model& model) const override {
    if (Expected(model) != "success") return;
    Tables& tables = *model.Writable(Id(model));
    tables[TableName(to)] = std::move(tables.at(TableName(table)));
    tables.erase(TableName(table));
  }
  std::string Expected(const Model& model) const {
    const Tables* const tables = model.Readable(Id(model));
    if (tables == nullptr || !tables->contains(TableName(table))) return "kNoSuchTable";
    return tables->contains(TableName(to)) ? "kAlreadyExists" : "success";
  }
  void run(const Model& model, System& system) const override {
    InTransaction(model, system, [&](WriteTransaction& txn, ColumnFamily handle) {
      RC_ASSERT(CodeOf(txn.RenameTable(handle, TableName(table), TableName(to))) == Expected(model));
    });
  }
  void show(std::ostream& out) const override { Show(out, "RenameTable", TableName(to)); }
};

struct Begin : Command {
  int families = *rc::gen::inRange(0, 1 << kNames);

  std::vector<int> Ids(const Model& model) const {
    std::vector<int> ids;
    for (int i = 0; i < kNames; ++i) {
      const int id = model.Find(FamilyName(i));
      if ((families >> i & 1) != 0 && id != 0) ids.push_back(id);
    }
    return ids;
  }
  void checkPreconditions(const Model& model) const override { RC_PRE(!model.txn); }
  void apply(Model& model) const override {
    model.txn.emplace();
    for (const int id : Ids(model)) (*model.txn)[id] = model.committed[id].tables;
  }
  void run(const Model& model, System& system) const override {
    std::vector<ColumnFamily> handles;
    for (const int id : Ids(model)) handles.push_back(system.Handle(id));
    system.txn.emplace(Must(system.db->BeginWrite(handles)));
  }
  void show(std::ostream& out) const override {
    out << "Begin(" << ((families & 1) != 0 ? "f" : "") << ((families & 2) != 0 ? "g" : "") << ")";
  }
};

struct Commit : Command {
  How how = AnyHow();

  void checkPreconditions(const Model& model) const override { RC_PRE(model.txn.has_value()); }
  void apply(Model& model) const override {
    for (auto& [id, tables] : *model.txn) model.committed[id].tables = std::move(tables);
    model.txn.reset();
  }
  void run(const Model& model, System& system) const override {
    ExpectCommitted(system, model.committed);  // nothing of it before
    Must(system.txn->Commit(OptionsOf(how)));
    RC_ASSERT(CodeOf(system.txn->Commit()) == "kTransactionEnded");
    system.txn.reset();
    ExpectCommitted(system, nextState(model).committed);
  }
  void show(std::ostream& out) const override { out << "Commit [" << Text(how) << "]"; }
};

struct Abort : Command {
  void checkPreconditions(const Model& model) const override { RC_PRE(model.txn.has_value()); }
  void apply(Model& model) const override { model.txn.reset(); }
  void run(const Model& model, System& system) const override {
    system.txn->Abort();
    RC_ASSERT(CodeOf(system.txn->Commit()) == "kTransactionEnded");
    system.txn.reset();
    ExpectCommitted(system, model.committed);
  }
  void show(std::ostream& out) const override { out << "Abort"; }
};

struct OpenSnapshot : Command {
  size_t which = *rc::gen::inRange<size_t>(0, kSnapshots);

  void apply(Model& model) const override { model.snapshots[which] = model.committed; }
  void run(const Model&, System& system) const override {
    system.snapshots[which].reset();
    system.snapshots[which].emplace(Must(system.db->BeginRead()));
  }
  void show(std::ostream& out) const override { out << "OpenSnapshot(" << which << ")"; }
};

struct CheckSnapshot : Command {
  size_t which = *rc::gen::inRange<size_t>(0, kSnapshots);

  void checkPreconditions(const Model& model) const override { RC_PRE(model.snapshots[which].has_value()); }
  void run(const Model& model, System& system) const override {
    ExpectContents(system, *system.snapshots[which], *model.snapshots[which]);
  }
  void show(std::ostream& out) const override { out << "CheckSnapshot(" << which << ")"; }
};

struct CloseSnapshot : Command {
  size_t which = *rc::gen::inRange<size_t>(0, kSnapshots);

  void checkPreconditions(const Model& model) const override { RC_PRE(model.snapshots[which].has_value()); }
  void apply(Model& model) const override { model.snapshots[which].reset(); }
  void run(const Model& model, System& system) const override {
    ExpectContents(system, *system.snapshots[which], *model.snapshots[which]);
    system.snapshots[which].reset();
  }
  void show(std::ostream& out) const override { out << "CloseSnapshot(" << which << ")"; }
};

struct MakeFamily : Command {
  int name = *rc::gen::inRange(0, kNames);

  void apply(Model& model) const override {
    if (model.Find(FamilyName(name)) == 0) model.Make(FamilyName(name));
  }
  void run(const Model& model, System& system) const override {
    auto made = system.db->CreateColumnFamily(FamilyName(name));
    RC_ASSERT(CodeOf(made) == (model.Find(FamilyName(name)) == 0 ? "success" : "kAlreadyExists"));
    if (made) system.handles[model.families_made + 1] = *made;
  }
  void show(std::ostream& out) const override { out << "CreateFamily(" << FamilyName(name) << ")"; }
};

struct DropFamily : Command {
  int name = *rc::gen::inRange(0, kNames);

  std::string Expected(const Model& model) const {
    const int id = model.Find(FamilyName(name));
    if (id == 0) return "kNoSuchColumnFamily";
    return model.Holds(id) ? "kBusy" : "success";
  }
  void apply(Model& model) const override {
    if (Expected(model) == "success") model.committed.erase(model.Find(FamilyName(name)));
  }
  void run(const Model& model, System& system) const override {
    RC_ASSERT(CodeOf(system.db->DropColumnFamily(FamilyName(name))) == Expected(model));
    if (Expected(model) != "success") return;
    const ColumnFamily gone = system.Handle(model.Find(FamilyName(name)));
    RC_ASSERT(CodeOf(system.db->BeginWrite(gone)) == "kNoSuchColumnFamily");
  }
  void show(std::ostream& out) const override { out << "DropFamily(" << FamilyName(name) << ")"; }
};

struct RenameFamily : Command {
  int from = *rc::gen::inRange(0, kNames);
  int to = *rc::gen::inRange(0, kNames);

  std::string Expected(const Model& model) const {
    if (model.Find(FamilyName(from)) == 0) return "kNoSuchColumnFamily";
    return model.Find(FamilyName(to)) != 0 ? "kAlreadyExists" : "success";
  }
  void apply(Model& model) const override {
    if (Expected(model) == "success") model.committed[model.Find(FamilyName(from))].name = FamilyName(to);
  }
  void run(const Model& model, System& system) const override {
    RC_ASSERT(CodeOf(system.db->RenameColumnFamily(FamilyName(from), FamilyName(to))) == Expected(model));
  }
  void show(std::ostream& out) const override {
    out << "RenameFamily(" << FamilyName(from) << ", " << FamilyName(to) << ")";
  }
};

// Ends everything that is open. Killed: nothing is written on the way out, and the log is replayed.
struct Reopen : Command {
  bool killed = *rc::gen::arbitrary<bool>();

  void apply(Model& model) const override {
    model.txn.reset();
    model.snapshots = {};
  }
  void run(const Model& model, System& system) const override {
    if (system.txn && !killed) RC_ASSERT(CodeOf(system.db->Close()) == "kBusy");
    if (killed) system.disk->Kill();
    system.Leave();
    if (!killed) {
      Must(system.db->Close());
      RC_ASSERT(CodeOf(system.db->BeginRead()) == "kClosed");
    }
    system.db.reset();
    system.Open();
    if (!killed) RC_ASSERT(system.db->Stats().recovered_commits == 0u);
    ExpectCommitted(system, model.committed);
  }
  void show(std::ostream& out) const override { out << (killed ? "Kill, Reopen" : "Close, Reopen"); }
};

struct Checkpoint : Command {
  void run(const Model&, System& system) const override { Must(system.db->Checkpoint()); }
  void show(std::ostream& out) const override { out << "Checkpoint"; }
};

struct Verify : Command {
  void run(const Model&, System& system) const override { ExpectWhole(system); }
  void show(std::ostream& out) const override { out << "Verify"; }
};

}  // namespace manifolddb::proptest
