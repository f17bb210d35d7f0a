#include "faultfs/traits.h"

#include <array>

namespace manifolddb::faultfs {
namespace {

constexpr std::array<std::string_view, kPresets> kNames = {"strict", "ext4-ordered",   "xfs",
                                                           "btrfs",  "ext3-writeback", "data-journal"};

}  // namespace

std::string_view Name(Preset preset) { return kNames[static_cast<size_t>(preset)]; }

std::optional<Preset> ParsePreset(std::string_view name) {
  for (size_t i = 0; i < kPresets; ++i) {
    if (kNames[i] == name) return static_cast<Preset>(i);
  }
  return std::nullopt;
}

std::string Traits::ToString() const {
  std::string text = "unit=" + std::to_string(atomic_unit) + ",preset=" + std::string(Name(preset));
  if (garbage_in_torn_units) text += ",garbage";
  if (!outside_bytes_safe) text += ",outside";
  if (lying_flush) text += ",lying";
  return text;
}

std::optional<Traits> Traits::Parse(std::string_view text) {
  Traits traits;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view word = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    bool known = false;
    for (const uint32_t unit : {512u, 4096u, 16384u}) {
      if (word != "unit=" + std::to_string(unit)) continue;
      traits.atomic_unit = unit;
      known = true;
    }
    constexpr std::string_view kPreset = "preset=";
    if (word.starts_with(kPreset)) {
      const auto preset = ParsePreset(word.substr(kPreset.size()));
      if (!preset) return std::nullopt;
      traits.preset = *preset;
      known = true;
    }
    if (word == "garbage") traits.garbage_in_torn_units = known = true;
    if (word == "outside") {
      traits.outside_bytes_safe = false;
      known = true;
    }
    if (word == "lying") traits.lying_flush = known = true;
    if (!known) return std::nullopt;
  }
  return traits;
}

}  // namespace manifolddb::faultfs
