#pragma once
// Values without a copy, and ordered iteration in both directions.

#include <memory>
#include <optional>
#include <utility>

#include "manifolddb/bytes.h"
#include "manifolddb/result.h"

namespace manifolddb {

// Keys from `lower` (inclusive) to `upper` (exclusive); absent: no bound. Bounds may be longer than any key.
struct Range {
  std::optional<ByteView> lower = std::nullopt;
  std::optional<ByteView> upper = std::nullopt;
};

// A value that was read; keeps its bytes alive, also after the transaction has ended and the entry is gone.
// Must not outlive the Database. Move-only; may be used and destroyed on any thread, by one at a time.
class Value {
 public:
  // Internal: what keeps the bytes, a pinned frame or memory of the value's own.
  struct Keeper {
    void* frame = nullptr;
    std::byte* owned = nullptr;
  };
  Value(ByteView bytes, Keeper keeper) : bytes_(bytes), keeper_(keeper) {}
  Value(Value&& other) noexcept
      : bytes_(std::exchange(other.bytes_, {})), keeper_(std::exchange(other.keeper_, {})) {}
  Value& operator=(Value&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(keeper_, other.keeper_);
    return *this;
  }
  ~Value();

  ByteView bytes() const { return bytes_; }
  std::string_view text() const { return AsText(bytes_); }

 private:
  ByteView bytes_;
  Keeper keeper_;
};

// A position in a table, or beyond either end. Used by one thread at a time; must not outlive its
// transaction. A cursor of a write transaction sees that transaction's own changes, also those made after it
// was opened; it keeps its key's place when entries around it, or its own, go.
// One that was moved from is beyond any entry; its moves are kInvalidArgument.
class Cursor {
 public:
  class Impl;  // internal
  explicit Cursor(std::unique_ptr<Impl> impl);
  Cursor(Cursor&&) noexcept;
  Cursor& operator=(Cursor&&) noexcept;
  ~Cursor();

  // Each moves and says whether there is an entry at the new position. Errors: kCorrupt, kIo,
  // kTransactionEnded.
  Result<bool> First();
  Result<bool> Last();
  Result<bool> Seek(ByteView key);         // first entry at or after `key`
  Result<bool> SeekForPrev(ByteView key);  // last entry at or before `key`
  // From beyond the last entry Next stays there; Prev goes to the last entry. Likewise at the beginning.
  Result<bool> Next();
  Result<bool> Prev();

  bool valid() const;
  // REQUIRES: valid(). The views live until the cursor moves, its transaction writes, or it ends.
  ByteView key() const;
  // As it is now, also when the cursor's own transaction has written since the last move: kInvalidArgument if
  // it has deleted the entry, kTransactionEnded. May read from storage: kCorrupt, kIo, kNoMemory.
  Result<ByteView> value();

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace manifolddb
