#pragma once
// Cuts a session's trace at every effect, recovers every image that the policies draw there, and judges it;
// cuts recoveries as well.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "crashsim/campaign.h"
#include "crashsim/judges.h"
#include "crashsim/lying_sync.h"
#include "crashsim/random.h"
#include "crashsim/recovery.h"
#include "crashsim/session.h"

namespace manifolddb::crashsim {

// What a crash may leave at each point of a trace that one session wrote, or two, the second in the same
// boot.
class Bench {
 public:
  // `judges` are of the last session, which had opened the database after `opened_effect` effects; until
  // then the session before may be cut: `before` hold, as after `before_effects` effects.
  explicit Bench(const Judges& judges) : judges_(&judges) {}
  Bench(const Judges& judges, uint64_t opened_effect, const Judges& before, uint64_t before_effects)
      : judges_(&judges), opened_effect_(opened_effect), before_(&before), before_effects_(before_effects) {}

  struct Ruling {
    const Judges* judges;
    Allowed allowed;
    // Something is missing that a sync had promised: damage may be reported, nothing else is excused.
    bool lost = false;
  };
  Ruling At(uint64_t effects) const;
  // The same for one image. If it lacks what a sync of the first session had promised, acknowledgements of
  // that session count only from before that sync.
  Ruling At(uint64_t effects, const faultfs::Trace& trace, const faultfs::Image& image) const;
  // In the first session a sync had lied.
  void Excuse(LyingSync* lie) { lie_ = lie; }
  bool honest() const { return lie_ == nullptr && !judges_->lying(); }

 private:
  const Judges* judges_;
  uint64_t opened_effect_ = 0;
  const Judges* before_ = nullptr;
  uint64_t before_effects_ = 0;
  LyingSync* lie_ = nullptr;
};

class Explorer {
 public:
  Explorer(Campaign& campaign, const Setup& setup, Invariant invariant)
      : campaign_(campaign), setup_(setup), invariant_(std::move(invariant)) {}

  struct Extent {
    uint64_t first = 0;  // effects
    uint64_t last = 0;
    bool light = false;  // fewer images per point, no nested cuts
  };
  // Every point of `trace` from `first` to `last` effects; with --sample, some.
  void Points(const std::shared_ptr<const faultfs::Trace>& trace, const Bench& bench, const Extent& extent,
              Random random);

  // One image, judged. The position it was found to be, if it was sound.
  std::optional<size_t> Judge(const faultfs::Image& image, const Recovered& found,
                              const Bench::Ruling& ruling);

 private:
  struct PointTally {
    uint64_t images = 0;
    uint64_t recoveries = 0;
    uint64_t nested = 0;
    uint64_t violations = 0;
    std::array<uint64_t, faultfs::kPolicies> policies = {};
  };

  void Point(const faultfs::CrashPoint& point, const Bench& bench, bool light, Random random);
  bool AtMeta(const faultfs::Trace& trace, uint64_t effects) const;
  std::vector<faultfs::ImageSpec> Specs(const faultfs::CrashPoint& point, bool light, Random& random) const;
  Recovered RecoverOnce(const faultfs::Image& image, bool keep_trace, PointTally& tally);
  void Nested(const Recovered& first, bool sample, Random random, uint32_t depth, PointTally& tally);
  bool NestedCut(const faultfs::CrashPoint& cut, const faultfs::ImageSpec& spec, const Recovered& first,
                 Random& random, uint32_t depth, PointTally& tally);
  void CheckMore(const faultfs::Image& image, const Recovered& found, Random& random);
  void CompareInOrder(const faultfs::CrashPoint& point, const faultfs::ImageSpec& spec,
                      const Recovered& found, PointTally& tally);
  void JudgeAgain(const Recovered& found, const Bench::Ruling& ruling, Violations& violations);
  void ReportPoint(uint64_t effects, uint64_t undetermined, const PointTally& tally, const Allowed& allowed);

  Campaign& campaign_;
  const Setup& setup_;
  const Invariant invariant_;
  std::unordered_map<uint64_t, Recovered> known_;  // by the image's hash
};

}  // namespace manifolddb::crashsim
