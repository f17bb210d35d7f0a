#pragma once
// One simulated computer's disk and file cache: the disk that lies, legally.
//
// Everything done to it goes into one trace (trace.h). What the disk may hold if the power fails at any point
// of the trace is worked out from that (crash_point.h): nothing is run twice, and nothing has to be stopped.
//
//   auto disk = std::make_shared<Disk>(Traits{});            // or booted from an Image
//   auto db = Database::Open(disk->NewProcess(), "db");      // work ...
//   const uint64_t acknowledged = disk->effects();           // a commit returned when so many had happened
//   CrashPoint point(disk->trace(), n);                      // power cut after n of disk->effects() effects
//   Image image = point.Draw({Policy::kRandom, seed});       // one state the disk may be in
//   auto next = std::make_shared<Disk>(image, disk->traits());
//
// Thread-safe. Deterministic given the order of calls: no clock, no randomness but what is passed in.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "faultfs/fault.h"
#include "faultfs/image.h"
#include "faultfs/trace.h"
#include "faultfs/traits.h"
#include "faultfs/undetermined.h"
#include "manifolddb/storage.h"

namespace manifolddb::faultfs {

class DiskState;

class Disk final : public Storage {
 public:
  // An empty directory. `seed` is for NewIdentity alone.
  explicit Disk(const Traits& traits, uint64_t seed = 1);
  // Booted from `image`: all of it is durable. REQUIRES: image.atomic_unit() is that of the traits.
  Disk(Image image, const Traits& traits, uint64_t seed = 1);
  // The same with sectors undetermined, about which `determine` is asked when they are first read. What is
  // overwritten unread stays open for a later power cut until a sync covers it. Not for syncs that revert and
  // EvictClean, which ask what the cache holds, nor for writes that go elsewhere. CacheImage shows the first
  // of the contents of what was not looked at.
  Disk(const UndeterminedImage& image, Determine determine, const Traits& traits, uint64_t seed = 1);
  // As the disk of `trace` was after `effects` effects, if the process was killed there: cache alive, nobody
  // has a file open, what had not been synced still has not. The trace goes on from there. (A write whose
  // change of size is the next effect is completed.)
  Disk(const Trace& trace, uint64_t effects, uint64_t seed = 1);
  // The same of a disk with sectors undetermined: what was not looked at before its last effect is open
  // again.
  Disk(const Trace& trace, uint64_t effects, Determine determine, uint64_t seed = 1);
  ~Disk() override;

  // Storage, for whatever is not to be killed: tests, tools.
  Result<std::unique_ptr<File>> Open(const std::string& name, OpenMode mode) override;
  Result<bool> Exists(const std::string& name) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& name) override;
  Status SyncDirectory() override;
  std::array<std::byte, 16> NewIdentity() override;

  // ---- Processes.

  // The same directory as a process sees it: after Kill, every call through it and through its files fails
  // (kIo) without any effect, for ever. (So what is left of a killed engine may be destroyed at leisure.)
  std::shared_ptr<Storage> NewProcess();
  // Kills all processes: their files are closed without any effect, their locks are gone, the cache stays.
  // The next process reads from the cache what the disk may not have.
  void Kill();
  // Kill at the end of the call in which that many effects have happened (at once if they have); the call
  // itself fails as well. One time; a later KillAt replaces it.
  void KillAt(uint64_t effects);
  bool kill_struck() const;  // KillAt has done its work
  // Drops from the cache what a failed sync left clean there, and what a fault kept from the disk: from now
  // on these sectors are read from the disk. What it has of them, if that is open, is drawn from `seed`.
  void EvictClean(uint64_t seed);

  // ---- What happened.

  const Traits& traits() const;
  uint64_t effects() const;     // so far: the stamp for acknowledgements, and the number of the next effect
  uint64_t operations() const;  // calls so far
  // As it is now; stays as it is while the disk goes on.
  std::shared_ptr<const Trace> trace() const;
  // TraceLines of the effects from `first` on.
  std::vector<std::string> Lines(uint64_t first = 0) const;
  // What a process sees now, as an image: what a crash could leave if everything had been synced.
  Image CacheImage() const;

  // ---- Faults.

  uint32_t Arm(const Fault& fault);
  void Disarm(uint32_t number);
  void DisarmAll();
  std::vector<FaultRecord> faults_fired() const;
  FaultCounts fault_counts() const;

 private:
  std::shared_ptr<DiskState> state_;  // outlives the disk while files or processes exist
};

}  // namespace manifolddb::faultfs
