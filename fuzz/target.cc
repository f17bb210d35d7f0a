#include "fuzz/target.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "engine/base/sites.h"

namespace manifolddb::fuzz {
namespace {

constexpr size_t kMarksMax = 256;
// libFuzzer reads what lies in this section after each input and sets it to zero.
__attribute__((section("__libfuzzer_extra_counters"), used)) uint8_t extra_counters[kMarksMax];

void (*violation_handler)(const std::string&) = nullptr;

}  // namespace

void OnViolation(void (*handler)(const std::string&)) { violation_handler = handler; }

void Violation(const std::string& what) {
  if (violation_handler != nullptr) violation_handler(what);
  std::fprintf(stderr, "fuzz: VIOLATION: %s\n", what.c_str());
  std::fflush(stderr);
  std::abort();
}

ExactCopy::ExactCopy(ByteView bytes) : bytes_(new std::byte[bytes.size()]), size_(bytes.size()) {
  if (size_ > 0) std::memcpy(bytes_.get(), bytes.data(), size_);
}

bool BreakSite(const std::string& name) {
  bool known = false;
  for (base::Site* site = base::Site::First(); site != nullptr; site = site->next()) {
    const bool it = name == site->name();
    site->Break(it);
    known = known || it;
  }
  return known;
}

bool WasHit(const std::string& name) {
  for (base::Mark* mark = base::Mark::First(); mark != nullptr; mark = mark->next()) {
    if (name == mark->name()) return mark->hits() > 0;
  }
  return false;
}

void CountMarks() {
  static uint64_t before[kMarksMax];
  static const bool told = std::getenv("FUZZ_MARKS") != nullptr;
  size_t index = 0;
  if (told) std::fputs("marks:", stdout);
  for (base::Mark* mark = base::Mark::First(); mark != nullptr && index < kMarksMax; mark = mark->next()) {
    // By powers of two: one more of many hits is nothing new.
    const int bits = std::bit_width(mark->hits() - before[index]);
    before[index] = mark->hits();
    if (told && bits > 0) std::printf(" %s", mark->name());
    extra_counters[index++] = static_cast<uint8_t>(bits == 0 ? 0 : 1 << std::min(bits - 1, 7));
  }
  if (told) std::putchar('\n');
}

}  // namespace manifolddb::fuzz

// How scripts/fuzz-faults plants a fault: libFuzzer's own arguments leave no room for one.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* const site = std::getenv("MANIFOLDDB_FUZZ_BREAK");
  if (site == nullptr || manifolddb::fuzz::BreakSite(site)) return 0;
  std::fprintf(stderr, "fuzz: MANIFOLDDB_FUZZ_BREAK=%s: the engine has no such site\n", site);
  std::exit(2);
}
