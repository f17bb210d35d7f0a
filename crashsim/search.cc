// (1) The same wish, the same answer: nothing depends on time, but where the engine never comes to an end.
// (2) Points within a call are left out: a write and the size that it gives the file are one moment here.
// (3) A life that goes wrong by itself ends the search there: its judge has lost the thread.
// (4) Two schedules that the disk and the callers cannot tell apart end alike.
#include "crashsim/search.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "crashsim/apart.h"
#include "crashsim/json.h"
#include "crashsim/json_lines.h"
#include "crashsim/race_runner.h"
#include "crashsim/registry.h"

namespace manifolddb::crashsim {
namespace {

using faultfs::Arrivals;
using faultfs::CrashPoint;
using faultfs::Policy;

constexpr unsigned kSecondsMax = 120;  // of a search that goes round for ever

// Where the database is closed in between: the steps of each opening.
struct Opening {
  std::vector<Step> steps;
  bool closes = false;
  std::vector<std::vector<Step>> threads = {};
  Switches switches = {};

  Life LifeOf() const { return {.steps = steps, .threads = threads, .switches = switches, .closes = closes}; }
};

std::vector<Opening> OpeningsOf(const Items& items) {
  std::vector<Opening> openings(1);
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].thread) {
      auto& threads = openings.back().threads;
      threads.resize(std::max(threads.size(), *items[i].thread + 1));
      threads[*items[i].thread].push_back(items[i].step);
    } else if (!items[i].reopen) {
      openings.back().steps.push_back(items[i].step);
    } else {
      openings.back().closes = true;
      if (i + 1 < items.size()) openings.emplace_back();
    }
  }
  openings.back().switches = SwitchesOf(items);
  return openings;
}

// Images worth a look: the plain ones, those that lack one change, those that have little.
std::vector<Arrivals> ImagesAt(const CrashPoint& point, bool last, bool best) {
  constexpr uint64_t kOfEach = 12;
  std::vector<Arrivals> images = {point.Resolve({Policy::kAll, 0})};
  const size_t count = point.atoms().size();
  if (count == 0) return images;
  images.push_back(point.Resolve({Policy::kNone, 0}));
  if (!last) return images;
  for (const Policy policy : {Policy::kAllButOne, Policy::kOne, Policy::kPrefix, Policy::kReversed}) {
    const uint64_t parameters = point.ParameterCount(policy);
    const uint64_t step = best ? 1 : std::max<uint64_t>(1, parameters / kOfEach);
    for (uint64_t p = 0; p < parameters; p += step) images.push_back(point.Resolve({policy, p}));
  }
  for (uint64_t seed = 1; seed <= 4; ++seed) images.push_back(point.Resolve({Policy::kRandom, seed}));
  constexpr size_t kPairsOf = 16;
  for (size_t one = 0; best && count <= kPairsOf && one < count; ++one) {
    for (size_t other = one + 1; other < count; ++other) {
      images.push_back(Arrivals(count, faultfs::arrival::kWhole));
      images.back()[one] = images.back()[other] = faultfs::arrival::kLost;
    }
  }
  return images;
}

class Searcher {
 public:
  explicit Searcher(const SearchWish& wish) : wish_(wish) {}

  SearchResult Run() {
    std::vector<Opening> openings = OpeningsOf(wish_.items);
    Start start = EmptyDisk(wish_.setup);
    for (size_t i = 0; i + 1 < openings.size(); ++i) {
      const Played played = PlayHere(start, openings[i].LifeOf());
      lives_.push_back({.steps = openings[i].steps, .closes = true});
      if (played.finding) {
        Offer(*played.finding);
        return std::move(result_);
      }
      start = AfterKill(start, played, kAtTheEnd);
    }
    if (openings.back().threads.empty()) {
      Explore(start, openings.back(), 0);
    } else {
      ExploreSchedules(start, openings.back());
    }
    if (wish_.best && result_.hit) LetArrive(*result_.hit);
    return std::move(result_);
  }

 private:
  bool Over() const { return result_.recoveries >= wish_.recoveries_max || (result_.hit && !wish_.best); }

  Played PlayHere(const Start& start, const Life& life) {
    ++result_.recoveries;
    return Play(wish_.setup, start, life);
  }

  void ExploreSchedules(const Start& start, Opening opening) {
    if (wish_.wander) return Explore(start, opening, *wish_.wander);
    ExploreSchedule(start, opening);
    for (const Switches& switches : wish_.otherwise) {
      if (Over()) return;
      opening.switches = switches;
      ExploreSchedule(start, opening);
    }
  }

