#pragma once
// Where in a campaign something happened: enough to make it happen again, on one line.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "faultfs/crash_point.h"

namespace manifolddb::crashsim {

// One cut: how many effects had happened, and which image was left.
struct Cut {
  uint64_t effects = 0;
  faultfs::ImageSpec image;
  friend bool operator==(const Cut&, const Cut&) = default;
  std::string ToString() const;  // "123/prefix:7"
  static std::optional<Cut> Parse(std::string_view text);
};

struct Coordinates {
  std::string workload = "mixed";
  uint64_t seed = 0;  // of the iteration, not of the campaign
  std::string config = "tiny";
  std::string preset = "strict";
  uint32_t unit = 0;
  uint32_t write_unit = 0;  // 0: whatever covers `unit`
  bool lying = false;       // syncs do nothing
  uint32_t ops = 0;
  std::string broken = {};  // sites broken on purpose, separated by commas
  uint32_t generation = 0;
  std::string scenario = "run";  // "run": the program itself; "points"; "kill#2" and the like
  std::optional<Cut> cut = std::nullopt;
  std::vector<Cut> nested = {};  // cuts during the recoveries that follow
  std::string fault = {};        // follows from seed and scenario: what must be drawn again
  std::string git = {};          // of the program that wrote the line

  // "REPRO git=... tool=crashsim workload=mixed seed=0x... ... -> scripts/dev repro '...'"
  std::string ToLine(std::string_view revision) const;
  // Takes the whole line, or what stands in its quotes. On failure `why` says what is wrong.
  static std::optional<Coordinates> Parse(std::string_view line, std::string& why);
};

}  // namespace manifolddb::crashsim
