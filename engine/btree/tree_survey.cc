// Counting and cutting ranges.
//
// (1) On each level at most two nodes are in the range in part: where it begins and where it ends.
// (2) No epoch outlasts a few leaves; the nodes of the way down are pinned.

#include "engine/btree/tree_survey.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/try.h"
#include "engine/btree/tree_node.h"

namespace manifolddb::btree {
namespace {

using format::PageRef;
using page::Frame;
using Bound = std::optional<ByteView>;

class RangeCount {
 public:
  RangeCount(page::PageCache& cache, mvcc::ReaderSlot* slot) : cache_(cache), slot_(slot) {}

  Result<uint64_t> Under(PageRef ref, uint32_t level, Bound lower, Bound upper) {
    MANIFOLDDB_ASSIGN(const page::FramePin pin, PinNode(cache_, ref, level, slot_));
    const NodeView node(pin.get()->bytes);
    const Window window = WindowOf(node, lower, upper);
    if (window.begin >= window.end) return uint64_t{0};
    if (node.leaf()) return uint64_t{window.end - window.begin};
    uint64_t count = 0;
    for (uint32_t index = window.begin; index < window.end;) {
      // Only in the first and the last of them a bound can lie.
      const Bound low = index == window.begin ? lower : std::nullopt;
      const Bound high = index + 1 == window.end ? upper : std::nullopt;
      if (node.level() == 1 && !low && !high) {
        const uint32_t whole_end = upper ? window.end - 1 : window.end;
        const uint32_t together = std::min(whole_end - index, kLeavesTogether);
        MANIFOLDDB_ASSIGN(const uint64_t under, OfLeaves(node, index, index + together));
        count += under;
        index += together;
      } else {
        MANIFOLDDB_ASSIGN(const uint64_t under, Under(node.Child(index), node.level() - 1, low, high));
        count += under;
        ++index;
      }
    }
    return count;
  }

  // About which part of the tree's leaves is before `key`: 0 to 1, by the branches alone.
  Result<double> ShareBefore(PageRef ref, ByteView key) {
    double share = 0;
    double width = 1;
    for (uint32_t level = kAnyLevel;; --level) {
      MANIFOLDDB_ASSIGN(const page::FramePin pin, PinNode(cache_, ref, level, slot_));
      const NodeView node(pin.get()->bytes);
      if (node.leaf()) return share;
      const uint32_t index = node.ChildIndex(key);
      width /= node.cells();
      share += width * index;
      ref = node.Child(index);
      level = node.level();
      if (level == 1) return share;
    }
  }

 private:
  // All are asked for before the first is looked at: their waits for memory overlap.
  static constexpr uint32_t kLeavesTogether = 16;
  Result<uint64_t> OfLeaves(NodeView parent, uint32_t begin, uint32_t end) {
    std::array<Frame*, kLeavesTogether> leaves;
    const mvcc::EpochGuard guard(slot_);
    for (uint32_t index = begin; index < end; ++index) {
      MANIFOLDDB_ASSIGN(leaves[index - begin], FetchNode(cache_, parent.Child(index), 0, guard));
    }
    uint64_t count = 0;
    for (uint32_t index = begin; index < end; ++index)
      count += NodeView(leaves[index - begin]->bytes).cells();
    return count;
  }

  page::PageCache& cache_;
  mvcc::ReaderSlot* const slot_;
};

class ShapeWalk {
 public:
  ShapeWalk(page::PageCache& cache, mvcc::ReaderSlot* slot) : cache_(cache), slot_(slot) {}

  Status Visit(PageRef ref, uint32_t level) {
    MANIFOLDDB_ASSIGN(const page::FramePin pin, PinNode(cache_, ref, level, slot_));
    const NodeView node(pin.get()->bytes);
    Note(node);
    if (node.leaf()) {
      if (shape_.leaf_pages > 1 && ref.id.raw() != last_leaf_ + 1) ++shape_.leaf_jumps;
      last_leaf_ = ref.id.raw();
      return {};
    }
    for (uint32_t index = 0; index < node.cells(); ++index)
      MANIFOLDDB_TRY(Visit(node.Child(index), node.level() - 1));
    return {};
  }
  const TableShape& shape() const { return shape_; }

 private:
  void Note(NodeView node) {
    const uint32_t slots_end = kNodeHeaderBytes + node.prefix_bytes() + node.cells() * kSlotBytes;
    const uint32_t unused = node.heap_begin() - slots_end + node.heap_garbage();
    shape_.depth = std::max(shape_.depth, node.level() + 1);
    shape_.page_bytes += cache_.page_size();
    shape_.page_bytes_used += cache_.page_size() - unused;
    if (!node.leaf()) {
      ++shape_.branch_pages;
      return;
    }
    ++shape_.leaf_pages;
    for (uint32_t index = 0; index < node.cells(); ++index) {
      if (!node.HasExtent(index)) continue;
      ++shape_.large_values;
      shape_.large_value_bytes += node.Extent(index).bytes;
    }
  }

