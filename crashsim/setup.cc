// Configurations. Tiny ones are so small that splits, log wraps, spills and checkpoints occur within a few
// dozen operations; sizes vary from run to run around the name's own. Ring: the smallest log, which may not
// grow. Cache: fewer pages in memory than the data has, down to a single one.
#include "crashsim/setup.h"

#include <algorithm>
#include <array>

#include "crashsim/scheduler.h"

namespace manifolddb::crashsim {
namespace {

struct Sizes {
  uint32_t unit;  // of the disk, bytes
  uint32_t page_size;
  uint64_t log_units;  // of the ring at creation, in write units
  uint64_t log_units_max;
  uint64_t cache_pages;
  uint64_t dirty_pages;
  Pressure pressure = Pressure::kNone;
};

std::optional<Sizes> SizesOf(std::string_view config, Random& random) {
  if (config == "tiny") {
    return Sizes{512,
                 512u << random.Below(2),
                 8 + random.Below(9),
                 16 + random.Below(48),
                 48 + random.Below(100),
                 12 + random.Below(24)};
  }
  if (config == "ring") {
    constexpr std::array<uint64_t, 4> kUnits = {8, 8, 12, 16};
    const uint64_t units = kUnits[random.Below(kUnits.size())];
    return Sizes{512, 512, units, units, 64 + random.Below(64), 48, Pressure::kLog};
  }
  if (config == "cache") {
    constexpr std::array<uint64_t, 5> kPages = {1, 4, 6, 8, 12};
    const uint64_t pages = kPages[random.Below(kPages.size())];
    return Sizes{
        512, 512, 8 + random.Below(9), 16 + random.Below(48), pages, 4 + random.Below(12), Pressure::kCache};
  }
  if (config == "small") return Sizes{512, 1024, 32, 256, 256, 96};
  if (config == "default") return Sizes{4096, 8192, 1024, 16384, 16384, 8192};
  return std::nullopt;
}

}  // namespace

std::optional<Setup> DrawSetup(const SetupWish& wish, Random& random) {
  if (wish.config == "any") {
    constexpr std::array kAny = {"tiny", "ring", "tiny", "cache"};
    SetupWish one = wish;
    one.config = kAny[random.Fork(2).Below(kAny.size())];
    auto drawn = DrawSetup(one, random);
    if (drawn) drawn->limits.resting = true;
    return drawn;
  }
  if (wish.pairings) {
    constexpr std::array<uint32_t, 3> kUnits = {512, 4096, 16384};
    Random pairing = random.Fork(3);
    SetupWish one = wish;
    one.pairings = false;
    one.unit = kUnits[pairing.Below(kUnits.size())];
    one.write_unit = kUnits[pairing.Below(kUnits.size())];
    return DrawSetup(one, random);
  }
  const auto sizes = SizesOf(wish.config, random);
  if (!sizes) return std::nullopt;
  Setup setup;
  setup.traits.preset = wish.preset;
  setup.traits.lying_flush = wish.lying;
  setup.traits.atomic_unit = wish.unit != 0 ? wish.unit : sizes->unit;
  setup.traits.garbage_in_torn_units = random.Chance(40);
  setup.traits.outside_bytes_safe = !random.Chance(30);
  Options& options = setup.options;
  options.write_unit =
      wish.write_unit != 0 ? wish.write_unit : std::max(setup.traits.atomic_unit, sizes->unit);
  // A database may assume less of the disk than it keeps.
  const bool varies = wish.config != "small" && wish.config != "default";
  if (varies && wish.unit == 0 && wish.write_unit == 0 && random.Chance(15)) options.write_unit *= 2;
  options.page_size = std::max(sizes->page_size, options.write_unit);
  options.log_bytes_initial = sizes->log_units * options.write_unit;
  options.log_bytes_max = std::max(sizes->log_units, sizes->log_units_max) * options.write_unit;
  options.cache_bytes = sizes->cache_pages * options.page_size;
  options.dirty_bytes_max = sizes->dirty_pages * options.page_size;
  options.checkpoint_interval_ms = 0;
  // A database may be opened with less memory than it was written with; so that replays have to spill.
  setup.recovery_dirty_bytes_max = options.dirty_bytes_max;
  if (random.Fork(1).Chance(50)) setup.recovery_dirty_bytes_max = 4 * options.page_size;
  setup.limits = {.page_size = options.page_size,
                  .key_bytes_max = options.page_size / 4,
                  .log_bytes_max = options.log_bytes_max,
                  .group_bytes_max = sizes->log_units / 4 * options.write_unit,
                  .pressure = sizes->pressure,
                  .resting = sizes->pressure != Pressure::kNone};
  return setup;
}

Setup WithLargeLog(Setup setup) {
  constexpr uint64_t kLogUnits = 4096;
  constexpr uint64_t kPages = 4096;
  Options& options = setup.options;
  options.log_bytes_initial = options.log_bytes_max = kLogUnits * options.write_unit;
  options.cache_bytes = options.dirty_bytes_max = kPages * options.page_size;
  setup.limits.log_bytes_max = options.log_bytes_max;
  setup.limits.group_bytes_max = options.log_bytes_max / 4;
  setup.limits.pressure = Pressure::kNone;
  setup.limits.resting = false;
  return setup;
}

uint32_t DefaultSteps(std::string_view config) {
  if (config == "small") return 120;
  if (config == "default") return 200;
  return 36;
}

Options InlineOptions(const Setup& setup) {
  Options options = setup.options;
  options.executor = MakeInlineExecutor();
  if (options.clock == nullptr) options.clock = MakeSteppingClock(1000);
  return options;
}

bool IsMetaWrite(const faultfs::Effect& effect, const Setup& setup) {
  const uint64_t end = 4 * uint64_t{setup.options.write_unit};
  return effect.kind == faultfs::EffectKind::kWrite && effect.name == kDatabase && effect.offset < end;
}

}  // namespace manifolddb::crashsim
