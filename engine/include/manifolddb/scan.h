#pragma once
// Loops over the entries of a range, and pipelines of C++'s views over them.
//
//   auto entries = table.Entries({.prefix = AsBytes("user/")});
//   if (!entries) return std::unexpected(entries.error());
//   for (const auto& entry : *entries) {
//     if (!entry) return std::unexpected(entry.error());  // the last one: what went wrong
//     Use(entry->key, entry->value);
//   }
//
// `entries` has a name because the loop must not outlive it: `for (auto& e : *table.Entries())` dangles, but
// in compilers that keep temporaries of a range-for alive (C++23's P2718; g++ 12 does not).
//
// Reading may fail amid a range, and a step of an iterator has no way to say so. So what a loop gets are
// Results, and an error is an element, the last one: it cannot be taken for the end. Pipelines that look at
// keys and values go over UntilError, which gives the elements themselves, and the error to a ScanStatus that
// insists on being asked. (docs/design/010-ranges.md)

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "manifolddb/bytes.h"
#include "manifolddb/cursor.h"
#include "manifolddb/result.h"

namespace manifolddb {

// How a scan over UntilError ended. Asking is not optional: one that is destroyed after its scan came to an
// end, good or bad, and before Take was called ends the process, so that the first run of code that forgot it
// tells. A loop that was left before its end need not ask. Used by the thread of its scan.
class [[nodiscard]] ScanStatus {
 public:
  ScanStatus() = default;
  ScanStatus(const ScanStatus&) = delete;
  ScanStatus& operator=(const ScanStatus&) = delete;
  ~ScanStatus() {
    if (unasked_) [[unlikely]]
      NotAsked();
  }

  // Success: the scan came to its end, or was left before it. Or the error that ended it.
  Status Take() {
    unasked_ = false;
    return std::exchange(status_, Status());
  }

  // Internal: the scan ended like this. Of several errors the first one stays.
  void End(Status status) {
    unasked_ = true;
    if (status_) status_ = std::move(status);
  }

 private:
  static void NotAsked();

  Status status_;
  bool unasked_ = false;
};

// The elements of a range, one after the other, once: a C++ input range of Result<Element>, whose sentinel is
// std::default_sentinel. Each is read when it is looked at, not before: what take(n) leaves out is not read.
// As the cursor within it is used by one thread at a time, must not outlive its transaction, and sees the
// changes of its own. Not to be moved between begin() and the last use of an iterator. `Reader` says what of
// an entry is read. A step costs what a step of a Cursor costs.
template <class Reader>
class Scan {
 public:
  // What it gives of an entry.
  using Element = typename Reader::Element;

  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using difference_type = std::ptrdiff_t;
    using value_type = Result<Element>;

    explicit Iterator(Scan* scan) : scan_(scan) {}
    const value_type& operator*() const { return *scan_->Current(); }
    Iterator& operator++() {
      scan_->Advance();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return !scan_->Current(); }

   private:
    Scan* scan_;
  };

  explicit Scan(Cursor cursor, Direction direction = Direction::kAscending, Reader reader = {})
      : cursor_(std::move(cursor)), direction_(direction), reader_(std::move(reader)) {}

  // From the first element on, in the scan's direction; or, behind StartAfter, from the first one beyond that
  // place. Each call begins anew.
  Iterator begin() {
    current_.reset();
    next_ = Move::kBegin;
    got_ = false;
    unread_ = false;
    return Iterator(this);
  }
  std::default_sentinel_t end() const { return {}; }

  // The elements themselves, up to the end or the first error, either of which `status` is told and wants to
  // be asked for. Must not outlive the scan and `status`.
  class ElementRange;
  // See ElementRange.
  ElementRange UntilError(ScanStatus& status) & { return ElementRange(this, &status); }

  // Where a later scan over the same range goes on: beyond the last element that was got, whether or not
  // its entry is still there by then. Bytes as Cursor::Position gives them; none while nothing was got,
  // which StartAfter takes for the beginning. Behind an entry that could not be read it may have to look
  // for the one before: kCorrupt, kIo, kNoMemory.
  Result<std::string> Position() {
    if (unread_ && got_) {
      const Result<bool> back = Moved(Opposite());
      if (!back) return std::unexpected(back.error());
      unread_ = false;
      got_ = *back;  // false: what was got has been deleted, all of it
    }
    if (!got_) return start_;
    return cursor_.Position();
  }
  // Loops begin beyond this place from now on: behind it, or before it if the scan descends. No bytes: at the
  // beginning. kInvalidArgument for what is no position in this table; kCorrupt, kIo, kNoMemory.
  Status StartAfter(std::string position) {
    if (!position.empty()) {
      const Result<bool> there = cursor_.Restore(AsBytes(position));
      if (!there) return std::unexpected(there.error());
    }
    start_ = std::move(position);
    return {};
  }