  // (4)
  void ExploreSchedule(const Start& start, const Opening& opening) {
    const Played played = PlayHere(start, opening.LifeOf());
    if (!seen_.insert(HashOfRun(played.session, played.session.first_effect)).second) return;
    ExploreEnds(start, played, opening, 0);
  }

  void Explore(const Start& start, Opening opening, const Wander& wander) {
    const Life life = opening.LifeOf();
    const auto plain = MakeListed({});
    plain->SwitchAtPublishing();
    static_cast<void>(PlayUnder(wish_.setup, start, life, *plain));
    const Draw draw{.strategy = wander.strategy, .seed = wander.seed, .runs = wander.runs};
    const auto director = wander.given && wander.given->draw ? MakeDrawn(*wander.given->draw, plain->steps())
                          : wander.given                     ? MakeListed(wander.given->choices)
                          : wander.strategy == Strategy::kBounded ? MakeBounded(wander.preemptions)
                                                                  : MakeDrawn(draw, plain->steps());
    do {
      ++result_.recoveries;
      static_cast<void>(PlayUnder(wish_.setup, start, life, *director));
      opening.switches = director->switches();
      ExploreSchedule(start, opening);
    } while (!Over() && director->Advance());
  }

  void Explore(const Start& start, const Opening& opening, size_t depth) {
    ExploreEnds(start, PlayHere(start, opening.LifeOf()), opening, depth);
  }

  void ExploreEnds(const Start& start, const Played& played, const Opening& opening, size_t depth) {
    if (played.finding) {  // (3)
      lives_.push_back(opening.LifeOf());
      if (depth == wish_.shape.size() || wish_.shape[depth] == EndKind::kGoOn) Offer(*played.finding);
      lives_.pop_back();
      return;
    }
    if (depth == wish_.shape.size()) return;
    switch (wish_.shape[depth]) {
      case EndKind::kPower: EndByPower(start, played, opening, depth); break;
      case EndKind::kKill: EndByKill(start, played, opening, depth); break;
      case EndKind::kDamage: EndByDamage(start, played, opening); break;
      case EndKind::kGoOn: break;
    }
  }

  static bool WithinCall(const Played& played, uint64_t effects) {  // (2)
    return effects < played.effects() && played.session.trace->effects[effects].by_write;
  }

  uint64_t FirstEnd(const Played& played, size_t depth) const {
    const bool late = wish_.late && depth == 0 && !played.begun.empty();
    return late ? played.begun.back() : played.session.first_effect;
  }

  void EndByPower(const Start& start, const Played& played, const Opening& opening, size_t depth) {
    const bool last = depth + 1 == wish_.shape.size();
    const uint64_t first = FirstEnd(played, depth);
    CrashPoint point(played.session.trace, first);
    for (uint64_t n = first; n <= played.effects() && !Over(); ++n) {
      if (WithinCall(played, n)) continue;
      point.MoveTo(n);
      for (const Arrivals& arrivals : ImagesAt(point, last, wish_.best)) {
        if (Over()) return;
        lives_.push_back(LifeUntil(played, opening, n));
        lives_.back().power = true;
        lives_.back().lost = LossesOf(point, arrivals);
        GoOn(AfterPower(start, played, point, arrivals), RestOf(played, opening, n), depth + 1);
        lives_.pop_back();
      }
    }
  }

  void EndByKill(const Start& start, const Played& played, const Opening& opening, size_t depth) {
    for (uint64_t n = FirstEnd(played, depth); n <= played.effects() && !Over(); ++n) {
      if (WithinCall(played, n)) continue;
      lives_.push_back(LifeUntil(played, opening, n));
      GoOn(AfterKill(start, played, n), RestOf(played, opening, n), depth + 1);
      lives_.pop_back();
    }
  }

  // Only behind a clean close: what damage of a log may hide after a crash takes longer to say.
  void EndByDamage(const Start& start, const Played& played, const Opening& opening) {
    if (!played.session.closed) return;
    for (const Damage& damage : DamagesOf(played)) {
      if (Over()) return;
      lives_.push_back({.steps = opening.steps, .closes = true, .power = true, .damage = damage});
      GoOn(AfterDamage(start, played, damage), {}, wish_.shape.size());
      lives_.pop_back();
    }
  }

