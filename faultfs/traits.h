#pragma once
// What a simulated disk and file system promise. Stated with every verdict: a proof holds for these traits.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace manifolddb::faultfs {

// In which order unsynced effects may reach the disk.
enum class Preset : uint8_t {
  // No order at all. Each sector, each size, each directory operation arrives or does not, by itself.
  kStrict,
  // ext4 as mounted by default (data=ordered, delayed allocation, auto_da_alloc):
  // (1) directory operations and preallocations arrive in the order in which they were issued (one journal);
  // (2) a size that a write gave to the file arrives after the data of that write (not: of earlier ones), and
  //     after what the journal was given before the write;
  // (3) a rename over an existing file arrives after all that had been written to the file before it;
  // (4) a sync of a file makes durable, beside the file, the operations that gave it its name, and by (1) all
  //     those before them.
  // Overwrites are as free as in kStrict.
  kExt4Ordered,
  // XFS (its log keeps the order of what it is given; sizes are logged once the data is there): as
  // kExt4Ordered without (3).
  kXfs,
  // btrfs (trees by copy-on-write; a sync writes the log of that file alone): the size's half of (2) that
  // speaks of its data, (3), and of (4) the operations that gave the file its name, and what these names
  // need;
  // other operations on names arrive in no order.
  kBtrfs,
  // ext3 or ext4 with data=writeback: (1), of sizes that writes give as well, and (4). Data arrives when it
  // will: where it had not yet, new blocks hold zeros, or garbage with garbage_in_torn_units.
  kExt3Writeback,
  // ext4 with data=journal: everything goes through the journal, and arrives in the order in which it was
  // issued; of a write, sector by sector.
  kDataJournal,
};
inline constexpr size_t kPresets = 6;

struct Traits {
  // Bytes that the disk writes wholly or not at all: 512, 4096 or 16384. One unit is a sector.
  uint32_t atomic_unit = 4096;
  // A sector that was being written when the power went may hold garbage where it was being changed.
  bool garbage_in_torn_units = false;
  // If false: such a sector may hold garbage beside the bytes that were being changed (a write that does not
  // cover whole sectors endangers its neighbours).
  bool outside_bytes_safe = true;
  // Syncs return success and do nothing.
  bool lying_flush = false;
  Preset preset = Preset::kStrict;

  friend bool operator==(const Traits&, const Traits&) = default;

  // "unit=4096,preset=strict" and, where they hold, ",garbage", ",outside", ",lying". No blanks.
  std::string ToString() const;
  // The inverse; nothing if `text` is not of that form.
  static std::optional<Traits> Parse(std::string_view text);
};

std::string_view Name(Preset preset);  // "strict", "ext4-ordered", "xfs", ...
std::optional<Preset> ParsePreset(std::string_view name);

}  // namespace manifolddb::faultfs
