#pragma once
// What is done to a run beside cutting the power: killed processes, failing syncs and calls, a full disk,
// recoveries that are cut again and again, and damage.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "crashsim/campaign.h"
#include "crashsim/explore.h"
#include "crashsim/iteration.h"
#include "crashsim/lying_sync.h"

namespace manifolddb::crashsim {

// A write that ends within the first bytes leaves what they have in common with what lay there.
inline uint64_t SometimesFewBytes(uint64_t bytes, const Random& random) {
  Random few = random.Fork(7);
  return few.Chance(40) ? 1 + few.Below(10) : bytes;
}

class Scenarios {
 public:
  Scenarios(Campaign& campaign, Place& place, Explorer& explorer, Workload& workload,
            const Generation& generation)
      : campaign_(campaign),
        place_(place),
        explorer_(explorer),
        workload_(workload),
        generation_(generation) {}

  // Some of each, as drawn.
  void Run(Random random);

 private:
  using Body = bool (Scenarios::*)(Random&, std::string&);

  void Try(ScenarioKind kind, uint32_t times, Body body, const Random& random);
  // Each says whether there was something to do harm to, and what was done.
  bool KillThenCut(Random& random, std::string& what);
  bool FailSync(Random& random, std::string& what);
  bool FailCall(Random& random, std::string& what);
  bool FillDisk(Random& random, std::string& what);
  bool FillLargeLog(Random& random, std::string& what);
  bool RefuseMemory(Random& random, std::string& what);
  bool Reschedule(Random& random, std::string& what);
  bool LoopCrashes(Random& random, std::string& what);
  bool LoopOpenings(Random& random, std::string& what);
  bool PairEndings(Random& random, std::string& what);
  bool CutCreation(Random& random, std::string& what);
  bool Rot(Random& random, std::string& what);
  bool RotMeta(Random& random, std::string& what);
  bool RotLogFront(Random& random);
  bool LoseWrite(Random& random, std::string& what);
  bool LoseMeta(Random& random);
  bool Foreign(Random& random, std::string& what);
  bool Neighbour(Random& random, std::string& what);
  std::optional<faultfs::Image> DrawNeighbour(Random& random);
  bool SwapFile(const faultfs::Image& theirs, Random& random);
  bool SwapMeta(const faultfs::Image& theirs, Random& random);
  bool SwapPage(const faultfs::Image& theirs, Random& random);
  bool Missing(Random& random, std::string& what);
  bool OlderFile(Random& random, std::string& what);
  struct OldData {
    faultfs::Image image;
    uint64_t since;  // effects: whatever was written from here on is of a later opening
  };
  std::optional<OldData> DrawOldData(Random& random) const;

  // What each opening in a loop has to show.
  struct Owed {
    std::optional<Recovered> shown;  // by one that succeeded
    uint64_t effects = 0;            // of the generation's session, until then
    uint32_t openings = 0;
  };
  bool JudgeStart(const faultfs::Image& image, Owed& owed);
  void EndEarly(faultfs::Disk& disk, bool at_once, Random& random);
  struct Judged {
    bool hindered = false;  // something ended it
    bool holds = false;
  };
  Judged OpenNext(const std::shared_ptr<faultfs::Disk>& disk, bool lives, Owed& owed);
  Judged EndTwice(const faultfs::Image& image, Owed owed, const std::optional<faultfs::Fault>& first,
                  const std::optional<faultfs::Fault>& second, Random& random);
  void Cut(std::shared_ptr<faultfs::Disk>& disk, Random& random) const;
  void GoOnWith(std::shared_ptr<faultfs::Disk>& disk, uint64_t cut_percent, Random& random) const;
  bool JudgeOpening(const Recovered& found, bool hindered, Owed& owed);
  // `lone`: where one copy of a checkpoint's meta page may stand alone.
  uint64_t NearMeta(bool lone, Random& random) const;
  bool HasThrough() const;  // some commit went through a checkpoint, and was acknowledged

  // When the fault of a session goes.
  enum class Relief : uint8_t {
    kNone,      // never
    kSoon,      // after some refusals; from the end of the program on nothing may fail
    kAtTheEnd,  // the disk stays full until deletions must have made room
  };
  bool RunWithFault(const faultfs::Fault& fault, Relief relief, Random& random);
  // The same, but false if there are fewer such calls.
  bool TryFault(const faultfs::Fault& fault, Relief relief, Random& random);
  void EveryFault(const Random& random);
  bool FailAt(const faultfs::Fault& fault, const Random& random);
  bool LackMemoryAt(uint64_t at, const Random& random);
  bool Counted(const std::function<bool()>& body);
  struct Refusal {
    uint64_t at;     // the first allocation that is refused
    uint64_t many;   // and so many from there on
    bool in_commit;  // of those that commits ask for
  };
  bool RefuseAt(const Refusal& refusal, Random& random);
  Judges JudgesOf(const Session& session) const;
  // Judges a session in which something failed, opens the database again in the same boot, and cuts.
  void JudgeFaulted(const std::shared_ptr<faultfs::Disk>& disk, const Session& session, uint64_t failed_at,
                    bool sync_lied, Random& random);
  std::shared_ptr<faultfs::Disk> KilledWhileFull(const Session& session, uint64_t full_at,
                                                 Random& random) const;
  // A second session on a disk that goes on in the same boot, judged and cut.
  struct Boot {
    LyingSync* lie = nullptr;  // a sync of the session before
    bool full = false;         // the disk is, and stays it
  };
  void Reopen(const std::shared_ptr<faultfs::Disk>& disk, const Judges& before, const Boot& boot,
              uint64_t cut_from, Random& random);
  struct Hurt {
    bool lost = false;    // the cache lacks what a sync had promised
    bool untold = false;  // the next sync will say so
  };
  static Hurt HurtOf(const faultfs::Disk& disk, LyingSync* lie);
  // A point of the generation's trace with faults of writes in it; nothing if they make no difference.
  std::optional<faultfs::Image> DrawFaulty(const std::shared_ptr<faultfs::Trace>& faulty, uint64_t effects,
                                           const faultfs::ImageSpec& spec, faultfs::FaultKind kind);
  // Damage is reported, or it is of no effect.
  // `whole`: the image before it, if only the data file is damaged.
  bool JudgeDamage(const faultfs::Image& image, const Allowed& allowed, const std::string& what,
                   const faultfs::Image* whole = nullptr);
  void JudgeMended(faultfs::Image whole, faultfs::Disk& refused, const Allowed& allowed);
  uint64_t CountOf(faultfs::EffectKind kind) const;
  std::vector<uint64_t> SyncsBehindGroups() const;
  std::vector<uint64_t> SyncsAmidCheckpoints() const;
  SessionPlan SmallPlan(Random& random) const;

  Campaign& campaign_;
  Place& place_;
  Explorer& explorer_;
  Workload& workload_;
  const Generation& generation_;
  ScenarioKind kind_ = ScenarioKind::kPoints;
};

}  // namespace manifolddb::crashsim
