// Each transaction of the log is one of the new database, done through the public interface.
//
// (1) It is done whole or not at all. Changes of the set of families are commits by themselves, there as
//     here.
// (2) Ids of the old database are looked up in Contents. One that is not there is of something lost, if
//     anything is; otherwise the log contradicts the trees, and what follows is not believed.
// (3) What a transaction deletes is known to be gone, also in a lost range.
// (4) The log was read before, as evidence. A device that gives something else now would end it too early,
//     and nobody would be told: so it must end where it did.

#include "engine/salvage/log_copy.h"

#include <optional>
#include <utility>

#include "engine/base/try.h"
#include "engine/format/redo.h"

namespace manifolddb::salvage {

using format::RedoKind;
using format::RedoOperation;

namespace {

constexpr const char* kOperation = "salvage.log";

bool ChangesFamilies(RedoKind kind) {
  return kind == RedoKind::kCreateFamily || kind == RedoKind::kDropFamily || kind == RedoKind::kRenameFamily;
}
bool NamesFamily(RedoKind kind) {
  return kind == RedoKind::kSelect || kind == RedoKind::kCreateTable || kind == RedoKind::kCreateTypedTable ||
         kind == RedoKind::kDropTable || kind == RedoKind::kRenameTable;
}

// What no transaction of a whole database is refused for.
bool IsContradiction(const Error& error) {
  // Damage of the new database says nothing of the log.
  if (error.code() == Errc::kCorrupt) return error.operation() == kOperation;
  switch (error.code()) {
    case Errc::kInvalidArgument:
    case Errc::kKeyTooLong:
    case Errc::kValueTooLong:
    case Errc::kNoSuchColumnFamily:
    case Errc::kNoSuchTable:
    case Errc::kAlreadyExists:
    case Errc::kTypeMismatch: return true;
    default: return false;
  }
}

class LogCopy {
 public:
  LogCopy(Output& output, const SalvageOptions& options, Contents& contents, const std::string& file)
      : output_(output), options_(options), contents_(contents), file_(file) {}

  Status Transaction(const wal::LogTransaction& transaction) {
    offset_ = transaction.group_offset;
    format::RedoReader reader(transaction.operations);
    while (!reader.done()) {
      // Up to the next change of the set of families.
      MANIFOLDDB_TRY(Begin(reader));
      while (!reader.done()) {
        const std::optional<RedoOperation> operation = reader.Next();
        if (!operation) return Contradiction(reader.why());
        if (ChangesFamilies(operation->kind)) {
          MANIFOLDDB_TRY(Commit());
          MANIFOLDDB_TRY(ToFamilies(*operation));
          break;
        }
        MANIFOLDDB_TRY(NamesFamily(operation->kind) ? ToFamily(*operation) : ToTable(*operation));
      }
      MANIFOLDDB_TRY(Commit());
    }
    return {};
  }
  // The transaction at hand has failed.
  void Abort() {
    selected_.reset();
    transaction_.reset();
  }

 private:
  struct Selected {
    const KnownFamily* family;
    KnownTable* table;
    WriteTable output;
  };

  Status Contradiction(const char* why) const {
    return Fail(Errc::kCorrupt, kOperation, {.file = file_, .offset = offset_, .message = why});
  }

  // A transaction over all families that come up before the set of them changes.
  Status Begin(format::RedoReader reader) {
    std::map<format::FamilyId, ColumnFamily> named;
    while (!reader.done()) {
      const std::optional<RedoOperation> operation = reader.Next();
      if (!operation || ChangesFamilies(operation->kind)) break;
      if (!NamesFamily(operation->kind)) continue;
      const auto found = contents_.families.find(operation->family);
      if (found != contents_.families.end()) named.emplace(found->first, found->second.output);
    }
    if (named.empty()) return {};
    std::vector<ColumnFamily> families;
    for (const auto& [id, family] : named) families.push_back(family);
    auto begun = output_.database().BeginWrite(families);
    if (!begun) return std::unexpected<Error>(begun.error());
    transaction_.emplace(std::move(*begun));
    return {};
  }
  Status Commit() {
    selected_.reset();
    if (!transaction_) return {};
    WriteTransaction ended = std::move(*transaction_);
    transaction_.reset();
    const auto number = ended.Commit({.durability = Durability::kNone});
    if (!number) return std::unexpected<Error>(number.error());
    return {};
  }

  Status ToFamilies(const RedoOperation& operation) {
    const std::string name(AsText(operation.key));
    const auto found = contents_.families.find(operation.family);
    if (operation.kind == RedoKind::kCreateFamily) {
      if (found != contents_.families.end()) return Contradiction("a family id that exists already");
      const auto created = output_.database().CreateColumnFamily(name);
      if (!created) return std::unexpected<Error>(created.error());
      contents_.families[operation.family] = {name, *created, {}, {}};
      contents_.lost.RegainKey(name);
      return {};
    }
    const bool renamed = operation.kind == RedoKind::kRenameFamily;
    if (found == contents_.families.end()) {
      return MissNamed(contents_.lost, renamed ? &name : nullptr, "a family that does not exist");
    }
    if (renamed) {
      MANIFOLDDB_TRY(output_.database().RenameColumnFamily(found->second.name, name));
      contents_.lost.RegainKey(name);
      found->second.name = name;
      return {};
    }
    MANIFOLDDB_TRY(output_.database().DropColumnFamily(found->second.name));
    contents_.families.erase(found);
    return {};
  }

