#include "faultfs/traits.h"

#include <array>

namespace manifolddb::faultfs {
namespace {

constexpr std::array kPresets = {Preset::kStrict, Preset::kExt4Ordered};

}  // namespace

std::string_view Name(Preset preset) {
  switch (preset) {
    case Preset::kStrict: return "strict";
    case Preset::kExt4Ordered: return "ext4-ordered";
  }
  return "";
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
    for (const Preset preset : kPresets) {
      if (word != "preset=" + std::string(Name(preset))) continue;
      traits.preset = preset;
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
