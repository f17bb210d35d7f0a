// (1) A candidate is played life by life. Each has its likely end, at the same distance from its own end or
//     from its last step's beginning as before; one of all lives may end elsewhere, lose other changes, or
//     meet its fault at another call.
// (2) What is smaller counts if the same rule is broken, and the sound engine holds.
// (3) What becomes smaller with every end where it is likely is left out first: that takes few plays.
#include "crashsim/reduce.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "crashsim/apart.h"
#include "crashsim/case_ends.h"
#include "crashsim/harms.h"
#include "crashsim/json.h"
#include "crashsim/sequences.h"

namespace manifolddb::crashsim {
namespace {

using faultfs::Arrivals;
using faultfs::CrashPoint;
using faultfs::EffectKind;

constexpr unsigned kSecondsOfFit = 60;
constexpr uint64_t kPlaysEach = 250;  // of one candidate

// Of a life of the case that is to become smaller.
struct Placed {
  uint64_t from_end = 0;   // effects
  uint64_t from_step = 0;  // since its last step began
  bool in_opening = false;
  uint64_t from_first = 0;
  std::vector<size_t> lost;  // atoms, counted from the newest
  std::vector<bool> torn;
  std::optional<uint64_t> harmed;  // the write that the harm is about
  uint64_t harmed_at = 0;          // where that write was
  size_t harmed_rank = 0;          // of those beside which harm may stand, counted from the newest
};

bool IsBeside(const faultfs::Effect& effect, const Harm& harm, bool of_write) {
  if (of_write) return effect.kind == EffectKind::kWrite && effect.name == harm.file;
  return effect.kind == EffectKind::kSync || effect.kind == EffectKind::kSyncDirectory;
}

uint64_t EndOf(const Life& life, const Played& played) { return std::min(life.effects, played.effects()); }

std::optional<uint64_t> WriteUnder(const Played& played, uint64_t end, const Harm& harm) {
  const uint64_t place = harm.bytes == 0 ? harm.offset : harm.to;
  for (uint64_t i = end; i > 0; --i) {
    const faultfs::Effect& effect = played.session.trace->effects[i - 1];
    const bool here = effect.kind == EffectKind::kWrite && effect.name == harm.file &&
                      effect.offset <= place && place < effect.offset + effect.size;
    if (here) return i - 1;
  }
  return std::nullopt;
}

Placed PlaceOf(const Life& life, const Played& played) {
  Placed place;
  const uint64_t end = EndOf(life, played);
  place.from_end = played.effects() - end;
  place.from_first = end - std::min(end, played.session.first_effect);
  place.in_opening = end < played.session.opened_effect || played.begun.empty();
  if (!place.in_opening) place.from_step = end - std::min(end, played.begun.back());
  if (!life.power) return place;
  const CrashPoint point(played.session.trace, end);
  const Arrivals arrivals = ArrivalsWithout(point, life.lost);
  for (size_t i = 0; i < arrivals.size(); ++i) {
    if (arrivals[i] == faultfs::arrival::kWhole) continue;
    place.lost.push_back(arrivals.size() - i);
    place.torn.push_back(arrivals[i] == faultfs::arrival::kTorn);
  }
  if (life.harm.empty()) return place;
  place.harmed = WriteUnder(played, end, life.harm[0]);
  if (place.harmed) place.harmed_at = played.session.trace->effects[*place.harmed].offset;
  const uint64_t beside = place.harmed ? *place.harmed : life.harm[0].effects - 1;
  for (uint64_t i = beside + 1; i < end; ++i) {
    const bool counts = IsBeside(played.session.trace->effects[i], life.harm[0], place.harmed.has_value());
    place.harmed_rank += counts ? 1 : 0;
  }
  return place;
}

// Plays a candidate near the places of the case that it comes from.
class Fitter {
 public:
  Fitter(const Case& model, Rule rule, uint64_t plays_max) : rule_(rule), plays_max_(plays_max) {
    const Replay replay = ReplayCase(model);
    plays_ += replay.lives.size() + 1;
    for (size_t i = 0; i < replay.lives.size(); ++i) {
      places_.push_back(PlaceOf(model.lives[i], replay.lives[i]));
    }
  }

