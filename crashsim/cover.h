#pragma once
// Covers all legal images of a crash point with as few recoveries as that takes, and says how many of each.
//
// A recovery runs over a disk whose unsynced sectors are undetermined (faultfs/undetermined.h); opening,
// reading everything and Verify ask for what they read, and each answer is tried in turn, by prefix, until
// none is left. So one recovery stands for all images that differ only in what it never read: as many as the
// rest of the sectors has contents. These numbers add up to the number of legal images, or something was left
// out; that is checked at every point.
//
// Recoveries are ended as well, to a depth: by a power cut, and by killing the process, after which the next
// one finds what the system's cache holds. What matters is tried, the rest follows:
//   - a power cut, before each sync and at the end: between two syncs the disk only gains states that it may
//     be left in, so the last moment before a sync has them all;
//   - a kill, after each write that the cache shows, before the sync that would make it durable.
// A power cut leaves what is durable, so what recovery makes of it is settled: whatever ends the recovery,
// what is found in the end must be what it finds when nothing ends it, or one of those do that read the same
// up to there. A process that was killed outside a recovery leaves in the cache what may be lost in a later
// cut: then the judge of the point says what is allowed.
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
// Those after which the process is killed, from `first` + 1 on: wherever the cache is another.
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
  uint64_t determined_max = 0;   // sectors that one recovery asked for, at most
  uint64_t cpu_nanos = 0;        // that recoveries took

  void Add(const CoverTally& other);
};

class Cover {
 public:
  // What is wrong with what a recovery found; `contents` reads all that the database held then.
  using Judge =
      std::function<Violations(const Recovered& found, const std::function<Observation()>& contents)>;
  // Something was found. `path`: the point, what the sectors that were read held, how recoveries were ended.
  using Report = std::function<void(const std::string& path, const Violations& violations)>;

  // Recoveries are ended to `depth`: 0, not at all; 2, also the recovery of what an ended recovery left.
  Cover(const Setup& setup, uint32_t depth, Report report);
  ~Cover();

  // The power cut at `point`: all images. Returns how many recoveries stand for them.
  uint64_t Cut(const faultfs::CrashPoint& point, const Judge& judge);
  // The process killed after `effects` effects, the cache alive.
  void Kill(const std::shared_ptr<const faultfs::Trace>& trace, uint64_t effects, const Judge& judge);

  const CoverTally& tally() const { return tally_; }

 private:
  class Answers;
  struct Boot;
  struct Leaf;
  struct Explored;
  struct Ended;

  std::shared_ptr<const Explored> Explore(const Boot& boot, uint32_t depth, const Judge* judge);
  std::shared_ptr<const Explored> ExploreKnown(const faultfs::UndeterminedImage& start, uint32_t depth);
  Leaf RecoverOnce(const Boot& boot, Answers& answers);
  void EndRecovery(const Leaf& leaf, const Answers& answers, uint32_t depth, const Judge* judge,
                   std::vector<Ended>& all);
  void CutRecovery(const Leaf& leaf, uint64_t effects, uint32_t depth, const Judge* judge, Ended& ended);
  void KillRecovery(const Leaf& leaf, uint64_t effects, uint32_t depth, const Judge* judge, Ended& ended);
  void Found(const Leaf& leaf, const Judge* judge, Ended& ended);
  void Compare(std::vector<Ended>& all, const Answers* answers);
  Observation ContentsOf(const Leaf& leaf) const;
  std::string Path() const;

  const Setup setup_;
  const uint32_t depth_;
  const Report report_;
  CoverTally tally_;
  // What is known of disks after a power cut, by the hash of what they may hold.
  std::unordered_map<uint64_t, std::shared_ptr<const Explored>> explored_;
  std::vector<std::string> path_;
};

}  // namespace manifolddb::crashsim
