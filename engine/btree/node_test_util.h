#pragma once
// A page in memory for the tests of nodes.

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "engine/btree/node_edit.h"

namespace manifolddb::btree {

// Exactly as large as the page, so that the sanitizer sees a step outside.
class TestPage {
 public:
  static constexpr format::PageRef kRef{format::PageId{9}, format::Birth{77}};

  TestPage(uint32_t page_bytes, uint8_t level)
      : page_bytes_(page_bytes), bytes_(std::make_unique<std::byte[]>(page_bytes)) {
    auto& header = *reinterpret_cast<format::NodeHeader*>(bytes_.get());
    header.page_id = kRef.id.raw();
    header.birth = kRef.birth.raw();
    header.kind = static_cast<uint8_t>(level == 0 ? format::PageKind::kLeaf : format::PageKind::kBranch);
    header.level = level;
    header.heap_begin = page_bytes;
  }
  TestPage(const TestPage& other) : TestPage(other.page_bytes_, 0) {
    std::memcpy(bytes_.get(), other.bytes_.get(), page_bytes_);
  }

  MutableByteView span() { return {bytes_.get(), page_bytes_}; }
  NodeView node() const { return NodeView(bytes_.get()); }
  const char* WhyInvalid() const { return format::WhyNodeInvalid({bytes_.get(), page_bytes_}, kRef); }

 private:
  uint32_t page_bytes_;
  std::unique_ptr<std::byte[]> bytes_;
};

inline std::string ToString(KeyParts key) {
  return std::string(AsText(key.prefix)) + std::string(AsText(key.rest));
}

}  // namespace manifolddb::btree
