// Changes to the set of families. A crash leaves the change or not, as any commit: the redo names it, replay
// repeats it, the checkpoint writes the catalog.

#include "engine/txn/catalog_change.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/try.h"
#include "engine/format/redo.h"
#include "engine/txn/names.h"

namespace manifolddb::txn {
namespace {

// The tokens of one change, released at the latest when it goes out of scope.
class Tokens {
 public:
  explicit Tokens(Core& core) : families_(*core.families) {}
  ~Tokens() { Release(); }
  Tokens(const Tokens&) = delete;
  Tokens& operator=(const Tokens&) = delete;

  // REQUIRES: its id is greater than that of the one taken before.
  Status Take(Family* family, const char* operation) {
    MANIFOLDDB_TRY(families_.TakeTokens({&family, 1}, operation, taken_.empty() ? nullptr : taken_.back()));
    taken_.push_back(family);
    return {};
  }
  void Release() { families_.ReleaseTokens(std::exchange(taken_, {})); }

 private:
  Families& families_;
  std::vector<Family*> taken_;
};

Status CommitChange(Core& core, base::ByteBuffer& redo, std::vector<format::PageRef> dropped,
                    const std::function<void(format::TxnId)>& order) {
  ForgetOldNames(core);
  MANIFOLDDB_ASSIGN(const uint64_t span, wal::LogWriter::ReserveSealing(redo, core.config.write_unit));
  MANIFOLDDB_TRY(core.ReserveLogSpace(span));
  PendingCommit commit;
  commit.redo = &redo;
  commit.reserved = span;
  commit.effects.dropped = std::move(dropped);
  commit.order = order;
  bool ordered = false;
  const auto txn = core.pipeline->Commit(commit, ordered);
  if (!ordered) core.log_space->Unreserve(span);
  if (!txn) return std::unexpected<Error>(txn.error());
  core.commits.fetch_add(1, std::memory_order_relaxed);
  core.RequestCheckpointIfDue();
  return {};
}

Status AppendGap(base::ByteBuffer& redo) {
  constexpr std::byte kGap[wal::kRedoGap] = {};
  return redo.Append(kGap);
}

// What is said of a name is what the next read will see: the commit that it follows from is published first,
// or the answer is that it cannot be.
Status Refused(Core& core, Errc code, std::string_view name, const char* operation) {
  MANIFOLDDB_TRY(core.pipeline->AwaitPublished(operation));
  return Fail(code, operation, {.message = Quoted(name)});
}

Result<Family*> FindOrdered(Core& core, std::string_view name, const char* operation) {
  Family* const family = core.families->FindByName(name, kNewestOrdered);
  if (family == nullptr) MANIFOLDDB_TRY(Refused(core, Errc::kNoSuchColumnFamily, name, operation));
  return family;
}

}  // namespace

void ForgetOldNames(Core& core) {
  format::TxnId oldest = std::min(core.versions->durable_txn(), core.versions->published_txn());
  std::vector<uint64_t> pinned;
  core.slots->PinnedSnapshots(pinned);
  if (!pinned.empty()) oldest = std::min(oldest, format::TxnId{pinned.front()});
  core.families->ForgetNames(oldest);
}

Result<Family*> CreateFamily(Core& core, std::string_view name) noexcept {
  const Presence presence(core);
  MANIFOLDDB_TRY(presence.Check("column_family.create"));
  MANIFOLDDB_TRY(CheckName(name, "column_family.create"));
  Tokens tokens(core);
  MANIFOLDDB_TRY(tokens.Take(core.families->catalog(), "column_family.create"));
  if (core.families->FindByName(name, kNewestOrdered) != nullptr) {
    MANIFOLDDB_TRY(Refused(core, Errc::kAlreadyExists, name, "column_family.create"));
  }
  const format::FamilyId id = core.families->next_id();
  if (id.raw() > format::kFamilyIdMax) {
    return Fail(Errc::kLimit, "column_family.create",
                {.message = "2^40 column families have been created; copy the database into a new one"});
  }
  MANIFOLDDB_TRY(core.allocator->CheckRoom());
  base::ByteBuffer redo;
  MANIFOLDDB_TRY(AppendGap(redo));
  MANIFOLDDB_TRY(format::AppendCreateFamily(redo, id, AsBytes(name)));
  Family* created = nullptr;
  MANIFOLDDB_TRY(CommitChange(core, redo, {}, [&](format::TxnId txn) {
    created = core.families->CreateAs(id, name, txn);
    created->InstallEmpty(txn);
    core.families->MarkChanged(created);
    tokens.Release();
  }));
  return created;
}

Status DropFamily(Core& core, std::string_view name) noexcept {
  const Presence presence(core);
  MANIFOLDDB_TRY(presence.Check("column_family.drop"));
  Tokens tokens(core);
  MANIFOLDDB_TRY(tokens.Take(core.families->catalog(), "column_family.drop"));
  MANIFOLDDB_ASSIGN(Family* const family, FindOrdered(core, name, "column_family.drop"));
  MANIFOLDDB_TRY(tokens.Take(family, "column_family.drop"));
  MANIFOLDDB_TRY(core.LoadFamily(family, presence.slot()));
  std::vector<format::PageRef> dropped;
  for (const mvcc::TableVersion& table : *family->versions.Newest()->tables) {
    if (!table.tree.root.null()) dropped.push_back(table.tree.root);
  }
  base::ByteBuffer redo;
  MANIFOLDDB_TRY(AppendGap(redo));
  MANIFOLDDB_TRY(format::AppendDropFamily(redo, family->id()));
  return CommitChange(core, redo, std::move(dropped), [&](format::TxnId txn) {
    core.families->Drop(family, txn);
    core.families->MarkChanged(family);
    tokens.Release();
  });
}

Status RenameFamily(Core& core, std::string_view from, std::string_view to) noexcept {
  const Presence presence(core);
  MANIFOLDDB_TRY(presence.Check("column_family.rename"));
  MANIFOLDDB_TRY(CheckName(to, "column_family.rename"));
  Tokens tokens(core);
  MANIFOLDDB_TRY(tokens.Take(core.families->catalog(), "column_family.rename"));
  MANIFOLDDB_ASSIGN(Family* const family, FindOrdered(core, from, "column_family.rename"));
  if (core.families->FindByName(to, kNewestOrdered) != nullptr) {
    MANIFOLDDB_TRY(Refused(core, Errc::kAlreadyExists, to, "column_family.rename"));
  }
  // The next checkpoint writes the family's record anew, tables included.
  MANIFOLDDB_TRY(core.LoadFamily(family, presence.slot()));
  MANIFOLDDB_TRY(core.allocator->CheckRoom());
  base::ByteBuffer redo;
  MANIFOLDDB_TRY(AppendGap(redo));
  MANIFOLDDB_TRY(format::AppendRenameFamily(redo, family->id(), AsBytes(to)));
  return CommitChange(core, redo, {}, [&](format::TxnId txn) {
    core.families->Rename(family, to, txn);
    core.families->MarkChanged(family);
    tokens.Release();
  });
}

}  // namespace manifolddb::txn
