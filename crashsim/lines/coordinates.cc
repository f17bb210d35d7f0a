// The reproduction line: words of the form name=value, in any order; "-" for what does not apply.
#include "crashsim/lines/coordinates.h"

#include <charconv>
#include <map>

namespace manifolddb::crashsim {
namespace {

constexpr std::string_view kArrow = " -> ";

std::optional<uint64_t> ParseNumber(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x")) text.remove_prefix(2), base = 16;
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

std::string Hex(uint64_t number) {
  char text[16];
  const auto [end, error] = std::to_chars(text, text + sizeof text, number, 16);
  return "0x" + std::string(text, end);
}

std::string OrDash(std::string text) { return text.empty() ? "-" : text; }

std::map<std::string, std::string, std::less<>> Words(std::string_view line) {
  std::map<std::string, std::string, std::less<>> words;
  while (!line.empty()) {
    const std::string_view word = line.substr(0, line.find(' '));
    line.remove_prefix(std::min(line.size(), word.size() + 1));
    const size_t equals = word.find('=');
    if (equals == word.npos) continue;
    const std::string_view value = word.substr(equals + 1);
    words[std::string(word.substr(0, equals))] = value == "-" ? "" : value;
  }
  return words;
}

}  // namespace

std::string Cut::ToString() const { return std::to_string(effects) + "/" + image.ToString(); }

std::optional<Cut> Cut::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == text.npos) return std::nullopt;
  const auto effects = ParseNumber(text.substr(0, slash));
  const auto image = faultfs::ImageSpec::Parse(text.substr(slash + 1));
  if (!effects || !image) return std::nullopt;
  return Cut{*effects, *image};
}

std::string Coordinates::ToLine(std::string_view revision) const {
  std::string cuts;
  for (const Cut& one : nested) cuts += (cuts.empty() ? "" : ",") + one.ToString();
  std::string line =
      "git=" + std::string(revision) + " tool=crashsim workload=" + workload + " seed=" + Hex(seed) +
      " config=" + config + " preset=" + preset + " unit=" + std::to_string(unit) +
      " gen=" + std::to_string(generation) + " ops=" + std::to_string(ops) + " scenario=" + scenario +
      " point=" + (cut ? std::to_string(cut->effects) : "-") +
      " image=" + (cut ? cut->image.ToString() : "-") + " nested=" + OrDash(cuts) + " fault=" + OrDash(fault);
  if (write_unit != 0) line += " write=" + std::to_string(write_unit);
  if (lying) line += " lying=yes";
  if (!broken.empty()) line += " break=" + broken;
  return "REPRO " + line + std::string(kArrow) + "scripts/dev repro '" + line + "'";
}

std::optional<Coordinates> Coordinates::Parse(std::string_view line, std::string& why) {
  auto words = Words(line.substr(0, line.find(kArrow)));
  const auto fail = [&](const std::string& reason) {
    why = reason;
    return std::nullopt;
  };
  if (words["tool"] != "crashsim") return fail("tool=crashsim is missing");
  Coordinates at;
  for (const char* needed : {"workload", "seed", "config", "preset", "unit", "gen", "ops", "scenario"}) {
    if (words[needed].empty()) return fail(std::string(needed) + "= is missing");
  }
  at.workload = words["workload"];
  at.config = words["config"];
  at.preset = words["preset"];
  at.scenario = words["scenario"];
  at.broken = words["break"];
  at.lying = words["lying"] == "yes";
  at.fault = words["fault"];
  at.git = words["git"];
  const auto seed = ParseNumber(words["seed"]);
  const auto unit = ParseNumber(words["unit"]);
  const auto generation = ParseNumber(words["gen"]);
  const auto ops = ParseNumber(words["ops"]);
  const auto write = words["write"].empty() ? 0 : ParseNumber(words["write"]);
  constexpr uint64_t kMax = ~uint32_t{0};
  const bool fit = unit.value_or(0) <= kMax && write.value_or(kMax + 1) <= kMax &&
                   generation.value_or(0) <= kMax && ops.value_or(0) <= kMax;
  if (!seed || !unit || !generation || !ops || !fit)
    return fail("seed, unit, write, gen and ops must be numbers, all but the first below 2^32");
  at.seed = *seed;
  at.unit = static_cast<uint32_t>(*unit);
  at.write_unit = static_cast<uint32_t>(*write);
  at.generation = static_cast<uint32_t>(*generation);
  at.ops = static_cast<uint32_t>(*ops);
  if (!words["point"].empty()) {
    at.cut = Cut::Parse(words["point"] + "/" + words["image"]);
    if (!at.cut) return fail("point=" + words["point"] + " image=" + words["image"] + " name no image");
  }
  for (std::string_view rest = words["nested"]; !rest.empty();) {
    const std::string_view one = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    const auto cut = Cut::Parse(one);
    if (!cut) return fail("nested=" + std::string(one) + " names no image");
    at.nested.push_back(*cut);
  }
  if (!at.nested.empty() && !at.cut) return fail("nested= needs point= and image=");
  return at;
}

}  // namespace manifolddb::crashsim