  std::vector<Damage> DamagesOf(const Played& played) const {
    const CrashPoint end(played.session.trace, played.effects());
    const faultfs::Image image = end.Draw({Policy::kAll, 0});
    const uint64_t unit = wish_.setup.traits.atomic_unit;
    std::vector<Damage> all;
    for (const auto& [name, file] : image.files()) {
      all.push_back({.removed = true, .file = name});
      for (uint64_t at = 0; at < file.size(); at += unit) {
        for (const uint64_t byte : {uint64_t{9}, uint64_t{60}, unit / 2, unit - 1}) {
          if (at + byte < file.size()) all.push_back({.file = name, .offset = at + byte});
        }
      }
    }
    return all;
  }

  void GoOn(const Start& start, const Opening& rest, size_t depth) {
    if (depth < wish_.shape.size()) return Explore(start, rest, depth);
    if (const auto finding = LookHere(start)) Offer(*finding);
  }

  // What recovery makes of an image is a function of the image.
  std::optional<Finding> LookHere(const Start& start) {
    if (start.trace != nullptr) {
      ++result_.recoveries;
      return Look(wish_.setup, start);
    }
    const uint64_t hash = start.image.Hash();
    auto known = known_.find(hash);
    if (known == known_.end()) {
      ++result_.recoveries;
      known = known_.emplace(hash, Recover(start.Boot(wish_.setup), wish_.setup, {})).first;
    }
    return Judge(wish_.setup, start, known->second);
  }

  static uint64_t ClosingBegun(const Played& played) {
    const auto& settled = played.session.history.settled;
    return played.session.closed ? settled.back().called.effects : kAtTheEnd;
  }

  static Life LifeUntil(const Played& played, const Opening& opening, uint64_t n) {
    Life life{.closes = opening.closes && ClosingBegun(played) < n, .effects = n};
    for (size_t i = 0; i < played.begun.size() && played.begun[i] < n; ++i) {
      if (i < opening.steps.size()) {
        life.steps.push_back(opening.steps[i]);
      } else {
        life.threads = opening.threads;
        life.switches = opening.switches;
      }
    }
    return life;
  }

  static Opening RestOf(const Played& played, const Opening& opening, uint64_t n) {
    Opening rest;
    for (size_t i = 0; i < played.begun.size(); ++i) {
      if (played.begun[i] >= n && i < opening.steps.size()) rest.steps.push_back(opening.steps[i]);
    }
    return rest;
  }

  // One change after the other may yet have arrived.
  void LetArrive(Hit& best) {
    for (Life& life : best.what.lives) {
      for (size_t i = life.lost.size(); i > 0; --i) {
        const Loss loss = life.lost[i - 1];
        life.lost.erase(life.lost.begin() + static_cast<ptrdiff_t>(i - 1));
        ++result_.recoveries;
        const Replay replay = ReplayCase(best.what);
        if (replay.finding && replay.finding->rule == best.finding.rule) {
          best.finding = *replay.finding;
        } else {
          life.lost.insert(life.lost.begin() + static_cast<ptrdiff_t>(i - 1), loss);
        }
      }
    }
  }

  static auto CostOf(const Hit& hit) {
    uint64_t effects = 0;
    for (const Life& life : hit.what.lives) effects += life.effects == kAtTheEnd ? 0 : life.effects;
    return std::tuple(LossesOf(hit.what), OperationsOf(hit.what), effects);
  }

  void Offer(const Finding& finding) {
    if (wish_.rule && finding.rule != *wish_.rule) return;
    Hit hit{{wish_.setup, lives_}, finding};
    if (wish_.promise && finding.violation.promise != *wish_.promise) {
      if (!result_.other) result_.other = std::move(hit);
      return;
    }
    if (!result_.hit || CostOf(hit) < CostOf(*result_.hit)) result_.hit = std::move(hit);
  }

  const SearchWish& wish_;
  std::vector<Life> lives_;  // that have ended
  std::unordered_map<uint64_t, Recovered> known_;
  std::unordered_set<uint64_t> seen_;  // runs of threads
  SearchResult result_;
};

// ---- Between processes: how many steps each life has, and how it ends

