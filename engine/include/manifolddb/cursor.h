#pragma once
// Values without a copy, and ordered iteration in both directions.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "manifolddb/bytes.h"
#include "manifolddb/result.h"

namespace manifolddb {

// The keys that meet every condition that is given; {}: all. Conditions may be longer than any key, and may
// contradict each other: then there is no such key. What the views refer to is used during the call that
// takes the range, and not kept.
struct Range {
  std::optional<ByteView> lower = std::nullopt;    // this key and those behind it
  std::optional<ByteView> upper = std::nullopt;    // those before it
  std::optional<ByteView> after = std::nullopt;    // those behind it
  std::optional<ByteView> through = std::nullopt;  // this key and those before it
  std::optional<ByteView> prefix = std::nullopt;   // those that begin with it
};

// In which order entries are visited: of their keys, or the other way round.
enum class Direction : uint8_t { kAscending, kDescending };

// A value that was read; keeps its bytes alive, also after the transaction has ended and the entry is gone.
// Must not outlive the Database. Move-only; may be used and destroyed on any thread, by one at a time.
class Value {
 public:
  // Internal: what keeps the bytes, a pinned frame or memory of the value's own.
  struct Keeper {
    void* frame = nullptr;       // of the cache
    std::byte* owned = nullptr;  // of the value
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

  // The bytes, and as characters: views that live as long as this.
  ByteView bytes() const { return bytes_; }
  std::string_view text() const { return AsText(bytes_); }

 private:
  ByteView bytes_;
  Keeper keeper_;
};

// Internal: the entry under a cursor, kept where calls in this header find it.
struct CursorEntry {
  const std::byte* key = nullptr;    // null: the cursor is at no entry
  size_t key_bytes = 0;              // how long it is
  const std::byte* value = nullptr;  // null: it must be looked up, or read from elsewhere
  size_t value_bytes = 0;            // how long it is, if not null
};

// A position in a table, or beyond either end. Used by one thread at a time; must not outlive its
// transaction. A cursor of a write transaction sees that transaction's own changes, also those made after it
// was opened; it keeps its key's place when entries around it, or its own, go.
// One that was moved from is beyond any entry; its moves are kInvalidArgument.
class Cursor {
 public:
  class Impl;  // internal
  explicit Cursor(std::unique_ptr<Impl> impl);
  Cursor(Cursor&& other) noexcept;
  Cursor& operator=(Cursor&& other) noexcept;
  ~Cursor();

  // Each moves and says whether there is an entry at the new position. Errors: kCorrupt, kIo,
  // kTransactionEnded.
  Result<bool> First();
  Result<bool> Last();
  Result<bool> Seek(ByteView key);         // first entry at or after `key`
  Result<bool> SeekForPrev(ByteView key);  // last entry at or before `key`
  // From beyond the last entry Next stays there; Prev goes to the last entry. Likewise at the beginning.
  Result<bool> Next() {
    if (entry_ != nullptr && NextInLeaf(*impl_)) [[likely]]
      return true;
    return NextSlow();
  }
  Result<bool> Prev() {
    if (entry_ != nullptr && PrevInLeaf(*impl_)) [[likely]]
      return true;
    return PrevSlow();
  }

  // Whether it is at an entry.
  bool valid() const;
  // REQUIRES: valid(). The views live until the cursor moves, its transaction writes, or it ends.
  ByteView key() const {
    if (entry_ != nullptr && entry_->key != nullptr) [[likely]]
      return {entry_->key, entry_->key_bytes};
    return KeySlow();
  }
  // As it is now, also when the cursor's own transaction has written since the last move: kInvalidArgument if
  // it has deleted the entry, kTransactionEnded. May read from storage: kCorrupt, kIo, kNoMemory.
  Result<ByteView> value() {
    if (entry_ != nullptr && entry_->value != nullptr) [[likely]]
      return ByteView(entry_->value, entry_->value_bytes);
    return ValueSlow();
  }
  // The same value in a guard, which keeps it when the cursor has moved on and the transaction has ended. Not
  // copied, but for pages that the cursor's own transaction is changing. Keeps a page in memory, of at most
  // 64 KiB, for as long as it lives. REQUIRES: valid(). Errors: as value().
  Result<Value> KeepValue();

  // The cursor's place as bytes that may be stored, and mean the same after the database was closed and
  // opened again: the place in this table, under any name, of the entry under the cursor, whether or not
  // it is still there by then. Beyond an end: of the entry that the cursor came from; kInvalidArgument if
  // there was none. 9 bytes more than the key, which they hold in the clear; guarded against mistakes, not
  // against malice.
  Result<std::string> Position() const;
  // Takes that place: true if the entry is there. If it is not, Next goes to the first entry behind its place
  // and Prev to the last one before, as if it had been deleted under the cursor. A place outside the cursor's
  // range is beyond the end on that side. kInvalidArgument, and the cursor stays where it is, if the bytes
  // are damaged, or a position in another table or another database. After kCorrupt or kIo it is at the new
  // place, and the next move goes on from there. Costs a Seek.
  Result<bool> Restore(ByteView position);

 private:
  // A move that ends in the leaf where it begins. False: nothing has happened.
  static bool NextInLeaf(Impl& impl);
  static bool PrevInLeaf(Impl& impl);
  Result<bool> NextSlow();
  Result<bool> PrevSlow();
  ByteView KeySlow() const;
  Result<ByteView> ValueSlow();

  std::unique_ptr<Impl> impl_;
  // Of impl_, where its version cannot change: in a write transaction each call looks what became of it.
  const CursorEntry* entry_ = nullptr;
};

}  // namespace manifolddb