  // `from`: of each life, which one of the model's it was.
  std::optional<Hit> Fit(const Case& candidate, const std::vector<size_t>& from, int deviations_max) {
    candidate_ = &candidate;
    from_ = from;
    for (int deviations = 0; deviations <= deviations_max && !hit_ && !Spent(); ++deviations) {
      lives_.clear();
      Go(EmptyDisk(candidate.setup), 0, deviations);
    }
    return std::move(hit_);
  }
  uint64_t plays() const { return plays_; }

 private:
  bool Spent() const { return plays_ >= plays_max_; }

  void Offer(const Finding& finding) {
    if (finding.rule == rule_ && !hit_) hit_ = Hit{{candidate_->setup, lives_}, finding};
  }

  void Go(const Start& start, size_t index, int deviations) {
    if (hit_ || Spent()) return;
    if (index == candidate_->lives.size()) {
      ++plays_;
      if (const auto finding = Look(candidate_->setup, start)) Offer(*finding);
      return;
    }
    Life life = candidate_->lives[index];
    GoWith(start, index, life, deviations);
    if (deviations == 0 || life.faults.empty()) return;
    const uint64_t at = life.faults[0].at;
    for (uint64_t nearer = 1; nearer <= 12 && !hit_ && !Spent(); ++nearer) {
      life.faults[0].at = at - std::min(at - 1, nearer);
      if (at > nearer) GoWith(start, index, life, deviations - 1);
      life.faults[0].at = at + nearer;
      if (nearer < 3) GoWith(start, index, life, deviations - 1);
    }
  }

  void GoWith(const Start& start, size_t index, const Life& life, int deviations) {
    if (hit_ || Spent()) return;
    ++plays_;
    const Played played = Play(candidate_->setup, start, life);
    if (played.finding) {
      Life whole = life;
      whole.effects = kAtTheEnd;
      whole.power = false;
      whole.lost.clear();
      whole.harm.clear();
      whole.restarts = false;
      lives_.push_back(std::move(whole));
      Offer(*played.finding);
      lives_.pop_back();
      return;
    }
    const Placed& place = places_[from_[index]];
    const std::vector<uint64_t> ends = EndsNear(life, played, place);
    for (size_t i = 0; i < ends.size() && !hit_ && !Spent(); ++i) {
      const int left = deviations - (i < 2 ? 0 : 1);
      if (left < 0) break;
      EndAt(start, played, life, index, ends[i], left);
    }
  }

  static std::vector<uint64_t> EndsNear(const Life& life, const Played& played, const Placed& place) {
    constexpr size_t kMost = 40;
    const uint64_t first = played.session.first_effect, last = played.effects();
    if (life.effects == kAtTheEnd) return {last};
    std::vector<uint64_t> ends;
    const auto add = [&](uint64_t end) {
      if (end < first || end > last || ends.size() >= kMost) return;
      if (end < last && played.session.trace->effects[end].by_write) return;
      if (std::ranges::find(ends, end) == ends.end()) ends.push_back(end);
    };
    const uint64_t from_last = last - std::min(last, place.from_end);
    if (place.in_opening) add(first + place.from_first);
    if (!place.in_opening && !played.begun.empty()) add(played.begun.back() + place.from_step);
    add(from_last);
    const uint64_t middle = ends.empty() ? from_last : ends.front();
    for (uint64_t distance = 1; distance < 3 * kMost; ++distance) {
      add(middle - std::min(middle, distance));
      add(middle + distance);
    }
    return ends;
  }

