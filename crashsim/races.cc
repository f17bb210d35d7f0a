// A scenario has the shortest races that can show it, so that all their schedules can be tried, and mostly a
// longer one with more actors, whose schedules are drawn.
#include "crashsim/races.h"

namespace manifolddb::crashsim {
namespace {

constexpr char kOneFamily[] = "two committers in one family";
constexpr char kTwoFamilies[] = "two committers in different families";
constexpr char kBothFamilies[] = "one over both families";
constexpr char kCheckpoint[] = "a committer and a checkpoint";
constexpr char kReaders[] = "readers opening and closing beside reclaim";
constexpr char kFailedSync[] = "sync failure with several waiting";
constexpr char kLogFull[] = "log full with several waiting";
constexpr char kDrop[] = "drop of a column family in use";
constexpr char kCatalog[] = "changes of the catalog beside commits";
constexpr char kMixture[] = "a bit of everything";

using enum Length;

constexpr KnownRace kRaces[] = {
    {kOneFamily, "put a | put a"},
    {kOneFamily, "none a | none a"},
    {kOneFamily, "put a | put b | put a"},
    {kOneFamily, "put a, none a | none a, put a | delete a, large a | put a, abort a", kLong},
    {kTwoFamilies, "put a | put b"},
    {kTwoFamilies, "none a | put b"},
    {kTwoFamilies, "put a, none a, put a | put b, put b, none b | put a, put b", kLong},
    {kBothFamilies, "put a | both"},
    {kBothFamilies, "both | both"},
    {kBothFamilies, "both, put a | put b, both | none a, both | none b", kLong},
    {kCheckpoint, "put a | checkpoint"},
    {kCheckpoint, "put a | put b | checkpoint"},
    {kCheckpoint, "put b | through a"},
    {kCheckpoint, "none b | through a"},
    {kCheckpoint, "through a | through a"},
    {kCheckpoint, "put a, put a, put a | large b, put b | checkpoint, checkpoint | through a", kLong},
    {kReaders, "snapshot, snapshot | put a, checkpoint"},
    {kReaders, "snapshot, close | put a, checkpoint"},
    {kReaders,
     "snapshot, snapshot, close, snapshot, close | read, read | range a, large a, checkpoint | put b, "
     "checkpoint",
     kLong},
    {kFailedSync, "put a | put b | both ! sync_keeps_clean@1:db-wal", kShort, {.told = 2}},
    {kFailedSync, "put a | put b ! sync_reverts@1:db-wal", kShort, {.told = 2}},
    {kFailedSync, "put a | put b ! sync_reverts@2:db-wal"},
    {kFailedSync, "put a | checkpoint ! sync_reverts@1:db"},
    {kFailedSync,
     "put a, put a | put b, none b | both, put a | checkpoint ! sync_reverts@2:db-wal",
     kLong,
     {.told = 2}},
    {kFailedSync, "put a, put a | put b, none b | both | through a ! sync_keeps_clean@3", kLong},
    {kLogFull, "large a, large a; large a | put b"},
    {kLogFull, "large a; large a, large a | large b", kShort, {.waits = 1}},
    {kLogFull,
     "large a; large a, large a | large b, large a | both, large b | large a, put b",
     kLong,
     {.waits = 2}},
    // Who wants room beside those who commit through checkpoints, one behind the other.
    {kLogFull,
     "family c, large a; large a, large a | large b, large b | through a, through a, through a, through a | "
     "through c, through c, through c, through c",
     kLong},
    {kDrop, "put b | no family b"},
    {kDrop, "snapshot, snapshot | no family b"},
    {kDrop, "put b, put b | no family b, family c | snapshot, snapshot, close | both, checkpoint", kLong},
    {kCatalog, "family c | put a"},
    {kCatalog, "put a | drop a"},
    {kCatalog, "family c, no family b | create a, drop a | put b, put a | checkpoint, read", kLong},
    {kMixture,
     "put a, large a, delete a | both, none b, through a | range a, put b, abort a | snapshot, snapshot, "
     "close, read",
     kLong},
};

}  // namespace

std::span<const KnownRace> KnownRaces() { return kRaces; }

std::vector<KnownRace> FindRaces(const std::string& name) {
  std::vector<KnownRace> found;
  for (const KnownRace& race : kRaces) {
    if (name == race.scenario || name == race.text) found.push_back(race);
  }
  return found;
}

}  // namespace manifolddb::crashsim
