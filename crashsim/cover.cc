// (1) A recovery is a function of what it reads: the same answers, the same calls, the same effects. So all
//     recoveries from one disk are a tree that branches where a sector is looked at first, and a depth-first
//     walk that answers by prefix meets every leaf once.
// (2) A recovery is ended once for all that agree with it up to there: in the first of them that comes to
//     this end at all.
// (3) What a recovery looked at later than its end is open again afterwards (faultfs sees to that).
#include "crashsim/cover.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "crashsim/random.h"
#include "engine/base/assert.h"

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

// What a recovery read of the disk that it booted from, as far as it was open: by file and sector, the
// content.
using Readings = std::map<std::pair<std::string, uint64_t>, uint64_t>;

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

Readings ReadingsOf(const Trace& trace) {
  Readings readings;
  ForEachFile(trace, [&](const std::string& name, faultfs::Inode inode, const faultfs::FileImage&) {
    for (const Trace::Determined& one : trace.determined) {
      if (one.inode == inode) readings[{name, one.sector}] = ContentsOfSector(trace, one)[one.content].hash();
    }
  });
  return readings;
}

// Could both have been read of one disk?
bool Agree(const Readings& one, const Readings& other) {
  return std::ranges::all_of(one, [&](const auto& read) {
    const auto found = other.find(read.first);
    return found == other.end() || found->second == read.second;
  });
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
    if (!IsSync(trace.effects[effects - 1].kind) || effects == last) kills.push_back(effects);
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
  bool BeginWith(const std::vector<Answer>& prefix) const { return Begins(answers_, prefix); }
  static bool Begins(const std::vector<Answer>& answers, const std::vector<Answer>& prefix) {
    return prefix.size() <= answers.size() && std::equal(prefix.begin(), prefix.end(), answers.begin());
  }
  const std::vector<Answer>& all() const { return answers_; }

 private:
  std::vector<Answer> answers_;
  size_t next_ = 0;
};

// ---- What is tried, and what is known

// What a recovery finds: a disk after a power cut, or the cache that a killed process left.
struct Cover::Start {
  const UndeterminedImage* image = nullptr;
  std::shared_ptr<const Trace> trace = nullptr;
  uint64_t effects = 0;
  uint64_t seed = 0;  // of the identities that are drawn: no two processes draw the same
};

struct Cover::Leaf {
  Recovered found;
  uint64_t first = 0;  // of its effects in the trace
  uint64_t seed = 0;
};

struct Cover::Explored {
  uint32_t depth = 0;
  std::vector<Leaf> leaves;

  mpz_class Images() const {
    mpz_class images = 0;
    for (const Leaf& leaf : leaves) images += ImagesOf(*leaf.found.trace);
    return images;
  }
};

// What was read, and what was found.
struct Cover::Seen {
  Readings readings;
  Result result;
};

// A recovery that was ended, while others may follow that agree with it up to there.
struct Cover::Ended {
  std::string how;
  bool by_power = false;
  uint64_t effects = 0;
  std::vector<Answers::Answer> before;
  // What it had overwritten: read afterwards, these say nothing of the disk that it booted from.
  std::set<std::pair<std::string, uint64_t>> overwritten = {};
  bool other_names = false;          // it had created, renamed or removed files
  std::vector<Seen> not_ended = {};  // what those find that nothing ends
  std::vector<Seen> ended = {};      // what is found in the end
};

// The walk of (1): the leaves that were met, and the ends whose leaves may not all have been.
struct Cover::Walk {
  Answers answers;
  std::vector<std::pair<std::vector<Answers::Answer>, Seen>> leaves;
  std::vector<Ended> ends;
};

namespace {

// What the recovery did to the disk that matters to who reads of it later.
template <class End>
void NoteOverwritten(const Trace& trace, const faultfs::Effect& effect, End& ended) {
  switch (effect.kind) {
    case EffectKind::kCreate:
    case EffectKind::kRemove:
    case EffectKind::kRename: ended.other_names = true; break;
    case EffectKind::kWrite: {
      const uint64_t first = effect.offset / trace.traits.atomic_unit;
      for (uint64_t i = 0; i < effect.sectors.size(); ++i) ended.overwritten.insert({effect.name, first + i});
      break;
    }
    default: break;
  }
}

// Without effects that nobody needs who keeps what a recovery found.
std::shared_ptr<const Trace> Slim(const Trace& trace, uint64_t effects) {
  return std::make_shared<const Trace>(Trace{.traits = trace.traits,
                                             .base = trace.base,
                                             .names = trace.names,
                                             .effects = trace.effects.First(effects),
                                             .undetermined = trace.undetermined,
                                             .determined = trace.determined});
}

}  // namespace

Cover::Cover(const faultfs::Traits& traits, uint32_t depth, Recoverer recover, Report report)
    : traits_(traits), depth_(depth), recover_(std::move(recover)), report_(std::move(report)) {
  MANIFOLDDB_ASSERT(traits.preset == faultfs::Preset::kStrict && !traits.lying_flush);
}
Cover::~Cover() = default;

