#pragma once
// From four copies of meta pages to what recovery does: a pure decision.

#include <array>
#include <optional>
#include <string>

#include "engine/format/meta_page.h"
#include "manifolddb/result.h"

namespace manifolddb::recovery {

// What lies in the meta area, as decoded: [slot][copy].
using MetaArea = std::array<std::array<format::DecodedMeta, 2>, 2>;

struct MetaPlan {
  format::MetaPage newest;
  int slot = 0;  // where it lies; if in both, the first
  // Of each slot, the copy that step 1 writes first: the unreadable one, else the one that was written last
  // and hence may not be on the disk.
  std::array<int, 2> first_copy = {};
  // The slot whose first copy is the only one of the newest number that is certainly not lost by a crash amid
  // step 1: it is rewritten when the other slot states that number durably.
  std::optional<int> lone_slot = {};
};

// Decides which meta page counts. Errors (code, message) name what is wrong; `file` is for the message.
Result<MetaPlan> PlanFromMeta(const MetaArea& area, const std::string& file);

// The meta page that a life begins with, over the newest one found: same number, next life, not clean.
// kLimit after 2^24 lives.
Result<format::MetaPage> BeginLife(const format::MetaPage& newest, const std::string& file);

}  // namespace manifolddb::recovery
