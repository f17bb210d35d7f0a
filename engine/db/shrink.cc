// Giving back the end of the data file while the database is used (docs/design/018).

#include <algorithm>
#include <utility>

#include "engine/base/try.h"
#include "engine/db/database_impl.h"
#include "engine/txn/shrink.h"

namespace manifolddb::db {
namespace {

// What one transaction moves: of a large file enough to be worth a checkpoint, and never so much that who
// waits for its column family notices.
constexpr uint64_t kPagesAtOnceMin = 8;
constexpr uint64_t kPagesAtOnceMax = 256;
constexpr uint64_t kPartOfFile = 32;

// Whatever ends it, what `progress` throws as well: nobody is kept from the end of the file any more.
class LiftsCeiling {
 public:
  explicit LiftsCeiling(page::PageAllocator& allocator) : allocator_(allocator) {}
  ~LiftsCeiling() { allocator_.SetCeiling(0); }
  LiftsCeiling(const LiftsCeiling&) = delete;
  LiftsCeiling& operator=(const LiftsCeiling&) = delete;

 private:
  page::PageAllocator& allocator_;
};

}  // namespace

Result<ShrinkReport> DatabaseImpl::ShrinkFile(const ShrinkProgressCall& progress) {
  MANIFOLDDB_TRY(core_.CheckProcess("database.shrink_file"));
  const txn::Presence presence(core_);
  MANIFOLDDB_TRY(presence.Check("database.shrink_file"));
  const LiftsCeiling lifts(*allocator_);
  ShrinkReport report;
  MANIFOLDDB_ASSIGN(report.bytes_before, data_->file().Size());
  // What only the checkpoint before holds is free from here on.
  MANIFOLDDB_TRY(checkpointer_->RunAndWait());
  const uint64_t pages = allocator_->page_count();
  const uint64_t used = pages - allocator_->pages_free();
  // What is moved lies in both places until a checkpoint has seen it, and a checkpoint takes pages, too.
  const uint64_t at_once = std::clamp(pages / kPartOfFile, kPagesAtOnceMin, kPagesAtOnceMax);
  const uint64_t passing = page::ReservePages(pages) + 2 * (at_once + core_.FreeMapPages());
  Status moved;
  if (used + passing < pages) {
    allocator_->SetCeiling(used + passing);
    const uint64_t behind = allocator_->PagesTakenFrom(used + passing);
    auto lowered = txn::LowerPages(core_, at_once, [&](uint64_t so_far) {
      if (progress) progress({.pages_moved = so_far, .pages_behind = behind});
    });
    if (lowered) report.pages_moved = *lowered;
    if (!lowered) moved = std::unexpected<Error>(lowered.error());
    // The first checkpoint of this call may have put its catalog and its free map at the end: the one that
    // moved the last pages holds them until the next.
    if (lowered) moved = checkpointer_->RunAndWait();
  }
  const Status cut = checkpointer_->CutFile();
  MANIFOLDDB_TRY(moved);
  MANIFOLDDB_TRY(cut);
  MANIFOLDDB_ASSIGN(report.bytes_after, data_->file().Size());
  return report;
}

}  // namespace manifolddb::db
