// Savepoints: what a transaction can be taken back to. Nothing of them leaves memory.
//
// A savepoint is a mark of the pages (page/page_writer.h) and a copy of all that refers to them: roots and
// names of the tables, the length of the redo, the table selected at its end. To roll back is to take all of
// it together: redo and pages have the same changes again, so what is committed later is replayed as it was
// made. A redo that was given up since (it had become too large) stays given up: the pages are the record.
//
// What a change that failed has left behind is undone like any other, since the books of the pages are right
// after every error; but not behind a spill that failed.

#include <algorithm>
#include <string>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/sites.h"
#include "engine/base/try.h"
#include "engine/txn/write_transaction.h"

namespace manifolddb::txn {

Result<uint64_t> WriteTransactionImpl::SetSavepoint() noexcept {
  MANIFOLDDB_TRY(CheckLive("transaction.set_savepoint"));
  const uint64_t number = core_.DrawWriterSerial();
  PushSavepoint(number);
  return number;
}

void WriteTransactionImpl::PushSavepoint(uint64_t number) {
  pages_.SetMark(core_.DrawWriterSerial());
  SavepointState& state = savepoints_.emplace_back();
  state.number = number;
  state.redo_bytes = redo_.size();
  state.selected = selected_;
  state.dropped = dropped_.size();
  state.callbacks = on_commit_.size();
  for (const FamilyEdit& edit : families_) state.families.push_back(edit.Save());
  MANIFOLDDB_ASSERT(savepoints_.size() == pages_.marks());
}

Result<size_t> WriteTransactionImpl::FindSavepoint(uint64_t number, const char* operation) const {
  const auto found = std::find_if(savepoints_.begin(), savepoints_.end(),
                                  [number](const SavepointState& state) { return state.number == number; });
  if (found != savepoints_.end()) return static_cast<size_t>(found - savepoints_.begin());
  return Fail(
      Errc::kInvalidArgument, operation,
      {.message = "the savepoint is another transaction's, or was released, or one before it was rolled "
                  "back to or released"});
}

Status WriteTransactionImpl::RollBackTo(uint64_t savepoint) noexcept {
  constexpr const char* kOperation = "transaction.roll_back";
  // A change that failed is what one may want to get rid of.
  std::optional<Error> failed;
  if (!failed_for_good_) failed = std::exchange(failed_, std::nullopt);
  Status allowed = CheckLive(kOperation);
  Result<size_t> index = 0;
  if (allowed) index = FindSavepoint(savepoint, kOperation);
  if (allowed && !index) allowed = std::unexpected<Error>(index.error());
  if (!allowed) {
    if (failed) failed_ = std::move(failed);
    return allowed;
  }
  MANIFOLDDB_MARK("txn.savepoint.rolled_back");
  if (failed) MANIFOLDDB_MARK("txn.savepoint.failure_undone");
  while (pages_.marks() > *index) pages_.RollBackToMark();
  const SavepointState state = std::move(savepoints_[*index]);
  savepoints_.resize(*index);
  Restore(state);
  PushSavepoint(state.number);
  ++edits_;  // cursors find their places anew
  CountUnwritten(pages_.pages_unwritten() * pages_.page_size());
  return {};
}

void WriteTransactionImpl::Restore(const SavepointState& state) {
  if (!redo_given_up_ && !MANIFOLDDB_BROKEN("txn.savepoint.keep_redo")) redo_.Truncate(state.redo_bytes);
  selected_ = state.selected;
  dropped_.resize(state.dropped);
  on_commit_.resize(state.callbacks);
  size_t index = 0;
  for (FamilyEdit& edit : families_) {
    if (index < state.families.size()) {
      edit.Restore(state.families[index]);
    } else {
      edit.Reset();  // taken since: it is still held, and unchanged
    }
    ++index;
  }
}

Status WriteTransactionImpl::ReleaseSavepoint(uint64_t savepoint) noexcept {
  constexpr const char* kOperation = "transaction.release_savepoint";
  MANIFOLDDB_TRY(CheckLive(kOperation));
  MANIFOLDDB_ASSIGN(const size_t index, FindSavepoint(savepoint, kOperation));
  while (pages_.marks() > index) pages_.ReleaseMark();
  savepoints_.resize(index);
  return {};
}

Result<std::vector<uint64_t>> WriteTransactionImpl::ListSavepoints() {
  MANIFOLDDB_TRY(CheckLive("transaction.list_savepoints"));
  std::vector<uint64_t> numbers;
  for (const SavepointState& state : savepoints_) numbers.push_back(state.number);
  return numbers;
}

}  // namespace manifolddb::txn
