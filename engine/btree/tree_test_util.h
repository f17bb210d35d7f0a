#pragma once
// A tree by itself, with a memory file under it and the books of its pages kept: what commits say they
// introduced and removed must be what a walk of the tree finds.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/base/assert.h"
#include "engine/btree/tree.h"
#include "engine/btree/tree_check.h"
#include "engine/btree/tree_cursor.h"
#include "engine/page/page_allocator.h"
#include "engine/page/page_cache.h"
#include "engine/page/page_writer.h"
#include "manifolddb/storage.h"

namespace manifolddb::btree {

using EntryMap = std::map<std::string, std::string>;

template <class T>
T Must(Result<T> result) {
  MANIFOLDDB_ASSERT(result.has_value());
  return std::move(*result);
}
inline void Must(Status status) { MANIFOLDDB_ASSERT(status.has_value()); }

class TreeFixture {
 public:
  explicit TreeFixture(uint32_t page_bytes, uint64_t cache_pages = 1 << 14)
      : page_bytes_(page_bytes), cache_pages_(cache_pages), storage_(MakeMemoryStorage()) {
    auto file = Must(storage_->Open("tree", OpenMode::kCreate));
    Must(file->Allocate(uint64_t{16} * page_bytes));
    OpenOver(std::move(file), PageMap(16));
  }
  ~TreeFixture() {
    if (writer_) writer_->Abandon();
    Close();
  }

  uint32_t page_bytes() const { return page_bytes_; }
  page::PageCache& cache() { return *cache_; }
  mvcc::ReaderSlot* slot() { return slot_; }
  format::TreeRoot& root() { return root_; }
  const std::set<uint64_t>& owned() const { return owned_; }

  // The running transaction, begun if there is none.
  page::PageWriter& writer() {
    if (!writer_)
      writer_ = std::make_unique<page::PageWriter>(*cache_, *allocator_, ++serial_, page::Room::kAll);
    return *writer_;
  }
  // Ends it and enters what it did into the books. What it removed is free at once.
  void Commit() {
    if (!writer_) return;
    const page::PageDelta delta = writer_->Finish();
    writer_.reset();
    for (const format::PageRun& run : delta.introduced) {
      for (uint64_t id = run.first.raw(); id < run.end(); ++id) MANIFOLDDB_ASSERT(owned_.insert(id).second);
    }
    for (const page::RemovedRun& removed : delta.removed) {
      for (uint64_t id = removed.run.first.raw(); id < removed.run.end(); ++id) {
        MANIFOLDDB_ASSERT(owned_.erase(id) == 1);
      }
      cache_->Drop(removed.run.first, removed.run.pages);
      allocator_->Free(removed.run);
    }
  }
  // Ends it and forgets it; `root` is as it was before.
  void Abandon(const format::TreeRoot& before) {
    if (writer_) writer_->Abandon();
    writer_.reset();
    root_ = before;
  }
  // Writes everything and starts with an empty cache.
  void Reopen() {
    Commit();
    std::vector<format::PageId> pages;
    for (const uint64_t id : owned_) pages.emplace_back(id);
    uint64_t bytes_written = 0;
    Must(cache_->WriteOut(pages, bytes_written));
    Must(file_->file().Sync());
    cache_->MarkClean(pages);
    const page::PageBitmap free = allocator_->FreePages();
    Close();
    OpenOver(Must(storage_->Open("tree", OpenMode::kReadWrite)), free);
  }

  bool Put(const std::string& key, const std::string& value) {
    const mvcc::EpochGuard guard(slot_);
    return Must(btree::Put(writer(), root_, AsBytes(key), AsBytes(value), guard, &append_));
  }
  bool Delete(const std::string& key) {
    const mvcc::EpochGuard guard(slot_);
    return Must(btree::Delete(writer(), root_, AsBytes(key), guard));
  }
  uint64_t DeleteRange(const std::optional<std::string>& lower, const std::optional<std::string>& upper) {
    return Must(btree::DeleteRange(writer(), root_, View(lower), View(upper), slot_));
  }
  std::optional<std::string> Get(const std::string& key) { return GetFrom(root_.root, key); }
  std::optional<std::string> GetFrom(format::PageRef root, const std::string& key) {
    const mvcc::EpochGuard guard(slot_);
    const std::optional<FoundValue> found = Must(btree::Get(*cache_, root, AsBytes(key), guard));
    if (!found) return std::nullopt;
    return TextOf(*found);
  }
  std::string TextOf(const FoundValue& found) {
    if (found.extent.null()) return std::string(AsText(found.inline_bytes));
    return std::string(AsText(Must(file_->ReadExtent(found.extent)).view().first(found.extent.bytes)));
  }
  static std::optional<ByteView> View(const std::optional<std::string>& key) {
    if (!key) return std::nullopt;
    return AsBytes(*key);
  }

