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
  // The slot whose first copy is the only one that states the newest number and is certainly on the disk: it
  // is rewritten when the other slot states that number durably.
  std::optional<int> lone_slot = {};
  format::MetaStamps stamps = {};  // what must not be written there again
};

// Of two meta pages that were read, which one was written earlier.
bool IsOlder(const format::MetaPage& a, const format::MetaPage& b);

// Decides which meta page counts. Errors (code, message) name what is wrong; `file` is for the message.
Result<MetaPlan> PlanFromMeta(const MetaArea& area, const std::string& file);

// The meta page that a life begins with, over the one found: same number, next life, not clean. With a lone
// slot it is the life after the next: the other slot is first written with the one between (GuardOf), so that
// of two copies that state the newest number the one of the older life is always durable.
// kLimit after 2^24 lives.
Result<format::MetaPage> BeginLife(const MetaPlan& plan, const std::string& file);
format::MetaPage GuardOf(const format::MetaPage& begun);

}  // namespace manifolddb::recovery
