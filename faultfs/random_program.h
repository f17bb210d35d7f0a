#pragma once
// Random programs over a Disk, for the module's own tests.

#include <array>
#include <string>

#include "faultfs/fault.h"
#include "faultfs/random.h"
#include "faultfs/test_program.h"

namespace manifolddb::faultfs {

struct Kinds {
  bool names = true;  // creations, renames, removals
  bool faults = false;
};

// `steps` calls drawn from `random`. What it calls depends on the names that are there, not on contents.
inline void RunRandom(Program& p, Random& random, uint64_t steps, Kinds kinds) {
  const std::array<std::string, 3> names = {"a", "b", "c"};
  char letter = 'A';
  const auto next_letter = [&letter] { return letter = letter == 'z' ? 'A' : static_cast<char>(letter + 1); };
  for (uint64_t i = 0; i < steps; ++i) {
    const std::string name = names[random.Below(kinds.names ? 3 : 1)];
    const std::string other = names[random.Below(3)];
    if (!*p.disk().Exists(name)) {
      p.Create(name);
      continue;
    }
    std::string sectors;
    for (uint64_t s = random.Between(1, 3); s > 0; --s) sectors += next_letter();
    if (kinds.faults && random.Chance(1, 6)) {
      const FaultKind faults[] = {FaultKind::kSyncKeepsClean,   FaultKind::kSyncFailsLater,
                                  FaultKind::kSyncReverts,      FaultKind::kLostWrite,
                                  FaultKind::kMisdirectedWrite, FaultKind::kShortWrite};
      p.disk().Arm({.kind = faults[random.Below(6)]});
    }
    switch (random.Below(kinds.names ? 14 : 9)) {
      case 0:
      case 1:
      case 2: p.TryWrite(name, random.Below(4), sectors); break;
      case 3:
        p.TryWriteBytes(name, random.Below(1500), std::string(random.Between(1, 700), next_letter()));
        break;
      case 4: p.TryWriteDurable(name, random.Below(3), sectors); break;
      case 5: p.Allocate(name, random.Below(6) + 1); break;
      case 6:
      case 7: p.TrySync(name); break;
      case 8: p.SyncDirectory(); break;
      case 9: p.Create(name); break;
      case 10: p.Remove(name); break;
      case 11:
      case 12:
        if (other != name) p.Rename(name, other);
        break;
      case 13: p.SyncDirectory(); break;
    }
  }
}

}  // namespace manifolddb::faultfs