  void EndAt(const Start& start, const Played& played, Life life, size_t index, uint64_t end,
             int deviations) {
    if (life.effects != kAtTheEnd) life.effects = end;
    if (!life.power) {
      lives_.push_back(life);
      Go(AfterKill(start, played, end), index + 1, deviations);
      lives_.pop_back();
      return;
    }
    const CrashPoint point(played.session.trace, end);
    const auto images = ImagesNear(point, life, places_[from_[index]]);
    for (size_t i = 0; i < images.size() && !hit_ && !Spent(); ++i) {
      const int left = deviations - (i < 2 ? 0 : 1);
      if (left < 0) break;
      life.lost = LossesOf(point, images[i]);
      Start next = AfterPower(start, played, point, images[i]);
      plays_ += life.restarts ? 1 : 0;
      if (life.restarts) next = WithShown(candidate_->setup, std::move(next));
      if (life.harm.empty()) {
        lives_.push_back(life);
        Go(next, index + 1, left);
        lives_.pop_back();
      } else {
        HarmAt(played, next, life, index, end, left);
      }
    }
  }

  // By name, by how new they are, none of them, each alone.
  static std::vector<Arrivals> ImagesNear(const CrashPoint& point, const Life& life, const Placed& place) {
    constexpr size_t kAlone = 12;
    const size_t count = point.atoms().size();
    const Arrivals all(count, faultfs::arrival::kWhole);
    std::vector<Arrivals> images = {ArrivalsWithout(point, life.lost)};
    const auto add = [&](Arrivals arrivals) {
      if (std::ranges::find(images, arrivals) == images.end()) images.push_back(std::move(arrivals));
    };
    if (place.lost.empty()) return images;
    bool torn = false;
    Arrivals by_age = all;
    for (size_t i = 0; i < place.lost.size(); ++i) {
      torn = torn || place.torn[i];
      if (place.lost[i] <= count)
        by_age[count - place.lost[i]] = place.torn[i] ? faultfs::arrival::kTorn : faultfs::arrival::kLost;
    }
    add(by_age);
    add(all);
    add(Arrivals(count, faultfs::arrival::kLost));
    for (size_t i = 0; i < std::min(kAlone, count); ++i) {
      Arrivals one = all;
      one[count - 1 - i] = faultfs::arrival::kLost;
      add(one);
      one[count - 1 - i] = faultfs::arrival::kTorn;
      if (torn) add(one);
    }
    return images;
  }

  void HarmAt(const Played& played, const Start& left, Life& life, size_t index, uint64_t end,
              int deviations) {
    const bool twin = WantsTwin(life);
    const faultfs::Image other =
        twin ? TwinOf(candidate_->setup, life) : faultfs::Image(candidate_->setup.traits.atomic_unit);
    const Harms model = life.harm;
    const auto harms = HarmsNear(played, model, places_[from_[index]], end, deviations > 0);
    for (size_t i = 0; i < harms.size() && !hit_ && !Spent(); ++i) {
      life.harm = harms[i];
      lives_.push_back(life);
      Go(AfterHarm(played, end, left, harms[i], &other), index + 1, 0);
      lives_.pop_back();
    }
    life.harm = model;
  }

  // Beside the write to that file that is as new as the one was; the same bytes; then beside each other of
  // the newest. What is of no write, an older file, stands behind a sync.
  static std::vector<Harms> HarmsNear(const Played& played, const Harms& model, const Placed& place,
                                      uint64_t end, bool more) {
    constexpr size_t kWrites = 25;
    std::vector<Harms> all;
    size_t rank = 0;
    for (uint64_t i = end; i > 0 && rank < kWrites; --i) {
      if (!IsBeside(played.session.trace->effects[i - 1], model[0], place.harmed.has_value())) continue;
      const bool likely = rank++ == place.harmed_rank;
      if (likely || more) all.push_back(Moved(played, model, place, i - 1));
      if (likely) std::swap(all.front(), all.back());
    }
    all.insert(all.begin() + (all.empty() ? 0 : 1), model);
    return all;
  }

  // About that effect in place of the one that it was about. Sums are modulo 2^64.
  static Harms Moved(const Played& played, const Harms& model, const Placed& place, uint64_t effect) {
    Harms moved = model;
    for (Harm& harm : moved) {
      if (!place.harmed) {
        harm.effects = harm.how == Harm::How::kOlder ? effect + 1 : 0;
        continue;
      }
      const uint64_t by = played.session.trace->effects[effect].offset - place.harmed_at;
      harm.offset += by;
      harm.to += harm.bytes > 0 ? by : 0;
      if (harm.how == Harm::How::kOlder) {
        harm.effects = std::min(harm.effects + effect - *place.harmed, played.effects());
      }
      if (harm.offset > kFarthest || harm.to > kFarthest) return model;
    }
    return moved;
  }

