#pragma once
// A position in one version of a tree.

#include <array>
#include <optional>

#include "engine/base/assert.h"
#include "engine/base/memory.h"
#include "engine/btree/key_block.h"
#include "engine/btree/node_view.h"
#include "engine/btree/tree.h"
#include "manifolddb/cursor.h"

namespace manifolddb::btree {

// Keeps the leaf it rests on pinned, not the path: moving to a neighbouring leaf goes by the references it
// remembers of the branches, checked by birth. Key and bounds are copies. Every call needs an epoch of its
// own.
//
// A writer's cursor over its own tree: after each change of the tree, Rebase.
class TreeCursor {
 public:
  TreeCursor(page::PageCache& cache, format::PageRef root, std::optional<ByteView> lower,
             std::optional<ByteView> upper);
  TreeCursor(TreeCursor&&) noexcept = default;
  TreeCursor& operator=(TreeCursor&&) noexcept = default;

  // As manifolddb::Cursor. A new cursor stands before the first entry. An error leaves the cursor where it
  // was, not settled; any of these may be tried again.
  Result<bool> First(const mvcc::EpochGuard& guard);
  Result<bool> Last(const mvcc::EpochGuard& guard);
  Result<bool> Seek(ByteView key, const mvcc::EpochGuard& guard);
  Result<bool> SeekForPrev(ByteView key, const mvcc::EpochGuard& guard);
  Result<bool> Next(const mvcc::EpochGuard& guard) {
    if (NextInLeaf()) return true;
    return NextSlow(guard);
  }
  Result<bool> Prev(const mvcc::EpochGuard& guard) {
    if (PrevInLeaf()) return true;
    return PrevSlow(guard);
  }
  // Moves, unless that would leave the leaf, which is pinned: so these two need no epoch.
  bool NextInLeaf() {
    if (slot_ + 1 >= end_slot_) [[unlikely]]
      return false;
    ++slot_;
    if (slot_ + kCellsAhead < end_slot_) PrefetchCell(slot_ + kCellsAhead);
    return TakeEntry();
  }
  bool PrevInLeaf() {
    if (slot_ <= begin_slot_) [[unlikely]]
      return false;
    --slot_;
    if (slot_ >= begin_slot_ + kCellsAhead) PrefetchCell(slot_ - kCellsAhead);
    return TakeEntry();
  }

  bool valid() const { return place_ == Place::kAt; }
  // valid(), and the entry is known to be there.
  bool settled() const { return valid() && !seek_again_; }
  // REQUIRES: valid(). Live until the cursor moves.
  ByteView key() const {
    MANIFOLDDB_ASSERT(valid());
    return {entry_.key, entry_.key_bytes};
  }
  // The key of the entry that the cursor rests on, or last rested on; none if it never did.
  std::optional<ByteView> last_key() const {
    if (valid()) return key();
    if (!came_from_entry_) return std::nullopt;
    return ByteView(key_.data(), last_key_bytes_);
  }
  // key() if valid(), and the value while settled(), unless it lies in an extent. The reference stays good.
  const CursorEntry& entry() const { return entry_; }
  // Inline bytes, or the extent to read. REQUIRES: settled().
  FoundValue value() const;

  // From now on the tree is `root`'s. The cursor keeps its key as its place, whether or not the entry is
  // still there; it looks for it when it is next moved or refreshed. Allocates nothing, reads nothing.
  void Rebase(format::PageRef root);
  // True if the entry the cursor rests on (still) exists: then it is settled. REQUIRES: valid().
  Result<bool> Refresh(const mvcc::EpochGuard& guard);
  // Takes the place of `key`, whether or not there is an entry; true if there is. A place outside the bounds
  // is beyond the end on that side. REQUIRES: `key` within KeyBytesMax; it is not the cursor's own.
  Result<bool> Restore(ByteView key, const mvcc::EpochGuard& guard);

 private:
  // kAt: on the entry key(), or, while `seek_again_`, where it was.
  enum class Place : uint8_t { kBeforeFirst, kAt, kAfterLast };
  struct Step {
    format::PageRef ref;
    uint32_t index;  // the child taken
    uint32_t cells;
    uint32_t level;
  };
  enum class Edge : uint8_t { kFirst, kLast };

