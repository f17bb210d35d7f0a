// (1) A recovery is a function of what it reads: the same answers, the same calls, the same effects. So all
//     recoveries from one disk are a tree that branches where a sector is looked at first, and a depth-first
//     walk that answers by prefix meets every leaf once.
// (2) A recovery is ended once for all that agree with it up to there: in the first of them, whose later
//     answers are all the first possible one.
// (3) What a recovery looked at later than its end is open again afterwards (faultfs sees to that).
#include "crashsim/cover.h"

#include <algorithm>
#include <set>

#include "crashsim/observe.h"
#include "engine/base/assert.h"
#include "manifolddb/database.h"

namespace manifolddb::crashsim {
namespace {

using faultfs::CrashPoint;
using faultfs::EffectKind;
using faultfs::Trace;
using faultfs::UndeterminedImage;

constexpr size_t kExploredMax = 8'000;

bool IsSync(EffectKind kind) {
  return kind == EffectKind::kSync || kind == EffectKind::kSyncRange || kind == EffectKind::kSyncDirectory;
}

// What recoveries of the same disk must agree in.
using Result = std::pair<StateSum, uint64_t>;
Result ResultOf(const Recovered& found) { return {found.seen.sum, found.seen.number}; }

std::string FirstProblem(const Recovered& found) {
  if (found.error) return Describe(*found.error);
  return !found.verify.empty() ? found.verify.front() : found.seen.problems.front();
}

// Calls visit(name, inode, file) for each file that the trace begins with.
template <class Visit>
void ForEachFile(const Trace& trace, Visit visit) {
  for (const auto& [name, file] : trace.base.files()) visit(name, trace.names.at(name), file);
}

const faultfs::Contents& ContentsOfSector(const Trace& trace, const Trace::Determined& one) {
  return trace.undetermined->at(one.inode).at(one.sector);
}

// How many images of the boot a recovery with this trace stands for.
mpz_class ImagesOf(const Trace& trace) {
  mpz_class images = 1;
  if (trace.undetermined == nullptr) return images;
  for (const auto& [inode, sectors] : *trace.undetermined) {
    for (const auto& [index, contents] : sectors) images *= contents.size();
  }
  for (const Trace::Determined& one : trace.determined) images /= ContentsOfSector(trace, one).size();
  return images;
}

// For people: the files that a recovery found, and what it read of them that could have been otherwise.
std::string TextOf(const Trace& trace) {
  std::string text;
  ForEachFile(trace, [&](const std::string& name, faultfs::Inode inode, const faultfs::FileImage& file) {
    text += " " + name + " of " + std::to_string(file.size()) + " bytes";
    for (const Trace::Determined& one : trace.determined) {
      if (one.inode != inode) continue;
      text += ", sector " + std::to_string(one.sector) + " content " + std::to_string(one.content) + " of " +
              std::to_string(ContentsOfSector(trace, one).size());
    }
    text += ";";
  });
  return text.empty() ? " no files;" : text;
}

}  // namespace

std::vector<uint64_t> CutsOf(const Trace& trace, uint64_t first, uint64_t last) {
  std::vector<uint64_t> cuts;
  bool gained = true;  // whatever came before `first` counts
  for (uint64_t effect = first; effect < last; ++effect) {
    const bool sync = IsSync(trace.effects[effect].kind);
    if (sync && gained) cuts.push_back(effect);
    gained = !sync;
  }
  cuts.push_back(last);
  return cuts;
}

std::vector<uint64_t> KillsOf(const Trace& trace, uint64_t first, uint64_t last) {
  std::vector<uint64_t> kills;
  for (uint64_t effects = first + 1; effects <= last; ++effects) {
    if (!IsSync(trace.effects[effects - 1].kind)) kills.push_back(effects);
  }
  return kills;
}

void CoverTally::Add(const CoverTally& other) {
  points += other.points;
  images += other.images;
  kills += other.kills;
  recoveries += other.recoveries;
  cuts += other.cuts;
  images_of_cuts += other.images_of_cuts;
  killed += other.killed;
  known += other.known;
  determined_max = std::max(determined_max, other.determined_max);
  cpu_nanos += other.cpu_nanos;
}

// ---- Answers

// What was asked in one recovery, and what comes next: a path through the tree of (1).
class Cover::Answers {
 public:
  struct Answer {
    size_t contents;
    size_t content;
    uint64_t effects;  // had happened when it was asked for
    friend bool operator==(const Answer&, const Answer&) = default;
  };