  static constexpr uint64_t kFarthest = uint64_t{1} << 40;

  const Rule rule_;
  const uint64_t plays_max_;
  std::vector<Placed> places_;  // of the model's lives
  const Case* candidate_ = nullptr;
  std::vector<size_t> from_;
  std::vector<Life> lives_;
  std::optional<Hit> hit_;
  uint64_t plays_ = 0;
};

class Reducer {
 public:
  Reducer(Hit hit, bool broken, uint64_t plays_max)
      : hit_(std::move(hit)), broken_(broken), plays_max_(plays_max) {}

  Reduced Run() {
    for (deviations_ = 0; deviations_ < 2; ++deviations_) {
      for (uint64_t size = ~uint64_t{0}; SizeOf(hit_.what) < size && !Spent();) {
        size = SizeOf(hit_.what);
        DropLives();
        DropSteps();
        DropOps();
        DropWhatIsMet();
        Simplify();
      }
    }
    Rename();
    DropWhatIsMet();
    return {std::move(hit_), plays_};
  }

 private:
  bool Spent() const { return plays_ >= plays_max_; }

  static uint64_t SizeOf(const Case& what) {
    uint64_t size = 1000 * (OperationsOf(what) + what.lives.size()) + 10 * LossesOf(what);
    for (const Life& life : what.lives) size += 10 * (life.harm.size() + life.faults.size());
    return size;
  }

  bool Accept(const Case& candidate) {
    std::vector<size_t> from(candidate.lives.size());
    for (size_t i = 0; i < from.size(); ++i) from[i] = i;
    return Accept(candidate, from);
  }
  bool Accept(const Case& candidate, const std::vector<size_t>& from) {
    if (Spent() || candidate.lives.empty()) return false;
    const Told told = Apart(kSecondsOfFit, [&](const Tell& tell) {
      Fitter fitter(hit_.what, hit_.finding.rule, kPlaysEach);
      const auto hit = fitter.Fit(candidate, from, deviations_);
      Json json = {{"plays", fitter.plays()}};
      if (hit) json["hit"] = EndsOf(*hit);
      tell(json.dump(-1, ' ', false, Json::error_handler_t::replace));
    });
    const Json json = Json::parse(told.text, nullptr, false);
    plays_ += json.is_object() ? json.at("plays").get<uint64_t>() : 1;
    if (!told.well || !json.is_object() || !json.contains("hit")) return false;
    auto hit = WithEnds(candidate, json.at("hit"));
    if (!hit || (broken_ && !HoldsUnbroken(hit->what))) return false;
    hit_ = std::move(*hit);
    return true;
  }

  // A life goes, its steps before the next one's or with it.
  void DropLives() {
    for (size_t i = hit_.what.lives.size(); i-- > 0;) {
      if (i >= hit_.what.lives.size() || hit_.what.lives.size() < 2) continue;
      std::vector<size_t> from;
      for (size_t n = 0; n < hit_.what.lives.size(); ++n) {
        if (n != i) from.push_back(n);
      }
      Case fewer = hit_.what;
      fewer.lives.erase(fewer.lives.begin() + static_cast<ptrdiff_t>(i));
      if (Accept(fewer, from) || i == fewer.lives.size()) continue;
      auto& next = fewer.lives[i].steps;
      next.insert(next.begin(), hit_.what.lives[i].steps.begin(), hit_.what.lives[i].steps.end());
      static_cast<void>(Accept(fewer, from));
    }
  }

  // In ever smaller pieces, from the end.
  void DropPieces(const std::function<size_t()>& count,
                  const std::function<void(Case&, size_t begin, size_t end)>& drop) {
    for (size_t piece = std::max<size_t>(1, count() / 2); piece > 0; piece /= 2) {
      for (size_t end = count(); end > 0 && !Spent();) {
        const size_t begin = end - std::min(piece, end);
        Case fewer = hit_.what;
        drop(fewer, begin, end);
        static_cast<void>(Accept(fewer));
        end = std::min(begin, count());
      }
    }
  }

