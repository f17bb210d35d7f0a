// Walks a whole tree and proves what its readers rely on.
//
// (1) Every key lies between the separators beside its way down, on every level, so a search for it ends
// where it is. (2) A damaged node is reported once, and nothing below it is trusted. (3) The walk goes down
// levels that fall by one, hence ends whatever the references say.

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
    if (visitor_.problem) visitor_.problem(cache_.file().OffsetOf(at), what);
  }

 private:
  // The frame, pinned; empty if it was damaged and reported.
  Result<page::FramePin> Load(PageRef ref, uint32_t level);
  Status Leaf(PageRef ref, NodeView node, Fences fences);
  Status Branch(PageRef ref, NodeView node, Fences fences);
  Status Value(NodeView leaf, uint32_t index, const std::string& key);
  void CheckFences(PageRef ref, const std::string& key, Fences fences, const char* what);
  bool Owns(format::PageRun run) { return !visitor_.owns || visitor_.owns(run); }
  void Damaged(format::PageId at, const std::string& what) {
    complete_ = false;
    Problem(at, what);
  }

  page::PageCache& cache_;
  mvcc::ReaderSlot* const slot_;
  const CheckVisitor& visitor_;
  uint64_t entries_ = 0;
  bool complete_ = true;  // nothing was left out
};

Result<page::FramePin> Walk::Load(PageRef ref, uint32_t level) {
  if (ref.null()) {
    Damaged(ref.id, "null reference in a branch");
    return page::FramePin();
  }
  if (!Owns({ref.id, 1})) {
    Damaged(ref.id, "page " + std::to_string(ref.id.raw()) + " is owned twice or outside the file");
    return page::FramePin();
  }
  const mvcc::EpochGuard guard(slot_);
  Result<Frame*> frame = FetchNode(cache_, ref, level, guard);
  if (!frame) {
    if (Stops(frame.error())) return std::unexpected<Error>(std::move(frame).error());
    Damaged(ref.id, frame.error().message());
    return page::FramePin();
  }
  // A page that was never on the disk has not been validated yet.
  if (const char* why = format::WhyNodeInvalid({(*frame)->bytes, cache_.page_size()}, ref); why != nullptr) {
    Damaged(ref.id, why);
    return page::FramePin();
  }
  return page::FramePin(*frame);
}

Status Walk::Node(PageRef ref, uint32_t level, Fences fences) {
  MANIFOLDDB_ASSIGN(const page::FramePin pin, Load(ref, level));
  if (pin.get() == nullptr) return {};
  const NodeView node(pin.get()->bytes);
  if (node.leaf()) return Leaf(ref, node, fences);
  if (level == kAnyLevel && node.cells() == 1) Problem(ref.id, "root branch with a single child");
  return Branch(ref, node, fences);
}

void Walk::CheckFences(PageRef ref, const std::string& key, Fences fences, const char* what) {
  if (fences.low != nullptr && Compare(AsBytes(key), AsBytes(*fences.low)) < 0) {
    Problem(ref.id, std::string(what) + " before the separator on its left");
  }
  if (fences.high != nullptr && Compare(AsBytes(key), AsBytes(*fences.high)) >= 0) {
    Problem(ref.id, std::string(what) + " not before the separator on its right");
  }
}

Status Walk::Leaf(PageRef ref, NodeView node, Fences fences) {
  for (uint32_t index = 0; index < node.cells(); ++index) {
    // Keys are in order within the node: the outermost ones speak for all.
    const std::string key = KeyText(node, index);
    if (index == 0 || index + 1 == node.cells()) CheckFences(ref, key, fences, "key");
    ++entries_;
    MANIFOLDDB_TRY(Value(node, index, key));
  }
  return {};
}

Status Walk::Value(NodeView leaf, uint32_t index, const std::string& key) {
  if (!leaf.HasExtent(index)) {
    if (visitor_.entry) visitor_.entry(AsBytes(key), leaf.StoredValue(index));
    return {};
  }
  const format::ExtentRef extent = leaf.Extent(index);
  if (!Owns({extent.first, format::ExtentPages(extent.bytes, cache_.page_size())})) {
    Problem(extent.first,
            "extent at page " + std::to_string(extent.first.raw()) + " is owned twice or outside the file");
    return {};
  }
  Result<base::Buffer> value = cache_.file().ReadExtent(extent);
  if (!value) {
    if (Stops(value.error())) return std::unexpected<Error>(std::move(value).error());
    Problem(extent.first, value.error().message());
    return {};
  }
  if (visitor_.entry) visitor_.entry(AsBytes(key), value->view().first(base::ToSize(extent.bytes)));
  return {};
}

Status Walk::Branch(PageRef ref, NodeView node, Fences fences) {
  std::string separator;  // of the child, then of the next one
  std::string next;
  for (uint32_t index = 0; index < node.cells(); ++index) {
    Fences below = fences;
    if (index > 0) below.low = &separator;
    if (index + 1 < node.cells()) {
      next = KeyText(node, index + 1);
      CheckFences(ref, next, fences, "separator");
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
    walk.Problem(root.root.id, std::to_string(walk.entries()) + " entries where " +
                                   std::to_string(root.entries) + " were counted");
  }
  return {};
}

}  // namespace manifolddb::btree