  size_t Next(size_t contents, uint64_t effects) {
    if (next_ == answers_.size()) answers_.push_back({contents, 0, effects});
    const Answer& answer = answers_[next_++];
    MANIFOLDDB_ASSERT(answer.contents == contents && answer.effects == effects);
    return answer.content;
  }
  void Rewind() { next_ = 0; }
  // To the next path. False: that was the last.
  bool Advance() {
    while (!answers_.empty() && answers_.back().content + 1 == answers_.back().contents) answers_.pop_back();
    if (answers_.empty()) return false;
    ++answers_.back().content;
    return true;
  }
  // Those that were asked for before the last of `effects` effects: the others are open if that is the end.
  std::vector<Answer> Before(uint64_t effects) const {
    const auto end = std::ranges::find_if(answers_, [&](const Answer& a) { return a.effects >= effects; });
    return {answers_.begin(), end};
  }
  bool FirstOnesFrom(size_t place) const {
    return std::all_of(answers_.begin() + static_cast<ptrdiff_t>(place), answers_.end(),
                       [](const Answer& answer) { return answer.content == 0; });
  }
  bool BeginWith(const std::vector<Answer>& prefix) const {
    return prefix.size() <= answers_.size() && std::equal(prefix.begin(), prefix.end(), answers_.begin());
  }

