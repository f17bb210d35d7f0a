#pragma once
// The power fails when a number of effects of a trace had happened: which states may the disk be in?
//
// Undetermined is what has changed since the last sync that covers it:
//   - a sector: may be found in the version that is durable, or in any it was given since; with
//     garbage_in_torn_units or without outside_bytes_safe also torn;
//   - a file's size: durable, any since, or (where one write grew it by several sectors) at a sector between;
//   - a directory operation: done or not.
// In preset kStrict all of these are independent of each other; other presets exclude some combinations
// (traits.h). A write that was in progress is the last effect: each of its sectors is there or not.
//
// Each change of one of these by one effect is an *atom*; atoms are in the order of the trace, within a write
// by position. An image is made from which atoms arrived: a sector is as its last atom that arrived made it.
// So the set of arrivals names an image, and an arrival that a preset does not allow without another brings
// that one along.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "faultfs/image.h"
#include "faultfs/trace.h"
#include "faultfs/undetermined.h"

namespace manifolddb::faultfs {

enum class Policy : uint8_t {
  kNone,        // nothing unsynced arrived
  kAll,         // everything
  kPrefix,      // atoms [0, p + 1), of n > 1: p in [0, n - 1)
  kSuffix,      // atoms [p + 1, n)
  kAllButOne,   // all but atom p
  kOne,         // atom p alone
  kTornMiddle,  // all, but of the p-th write of several sectors only the first half
  kReversed,  // written back in reverse order, cut after p + 1 atoms: of each sector the oldest of them stays
  kRandom,    // drawn from seed p: by sector, by effect or by file, often or rarely; torn, cut
};
inline constexpr size_t kPolicies = 9;
std::string_view Name(Policy policy);  // "none", "all", "prefix", "suffix", "all_but_one", ...

// Names one image of a crash point: "prefix:7", "random:81985529216486895".
struct ImageSpec {
  Policy policy = Policy::kNone;
  uint64_t parameter = 0;

  friend bool operator==(const ImageSpec&, const ImageSpec&) = default;
  std::string ToString() const;
  static std::optional<ImageSpec> Parse(std::string_view text);
};

struct Atom {
  enum class Kind : uint8_t { kSector, kSize, kDirectory };
  Kind kind;
  uint64_t effect;  // index in the trace
  Inode inode;
  uint64_t sector = 0;  // kSector: index in the file
};

// What became of each atom.
namespace arrival {
inline constexpr uint64_t kLost = 0;
inline constexpr uint64_t kWhole = 1;
inline constexpr uint64_t kTorn = 2;  // a sector, where the traits allow it; else as kWhole
// A size that a write (in kStrict: anything) gave: v >= 2 cuts it v - 1 sector boundaries above the old size.
}  // namespace arrival
using Arrivals = std::vector<uint64_t>;

// How many images there are. Counted by what the disk did: two that by chance are equal in every byte are
// two.
struct ImageCount {
  std::optional<uint64_t> exact;  // where it fits
  std::string digits;             // the same, however large; empty where it is not known exactly
  double log2 = 0;                // always; an upper bound where there are too many directories to list
};

class CrashState;

// Used by one thread at a time.
class CrashPoint {
 public:
  // After the first `effects` effects of `trace`.
  CrashPoint(std::shared_ptr<const Trace> trace, uint64_t effects);
  ~CrashPoint();
  CrashPoint(CrashPoint&&) noexcept;
  CrashPoint& operator=(CrashPoint&&) noexcept;

  // To another point of the same trace. Forward costs as much as the effects passed; back starts over.
  void MoveTo(uint64_t effects);

  uint64_t effects() const;
  const Trace& trace() const;

  // More than one image is legal: something here can be lost.
  bool has_unsynced() const;
  uint64_t undetermined_sectors() const;
  ImageCount images() const;

  // The images that a policy has here: parameters [0, count). 0: the policy has none of its own here (as
  // kPrefix of a single atom). kRandom has 2^64 - 1.
  uint64_t ParameterCount(Policy policy) const;
  // The image that `spec` names; a parameter past the count is taken modulo it. Legal by construction.
  Image Draw(const ImageSpec& spec) const;

  // For those who shrink: what `spec` lets arrive, and the image of any arrivals (one number per atom).
  const std::vector<Atom>& atoms() const;
  Arrivals Resolve(const ImageSpec& spec) const;
  Image Make(const Arrivals& arrivals) const;
  // "write db @8192 +4096 sector 2" and the like.
  std::string Describe(const Atom& atom) const;

  // Calls `visit` with each legal image once, if there are at most `limit`; else returns false having called
  // it `limit` times. (Images are told apart by what they hold, not by how they came about.)
  bool ForEachImage(uint64_t limit, const std::function<void(const Image&)>& visit) const;

  // Calls `visit` with images that hold all legal ones between them: names and sizes as they may be, one
  // image for each combination, sectors left undetermined. images() counts what these can be made to be: each
  // legal image is one way to determine one of them. False, and nothing visited, if there are too many
  // directories to list, or one in which a file has two names.
  bool ForEachStart(const std::function<void(const UndeterminedImage&)>& visit) const;

  // For Disk, when a file goes back to what is certainly on the disk.
  FileImage DurableFile(Inode inode) const;
  // For Disk, when its cache lets go of what is clean: what the disk has of such sectors where that may
  // differ from the cache, drawn from `seed`. `cache` is the file as processes see it.
  std::vector<std::pair<uint64_t, Sector>> DrawEvicted(Inode inode, const FileImage& cache,
                                                       uint64_t seed) const;

 private:
  std::unique_ptr<CrashState> state_;
};

}  // namespace manifolddb::faultfs