 private:
  // What is to be done before the current element is looked at.
  enum class Move : uint8_t { kNone, kBegin, kNext };

  const std::optional<Result<Element>>& Current() {
    if (next_ != Move::kNone) Step();
    return current_;
  }
  void Advance() {
    if (Current()) next_ = Move::kNext;
  }
  // To the next element, an error, or, behind the last entry and behind an error, none.
  void Step() {
    const Move move = std::exchange(next_, Move::kNone);
    const bool failed = current_ && !*current_;
    current_.reset();
    if (failed) return;
    const Result<bool> more = move == Move::kBegin ? Begin() : Moved(direction_);
    if (!more) {
      current_.emplace(std::unexpected(more.error()));
    } else if (*more) {
      current_.emplace(reader_(cursor_));
      unread_ = !*current_;
      got_ |= !unread_;
    }
  }
  Result<bool> Begin() {
    if (start_.empty()) return direction_ == Direction::kAscending ? cursor_.First() : cursor_.Last();
    const Result<bool> there = cursor_.Restore(AsBytes(start_));
    if (!there) return there;
    return Moved(direction_);
  }
  // A reader may have steps of its own.
  Result<bool> Moved(Direction direction) {
    if constexpr (requires { reader_.Move(cursor_, direction); }) return reader_.Move(cursor_, direction);
    return direction == Direction::kAscending ? cursor_.Next() : cursor_.Prev();
  }
  Direction Opposite() const {
    return direction_ == Direction::kAscending ? Direction::kDescending : Direction::kAscending;
  }

  Cursor cursor_;
  Direction direction_;
  Move next_ = Move::kNone;
  bool got_ = false;     // the cursor is on, or came from, the last element that was got; but
  bool unread_ = false;  // it is on the entry behind, which could not be read
  [[no_unique_address]] Reader reader_;
  std::optional<Result<Element>> current_;
  std::string start_;
};

// The elements of a scan themselves: a C++ input range of Element.
template <class Reader>
class Scan<Reader>::ElementRange {
 public:
  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using difference_type = std::ptrdiff_t;
    using value_type = Element;

    Iterator(Scan* scan, ScanStatus* status) : scan_(scan), status_(status) {}
    const Element& operator*() const { return **scan_->Current(); }
    const Element* operator->() const { return &**this; }
    Iterator& operator++() {
      scan_->Advance();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const {
      const std::optional<Result<Element>>& current = scan_->Current();
      if (current && *current) [[likely]]
        return false;
      status_->End(current ? Status(std::unexpected(current->error())) : Status());
      return true;
    }

   private:
    Scan* scan_;
    ScanStatus* status_;
  };

  ElementRange(Scan* scan, ScanStatus* status) : scan_(scan), status_(status) {}
  // As those of the scan.
  Iterator begin() {
    scan_->begin();
    return Iterator(scan_, status_);
  }
  std::default_sentinel_t end() const { return {}; }

 private:
  Scan* scan_;
  ScanStatus* status_;
};

// What a loop over raw bytes gets. Views live, as those of a Cursor, until its next step, or until its
// transaction writes.
struct Entry {
  ByteView key;    // as stored
  ByteView value;  // as stored
};

// What scans read of an entry.
struct EntryReader {
  using Element = Entry;
  Result<Entry> operator()(Cursor& cursor) const {
    const Result<ByteView> value = cursor.value();
    if (!value) return std::unexpected(value.error());
    return Entry{cursor.key(), *value};
  }
};
struct KeyReader {
  using Element = ByteView;
  Result<ByteView> operator()(Cursor& cursor) const { return cursor.key(); }
};
struct ValueReader {
  using Element = ByteView;
  Result<ByteView> operator()(Cursor& cursor) const { return cursor.value(); }
};

// Over whole entries.
using EntryScan = Scan<EntryReader>;
// Of large values, which lie outside the leaves, nothing is read.
using KeyScan = Scan<KeyReader>;
using ValueScan = Scan<ValueReader>;

}  // namespace manifolddb