Json ToJson(const std::optional<Hit>& hit) {
  if (!hit) return nullptr;
  const Violation& violation = hit->finding.violation;
  Json json = {{"lives", Json::array()}};
  json["rule"] = static_cast<int>(hit->finding.rule);
  json["promise"] = static_cast<int>(violation.promise);
  json["expected"] = violation.expected;
  json["found"] = violation.found;
  for (const Life& life : hit->what.lives) {
    Json one = {{"steps", life.steps.size()},
                {"closes", life.closes},
                {"power", life.power},
                {"effects", life.effects},
                {"threads", !life.threads.empty()},
                {"switches", Json::array()},
                {"lost", Json::array()}};
    for (const Switch& at : life.switches) {
      one["switches"].push_back({at.thread, at.step, at.event, at.to});
    }
    for (const Loss& loss : life.lost) {
      one["lost"].push_back({static_cast<int>(loss.kind), loss.effect, loss.file, loss.sector});
    }
    if (life.damage) {
      one["damage"] = {life.damage->removed, life.damage->file, life.damage->offset};
    }
    json["lives"].push_back(std::move(one));
  }
  return json;
}

std::optional<Hit> FromJson(const SearchWish& wish, const Json& json) {
  if (json.is_null()) return std::nullopt;
  std::vector<Step> steps;
  for (const Item& item : wish.items) {
    if (!item.reopen && !item.thread) steps.push_back(item.step);
  }
  Hit hit{{wish.setup, {}},
          {static_cast<Rule>(json.at("rule").get<int>()),
           {static_cast<Promise>(json.at("promise").get<int>()), json.at("expected"), json.at("found")}}};
  size_t next = 0;
  for (const Json& one : json.at("lives")) {
    Life life{.closes = one.at("closes"), .power = one.at("power"), .effects = one.at("effects")};
    const size_t count = one.at("steps");
    life.steps.assign(steps.begin() + static_cast<ptrdiff_t>(next),
                      steps.begin() + static_cast<ptrdiff_t>(next + count));
    next += count;
    if (one.at("threads").get<bool>()) life.threads = OpeningsOf(wish.items).back().threads;
    for (const Json& at : one.at("switches")) life.switches.push_back({at[0], at[1], at[2], at[3]});
    for (const Json& loss : one.at("lost")) {
      life.lost.push_back({static_cast<faultfs::Atom::Kind>(loss[0].get<int>()), loss[1], loss[2], loss[3]});
    }
    if (one.contains("damage")) {
      const Json& damage = one.at("damage");
      life.damage = Damage{damage[0], damage[1], damage[2]};
    }
    hit.what.lives.push_back(std::move(life));
  }
  return hit;
}

}  // namespace

Switches SwitchesOf(const Items& items) {
  Switches switches;
  std::map<size_t, size_t> steps;  // of each thread so far
  for (const Item& item : items) {
    if (!item.thread) continue;
    const size_t step = steps[*item.thread]++;
    for (const Item::Away& away : item.switches) {
      switches.push_back({*item.thread, step, away.event, away.to});
    }
  }
  return switches;
}

void SetSwitches(const Switches& switches, Items& items) {
  std::map<size_t, size_t> steps;
  for (Item& item : items) {
    if (!item.thread) continue;
    const size_t step = steps[*item.thread]++;
    item.switches.clear();
    for (const Switch& at : switches) {
      if (at.thread == *item.thread && at.step == step) item.switches.push_back({at.event, at.to});
    }
  }
}

std::string Describe(const Shape& shape) {
  constexpr const char* kNames[] = {"power cut", "kill", "damage", "run"};
  std::string text;
  for (const EndKind end : shape) {
    text += text.empty() ? "" : ", ";
    text += kNames[static_cast<size_t>(end)];
  }
  return text.empty() ? "run" : text;
}

SearchResult Search(const SearchWish& wish) { return Searcher(wish).Run(); }

bool HoldsUnbroken(const Case& what) {
  return Apart(kSecondsMax, [&](const Tell& tell) {
           if (BreakSites({}) && !ReplayCase(what).finding) tell("holds");
         }).text == "holds";
}

SearchResult SearchApart(const SearchWish& wish) {
  const Told told = Apart(kSecondsMax, [&](const Tell& tell) {
    const SearchResult result = Search(wish);
    const Json json = {
        {"hit", ToJson(result.hit)}, {"other", ToJson(result.other)}, {"recoveries", result.recoveries}};
    tell(json.dump(-1, ' ', false, Json::error_handler_t::replace));
  });
  const Json json = Json::parse(told.text, nullptr, false);
  if (!told.well || json.is_discarded()) return {.hit = std::nullopt, .died = true};
  return {.hit = FromJson(wish, json.at("hit")),
          .other = FromJson(wish, json.at("other")),
          .recoveries = json.at("recoveries")};
}

}  // namespace manifolddb::crashsim
