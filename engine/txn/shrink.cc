// Moving what lies at the end of the file, in transactions that change no entry.
//
// Each goes through a checkpoint: replay never meets one. A record of the log may name the place of a large
// value (docs/design/006), and where it names one that was moved meanwhile, two values could have one place.

#include "engine/txn/shrink.h"

#include "engine/base/assert.h"
#include "engine/base/try.h"
#include "engine/btree/tree.h"
#include "engine/txn/write_transaction.h"

namespace manifolddb::txn {
namespace {

// Looked at while a family is held, for each page that may be moved then.
constexpr uint64_t kLeavesPerPage = 4;

Status LowerFamily(Core& core, ColumnFamily family, uint64_t pages_at_once, uint64_t& pages,
                   const std::function<void(uint64_t)>& moved) {
  WriteTransactionImpl::FamilyLowering lowering;
  lowering.nodes.limit = core.allocator->ceiling();
  lowering.nodes.pages_max = pages_at_once;
  lowering.nodes.leaves_max = pages_at_once * kLeavesPerPage;
  // The allocator lifts the ceiling where there is no room before it: then nothing is to be gained any more.
  while (!lowering.done && core.allocator->ceiling() != 0) {
    auto begun = WriteTransactionImpl::Begin(core, std::span(&family, 1), {.log = false});
    if (!begun && begun.error().code() == Errc::kNoSuchColumnFamily) return {};  // dropped meanwhile
    MANIFOLDDB_ASSIGN(const auto transaction, std::move(begun));
    MANIFOLDDB_TRY(transaction->LowerPages(family, lowering));
    // The last one commits in any case: its checkpoint looks at the list of tables as well.
    if (lowering.nodes.pages > 0 || lowering.done) MANIFOLDDB_TRY(transaction->Commit({}));
    moved(pages + lowering.pages);
  }
  pages += lowering.pages;
  return {};
}

}  // namespace

Result<uint64_t> LowerPages(Core& core, uint64_t pages_at_once, const std::function<void(uint64_t)>& moved) {
  uint64_t pages = 0;
  std::vector<ColumnFamily> families;
  for (const Family* const family : core.families->AllAt(core.versions->published_txn())) {
    families.push_back(ColumnFamily(family->id().raw()));
  }
  for (const ColumnFamily family : families) {
    MANIFOLDDB_TRY(LowerFamily(core, family, pages_at_once, pages, moved));
  }
  return pages;
}

Status WriteTransactionImpl::LowerPages(ColumnFamily handle, FamilyLowering& lowering) noexcept {
  MANIFOLDDB_TRY(CheckLive("database.shrink_file"));
  MANIFOLDDB_ASSERT(redo_given_up_);
  MANIFOLDDB_ASSIGN(FamilyEdit* const edit, FindEdit(handle, "database.shrink_file"));
  edit->MarkChanged();
  btree::Lowering& nodes = lowering.nodes;
  nodes.pages = nodes.leaves = 0;
  for (const std::string& name : edit->ListNames()) {
    if (name < lowering.table) continue;
    if (name != lowering.table) nodes.after.reset();
    lowering.table = name;
    if (Status lowered = LowerTable(*edit->Find(name), nodes); !lowered) return Failed(lowered.error());
    if (!nodes.done) break;
    nodes.after.reset();
    lowering.table += '\0';  // what comes behind it
    if (nodes.spent()) break;
  }
  lowering.pages += nodes.pages;
  lowering.done = !nodes.spent();
  return {};
}

Status WriteTransactionImpl::LowerTable(WriteTableState& table, btree::Lowering& nodes) {
  MANIFOLDDB_TRY(btree::LowerNodes(pages_, table.tree.root, nodes, slot_, [this] { return AfterChange(); }));
  for (const std::string& key : std::exchange(nodes.extents, {})) {
    {
      const mvcc::EpochGuard guard(slot_);
      MANIFOLDDB_ASSIGN(const auto found, btree::Get(*core_.cache, table.tree.root, AsBytes(key), guard));
      MANIFOLDDB_ASSERT(found && !found->extent.null());
      MANIFOLDDB_ASSIGN(const base::Buffer value, pages_.ReadExtent(found->extent));
      MANIFOLDDB_TRY(btree::Put(pages_, table.tree, AsBytes(key), value.view(), guard));
    }
    MANIFOLDDB_TRY(AfterChange());
  }
  return {};
}

}  // namespace manifolddb::txn
