#pragma once
// Covers all legal images of a crash point, one recovery for all images that differ only in what nobody
// reads.
//
// A recovery runs over a disk whose unsynced sectors are undetermined (faultfs/undetermined.h); opening,
// reading everything and Verify ask for what they read, and each answer is tried in turn, by prefix, until
// none is left. So one recovery stands for as many images as the sectors that it did not read have contents.
// At every cut these numbers must add up to the number of legal images: recoveries leave none of them out,
// and share none. (That the legal images are the right ones, and that all reads are seen, is for faultfs to
// prove: model_test, undetermined_test.)
//
// Recoveries are ended as well, to a depth: by a power cut, and by killing the process, after which the next
// one finds what the system's cache holds. What matters is tried, the rest follows:
//   - a power cut, before each sync and at the end: between two syncs the disk only gains states that it may
//     be left in, so the last moment before a sync has them all;
//   - a kill, after each call that changes the cache, before the sync that would make it durable, and at the
//     end.
// A power cut leaves what is durable, so what recovery makes of a disk is settled by what the disk holds:
// whatever ends the recovery, what is found in the end must be what it finds on the same disk when nothing
// ends it. The same holds of a kill, which takes nothing away. But a process that was killed outside a
// recovery leaves in the cache what may be lost in a later power cut: then the judge of the point says what
// is allowed, until the next process has opened the database.
//
// Presets other than kStrict may order what is unsynced: REQUIRES kStrict, an honest flush.

#include <gmpxx.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "crashsim/recovery.h"
#include "faultfs/crash_point.h"

namespace manifolddb::crashsim {

// The numbers of effects, from `first` to `last`, after which the power is cut: before each sync that follows
// anything, and after the last one.
std::vector<uint64_t> CutsOf(const faultfs::Trace& trace, uint64_t first, uint64_t last);
// Those after which the process is killed, from `first` + 1 on: wherever the cache is another, and after the
// last.
std::vector<uint64_t> KillsOf(const faultfs::Trace& trace, uint64_t first, uint64_t last);

struct CoverTally {
  uint64_t points = 0;           // at which the power was cut
  mpz_class images = 0;          // legal ones there
  uint64_t kills = 0;            // points at which the process was killed
  uint64_t recoveries = 0;       // run, at all depths
  uint64_t cuts = 0;             // of recoveries, by power
  mpz_class images_of_cuts = 0;  // legal ones there
  uint64_t killed = 0;           // recoveries that were
  uint64_t known = 0;            // disks met again: what recovery makes of them is known
  uint64_t determined_max = 0;   // sectors that were asked for from one boot on, at most

  void Add(const CoverTally& other);
};

class Cover {
 public:
  // Opens the database on a disk, reads everything, verifies, and keeps the trace.
  using Recoverer = std::function<Recovered(const std::shared_ptr<faultfs::Disk>& disk)>;
  // What is wrong with what a recovery found; `again` boots the same disk once more.
  using Boot = std::function<std::shared_ptr<faultfs::Disk>()>;
  using Judge = std::function<Violations(const Recovered& found, const Boot& again)>;
  // Something was found. `path`: the point, what the sectors that were read held, how recoveries were ended.
  using Report = std::function<void(const std::string& path, const Violations& violations)>;

  // Recoveries are ended to `depth`: 0, not at all; 2, also the recovery of what an ended recovery left.
  Cover(const faultfs::Traits& traits, uint32_t depth, Recoverer recover, Report report);
  ~Cover();

  // The power cut at `point`: all images. Returns how many recoveries stand for them.
  uint64_t Cut(const faultfs::CrashPoint& point, const Judge& judge);
  // The process killed after `effects` effects, the cache alive.
  void Kill(const std::shared_ptr<const faultfs::Trace>& trace, uint64_t effects, const Judge& judge);

  const CoverTally& tally() const { return tally_; }

 private:
  class Answers;
  struct Start;
  struct Leaf;
  struct Explored;
  struct Seen;
  struct Ended;
  struct Walk;

  std::shared_ptr<const Explored> Explore(const Start& start, uint32_t depth, const Judge* judge);
  std::shared_ptr<const Explored> ExploreKnown(const faultfs::UndeterminedImage& image, uint32_t depth);
  std::vector<std::shared_ptr<const Explored>> ExploreAll(const faultfs::CrashPoint& point, uint32_t depth);
  Leaf RecoverOnce(const Start& start, Answers& answers);
  std::shared_ptr<faultfs::Disk> BootAgain(const Leaf& leaf) const;
  void EndRecovery(const Leaf& leaf, uint32_t depth, const Judge* judge, Walk& walk);
  void CutRecovery(const Leaf& leaf, uint64_t effects, uint32_t depth, const Judge* judge, Ended& ended);
  void KillRecovery(const Leaf& leaf, uint64_t effects, uint32_t depth, const Judge* judge, Ended& ended);
  void Found(const Leaf& leaf, const Judge* judge, Ended& ended);
  void Compare(Walk& walk, bool all);
  void CompareOne(const Ended& ended);
  std::string Path() const;

  const faultfs::Traits traits_;
  const uint32_t depth_;
  const Recoverer recover_;
  const Report report_;
  CoverTally tally_;
  // What is known of disks after a power cut, by the hash of what they may hold.
  std::unordered_map<uint64_t, std::shared_ptr<const Explored>> explored_;
  std::vector<std::string> path_;
};

}  // namespace manifolddb::crashsim