  // Something of an unknown id; `name`: what it is called from now on. It is one of those that are lost.
  Status MissNamed(LostRanges& lost, const std::string* name, const char* why) const {
    if (lost.empty()) return Contradiction(why);
    if (name != nullptr) lost.AddKey(*name, lost.first_cause());
    return {};
  }

  Status ToFamily(const RedoOperation& operation) {
    if (operation.kind == RedoKind::kSelect) selected_.reset();
    const auto found = contents_.families.find(operation.family);
    if (found == contents_.families.end()) {
      return MissNamed(contents_.lost, nullptr, "a family that does not exist");
    }
    KnownFamily& family = found->second;
    const std::string name(AsText(operation.key));
    const auto table = family.tables.find(operation.table);
    const bool known = table != family.tables.end();
    if (operation.kind == RedoKind::kCreateTable || operation.kind == RedoKind::kCreateTypedTable) {
      if (known) return Contradiction("a table that exists already");
      MANIFOLDDB_TRY(transaction_->CreateTable(family.output, name,
                                               {.key = operation.key_type, .value = operation.value_type}));
      family.tables[operation.table].name = name;
      family.lost.RegainKey(name);
      return {};
    }
    const bool renamed = operation.kind == RedoKind::kRenameTable;
    if (!known) return MissNamed(family.lost, renamed ? &name : nullptr, "a table that does not exist");
    return ToKnownTable(operation, family, table, name);
  }

  Status ToKnownTable(const RedoOperation& operation, KnownFamily& family,
                      std::map<format::TableId, KnownTable>::iterator table, const std::string& name) {
    KnownTable& known = table->second;
    if (operation.kind == RedoKind::kSelect) {
      auto opened = transaction_->OpenTable(family.output, known.name, TableTypes::Any());
      if (!opened) return std::unexpected<Error>(opened.error());
      selected_.emplace(Selected{&family, &known, *opened});
      return {};
    }
    if (operation.kind == RedoKind::kRenameTable) {
      MANIFOLDDB_TRY(transaction_->RenameTable(family.output, known.name, name));
      family.lost.RegainKey(name);
      known.name = name;
      return {};
    }
    if (selected_ && selected_->table == &known) selected_.reset();
    MANIFOLDDB_TRY(transaction_->DropTable(family.output, known.name));
    family.tables.erase(table);
    return {};
  }

  Status ToTable(const RedoOperation& operation) {
    if (!selected_) return {};  // of something lost
    WriteTable& table = selected_->output;
    LostRanges& lost = selected_->table->lost;
    if (operation.kind == RedoKind::kDeleteRange) {
      MANIFOLDDB_TRY(table.DeleteRange({operation.lower, operation.upper}));
      if (lost.empty()) return {};
      const auto text = [](const std::optional<ByteView>& bound) {
        return bound ? std::optional<std::string>(AsText(*bound)) : std::nullopt;
      };
      lost.Regain(text(operation.lower), text(operation.upper));
      return {};
    }
    if (operation.kind == RedoKind::kDelete) {
      MANIFOLDDB_TRY(table.Delete(operation.key));
    } else {
      MANIFOLDDB_TRY(table.Put(operation.key, operation.value));
      Tell(operation.key);
    }
    if (!lost.empty()) lost.RegainKey(std::string(AsText(operation.key)));
    return {};
  }

  void Tell(ByteView key) const {
    if (!options_.source) return;
    SalvageSource source;
    source.family = selected_->family->name;
    source.table = selected_->table->name;
    source.first = source.last = key;
    source.entries = 1;
    source.file = file_;
    source.offset = offset_;
    options_.source(source);
  }

  Output& output_;
  const SalvageOptions& options_;
  Contents& contents_;
  const std::string& file_;
  uint64_t offset_ = 0;  // of the group
  std::optional<WriteTransaction> transaction_;
  std::optional<Selected> selected_;  // null: of something lost
};

}  // namespace

Result<LogCopyResult> CopyLog(File& log, const LogPart& part, Output& output, const SalvageOptions& options,
                              Contents& contents) {
  LogCopyResult result;
  result.newest = format::TxnId{part.scan.first_txn.raw() - 1};
  LogCopy copy(output, options, contents, log.name());
  const auto apply = [&](const wal::LogTransaction& transaction) -> Status {
    if (!result.doubts.empty()) return {};
    const Status done = copy.Transaction(transaction);
    if (done) {
      result.newest = transaction.txn;
      ++result.transactions;
      return {};
    }
    copy.Abort();
    if (!IsContradiction(done.error())) return done;
    result.doubts.push_back(
        {log.name(),
         transaction.group_offset,
         "commit " + std::to_string(transaction.txn.raw()) + ": " + done.error().message(),
         {}});
    return {};
  };
  MANIFOLDDB_ASSIGN(const wal::LogPrefix prefix, wal::ReadLogPrefix(log, part.scan, apply));
  const wal::LogScanResult& read = prefix.read;
  // Invariant 4.
  if (read.end.lsn != part.end.lsn || read.end.chain != part.end.chain || read.next_txn != part.next_txn) {
    return Fail(Errc::kCorrupt, "salvage",
                {.file = log.name(),
                 .offset = part.scan.ring.FileOffsetOf(read.end.lsn),
                 .message = "the log was read twice, and the readings differ"});
  }
  return result;
}

}  // namespace manifolddb::salvage
