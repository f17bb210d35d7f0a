// Any bytes as the log's header and as its marker.
#include <optional>
#include <vector>

#include "engine/format/log_format.h"
#include "fuzz/raw.h"
#include "fuzz/repair.h"
#include "fuzz/rules.h"
#include "fuzz/target.h"

namespace manifolddb::fuzz {
namespace {

void CheckHeader(ByteView unit) {
  const format::DecodedLogHeader decoded = format::DecodeLogHeader(unit);
  const bool valid = decoded.verdict == format::MetaVerdict::kValid;
  const char* const why = unit.size() < sizeof(format::LogHeaderDisk) ? "too short" : WhyNoLogHeader(unit);
  if (valid != (why == nullptr)) {
    Violation(valid ? std::string("a log header was accepted: ") + why
                    : std::string("a log header was refused: ") + decoded.why);
  }
  if (!valid) return;
  std::vector<std::byte> again(decoded.header.write_unit);
  format::EncodeLogHeader(decoded.header, again);
  Expect(Equal(MutableByteView(again).first(sizeof(format::LogHeaderDisk)),
               unit.first(sizeof(format::LogHeaderDisk))),
         "a log header was accepted that is encoded otherwise");
}

void CheckMarker(ByteView unit) {
  format::Identity identity = {};
  if (unit.size() >= 32) std::memcpy(identity.data(), unit.data() + 16, identity.size());
  const std::optional<format::Life> life = format::DecodeLogMarker(unit, identity);
  const char* const why = unit.size() < sizeof(format::LogMarkerDisk) ? "too short" : WhyNoLogMarker(unit);
  if (life.has_value() != (why == nullptr)) Violation(life ? why : "a log marker was refused");
  format::Identity another = identity;
  another[identity[0] == std::byte{0} ? 15 : 0] ^= std::byte{1};
  Expect(!format::DecodeLogMarker(unit, another), "a marker of another database was accepted");
  if (!life) return;
  std::vector<std::byte> again(format::kWriteUnitMin);
  format::EncodeLogMarker(identity, *life, again);
  Expect(Equal(MutableByteView(again).first(sizeof(format::LogMarkerDisk)),
               unit.first(sizeof(format::LogMarkerDisk))),
         "a log marker was accepted that is encoded otherwise");
}

}  // namespace
}  // namespace manifolddb::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace manifolddb::fuzz;
  const ExactCopy unit(InputBytes(data, size));
  CheckHeader(unit.view());
  CheckMarker(unit.view());
  CountMarks();
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  const manifolddb::MutableByteView unit(reinterpret_cast<std::byte*>(data), size);
  if (seed % 8 < 3) manifolddb::fuzz::RepairLogHeader(unit);
  if (seed % 8 >= 3 && seed % 8 < 6) manifolddb::fuzz::RepairLogMarker(unit);
  return size;
}