  static void Erase(auto& list, size_t begin, size_t end) {
    list.erase(list.begin() + static_cast<ptrdiff_t>(begin), list.begin() + static_cast<ptrdiff_t>(end));
  }
  // Whether there is a life of that number still.
  bool Has(size_t life) const { return life < hit_.what.lives.size(); }

  void DropSteps() {
    for (size_t i = 0; i < hit_.what.lives.size(); ++i) {
      DropPieces([&] { return Has(i) ? hit_.what.lives[i].steps.size() : 0; },
                 [&](Case& fewer, size_t begin, size_t end) { Erase(fewer.lives[i].steps, begin, end); });
    }
  }

  void DropOps() {
    for (size_t i = 0; i < hit_.what.lives.size(); ++i) {
      for (size_t step = 0; Has(i) && step < hit_.what.lives[i].steps.size(); ++step) {
        const auto count = [&] {
          const bool there = Has(i) && step < hit_.what.lives[i].steps.size();
          return there ? hit_.what.lives[i].steps[step].ops.size() : 0;
        };
        DropPieces(count, [&](Case& fewer, size_t begin, size_t end) {
          Erase(fewer.lives[i].steps[step].ops, begin, end);
        });
      }
    }
  }

  // Calls that fail, changes that are lost, damage, the close.
  void DropWhatIsMet() {
    for (size_t i = 0; i < hit_.what.lives.size(); ++i) {
      const auto drop = [&](auto Life::*list) {
        for (size_t one = Has(i) ? (hit_.what.lives[i].*list).size() : 0; one-- > 0;) {
          if (!Has(i) || one >= (hit_.what.lives[i].*list).size()) continue;
          Case fewer = hit_.what;
          Erase(fewer.lives[i].*list, one, one + 1);
          static_cast<void>(Accept(fewer));
        }
      };
      drop(&Life::faults);
      drop(&Life::lost);
      drop(&Life::harm);
      if (Has(i) && hit_.what.lives[i].restarts) {
        Case fewer = hit_.what;
        fewer.lives[i].restarts = false;
        static_cast<void>(Accept(fewer));
      }
      if (Has(i) && hit_.what.lives[i].closes) {
        Case fewer = hit_.what;
        fewer.lives[i].closes = false;
        static_cast<void>(Accept(fewer));
      }
      DropTears(i);
    }
  }

  // A torn change is lost as well.
  void DropTears(size_t i) {
    if (!Has(i) || std::ranges::none_of(hit_.what.lives[i].lost, &Loss::torn)) return;
    Case fewer = hit_.what;
    for (Loss& loss : fewer.lives[i].lost) loss.torn = false;
    static_cast<void>(Accept(fewer));
  }

  // In all steps at once, then in each alone. `change` says whether it had anything to change.
  void AcceptSteps(const std::function<bool(Step&)>& change) {
    Case all = hit_.what;
    bool changed = false;
    for (Life& life : all.lives) {
      for (Step& step : life.steps) changed = change(step) || changed;
    }
    if (!changed || Accept(all)) return;
    for (size_t i = 0; i < hit_.what.lives.size(); ++i) {
      for (size_t step = 0; Has(i) && step < hit_.what.lives[i].steps.size(); ++step) {
        Case one = hit_.what;
        if (change(one.lives[i].steps[step])) static_cast<void>(Accept(one));
      }
    }
  }

