// What takes a turn of the checkpointer for itself, with as many checkpoints as it needs: cutting the file,
// keeping savepoints and letting them go.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/sites.h"
#include "engine/base/try.h"
#include "engine/checkpoint/checkpointer.h"
#include "engine/txn/names.h"

namespace manifolddb::checkpoint {

using format::TxnId;

namespace {

bool HasNamed(const std::vector<mvcc::Savepoint>& savepoints, const std::string& name) {
  return std::ranges::find(savepoints, name, &mvcc::Savepoint::name) != savepoints.end();
}

}  // namespace

Checkpointer::Turn::Turn(Checkpointer& owner) : owner_(owner) {
  base::MutexLock lock(owner_.mutex_);
  while (owner_.running_) owner_.changed_.Wait(owner_.mutex_);
  owner_.running_ = true;
}

Checkpointer::Turn::~Turn() {
  base::MutexLock lock(owner_.mutex_);
  owner_.running_ = false;
  owner_.changed_.NotifyAll();
}

Status Checkpointer::CutFile() {
  MANIFOLDDB_TRY(core_.poison->Check("checkpoint.cut_file"));
  const Turn turn(*this);
  // A power cut amid this leaves a file that is longer than any meta page says, or as long.
  const auto checkpoint = [this] { return RunInTurn(Plan{}); };
  MANIFOLDDB_TRY(FreeDropped());
  core_.allocator->GiveUpEnd();
  uint64_t stated = 0;
  if (!MANIFOLDDB_BROKEN("shrink.cut.early")) {
    MANIFOLDDB_TRY(checkpoint());
    stated = durable_.page_count;
    if (!MANIFOLDDB_BROKEN("shrink.cut.one_slot")) MANIFOLDDB_TRY(checkpoint());
    stated = std::max(stated, durable_.page_count);
  }
  Status cut = core_.allocator->WhileItStays([&](uint64_t pages) -> Status {
    const uint64_t bytes = std::max(pages, stated) * core_.file->page_size();
    MANIFOLDDB_ASSIGN(const uint64_t size, core_.file->file().Size());
    if (bytes >= size) return {};
    MANIFOLDDB_TRY(core_.file->file().Truncate(bytes));
    return {};
  });
  Tell(std::exchange(to_tell_, std::nullopt));
  return cut;
}

// What was dropped is freed a part at a time.
Status Checkpointer::FreeDropped() {
  constexpr int kPartsMax = 64;
  for (int part = 0; part < kPartsMax && dropped_left_.load(std::memory_order_relaxed); ++part) {
    MANIFOLDDB_TRY(RunInTurn(Plan{}));
  }
  return {};
}

// Cut before the second checkpoint's meta page there is no savepoint, and nothing was lost; from then on
// there is one. Its pages are the durable checkpoint's until that meta page is durable, and the savepoint's
// from before that checkpoint gives anything back (Finish).
Result<TxnId> Checkpointer::CreateSavepoint(const std::string& name) noexcept {
  constexpr const char* kOperation = "savepoint.create";
  MANIFOLDDB_TRY(core_.poison->Check(kOperation));
  // What its checkpoints take stays taken, and deleting it takes a checkpoint: so not of what is kept for
  // those. Before the turn: where there is no room, this runs a checkpoint.
  MANIFOLDDB_TRY(core_.allocator->CheckRoom());
  const Turn turn(*this);
  MANIFOLDDB_TRY(core_.poison->Check(kOperation));
  const std::vector<mvcc::Savepoint> savepoints = core_.versions->Savepoints();
  if (HasNamed(savepoints, name)) {
    return Fail(Errc::kAlreadyExists, kOperation, {.message = txn::Quoted(name)});
  }
  if (savepoints.size() == format::kSavepointsMax) {
    return Fail(Errc::kLimit, kOperation,
                {.message = "there are " + std::to_string(format::kSavepointsMax) +
                            " savepoints already: delete one"});
  }
  if (!MANIFOLDDB_BROKEN("savepoint.create.stale")) MANIFOLDDB_TRY(RunInTurn(Plan{}));
  // What it would keep for nobody.
  MANIFOLDDB_TRY(FreeDropped());
  Tell(std::exchange(to_tell_, std::nullopt));
  format::SavepointRecord record{durable_.txn, durable_.catalog, durable_.free_map, durable_.page_count};
  record.free_map.birth = {};
  MANIFOLDDB_TRY(EditSavepoints({name, record}));
  return record.txn;
}

// Cut before the meta page the savepoint is there, and its pages are still nobody's; then it is not, and they
// are free.
Status Checkpointer::DeleteSavepoint(const std::string& name) noexcept {
  constexpr const char* kOperation = "savepoint.delete";
  const Turn turn(*this);
  MANIFOLDDB_TRY(core_.poison->Check(kOperation));
  if (!HasNamed(core_.versions->Savepoints(), name)) {
    return Fail(Errc::kNoSuchSavepoint, kOperation, {.message = txn::Quoted(name)});
  }
  if (MANIFOLDDB_BROKEN("savepoint.delete.early")) {
    core_.pipeline->GiveBack(core_.versions->DropSavepoint(name));
  }
  return EditSavepoints({name, std::nullopt});
}

Status Checkpointer::EditSavepoints(const SavepointEdit& edit) {
  bool meta_touched = false;
  Plan plan;
  plan.savepoint = &edit;
  plan.meta_touched = &meta_touched;
  Status status = RunInTurn(plan);
  Tell(std::exchange(to_tell_, std::nullopt));
  if (status || !meta_touched) return status;
  return Fail(Errc::kUnknownOutcome, edit.record ? "savepoint.create" : "savepoint.delete",
              {.file = status.error().file(), .message = status.error().ToString()}, status.error());
}

// Its meta page is durable, and nothing of the checkpoint before it, which owns `pages`, was given back yet.
void Checkpointer::FinishSavepoint(const SavepointEdit& edit, const format::PageBitmap& pages) {
  if (edit.record) {
    core_.versions->AddSavepoint(edit.name, *edit.record, pages, false);
  } else if (!MANIFOLDDB_BROKEN("savepoint.delete.early")) {
    core_.pipeline->GiveBack(core_.versions->DropSavepoint(edit.name));
  }
}

}  // namespace manifolddb::checkpoint
