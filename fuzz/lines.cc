// Any text where a person or another program hands the harness a line: REPRO lines, disks, images, faults.
// The first byte says which.
//
// Held: nothing ends the process, and what is understood, written down again, is understood alike.
#include <string>
#include <string_view>

#include "crashsim/lines/coordinates.h"
#include "faultfs/crash_point.h"
#include "faultfs/fault.h"
#include "faultfs/traits.h"
#include "fuzz/target.h"

namespace manifolddb::fuzz {
namespace {

void CheckCoordinates(std::string_view text) {
  std::string why;
  const auto at = crashsim::Coordinates::Parse(text, why);
  Expect(at.has_value() || !why.empty(), "a line was refused without a reason");
  if (!at) return;
  const std::string line = at->ToLine(at->git);
  const auto again = crashsim::Coordinates::Parse(line, why);
  Expect(again && again->ToLine(again->git) == line,
         "a line of coordinates that reads otherwise than it is written");
}

void CheckTraits(std::string_view text) {
  const auto traits = faultfs::Traits::Parse(text);
  if (traits) Expect(faultfs::Traits::Parse(traits->ToString()) == traits, "traits that read otherwise");
}

void CheckImage(std::string_view text) {
  const auto image = faultfs::ImageSpec::Parse(text);
  if (image) Expect(faultfs::ImageSpec::Parse(image->ToString()) == image, "an image that reads otherwise");
}

void CheckFault(std::string_view text) {
  const auto fault = faultfs::Fault::Parse(text);
  if (!fault) return;
  const auto again = faultfs::Fault::Parse(fault->ToString());
  Expect(again && again->ToString() == fault->ToString(), "a fault that reads otherwise");
}

}  // namespace
}  // namespace manifolddb::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace manifolddb::fuzz;
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'c': CheckCoordinates(text); break;
    case 't': CheckTraits(text); break;
    case 'i': CheckImage(text); break;
    case 'f': CheckFault(text); break;
    default: break;
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  constexpr std::string_view kKinds = "ctif";
  const uint8_t kind = size > 0 ? data[0] : 0;
  size = LLVMFuzzerMutate(data, size, max_size);
  // Mostly the kind stays: what was learnt of one says nothing of another.
  if (size > 0) data[0] = seed % 16 == 0 ? static_cast<uint8_t>(kKinds[seed / 16 % kKinds.size()]) : kind;
  return size;
}
