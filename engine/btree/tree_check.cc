// Walks a whole tree and proves what its readers rely on.
//
// (1) Every key lies between the separators beside its way down, on every level, so a search for it ends
// where it is. (2) A damaged node is reported once, with the keys that it hides, and nothing below it is
// trusted; no other entry is left out. (3) The walk goes down levels that fall by one, hence ends whatever
// the references say.

#include "engine/btree/tree_check.h"

#include "engine/base/assert.h"
#include "engine/base/size.h"
#include "engine/base/try.h"
#include "engine/btree/node_view.h"
#include "engine/btree/tree_node.h"

namespace manifolddb::btree {
namespace {

using format::PageRef;
using page::Frame;

// What a node's keys lie between: at or after `low`, before `high`; null: no bound.
struct Fences {
  const std::string* low = nullptr;
  const std::string* high = nullptr;
};

// What stops the walk, as opposed to what it reports.
bool Stops(const Error& error) { return error.code() == Errc::kIo || error.code() == Errc::kNoMemory; }

std::string KeyText(NodeView node, uint32_t index) {
  const KeyParts key = node.Key(index);
  std::string text(AsText(key.prefix));
  text += AsText(key.rest);
  return text;
}

class Walk {
 public:
  Walk(page::PageCache& cache, mvcc::ReaderSlot* slot, const CheckVisitor& visitor)
      : cache_(cache), slot_(slot), visitor_(visitor) {}

  Status Node(PageRef ref, uint32_t level, Fences fences);
  uint64_t entries() const { return entries_; }
  bool complete() const { return complete_; }

  void Problem(format::PageId at, const std::string& what) {
    if (visitor_.problem) visitor_.problem({.offset = cache_.file().OffsetOf(at), .what = what});
  }

  void Hides(format::PageId at, const std::string& what, Fences fences) {
    if (!visitor_.problem) return;
    TreeDamage damage{.offset = cache_.file().OffsetOf(at), .what = what, .hides_keys = true};
    if (fences.low != nullptr) damage.lower = *fences.low;
    if (fences.high != nullptr) damage.upper = *fences.high;
    visitor_.problem(damage);
  }