  page::PageCache& cache_;
  mvcc::ReaderSlot* const slot_;
  uint64_t last_leaf_ = 0;
  TableShape shape_;
};

// A node of the range, in the order of keys.
struct Candidate {
  PageRef ref;
  std::string low;  // no key of it is before this; empty for what the range begins with
};

std::string TextOf(KeyParts key) {
  std::string text(key.size(), '\0');
  key.CopyTo(reinterpret_cast<std::byte*>(text.data()));
  return text;
}

// The key that entry or child `index` of `node` begins with at least.
std::string LowOf(const Candidate& candidate, NodeView node, uint32_t index) {
  return index == 0 && node.branch() ? candidate.low : TextOf(node.Key(index));
}

// Calls visit(candidate, node, window) for each of `nodes`, which are all of `level`; sets that if it is
// kAnyLevel.
template <class Visit>
Status VisitEach(page::PageCache& cache, const std::vector<Candidate>& nodes, uint32_t& level, Bound lower,
                 Bound upper, mvcc::ReaderSlot* slot, Visit visit) {
  for (size_t i = 0; i < nodes.size(); ++i) {
    MANIFOLDDB_ASSIGN(const page::FramePin pin, PinNode(cache, nodes[i].ref, level, slot));
    const NodeView node(pin.get()->bytes);
    level = node.level();
    visit(nodes[i], node,
          WindowOf(node, i == 0 ? lower : std::nullopt, i + 1 == nodes.size() ? upper : std::nullopt));
  }
  return {};
}

}  // namespace

Result<uint64_t> Count(page::PageCache& cache, const format::TreeRoot& root, Bound lower, Bound upper,
                       mvcc::ReaderSlot* slot) {
  if (root.root.null() || (lower && upper && Compare(*lower, *upper) >= 0)) return uint64_t{0};
  if (!lower && !upper) return root.entries;
  RangeCount range(cache, slot);
  double before = 0;
  double until = 1;
  if (lower) {
    MANIFOLDDB_ASSIGN(before, range.ShareBefore(root.root, *lower));
  }
  if (upper) {
    MANIFOLDDB_ASSIGN(until, range.ShareBefore(root.root, *upper));
  }
  if (until - before <= 0.5) return range.Under(root.root, kAnyLevel, lower, upper);
  uint64_t outside = 0;
  if (lower) {
    MANIFOLDDB_ASSIGN(outside, range.Under(root.root, kAnyLevel, std::nullopt, lower));
  }
  if (upper) {
    MANIFOLDDB_ASSIGN(const uint64_t behind, range.Under(root.root, kAnyLevel, upper, std::nullopt));
    outside += behind;
  }
  if (outside > root.entries) return CorruptNode(cache.file(), root.root, "more entries than counted");
  return root.entries - outside;
}

Result<TableShape> ShapeOf(page::PageCache& cache, const format::TreeRoot& root, mvcc::ReaderSlot* slot) {
  ShapeWalk walk(cache, slot);
  if (!root.root.null()) MANIFOLDDB_TRY(walk.Visit(root.root, kAnyLevel));
  TableShape shape = walk.shape();
  shape.entries = root.entries;
  return shape;
}

Result<std::vector<std::string>> SplitPoints(page::PageCache& cache, PageRef root, Bound lower, Bound upper,
                                             size_t pieces, mvcc::ReaderSlot* slot) {
  MANIFOLDDB_ASSERT(pieces >= 1);
  constexpr size_t kCandidatesEach = 4;  // so that no piece is more than a quarter larger than another
  std::vector<std::string> points;
  if (root.null() || pieces == 1 || (lower && upper && Compare(*lower, *upper) >= 0)) return points;
  std::vector<Candidate> nodes;
  nodes.push_back({root, {}});
  uint32_t level = kAnyLevel;
  const auto visit_each = [&](auto visit) {
    return VisitEach(cache, nodes, level, lower, upper, slot, visit);
  };
  uint64_t count = 0;  // of what is below `nodes`: of that, only what is chosen is kept
  for (;; --level) {
    count = 0;
    MANIFOLDDB_TRY(visit_each([&](const Candidate&, NodeView, Window window) {
      if (window.begin < window.end) count += window.end - window.begin;
    }));
    if (level == 0 || count >= pieces * kCandidatesEach) break;
    std::vector<Candidate> below;
    MANIFOLDDB_TRY(visit_each([&](const Candidate& from, NodeView node, Window window) {
      for (uint32_t index = window.begin; index < window.end; ++index) {
        below.push_back({node.Child(index), LowOf(from, node, index)});
      }
    }));
    nodes = std::move(below);
  }
  uint64_t passed = 0;
  size_t piece = 1;
  MANIFOLDDB_TRY(visit_each([&](const Candidate& from, NodeView node, Window window) {
    for (uint32_t index = window.begin; index < window.end; ++index, ++passed) {
      // Where there are fewer candidates than pieces, several pieces begin at one, or at the first of all.
      bool chosen = false;
      for (; piece < pieces && piece * count / pieces == passed; ++piece) chosen = passed > 0;
      if (chosen) points.push_back(LowOf(from, node, index));
    }
  }));
  return points;
}

}  // namespace manifolddb::btree
