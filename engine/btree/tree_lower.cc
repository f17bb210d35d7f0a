// Copying the nodes of a tree that lie at the end of the file, a part at a time.
//
// Branches are read, and for their values leaves; what lies before the limit is left. The order is that of
// keys, so that the next part begins where this one ended, whatever others have done to the tree meanwhile.

#include <optional>
#include <string>
#include <utility>

#include "engine/base/try.h"
#include "engine/btree/node_edit.h"
#include "engine/btree/tree.h"
#include "engine/btree/tree_node.h"

namespace manifolddb::btree {
namespace {

using format::PageRef;
using page::Frame;

class NodeLowerer {
 public:
  NodeLowerer(page::PageWriter& pages, Lowering& lowering, mvcc::ReaderSlot* slot,
              const std::function<Status()>& moved)
      : pages_(pages), lowering_(lowering), slot_(slot), moved_(moved) {}

  // What stands for the subtree afterwards.
  Result<PageRef> Lower(PageRef ref, uint32_t level) {
    if (ref.id.raw() >= lowering_.limit) {
      {
        const mvcc::EpochGuard guard(slot_);
        MANIFOLDDB_TRY(FetchNode(pages_, ref, level, guard));
        MANIFOLDDB_ASSIGN(const page::MutablePage page, pages_.Edit(ref, guard));
        ref = page.ref;
      }
      ++lowering_.pages;
      MANIFOLDDB_TRY(moved_());
    }
    page::FramePin pin;
    {
      const mvcc::EpochGuard guard(slot_);
      MANIFOLDDB_ASSIGN(Frame* const frame, FetchNode(pages_, ref, level, guard));
      pin = page::FramePin(frame);
    }
    const NodeView node(pin.get()->bytes);
    if (node.leaf()) {
      LookAt(node);
      return ref;
    }
    uint32_t index = lowering_.after ? node.ChildIndex(AsBytes(*lowering_.after)) : 0;
    for (; index < node.cells() && !stopped_; ++index) {
      const PageRef before = node.Child(index);
      MANIFOLDDB_ASSIGN(const PageRef after, Lower(before, node.level() - 1));
      if (after == before) continue;
      const mvcc::EpochGuard guard(slot_);
      // A copy if the node is not the writer's own, or was written out meanwhile; `node` goes on reading the
      // old one, whose children from here on are the same.
      MANIFOLDDB_ASSIGN(const page::MutablePage page, pages_.Edit(ref, guard));
      SetChild({page.bytes, pages_.page_size()}, index, after);
      ref = page.ref;
    }
    return ref;
  }

  bool stopped() const { return stopped_; }

 private:
  void LookAt(NodeView leaf) {
    const std::optional<std::string> after = lowering_.after;
    for (uint32_t index = 0; index < leaf.cells(); ++index) {
      const bool last = index + 1 == leaf.cells();
      if (!last && !leaf.HasExtent(index)) continue;
      std::string key(leaf.Key(index).size(), '\0');
      leaf.Key(index).CopyTo(reinterpret_cast<std::byte*>(key.data()));
      const bool seen = after && key <= *after;
      if (!seen && leaf.HasExtent(index)) {
        const format::PageRun run = pages_.RunOf(leaf.Extent(index)).run;
        if (run.end() > lowering_.limit) {
          lowering_.pages += run.pages;
          lowering_.extents.push_back(key);
        }
      }
      if (last) lowering_.after = std::move(key);
    }
    ++lowering_.leaves;
    stopped_ = lowering_.spent();
  }

  page::PageWriter& pages_;
  Lowering& lowering_;
  mvcc::ReaderSlot* const slot_;
  const std::function<Status()>& moved_;
  bool stopped_ = false;
};

}  // namespace

Status LowerNodes(page::PageWriter& pages, PageRef& root, Lowering& lowering, mvcc::ReaderSlot* slot,
                  const std::function<Status()>& moved) {
  lowering.done = false;
  if (!root.null()) {
    NodeLowerer lowerer(pages, lowering, slot, moved);
    MANIFOLDDB_ASSIGN(root, lowerer.Lower(root, kAnyLevel));
    if (lowerer.stopped()) return {};
  }
  lowering.done = true;
  return {};
}

}  // namespace manifolddb::btree
