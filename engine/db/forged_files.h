#pragma once
// For tests: the files of a database as bytes, to be changed field by field with checksums that match.

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "engine/base/checksum.h"
#include "engine/base/le.h"
#include "engine/base/memory.h"
#include "engine/btree/node_view.h"
#include "engine/format/catalog_record.h"
#include "engine/format/meta_page.h"
#include "engine/format/page_bitmap.h"
#include "manifolddb/storage.h"

namespace manifolddb {

using btree::NodeView;
using format::MetaPageDisk;
using format::PageRef;

inline constexpr uint32_t kUnit = 512;  // page and write unit

// The two files of a database, as bytes.
struct Files {
  std::string data;
  std::string log;

  static Files Of(Storage& storage) { return {ReadAll(storage, "db"), ReadAll(storage, "db-wal")}; }
  static std::string ReadAll(Storage& storage, const std::string& name) {
    auto file = storage.Open(name, OpenMode::kReadOnly);
    auto buffer = base::Buffer::Make(*(*file)->Size(), "test");
    EXPECT_TRUE((*file)->Read(0, buffer->span()));
    return std::string(AsText(buffer->view()));
  }
  std::shared_ptr<Storage> Mount() const {
    auto storage = MakeMemoryStorage();
    for (const auto& [name, bytes] : {std::pair("db", &data), std::pair("db-wal", &log)}) {
      auto file = storage->Open(name, OpenMode::kCreate);
      auto buffer = base::Buffer::Make(bytes->size(), "test");
      std::memcpy(buffer->data(), bytes->data(), bytes->size());
      EXPECT_TRUE((*file)->Write(0, buffer->view().first(bytes->size())));
    }
    return storage;
  }

  std::byte* At(uint64_t offset) { return reinterpret_cast<std::byte*>(data.data()) + offset; }
  MetaPageDisk* MetaAt(int copy) { return reinterpret_cast<MetaPageDisk*>(At(uint64_t{kUnit} * copy)); }
  format::MetaPage Meta() {
    format::MetaPage newest;
    for (int copy = 0; copy < 4; ++copy) {
      const auto decoded = format::DecodeMetaPage({At(uint64_t{kUnit} * copy), kUnit});
      if (decoded.verdict == format::MetaVerdict::kValid && decoded.meta.number > newest.number) {
        newest = decoded.meta;
      }
    }
    return newest;
  }
  // Both copies of the newest meta page.
  void ForgeMeta(const std::function<void(MetaPageDisk&)>& change) {
    const uint64_t newest = Meta().number.raw();
    for (int copy = 0; copy < 4; ++copy) {
      MetaPageDisk& disk = *MetaAt(copy);
      if (disk.number != newest) continue;
      change(disk);
      disk.checksum = base::Checksum64(std::as_bytes(std::span(&disk, 1)).subspan(16));
    }
  }

  std::byte* Page(uint64_t id) { return At(id * kUnit); }
  void Seal(uint64_t id) { base::StoreLe(Page(id), format::PageChecksum({Page(id), kUnit})); }
  // The leaf where `key` belongs.
  uint64_t LeafOf(PageRef root, ByteView key) {
    NodeView node(Page(root.id.raw()));
    uint64_t id = root.id.raw();
    while (node.branch()) {
      id = node.Child(node.ChildIndex(key)).id.raw();
      node = NodeView(Page(id));
    }
    return id;
  }
  // What the leaf stores for the key.
  std::byte* ValueOf(PageRef root, ByteView key) {
    const NodeView leaf(Page(LeafOf(root, key)));
    const NodeView::Position at = leaf.Find(key);
    EXPECT_TRUE(at.equal);
    return const_cast<std::byte*>(leaf.StoredValue(at.index).data());
  }
  template <class Disk>
  void ForgeRecord(PageRef root, const std::string& key, const std::function<void(Disk&)>& change) {
    change(*reinterpret_cast<Disk*>(ValueOf(root, AsBytes(key))));
    Seal(LeafOf(root, AsBytes(key)));
  }
  void ForgeFamily(const std::string& name, const std::function<void(format::FamilyRecordDisk&)>& change) {
    ForgeRecord(Meta().catalog.root, format::FamilyKey(AsBytes(name)), change);
  }
  format::FamilyRecordDisk Family(const std::string& name) {
    format::FamilyRecordDisk disk;
    std::memcpy(&disk, ValueOf(Meta().catalog.root, AsBytes(format::FamilyKey(AsBytes(name)))), sizeof disk);
    return disk;
  }
  PageRef TablesOf(const std::string& family) {
    const auto disk = Family(family);
    return {format::PageId{disk.tables_root_id}, format::Birth{disk.tables_root_birth}};
  }
  void ForgeTable(const std::string& name, const std::function<void(format::TableRecordDisk&)>& change) {
    ForgeRecord(TablesOf("a"), name, change);
  }
  format::TableRecordDisk Table(const std::string& name) {
    format::TableRecordDisk disk;
    std::memcpy(&disk, ValueOf(TablesOf("a"), AsBytes(name)), sizeof disk);
    return disk;
  }
  PageRef RootOf(const std::string& table) {
    const auto disk = Table(table);
    return {format::PageId{disk.root_id}, format::Birth{disk.root_birth}};
  }
  void ForgeExtent(const std::string& key, const std::function<void(format::ExtentRefDisk&)>& change) {
    ForgeRecord(RootOf("t"), key, change);
  }
  uint64_t ExtentAt(const std::string& key) {
    return reinterpret_cast<format::ExtentRefDisk*>(ValueOf(RootOf("t"), AsBytes(key)))->first;
  }
  // Child `index` of the root of table "t".
  format::BranchCell& Child(uint32_t index) {
    const NodeView root(Page(RootOf("t").id.raw()));
    EXPECT_TRUE(root.branch());
    return *reinterpret_cast<format::BranchCell*>(const_cast<std::byte*>(root.cell(index)));
  }
  void ForgeChild(uint32_t index, const std::function<void(format::BranchCell&)>& change) {
    change(Child(index));
    Seal(RootOf("t").id.raw());
  }
  // A page that the free map calls free.
  uint64_t FreePage() {
    const format::MetaPage meta = Meta();
    const auto map =
        format::PageBitmap::Decode({Page(meta.free_map.first.raw()), meta.free_map.bytes}, meta.page_count);
    return map.NextSet(0);
  }
  void ForgeFreeMap(const std::function<void(format::PageBitmap&)>& change) {
    const format::MetaPage meta = Meta();
    const MutableByteView bytes(Page(meta.free_map.first.raw()), meta.free_map.bytes);
    auto map = format::PageBitmap::Decode(bytes, meta.page_count);
    change(map);
    map.Encode(bytes);
    ForgeMeta([&](MetaPageDisk& disk) { disk.free_map.checksum = base::Checksum64(bytes); });
  }
};

}  // namespace manifolddb