 private:
  std::vector<Answer> answers_;
  size_t next_ = 0;
};

// ---- What is tried, and what is known

// What a recovery finds: a disk after a power cut, or the cache that a killed process left.
struct Cover::Boot {
  const UndeterminedImage* image = nullptr;
  std::shared_ptr<const Trace> trace = nullptr;
  uint64_t effects = 0;
};

struct Cover::Leaf {
  Recovered found;
  uint64_t first = 0;  // of its effects in the trace
};

struct Cover::Explored {
  uint32_t depth = 0;
  std::vector<Leaf> leaves;
};

// A recovery that was ended, while others may follow that agree with it up to there.
struct Cover::Ended {
  std::string how;
  std::vector<Answers::Answer> before;
  std::set<Result> not_ended;  // what those find that nothing ends
  std::set<Result> ended;      // what is found in the end
};

Cover::Cover(const Setup& setup, uint32_t depth, Report report)
    : setup_(setup), depth_(depth), report_(std::move(report)) {
  MANIFOLDDB_ASSERT(setup.traits.preset == faultfs::Preset::kStrict && !setup.traits.lying_flush);
}
Cover::~Cover() = default;

std::string Cover::Path() const {
  std::string path;
  for (const std::string& part : path_) path += part;
  return path;
}

uint64_t Cover::Cut(const CrashPoint& point, const Judge& judge) {
  ++tally_.points;
  uint64_t recoveries = 0;
  path_.assign(1, "power cut after effect " + std::to_string(point.effects()) + ":");
  mpz_class covered = 0;
  const bool listed = point.ForEachStart([&](const UndeterminedImage& start) {
    const auto explored = ExploreKnown(start, depth_);
    recoveries += explored->leaves.size();
    for (const Leaf& leaf : explored->leaves) {
      covered += ImagesOf(*leaf.found.trace);
      const Violations violations = judge(leaf.found, [&] { return ContentsOf(leaf); });
      if (!violations.empty()) report_(Path() + TextOf(*leaf.found.trace), violations);
    }
  });
  MANIFOLDDB_ASSERT(listed);
  const mpz_class images(point.images().digits);
  MANIFOLDDB_ASSERT(covered == images);  // every legal image has a recovery that stands for it
  tally_.images += images;
  return recoveries;
}

void Cover::Kill(const std::shared_ptr<const Trace>& trace, uint64_t effects, const Judge& judge) {
  ++tally_.kills;
  path_.assign(1, "killed after effect " + std::to_string(effects) + ":");
  const auto explored = Explore({.trace = trace, .effects = effects}, depth_, &judge);
  for (const Leaf& leaf : explored->leaves) {
    const Violations violations = judge(leaf.found, [&] { return ContentsOf(leaf); });
    if (!violations.empty()) report_(Path(), violations);
  }
}

std::shared_ptr<const Cover::Explored> Cover::ExploreKnown(const UndeterminedImage& start, uint32_t depth) {
  const uint64_t hash = start.Hash();
  if (const auto known = explored_.find(hash); known != explored_.end() && known->second->depth >= depth) {
    ++tally_.known;
    return known->second;
  }
  auto explored = Explore({.image = &start}, depth, nullptr);
  if (explored_.size() > kExploredMax) explored_.clear();
  return explored_[hash] = std::move(explored);
}

std::shared_ptr<const Cover::Explored> Cover::Explore(const Boot& boot, uint32_t depth, const Judge* judge) {
  auto explored = std::make_shared<Explored>();
  explored->depth = depth;
  Answers answers;
  std::vector<Ended> all;
  do {
    answers.Rewind();
    Leaf leaf = RecoverOnce(boot, answers);
    Compare(all, &answers);
    for (Ended& ended : all) ended.not_ended.insert(ResultOf(leaf.found));
    if (depth > 0 && leaf.found.sound()) EndRecovery(leaf, answers, depth, judge, all);
    explored->leaves.push_back(std::move(leaf));
  } while (answers.Advance());
  Compare(all, nullptr);
  return explored;
}

Cover::Leaf Cover::RecoverOnce(const Boot& boot, Answers& answers) {
  const auto determine = [&](size_t contents, uint64_t effects) { return answers.Next(contents, effects); };
  const auto disk = boot.image != nullptr
                        ? std::make_shared<faultfs::Disk>(*boot.image, determine, setup_.traits)
                        : std::make_shared<faultfs::Disk>(*boot.trace, boot.effects, determine);
  Leaf leaf{.found = {}, .first = disk->effects()};
  leaf.found = Recover(disk, setup_, {}, {.keep_trace = true});
  ++tally_.recoveries;
  tally_.cpu_nanos += leaf.found.cpu_nanos;
  tally_.determined_max = std::max<uint64_t>(tally_.determined_max, leaf.found.trace->determined.size());
  return leaf;
}

// The same recovery once more, for what the database holds.
Observation Cover::ContentsOf(const Leaf& leaf) const {
  const Trace& trace = *leaf.found.trace;
  std::vector<size_t> answers;
  for (const Trace::Determined& one : trace.determined) {
    if (one.effects >= leaf.first) answers.push_back(one.content);
  }
  size_t next = 0;
  const auto disk = std::make_shared<faultfs::Disk>(trace, leaf.first,
                                                    [&](size_t, uint64_t) { return answers.at(next++); });
  auto database = Database::Open(disk->NewProcess(), kDatabase, InlineOptions(setup_));
  if (!database) return {};
  auto seen = Observe(**database, Detail::kContents);
  disk->Kill();
  return seen ? std::move(*seen) : Observation{};
}

// Ends the recovery `leaf` in every way, unless one that agrees with it was ended like that.
void Cover::EndRecovery(const Leaf& leaf, const Answers& answers, uint32_t depth, const Judge* judge,
                        std::vector<Ended>& all) {
  const Trace& trace = *leaf.found.trace;
  const uint64_t last = leaf.first + leaf.found.effects;
  // A killed process left what a power cut may take even now, with the judge to say what is owed; but once
  // the next one has opened the database, what it shows is durable.
  const auto rule = [&](uint64_t effects) { return effects == last ? nullptr : judge; };
  const auto end = [&](uint64_t effects, const char* how, auto method) {
    auto before = answers.Before(effects);
    if (!answers.FirstOnesFrom(before.size())) return;  // (2)
    Ended ended{.how = TextOf(trace) + how + std::to_string(effects) + ":",
                .before = std::move(before),
                .not_ended = {ResultOf(leaf.found)},
                .ended = {}};
    path_.push_back(ended.how);
    (this->*method)(leaf, effects, depth, rule(effects), ended);
    path_.pop_back();
    all.push_back(std::move(ended));
  };
  for (const uint64_t effects : CutsOf(trace, leaf.first, last)) {
    end(effects, " power cut after effect ", &Cover::CutRecovery);
  }
  for (const uint64_t effects : KillsOf(trace, leaf.first, last)) {
    end(effects, " recovery killed after effect ", &Cover::KillRecovery);
  }
}

void Cover::CutRecovery(const Leaf& leaf, uint64_t effects, uint32_t depth, const Judge* judge,
                        Ended& ended) {
  const CrashPoint point(leaf.found.trace, effects);
  ++tally_.cuts;
  tally_.images_of_cuts += mpz_class(point.images().digits);
  const bool listed = point.ForEachStart([&](const UndeterminedImage& start) {
    const auto explored = ExploreKnown(start, depth - 1);
    for (const Leaf& after : explored->leaves) Found(after, judge, ended);
  });
  MANIFOLDDB_ASSERT(listed);
}

void Cover::KillRecovery(const Leaf& leaf, uint64_t effects, uint32_t depth, const Judge* judge,
                         Ended& ended) {
  ++tally_.killed;
  const auto explored = Explore({.trace = leaf.found.trace, .effects = effects}, depth - 1, judge);
  for (const Leaf& after : explored->leaves) Found(after, judge, ended);
}

// What was found in the end: judged, or to be compared.
void Cover::Found(const Leaf& leaf, const Judge* judge, Ended& ended) {
  Violations violations;
  if (judge != nullptr) {
    violations = (*judge)(leaf.found, [&] { return ContentsOf(leaf); });
  } else if (!leaf.found.sound()) {
    violations = {{leaf.found.error ? Promise::kRestartable : Promise::kWhole,
                   "recovery can be ended anywhere", FirstProblem(leaf.found)}};
  } else {
    ended.ended.insert(ResultOf(leaf.found));
  }
  if (!violations.empty()) report_(Path() + TextOf(*leaf.found.trace), violations);
}

// Of those that do not agree with `answers` (null: of all). Nobody follows who would.
void Cover::Compare(std::vector<Ended>& all, const Answers* answers) {
  std::erase_if(all, [&](const Ended& ended) {
    if (answers != nullptr && answers->BeginWith(ended.before)) return false;
    for (const Result& found : ended.ended) {
      if (ended.not_ended.contains(found)) continue;
      report_(Path() + ended.how, {{Promise::kRestartable,
                                    "what the recovery finds that nothing ends: commit " +
                                        std::to_string(ended.not_ended.begin()->second),
                                    "commit " + std::to_string(found.second) + ", other contents"}});
    }
    return true;
  });
}

}  // namespace manifolddb::crashsim