  // What a walk found.
  struct Found {
    EntryMap entries;
    bool ordered = true;
    std::set<uint64_t> owned;
    std::vector<std::string> problems;
    std::vector<TreeDamage> damages;  // the same
  };
  Found Walk() {
    Found found;
    std::optional<std::string> before;
    CheckVisitor visitor;
    visitor.owns = [&](format::PageRun run) {
      bool fresh = true;
      for (uint64_t id = run.first.raw(); id < run.end(); ++id) {
        fresh &= id < allocator_->page_count() && found.owned.insert(id).second;
      }
      return fresh;
    };
    visitor.problem = [&](const TreeDamage& damage) {
      found.problems.push_back("@" + std::to_string(damage.offset) + " " + damage.what);
      found.damages.push_back(damage);
    };
    visitor.entry = [&](ByteView key, ByteView value, const format::ExtentRef&) {
      std::string text(AsText(key));
      found.ordered &= !before || *before < text;
      before = text;
      found.entries[text] = AsText(value);
    };
    Must(CheckTree(*cache_, root_, slot_, visitor));
    return found;
  }
  // Empty if the tree is whole, holds `model` and nothing else, and the books are right. Commits.
  std::string WhyWrong(const EntryMap& model) {
    Commit();
    const Found found = Walk();
    if (!found.problems.empty()) return found.problems[0];
    if (!found.ordered) return "entries out of order";
    if (found.entries != model) return "other entries than in the model";
    if (root_.entries != model.size()) return "wrong count of entries";
    if (found.owned != owned_) return "the commits own other pages than the tree";
    if (allocator_->pages_free() + owned_.size() + 1 != allocator_->page_count()) return "pages leaked";
    return "";
  }

  // Moves those of the running transaction's nodes that are chosen off their pages; `moved` as in
  // MoveNodesOff. How many.
  size_t MoveSome(const std::function<bool()>& choose, const std::function<Status()>& moved) {
    page::PageSet wanted;
    for (const format::PageId id : OwnNodes()) {
      if (choose()) wanted.Insert({id, 1});
    }
    Must(MoveNodesOff(writer(), root_.root, wanted, slot_, moved));
    for (const format::PageRun& run : wanted.Runs()) {
      for (uint64_t id = run.first.raw(); id < run.end(); ++id)
        MANIFOLDDB_ASSERT(!writer().Owns(format::PageId{id}));
      allocator_->Free(run);
    }
    return wanted.size();
  }
  std::vector<format::PageId> OwnNodes() {
    std::vector<format::PageId> own;
    std::vector<format::PageRef> next = {root_.root};
    const mvcc::EpochGuard guard(slot_);
    while (!next.empty()) {
      const format::PageRef ref = next.back();
      next.pop_back();
      if (ref.null() || !writer().Owns(ref.id)) continue;
      own.push_back(ref.id);
      const NodeView node(Must(cache_->Fetch(ref, guard))->bytes);
      for (uint32_t i = 0; node.branch() && i < node.cells(); ++i) next.push_back(node.Child(i));
    }
    return own;
  }

  page::DataFile& file() { return *file_; }
  Storage& storage() { return *storage_; }

 private:
  static page::PageBitmap PageMap(uint64_t pages) {
    page::PageBitmap free(pages);
    free.Set({format::PageId{1}, pages - 1});
    return free;
  }
  void OpenOver(std::unique_ptr<File> file, page::PageBitmap free) {
    ++life_;
    file_ = std::make_unique<page::DataFile>(std::move(file), page_bytes_);
    slots_ = std::make_unique<mvcc::ReaderSlots>();
    cache_ = std::make_unique<page::PageCache>(*file_, *slots_, cache_pages_ * page_bytes_);
    allocator_ = std::make_unique<page::PageAllocator>(*file_, std::move(free), format::Life{life_});
    slot_ = slots_->Acquire();
  }
  void Close() {
    writer_.reset();
    slots_->Release(slot_);
    allocator_.reset();
    cache_.reset();
    slots_.reset();
    file_.reset();
  }

  const uint32_t page_bytes_;
  const uint64_t cache_pages_;
  std::shared_ptr<Storage> storage_;
  uint64_t life_ = 0;
  uint64_t serial_ = 0;
  std::unique_ptr<page::DataFile> file_;
  std::unique_ptr<mvcc::ReaderSlots> slots_;
  std::unique_ptr<page::PageCache> cache_;
  std::unique_ptr<page::PageAllocator> allocator_;
  mvcc::ReaderSlot* slot_ = nullptr;
  std::unique_ptr<page::PageWriter> writer_;
  AppendHint append_;  // kept across commits, and whatever else is done to the tree
  format::TreeRoot root_;
  std::set<uint64_t> owned_;
};

// A number as a key that sorts as the number does.
inline std::string NumberKey(uint64_t number, size_t bytes = 8) {
  std::string key(bytes, '\0');
  for (size_t i = bytes; i-- > 0; number >>= 8) key[i] = static_cast<char>(number);
  return key;
}

}  // namespace manifolddb::btree