  void Simplify() {
    if (hit_.what.setup.options.page_size != SetupOfSequences(false).options.page_size ||
        hit_.what.setup.options.log_bytes_max != SetupOfSequences(false).options.log_bytes_max) {
      Case plain = hit_.what;
      const faultfs::Traits traits = plain.setup.traits;
      plain.setup = SetupOfSequences(false);
      plain.setup.traits.garbage_in_torn_units = traits.garbage_in_torn_units;
      plain.setup.traits.outside_bytes_safe = traits.outside_bytes_safe;
      static_cast<void>(Accept(plain));
    }
    AcceptSteps([](Step& step) {
      if (step.kind != StepKind::kTransaction || step.families.size() < 2) return false;
      std::vector<std::string> used;
      for (Op& op : step.ops) {
        const std::string& name = step.families[op.family];
        auto at = std::ranges::find(used, name);
        if (at == used.end()) at = used.insert(used.end(), name);
        op.family = static_cast<uint8_t>(at - used.begin());
      }
      if (used.empty()) used.push_back(step.families[0]);
      if (used.size() == step.families.size()) return false;
      step.families = std::move(used);
      return true;
    });
    AcceptSteps([](Step& step) { return std::exchange(step.through_checkpoint, false); });
    for (const size_t bytes : {size_t{1}, size_t{40}, size_t{200}, size_t{600}}) {
      AcceptSteps([&](Step& step) {
        bool changed = false;
        for (size_t i = 0; i < step.ops.size(); ++i) {
          Op& op = step.ops[i];
          if (op.kind != OpKind::kPut || op.value.size() <= bytes) continue;
          op.value = Letters(bytes, step.serial, i);
          changed = true;
        }
        return changed;
      });
    }
    AcceptSteps([](Step& step) {
      bool changed = false;
      for (size_t i = 0; i < step.ops.size(); ++i) {
        Op& op = step.ops[i];
        if (op.kind != OpKind::kPut) continue;
        const std::string plain = Letters(op.value.size(), step.serial, i);
        changed = changed || plain != op.value;
        op.value = plain;
      }
      return changed;
    });
  }

  static std::string Letters(size_t bytes, Serial serial, size_t op) {
    return std::string(bytes, static_cast<char>('a' + (serial * 7 + op) % 26));
  }

  // Families f, g, ..., tables t, u, ...; keys keep their names, whose order and length may matter.
  void Rename() {
    using Names = std::map<std::string, std::string>;
    std::set<std::string> families, tables, keys;
    const auto each = [](Case& what, const std::function<void(Step&)>& visit) {
      for (Life& life : what.lives) {
        for (Step& step : life.steps) visit(step);
      }
    };
    each(hit_.what, [&](Step& step) {
      families.insert(step.families.begin(), step.families.end());
      for (const Op& op : step.ops) tables.insert(op.table);
      for (const Op& op : step.ops) keys.insert(op.key);
      for (const Op& op : step.ops) keys.insert(op.upper);
      for (const Op& op : step.ops) keys.insert(op.lower);
    });
    const auto shorter = [](const std::set<std::string>& names, char first) {
      Names all;
      for (const std::string& name : names) {
        const size_t number = all.size();
        all[name] = number < 10 ? std::string(1, static_cast<char>(first + number))
                                : std::string(1, first) + std::to_string(number);
      }
      return all;
    };
    const Names family_names = shorter(families, 'f'), table_names = shorter(tables, 't');
    keys.erase("");
    const Names key_names = keys.size() <= 10 ? shorter(keys, '0') : Names();
    Case renamed = hit_.what;
    each(renamed, [&](Step& step) {
      for (std::string& name : step.families) name = family_names.at(name);
    });
    static_cast<void>(Accept(renamed));
    renamed = hit_.what;
    each(renamed, [&](Step& step) {
      for (Op& op : step.ops) op.table = table_names.at(op.table);
    });
    static_cast<void>(Accept(renamed));
    if (key_names.empty()) return;
    renamed = hit_.what;
    each(renamed, [&](Step& step) {
      for (Op& op : step.ops) {
        for (std::string* name : {&op.key, &op.upper, &op.lower}) {
          if (!name->empty()) *name = key_names.at(*name);
        }
      }
    });
    static_cast<void>(Accept(renamed));
  }

  Hit hit_;
  const bool broken_;
  const uint64_t plays_max_;
  uint64_t plays_ = 0;
  int deviations_ = 0;  // (3)
};

}  // namespace

Reduced Reduce(Hit hit, bool broken, uint64_t plays_max) {
  return Reducer(std::move(hit), broken, plays_max).Run();
}

}  // namespace manifolddb::crashsim
