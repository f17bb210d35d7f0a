// Any bytes as a meta page. What is accepted keeps every rule of format.md and has one encoding; what keeps
// the rules is accepted.
#include "engine/format/meta_page.h"

#include <vector>

#include "fuzz/raw.h"
#include "fuzz/repair.h"
#include "fuzz/rules.h"
#include "fuzz/target.h"

namespace manifolddb::fuzz {
namespace {

void Check(ByteView unit) {
  const format::DecodedMeta decoded = format::DecodeMetaPage(unit);
  const bool valid = decoded.verdict == format::MetaVerdict::kValid;
  Expect(valid == (decoded.why == nullptr), "a meta page is refused without a reason, or accepted with one");
  Expect(unit.empty() || decoded.stamp == std::to_integer<uint8_t>(unit[0]), "another stamp than the page's");
  // What a stump of a file is told by.
  const bool begins = unit.size() >= 8 && Begins(unit, 1, "manifdb");
  Expect(format::BeginsAsMetaPage(unit) == begins, "a stump of a file is taken for something else");
  if (unit.size() < sizeof(format::MetaPageDisk)) {
    Expect(!valid, "a meta page that is too short was accepted");
    return;
  }
  const char* const why = WhyNoMetaPage(unit);
  if (valid != (why == nullptr)) {
    Violation(valid ? std::string("a meta page was accepted: ") + why
                    : std::string("a meta page was refused: ") + decoded.why);
  }
  if (!valid) return;
  std::vector<std::byte> again(decoded.meta.write_unit);
  format::EncodeMetaPage(decoded.meta, decoded.stamp, again);
  Expect(Equal(MutableByteView(again).first(sizeof(format::MetaPageDisk)),
               unit.first(sizeof(format::MetaPageDisk))),
         "a meta page was accepted that is encoded otherwise");
}

}  // namespace
}  // namespace manifolddb::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace manifolddb::fuzz;
  const ExactCopy unit(InputBytes(data, size));
  Check(unit.view());
  CountMarks();
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  // A free map of the length that the number of pages asks for, near the end of the file: two fields that
  // must agree before the others are looked at.
  if (seed % 32 == 1 && size >= 256) {
    const manifolddb::MutableByteView unit(reinterpret_cast<std::byte*>(data), size);
    const uint64_t pages = manifolddb::fuzz::Le64(unit, 176);
    manifolddb::fuzz::PutNumber(unit, 160, 8, pages / 8 + (pages % 8 != 0 ? 1 : 0));
    manifolddb::fuzz::PutNumber(unit, 144, 8, pages - 1 - seed / 32 % 8);
  }
  if (seed % 8 != 0) manifolddb::fuzz::RepairMetaPage({reinterpret_cast<std::byte*>(data), size});
  return size;
}