std::string Cover::Path() const {
  std::string path;
  for (const std::string& part : path_) path += part;
  return path;
}

uint64_t Cover::Cut(const CrashPoint& point, const Judge& judge) {
  ++tally_.points;
  tally_.images += mpz_class(point.images().digits);
  path_.assign(1, "power cut after effect " + std::to_string(point.effects()) + ":");
  uint64_t recoveries = 0;
  for (const auto& explored : ExploreAll(point, depth_)) {
    recoveries += explored->leaves.size();
    for (const Leaf& leaf : explored->leaves) {
      const Violations violations = judge(leaf.found, [&] { return BootAgain(leaf); });
      if (!violations.empty()) report_(Path() + TextOf(*leaf.found.trace), violations);
    }
  }
  return recoveries;
}

void Cover::Kill(const std::shared_ptr<const Trace>& trace, uint64_t effects, const Judge& judge) {
  ++tally_.kills;
  path_.assign(1, "killed after effect " + std::to_string(effects) + ":");
  const auto explored = Explore({.trace = trace, .effects = effects, .seed = Mix(effects)}, depth_, &judge);
  for (const Leaf& leaf : explored->leaves) {
    const Violations violations = judge(leaf.found, [&] { return BootAgain(leaf); });
    if (!violations.empty()) report_(Path(), violations);
  }
}

// All images of a point.
std::vector<std::shared_ptr<const Cover::Explored>> Cover::ExploreAll(const CrashPoint& point,
                                                                      uint32_t depth) {
  std::vector<std::shared_ptr<const Explored>> all;
  mpz_class covered = 0;
  const bool listed = point.ForEachStart([&](const UndeterminedImage& image) {
    all.push_back(ExploreKnown(image, depth));
    covered += all.back()->Images();
  });
  MANIFOLDDB_ASSERT(listed);
  // Every legal image has a recovery that stands for it, and one only.
  MANIFOLDDB_ASSERT(covered == mpz_class(point.images().digits));
  return all;
}

std::shared_ptr<const Cover::Explored> Cover::ExploreKnown(const UndeterminedImage& image, uint32_t depth) {
  const uint64_t hash = image.Hash();
  if (const auto known = explored_.find(hash); known != explored_.end() && known->second->depth >= depth) {
    ++tally_.known;
    return known->second;
  }
  auto explored = Explore({.image = &image, .seed = Mix(hash)}, depth, nullptr);
  if (explored_.size() > kExploredMax) explored_.clear();
  return explored_[hash] = std::move(explored);
}

std::shared_ptr<const Cover::Explored> Cover::Explore(const Start& start, uint32_t depth,
                                                      const Judge* judge) {
  auto explored = std::make_shared<Explored>();
  explored->depth = depth;
  Walk walk;
  do {
    walk.answers.Rewind();
    Leaf leaf = RecoverOnce(start, walk.answers);
    Compare(walk, false);
    const Seen seen{ReadingsOf(*leaf.found.trace), ResultOf(leaf.found)};
    for (Ended& ended : walk.ends) ended.not_ended.push_back(seen);
    walk.leaves.emplace_back(walk.answers.all(), seen);
    if (depth > 0 && leaf.found.sound()) EndRecovery(leaf, depth, judge, walk);
    leaf.found.trace = Slim(*leaf.found.trace, leaf.first);
    explored->leaves.push_back(std::move(leaf));
  } while (walk.answers.Advance());
  Compare(walk, true);
  return explored;
}

Cover::Leaf Cover::RecoverOnce(const Start& start, Answers& answers) {
  const auto determine = [&](size_t contents, uint64_t effects) { return answers.Next(contents, effects); };
  const auto disk = start.image != nullptr
                        ? std::make_shared<faultfs::Disk>(*start.image, determine, traits_, start.seed)
                        : std::make_shared<faultfs::Disk>(*start.trace, start.effects, determine, start.seed);
  Leaf leaf{.found = {}, .first = disk->effects(), .seed = start.seed};
  leaf.found = recover_(disk);
  ++tally_.recoveries;
  tally_.determined_max = std::max<uint64_t>(tally_.determined_max, leaf.found.trace->determined.size());
  return leaf;
}

// The disk that the recovery found, with the same answers to what it asks.
std::shared_ptr<faultfs::Disk> Cover::BootAgain(const Leaf& leaf) const {
  const Trace& trace = *leaf.found.trace;
  std::vector<size_t> answers;
  for (const Trace::Determined& one : trace.determined) {
    if (one.effects >= leaf.first) answers.push_back(one.content);
  }
  const auto determine = [answers, next = size_t{0}](size_t, uint64_t) mutable {
    // What reads on behind what the recovery read sees the first content.
    return next < answers.size() ? answers[next++] : 0;
  };
  return std::make_shared<faultfs::Disk>(trace, leaf.first, determine, leaf.seed);
}