 private:
  // The frame, pinned; empty if it was damaged and reported.
  Result<page::FramePin> Load(PageRef ref, uint32_t level, Fences fences);
  Status Leaf(PageRef ref, NodeView node);
  Status Branch(NodeView node, Fences fences);
  Status Value(NodeView leaf, uint32_t index, const std::string& key);
  // False if the node's keys do not lie between its fences, which was reported.
  bool KeysFit(PageRef ref, NodeView node, Fences fences);
  bool Owns(format::PageRun run) { return !visitor_.owns || visitor_.owns(run); }
  // The subtree at `at`, whose keys lie between `fences`, cannot be read.
  void Damaged(format::PageId at, const std::string& what, Fences fences) {
    complete_ = false;
    Hides(at, what, fences);
  }
  // The value of `key` cannot be read; the entry is there, and counted.
  void ValueDamaged(format::PageId at, const std::string& what, const std::string& key) {
    const std::string next = key + '\0';
    Hides(at, what, {&key, &next});
  }
  page::PageCache& cache_;
  mvcc::ReaderSlot* const slot_;
  const CheckVisitor& visitor_;
  uint64_t entries_ = 0;
  bool complete_ = true;  // nothing was left out
};

Result<page::FramePin> Walk::Load(PageRef ref, uint32_t level, Fences fences) {
  if (ref.null()) {
    Damaged(ref.id, "null reference in a branch", fences);
    return page::FramePin();
  }
  if (!Owns({ref.id, 1})) {
    Damaged(ref.id, "page " + std::to_string(ref.id.raw()) + " is owned twice or outside the file", fences);
    return page::FramePin();
  }
  const mvcc::EpochGuard guard(slot_);
  Result<Frame*> frame = FetchNode(cache_, ref, level, guard);
  if (!frame) {
    if (Stops(frame.error())) return std::unexpected<Error>(std::move(frame).error());
    Damaged(ref.id, frame.error().message(), fences);
    return page::FramePin();
  }
  // A page that was never on the disk has not been validated yet.
  if (const char* why = format::WhyNodeInvalid({(*frame)->bytes, cache_.page_size()}, ref); why != nullptr) {
    Damaged(ref.id, why, fences);
    return page::FramePin();
  }
  return page::FramePin(*frame);
}

Status Walk::Node(PageRef ref, uint32_t level, Fences fences) {
  MANIFOLDDB_ASSIGN(const page::FramePin pin, Load(ref, level, fences));
  if (pin.get() == nullptr) return {};
  const NodeView node(pin.get()->bytes);
  if (!KeysFit(ref, node, fences)) return {};
  if (node.leaf()) return Leaf(ref, node);
  if (level == kAnyLevel && node.cells() == 1) Problem(ref.id, "root branch with a single child");
  return Branch(node, fences);
}

// Keys are in order within the node: the outermost ones speak for all. The first separator of a branch is the
// node's low end itself.
bool Walk::KeysFit(PageRef ref, NodeView node, Fences fences) {
  const uint32_t first = node.leaf() ? 0 : 1;
  if (node.cells() == first) return true;
  const char* const what = node.leaf() ? "key" : "separator";
  if (fences.low != nullptr && Compare(AsBytes(KeyText(node, first)), AsBytes(*fences.low)) < 0) {
    Damaged(ref.id, std::string(what) + " before the separator on its left", fences);
    return false;
  }
  const std::string last = KeyText(node, node.cells() - 1);
  if (fences.high != nullptr && Compare(AsBytes(last), AsBytes(*fences.high)) >= 0) {
    Damaged(ref.id, std::string(what) + " not before the separator on its right", fences);
    return false;
  }
  return true;
}

Status Walk::Leaf(PageRef ref, NodeView node) {
  if (visitor_.leaf) visitor_.leaf(ref.id);
  for (uint32_t index = 0; index < node.cells(); ++index) {
    ++entries_;
    MANIFOLDDB_TRY(Value(node, index, KeyText(node, index)));
  }
  return {};
}

Status Walk::Value(NodeView leaf, uint32_t index, const std::string& key) {
  if (!leaf.HasExtent(index)) {
    if (visitor_.entry) visitor_.entry(AsBytes(key), leaf.StoredValue(index), {});
    return {};
  }
  const format::ExtentRef extent = leaf.Extent(index);
  if (!Owns({extent.first, format::ExtentPages(extent.bytes, cache_.page_size())})) {
    ValueDamaged(
        extent.first,
        "extent at page " + std::to_string(extent.first.raw()) + " is owned twice or outside the file", key);
    return {};
  }
  Result<base::Buffer> value = cache_.file().ReadExtent(extent);
  if (!value) {
    if (Stops(value.error())) return std::unexpected<Error>(std::move(value).error());
    ValueDamaged(extent.first, value.error().message(), key);
    return {};
  }
  if (visitor_.entry) visitor_.entry(AsBytes(key), value->view().first(base::ToSize(extent.bytes)), extent);
  return {};
}

Status Walk::Branch(NodeView node, Fences fences) {
  std::string separator;  // of the child, then of the next one
  std::string next;
  for (uint32_t index = 0; index < node.cells(); ++index) {
    Fences below = fences;
    if (index > 0) below.low = &separator;
    if (index + 1 < node.cells()) {
      next = KeyText(node, index + 1);
      below.high = &next;
    }
    MANIFOLDDB_TRY(Node(node.Child(index), node.level() - 1, below));
    separator.swap(next);
  }
  return {};
}

}  // namespace

Status CheckTree(page::PageCache& cache, const format::TreeRoot& root, mvcc::ReaderSlot* slot,
                 const CheckVisitor& visitor) {
  Walk walk(cache, slot, visitor);
  if (!root.root.null()) {
    MANIFOLDDB_TRY(walk.Node(root.root, kAnyLevel, {}));
  }
  // Where a subtree could not be read the count cannot be right.
  if (walk.complete() && root.entries != kUnknownEntries && walk.entries() != root.entries) {
    // Which ones nobody knows.
    walk.Hides(
        root.root.id,
        std::to_string(walk.entries()) + " entries where " + std::to_string(root.entries) + " were counted",
        {});
  }
  return {};
}

}  // namespace manifolddb::btree
