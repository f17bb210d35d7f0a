#pragma once
// One iteration of a campaign: a workload drawn from one seed, run and cut, gone on with over what a cut
// left, for several generations; and beside the cuts everything else that is done to it (scenarios.h).

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "crashsim/campaign.h"
#include "crashsim/explore.h"
#include "crashsim/judges.h"
#include "crashsim/session.h"

namespace manifolddb::crashsim {

// What is run: draws programs, and may know something that must hold of any state of its data.
class Workload {
 public:
  virtual ~Workload() = default;
  virtual Program Draw(Random& random, uint32_t generation, Serial last_serial) = 0;
  virtual Invariant invariant() const { return {}; }
  virtual std::string Describe() const = 0;
};
// Draws the workload of an iteration; null if there is none of that name, or it cannot be had (`why`).
std::unique_ptr<Workload> MakeWorkload(const std::string& name, const Setup& setup, uint32_t steps,
                                       Random& random, std::string& why);

// A session on a disk that can be made again, and its judges.
struct Generation {
  uint32_t index = 0;
  std::optional<faultfs::Image> image;  // what it starts from; nothing: an empty disk
  Model base;
  uint64_t base_number = 0;
  Serial last_serial = 0;
  SessionPlan plan;
  Session session;
  std::unique_ptr<Judges> judges;
  uint64_t allocations = 0;  // that the session asked for
  uint64_t allocations_in_commit = 0;

  std::shared_ptr<faultfs::Disk> MakeDisk() const;
  uint64_t effects() const { return session.trace->effects.size(); }
  const Oracle& oracle() const { return judges->oracle(); }
};

// Gives the families of `base` the ids under which the database that was opened knows them.
void BindIds(Model& base, const Observation& opened);
// Called where the scheduler finds that everybody waits: does not return.
[[noreturn]] void OnDeadlock(Place& place);

class Iteration {
 public:
  // `place` is told about a deadlock before the process ends.
  Iteration(Campaign& campaign, Place& place, uint64_t index, uint64_t seed);
  void Run();

 private:
  bool RunGeneration(Generation& generation);
  std::optional<Generation> NextGeneration(const Generation& last);
  void WriteTrace(const Generation& generation);

  Campaign& campaign_;
  Place& place_;
  Random random_;
  Setup setup_;
  std::unique_ptr<Workload> workload_;
};

}  // namespace manifolddb::crashsim
