// The first byte chooses a page size, the rest is the page. A node is accepted if and only if a reader that
// shares nothing with the decoder finds it whole; by another reference, or with a bit changed, never.
#include <algorithm>
#include <cstring>
#include <vector>

#include "engine/format/page_header.h"
#include "fuzz/raw.h"
#include "fuzz/repair.h"
#include "fuzz/rules.h"
#include "fuzz/target.h"

namespace manifolddb::fuzz {
namespace {

using format::Birth;
using format::PageId;
using format::PageRef;

// Small pages most of the time: more of what is found fits into few bytes.
size_t PageSizeOf(uint8_t chosen) { return size_t{512} << (chosen < 128 ? 0 : chosen % 8); }

void CheckAccepted(MutableByteView page, PageRef self) {
  Expect(format::WhyNodeInvalid(page, {PageId{self.id.raw() ^ 1}, self.birth}) != nullptr,
         "a page was accepted in another's place");
  Expect(format::WhyNodeInvalid(page, {self.id, Birth{self.birth.raw() ^ 1}}) != nullptr,
         "a page was accepted under another birth");
  PutNumber(page, 0, 8, format::PageChecksum(page));
  Expect(format::WhyInvalid(page, self) == nullptr, "a node with its checksum was refused");
  page[page.size() - 1] ^= std::byte{1};
  Expect(format::WhyInvalid(page, self) != nullptr, "a node was accepted with a bit changed");
  page[page.size() - 1] ^= std::byte{1};
}

void Check(MutableByteView page) {
  const PageRef self{PageId{Le64(page, 8)}, Birth{Le64(page, 16)}};
  const char* const why = WhyNoNode(page);
  const char* const refused = format::WhyNodeInvalid(page, self);
  if ((why == nullptr) != (refused == nullptr)) {
    Violation(why != nullptr ? std::string("a node was accepted: ") + why
                             : std::string("a node was refused: ") + refused);
  }
  const bool checksum_fits = Le64(page, 0) == base::Checksum64(ByteView(page).subspan(8));
  Expect((format::WhyInvalid(page, self) == nullptr) == (why == nullptr && checksum_fits),
         "a page's checksum was overlooked, or none was wanted");
  if (why == nullptr) CheckAccepted(page, self);
}

}  // namespace
}  // namespace manifolddb::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace manifolddb::fuzz;
  if (size == 0) return 0;
  ExactCopy page(std::vector<std::byte>(PageSizeOf(data[0])));
  std::memcpy(page.span().data(), data + 1, std::min(size - 1, page.span().size()));
  Check(page.span());
  // Neither size nor place of what is no page matters.
  const ExactCopy odd(InputBytes(data, size));
  if (!manifolddb::format::IsPageSize(size)) {
    Expect(manifolddb::format::WhyInvalid(odd.view(), {PageId{1}, Birth{1}}) != nullptr,
           "a page of no page's size was accepted");
  }
  CountMarks();
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  if (size < 2) return size;
  const size_t page_size = manifolddb::fuzz::PageSizeOf(data[0]);
  const size_t wanted = 1 + page_size;
  if (wanted <= max_size && size < wanted) {
    std::memset(data + size, 0, wanted - size);
    size = wanted;
  }
  if (size < wanted) return size;
  const manifolddb::MutableByteView page(reinterpret_cast<std::byte*>(data) + 1, page_size);
  if (seed % 8 < 5) manifolddb::fuzz::SettleNode(page);
  if (seed % 8 == 5) manifolddb::fuzz::RepairNode(page);
  return size;
}