  // Where values are large each cell is a wait for memory of its own, unless it was asked for in time.
  static constexpr uint32_t kCellsAhead = 4;
  void PrefetchCell(uint32_t slot) const {
    __builtin_prefetch(leaf_bytes_ + base::LoadLe<uint16_t>(slots_ + slot * kSlotBytes));
  }

  // The entry in slot_, whose node's prefix is in key_ already. True.
  bool TakeEntry() {
    const NodeView::Entry at = NodeView(leaf_bytes_).EntryAt(slots_ + slot_ * kSlotBytes);
    entry_.key_bytes = prefix_bytes_ + at.rest.size();
    entry_.value = at.extent ? nullptr : at.stored;
    entry_.value_bytes = at.value_bytes;
    if (at.rest.size() > block_.room() || at.cell > block_until_) [[unlikely]]
      return TakeLongRest(at.rest);
    block_.Complete(at.rest.data());
    return true;
  }
  bool TakeLongRest(ByteView rest);
  Result<bool> NextSlow(const mvcc::EpochGuard& guard);
  Result<bool> PrevSlow(const mvcc::EpochGuard& guard);

  bool BelowLower(ByteView key) const { return has_lower_ && Compare(key, lower()) < 0; }
  bool FromUpper(ByteView key) const { return has_upper_ && Compare(key, upper()) >= 0; }
  ByteView lower() const { return bounds_.view().first(lower_bytes_); }
  ByteView upper() const { return bounds_.view().subspan(lower_bytes_); }

  // Goes down to the leaf where `key` belongs. REQUIRES: the tree is not empty.
  Status DescendTo(ByteView key, const mvcc::EpochGuard& guard);
  // Goes down along one edge of the subtree `ref`, from path_[depth_] on.
  Status DescendEdge(format::PageRef ref, uint32_t level, Edge edge, const mvcc::EpochGuard& guard);
  void EnterLeaf(page::Frame* frame);
  // On the way to the child at `index`, a leaf: asks for what a scan in this direction reads of the two
  // behind it, so that they arrive meanwhile. Of the nearer one header and slots are there, asked for a leaf
  // ago.
  void AskAhead(NodeView parent, uint32_t index, Edge edge, const mvcc::EpochGuard& guard) const;
  // The next leaf in a direction: the first one behind, or the last one before. False if there is none.
  Result<bool> Neighbour(Edge edge, const mvcc::EpochGuard& guard);
  // To the entry in `slot`, or the first one behind, within the bounds; to the one before `slot_after`.
  Result<bool> SettleForward(uint32_t slot, const mvcc::EpochGuard& guard);
  Result<bool> SettleBackward(uint32_t slot_after, const mvcc::EpochGuard& guard);
  // Slots of the leaf that the bounds let through: [begin, end).
  struct Window {
    uint32_t begin;
    uint32_t end;
    uint32_t cells;
  };
  Window WindowOfLeaf() const;
  bool SettleAt(uint32_t slot, const Window& window);
  bool Beyond(Place place);
  // From here to the next Settle or Beyond an error leaves the cursor unsettled on its key.
  void Unsettle();
  Status EnsureMemory();

  page::PageCache* cache_;
  format::PageRef root_;
  Place place_ = Place::kBeforeFirst;
  bool seek_again_ = false;
  bool came_from_entry_ = false;  // while beyond an end: key_ is of an entry
  bool has_lower_;
  bool has_upper_;
  // In the leaf: the entry, and where the bounds cut it. While there is no leaf no slot is between them.
  uint32_t slot_ = 0;
  uint32_t begin_slot_ = ~uint32_t{0};
  uint32_t end_slot_ = 0;
  const std::byte* leaf_bytes_ = nullptr;
  const std::byte* slots_ = nullptr;
  size_t prefix_bytes_ = 0;
  KeyBlock block_;            // where the prefix ends in key_
  uint32_t block_until_ = 0;  // as far as a cell may begin for a block of its key to lie in the page
  CursorEntry entry_;
  size_t last_key_bytes_ = 0;  // of what is in key_, while beyond an end
  page::FramePin leaf_;
  base::Buffer key_;          // KeyBytesMax and a block, allocated by the first move
  base::ByteBuffer bounds_;   // lower, then upper
  bool bounds_lost_ = false;  // no memory for them
  size_t lower_bytes_ = 0;
  std::array<Step, format::kLevelMax> path_;  // from the root to the leaf's parent
  uint32_t depth_ = 0;                        // nodes in it
};

}  // namespace manifolddb::btree
