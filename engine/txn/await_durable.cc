// What a crash leaves here is what it leaves of any commit: the empty one is in the log behind those that it
// is for, or it is not, and then they may not be either.

#include "engine/txn/await_durable.h"

#include <string>

#include "engine/base/try.h"
#include "engine/wal/log_writer.h"

namespace manifolddb::txn {
namespace {

constexpr const char* kAwaitDurable = "database.await_durable";

Status CommitNothingDurably(Core& core) {
  base::ByteBuffer redo;
  constexpr std::byte kGap[wal::kRedoGap] = {};
  MANIFOLDDB_TRY(redo.Append(kGap));
  MANIFOLDDB_ASSIGN(const uint64_t span, wal::LogWriter::ReserveSealing(redo, core.config.write_unit));
  MANIFOLDDB_TRY(core.ReserveLogSpace(span));
  PendingCommit commit;
  commit.redo = &redo;
  commit.reserved = span;
  commit.order = [](format::TxnId) {};
  bool ordered = false;
  const auto txn = core.pipeline->Commit(commit, ordered);
  if (!ordered) core.log_space->Unreserve(span);
  if (!txn) return std::unexpected<Error>(txn.error());
  core.commits.fetch_add(1, std::memory_order_relaxed);
  core.RequestCheckpointIfDue();
  return {};
}

}  // namespace

Status AwaitDurable(Core& core, format::TxnId txn) noexcept {
  MANIFOLDDB_TRY(core.CheckProcess(kAwaitDurable));
  const Presence presence(core);
  MANIFOLDDB_TRY(core.CheckOpen(kAwaitDurable));
  if (core.config.read_only) return Fail(Errc::kReadOnly, kAwaitDurable, {.file = core.config.name});
  if (txn <= core.pipeline->durable_txn()) return {};
  if (const format::TxnId published = core.versions->published_txn(); txn > published) {
    return Fail(Errc::kInvalidArgument, kAwaitDurable,
                {.file = core.config.name,
                 .message = "there is no commit " + std::to_string(txn.raw()) + ", the newest is " +
                            std::to_string(published.raw())});
  }
  if (Status sound = core.poison->Check(kAwaitDurable); !sound) {
    const Error& why = sound.error();
    if (why.code() == Errc::kForked) return sound;
    return Fail(Errc::kUnknownOutcome, kAwaitDurable, {.file = why.file(), .message = why.message()},
                *why.cause());
  }
  return CommitNothingDurably(core);
}

}  // namespace manifolddb::txn
