// One snapshot read by several threads.
//
// (1) The snapshot is pinned by the transaction, whose caller is in here until no piece runs. Each piece has
//     a slot of its own, for epochs alone. Its cursor owns it: so one that the caller moved away and kept
//     is as good as any other of the transaction.
// (2) Pieces are taken one after the other by whoever is free, the caller among them: so all of them are done
//     even if the executor never gets to it, and nobody waits for work that has not begun.
// (3) What an executor does later finds no piece, and touches nothing but the books, which it owns with
//     others.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/mutex.h"
#include "engine/base/try.h"
#include "engine/txn/cursor_impl.h"
#include "engine/txn/read_transaction.h"
#include "manifolddb/transaction.h"

namespace manifolddb {
namespace {

// The books: which pieces are taken, how many run, and what the first one that failed said.
class Pieces {
 public:
  explicit Pieces(size_t count) : count_(count) {}

  // A piece that nobody had, or none.
  std::optional<size_t> Take() EXCLUDES(mutex_) {
    base::MutexLock lock(mutex_);
    if (stopped_ || next_ == count_) return std::nullopt;
    ++running_;
    return next_++;
  }
  void Failed(size_t piece, Error error) EXCLUDES(mutex_) {
    base::MutexLock lock(mutex_);
    stopped_ = true;
    if (error_ && failed_ < piece) return;
    failed_ = piece;
    error_ = std::move(error);
  }
  void Ended() EXCLUDES(mutex_) {
    base::MutexLock lock(mutex_);
    if (--running_ == 0) changed_.NotifyAll();
  }
  // No piece is begun from now on; returns when none runs.
  void StopAndWait() EXCLUDES(mutex_) {
    base::MutexLock lock(mutex_);
    stopped_ = true;
    while (running_ > 0) changed_.Wait(mutex_);
  }
  Status TakeStatus() EXCLUDES(mutex_) {
    base::MutexLock lock(mutex_);
    if (error_) return std::unexpected(*error_);
    return {};
  }

 private:
  const size_t count_;
  base::Mutex mutex_{base::LockRank::kParallelScan};
  base::CondVar changed_;
  size_t next_ GUARDED_BY(mutex_) = 0;
  size_t running_ GUARDED_BY(mutex_) = 0;
  bool stopped_ GUARDED_BY(mutex_) = false;
  size_t failed_ GUARDED_BY(mutex_) = 0;
  std::optional<Error> error_ GUARDED_BY(mutex_);
};

// Calls Ended, also where the caller's function leaves by an exception: which the executor may swallow, so
// the piece has failed.
class Turn {
 public:
  Turn(Pieces& pieces, size_t piece) : pieces_(pieces), piece_(piece) {}
  ~Turn() {
    if (!returned_) pieces_.Failed(piece_, LeftByException());
    pieces_.Ended();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  void Returned(Status status) {
    returned_ = true;
    if (!status) pieces_.Failed(piece_, std::move(status).error());
  }

 private:
  Error LeftByException() const {
    return Error(Errc::kInvalidArgument, "table.parallel_scan",
                 {.message = "the scan of piece " + std::to_string(piece_) + " left by an exception"});
  }

  Pieces& pieces_;
  const size_t piece_;
  bool returned_ = false;
};

// The same for the whole: nothing of the caller's is used behind it.
class Stay {
 public:
  explicit Stay(Pieces& pieces) : pieces_(pieces) {}
  ~Stay() { pieces_.StopAndWait(); }
  Stay(const Stay&) = delete;
  Stay& operator=(const Stay&) = delete;

 private:
  Pieces& pieces_;
};

// The part of `range` from one point to the next.
Range PieceOf(const Range& range, const std::vector<std::string>& points, size_t piece) {
  Range part = range;
  if (piece > 0) part.lower = AsBytes(points[piece - 1]);
  if (piece < points.size()) part.upper = AsBytes(points[piece]);
  return part;
}

}  // namespace

Status ReadTable::ParallelCursors(Executor& executor, size_t pieces, const Range& range,
                                  const std::function<Status(size_t piece, Cursor& cursor)>& scan) const {
  MANIFOLDDB_ASSIGN(const std::vector<std::string> points, SplitPoints(pieces, range));
  txn::Core& core = transaction_->core();
  const auto run = [&](size_t piece) -> Status {
    MANIFOLDDB_ASSIGN(const txn::Bounds bounds,
                      txn::Bounds::Of(PieceOf(range, points, piece), core.file->page_size()));
    Cursor cursor(std::make_unique<Cursor::Impl>(core, mvcc::AcquireOwned(*core.slots), bounds,
                                                 state_->tree.root, state_->identity));
    return scan(piece, cursor);
  };
  const auto books = std::make_shared<Pieces>(points.size() + 1);
  const auto work = [books, &run] {
    while (const std::optional<size_t> piece = books->Take()) {
      Turn turn(*books, *piece);
      turn.Returned(run(*piece));
    }
  };
  {
    const Stay stay(*books);
    for (size_t helper = 0; helper < points.size(); ++helper) executor.Submit(work);
    work();
  }
  return books->TakeStatus();
}

Status ReadTable::ParallelScan(Executor& executor, size_t pieces, const Range& range,
                               const std::function<Status(size_t, EntryScan&)>& scan) const {
  return ParallelCursors(executor, pieces, range, [&scan](size_t piece, Cursor& cursor) {
    EntryScan entries(std::move(cursor));
    return scan(piece, entries);
  });
}

}  // namespace manifolddb