// Ends the recovery `leaf` in every way, unless one that agrees with it was ended like that.
void Cover::EndRecovery(const Leaf& leaf, uint32_t depth, const Judge* judge, Walk& walk) {
  const Trace& trace = *leaf.found.trace;
  const uint64_t last = leaf.first + leaf.found.effects;
  const auto end = [&](uint64_t effects, bool by_power, const Judge* rule) {
    auto before = walk.answers.Before(effects);
    const bool ended_already = std::ranges::any_of(walk.ends, [&](const Ended& one) {
      return one.effects == effects && one.by_power == by_power && one.before == before;
    });
    if (ended_already) return;  // (2): all of these agree with the answers
    Ended ended{.how = TextOf(trace) + (by_power ? " power cut after effect " : " killed after effect ") +
                       std::to_string(effects) + ":",
                .by_power = by_power,
                .effects = effects,
                .before = std::move(before)};
    for (const auto& [answers, seen] : walk.leaves) {
      if (Answers::Begins(answers, ended.before)) ended.not_ended.push_back(seen);
    }
    // Also by processes that were killed before it: the cache is one.
    for (uint64_t i = 0; i < effects; ++i) NoteOverwritten(trace, trace.effects[i], ended);
    path_.push_back(ended.how);
    if (by_power) {
      CutRecovery(leaf, effects, depth, rule, ended);
    } else {
      KillRecovery(leaf, effects, depth, judge, ended);
    }
    path_.pop_back();
    walk.ends.push_back(std::move(ended));
  };
  for (const uint64_t effects : CutsOf(trace, leaf.first, last)) {
    // A killed process left what a power cut may take even now, with the judge to say what is owed; but once
    // the next one has opened the database, what it shows is durable.
    end(effects, true, effects == last ? nullptr : judge);
  }
  for (const uint64_t effects : KillsOf(trace, leaf.first, last)) end(effects, false, nullptr);
}

void Cover::CutRecovery(const Leaf& leaf, uint64_t effects, uint32_t depth, const Judge* judge,
                        Ended& ended) {
  const CrashPoint point(leaf.found.trace, effects);
  ++tally_.cuts;
  tally_.images_of_cuts += mpz_class(point.images().digits);
  for (const auto& explored : ExploreAll(point, depth - 1)) {
    for (const Leaf& after : explored->leaves) Found(after, judge, ended);
  }
}

void Cover::KillRecovery(const Leaf& leaf, uint64_t effects, uint32_t depth, const Judge* judge,
                         Ended& ended) {
  ++tally_.killed;
  const Start start{.trace = leaf.found.trace, .effects = effects, .seed = Mix(leaf.seed, effects)};
  const auto explored = Explore(start, depth - 1, judge);
  // A kill takes nothing away: what is found now is what would have been found.
  for (const Leaf& after : explored->leaves) Found(after, nullptr, ended);
}

// What was found in the end: judged, or to be compared.
void Cover::Found(const Leaf& leaf, const Judge* judge, Ended& ended) {
  Violations violations;
  if (judge != nullptr) {
    violations = (*judge)(leaf.found, [&] { return BootAgain(leaf); });
  } else if (!leaf.found.sound()) {
    violations = {{leaf.found.error ? Promise::kRestartable : Promise::kWhole,
                   "recovery can be ended anywhere", FirstProblem(leaf.found)}};
  } else {
    ended.ended.push_back({ReadingsOf(*leaf.found.trace), ResultOf(leaf.found)});
  }
  if (!violations.empty()) report_(Path() + TextOf(*leaf.found.trace), violations);
}

// Those that do not agree with the answers of now (or all): nobody follows who would.
void Cover::Compare(Walk& walk, bool all) {
  std::erase_if(walk.ends, [&](const Ended& ended) {
    if (!all && walk.answers.BeginWith(ended.before)) return false;
    CompareOne(ended);
    return true;
  });
}

// Whoever read of the same disk in the end must have found what is found when nothing ends the recovery.
// Where files were renamed nobody knows which is which: one of these results, then.
void Cover::CompareOne(const Ended& ended) {
  const bool by_name = ended.by_power && ended.other_names;
  for (Seen seen : ended.ended) {
    if (ended.by_power) {
      std::erase_if(seen.readings, [&](const auto& one) { return ended.overwritten.contains(one.first); });
    }
    uint64_t alike = 0;
    uint64_t same = 0;
    const Seen* other = nullptr;
    for (const Seen& one : ended.not_ended) {
      if (!by_name && !Agree(seen.readings, one.readings)) continue;
      ++alike;
      if (one.result == seen.result) {
        ++same;
      } else {
        other = &one;
      }
    }
    MANIFOLDDB_ASSERT(alike > 0);  // every disk has a recovery that nothing ends
    if (by_name ? same > 0 : same == alike) continue;
    report_(Path() + ended.how,
            {{Promise::kRestartable,
              "what the recovery of that disk finds when nothing ends it, commit " +
                  std::to_string(other->result.second),
              "commit " + std::to_string(seen.result.second) + ", " +
                  (other->result.first == seen.result.first ? "the same" : "other") + " contents"}});
  }
}

}  // namespace manifolddb::crashsim
