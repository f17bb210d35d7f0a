#pragma once
// A sync that said yes and kept nothing. Linux tells of a failed write-back at the next sync of the file; the
// one before may have said yes. What it promised is in the cache, clean, and may never reach the disk.
//
// G1 to G6 hold on disks whose sync is honest; so from such a sync on they hold only as far as nothing that
// it promised is missing. G7 holds all the same: what is missing is reported, or of no effect. This says of
// one image whether it lacks anything of the promise. If it does not, an honest disk might have left it as
// well, and nothing is excused.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "faultfs/image.h"
#include "faultfs/trace.h"

namespace manifolddb::crashsim {

class LyingSync {
 public:
  // Effect `at` of `trace` is the sync that lied.
  LyingSync(const faultfs::Trace& trace, uint64_t at);

  // Effects before it: what was acknowledged at one of them relies on honest syncs alone.
  uint64_t at() const { return at_; }
  // Does `image`, found after `effects` effects of a trace that goes on from the one above, lack something
  // that was promised and not written again since?
  bool LostIn(const faultfs::Image& image, const faultfs::Trace& trace, uint64_t effects);
  // Has a sync told of it, after `effects` effects?
  bool ReportedIn(const faultfs::Trace& trace, uint64_t effects) const;

 private:
  struct Promise {
    faultfs::Sector sector;            // as it was in the cache
    std::vector<uint64_t> before;      // hashes of what it held earlier
    std::vector<uint64_t> afterwards;  // of what was written to it since
  };

  void Follow(const faultfs::Trace& trace, uint64_t effects);

  const uint64_t at_;
  const faultfs::Inode inode_;
  uint64_t size_ = 0;
  std::set<std::string> names_;  // that the file had at any time
  std::map<uint64_t, Promise> promised_;
  uint64_t followed_ = 0;  // effects that `afterwards` knows of
};

}  // namespace manifolddb::crashsim
