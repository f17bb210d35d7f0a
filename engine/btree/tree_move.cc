// Moving a writer's own nodes to other pages, where these are wanted for something else.

#include "engine/base/assert.h"
#include "engine/base/sites.h"
#include "engine/base/try.h"
#include "engine/btree/node_edit.h"
#include "engine/btree/tree.h"
#include "engine/btree/tree_node.h"

namespace manifolddb::btree {
namespace {

using format::PageRef;
using page::Frame;

class NodeMover {
 public:
  NodeMover(page::PageWriter& pages, const page::PageSet& from, mvcc::ReaderSlot* slot,
            const std::function<Status()>& moved)
      : pages_(pages), from_(from), slot_(slot), moved_(moved) {}

  // What stands for the subtree afterwards. A node that is not the writer's own has none of its own below.
  Result<PageRef> Move(PageRef ref, uint32_t level) {
    if (!pages_.Owns(ref.id)) return ref;
    // Before its children: what stands for them is put into the copy.
    if (from_.Contains(ref.id)) {
      {
        const mvcc::EpochGuard guard(slot_);
        MANIFOLDDB_TRY(FetchNode(pages_, ref, level, guard));
        MANIFOLDDB_ASSIGN(ref, pages_.MoveOff(ref, guard));
      }
      MANIFOLDDB_TRY(moved_());
    }
    page::FramePin branch;
    {
      const mvcc::EpochGuard guard(slot_);
      MANIFOLDDB_ASSIGN(Frame* const frame, FetchNode(pages_, ref, level, guard));
      if (NodeView(frame->bytes).leaf()) return ref;
      branch = page::FramePin(frame);
    }
    const NodeView node(branch.get()->bytes);
    for (uint32_t index = 0; index < node.cells(); ++index) {
      const PageRef before = node.Child(index);
      MANIFOLDDB_ASSIGN(const PageRef after, Move(before, node.level() - 1));
      if (after == before || MANIFOLDDB_BROKEN("btree.move.keep_reference")) continue;
      const mvcc::EpochGuard guard(slot_);
      // A copy if the node was written out meanwhile; `node` goes on reading the old one, whose children from
      // here on are the same.
      MANIFOLDDB_ASSIGN(const page::MutablePage page, pages_.Edit(ref, guard));
      SetChild({page.bytes, pages_.page_size()}, index, after);
      ref = page.ref;
    }
    return ref;
  }

 private:
  page::PageWriter& pages_;
  const page::PageSet& from_;
  mvcc::ReaderSlot* const slot_;
  const std::function<Status()>& moved_;
};

}  // namespace

Status MoveNodesOff(page::PageWriter& pages, PageRef& root, const page::PageSet& from, mvcc::ReaderSlot* slot,
                    const std::function<Status()>& moved) {
  if (root.null()) return {};
  MANIFOLDDB_ASSIGN(root, NodeMover(pages, from, slot, moved).Move(root, kAnyLevel));
  return {};
}

}  // namespace manifolddb::btree
