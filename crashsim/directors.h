#pragma once
// Who goes on, one run of a race after the other: every schedule up to a number of preemptions, schedules
// that are drawn from a seed, or one that is given. Each has a name that plays it again.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "crashsim/random.h"
#include "crashsim/scheduler.h"

namespace manifolddb::crashsim {

// How schedules are found.
enum class Strategy : uint8_t {
  kBounded,  // all with a number of preemptions
  // Whoever can go on is as likely as any other; in three runs of four who runs mostly stays, how often is
  // drawn for the run: with nothing but switches nobody ever gets far while another one does not.
  kWalk,
  // Probabilistic concurrency testing (Burckhardt and others, 2010) of depth d: random priorities, and d-1
  // random steps at which who would run falls behind everybody. Of n actors and k steps, a bug that d events
  // in a certain order show is met by each run with a chance of at least 1/(n k^(d-1)). Who goes first may
  // wait for somebody behind him by looking again and again; so after twice the steps of a plain run it goes
  // on as a walk.
  kPct2,
  kPct3,
};
inline constexpr Strategy kStrategies[] = {Strategy::kBounded, Strategy::kWalk, Strategy::kPct2,
                                           Strategy::kPct3};
const char* Name(Strategy strategy);  // "bounded", "walk", "pct2", "pct3"
std::optional<Strategy> ParseStrategy(const std::string& name);

// "Amid this step of this thread, before this event (scheduler.h), that one goes on."
struct Switch {
  size_t thread = 0;
  size_t step = 0;
  uint64_t event = 0;
  size_t to = 0;
  friend bool operator==(const Switch&, const Switch&) = default;
};
using Switches = std::vector<Switch>;

// For each schedule: Begin, the run; then Advance. The same schedule may be run
// again.
class RaceDirector : public Director {
 public:
  virtual ~RaceDirector() = default;
  void Meet(const Moment& moment) final;
  size_t Choose(std::span<const size_t> actors, bool forced) final;
  void Only(size_t actor) final;
  bool AtPublishing() const final { return at_publishing_; }

  void Begin();
  // To the next schedule. False: that was the last.
  virtual bool Advance() = 0;
  // What schedules are named by: the choices that are not the first possible one ("12:1,40:2", "-" for none),
  // or what it was drawn from ("pct2:5:17": strategy, seed, run).
  virtual std::string ToString() const = 0;
  // Asked at atomics as well: what is drawn, and what measures its steps. That all schedules are tried ends
  // with that: there would be too many.
  void SwitchAtPublishing() { at_publishing_ = true; }
  // Only what happens while it races is a step.
  void Race(bool on) {
    racing_ = on;
    moment_ = {};
  }
  // Of the run while it raced, as MakeSwitched wants them: where another than the first possible one went on.
  const Switches& switches() const { return switches_; }
  // Told each moment while it races, and who goes on.
  struct Watch {
    std::function<void(const Moment& moment)> meets = {};
    std::function<void(size_t actor)> goes_on = {};
  };
  void SetWatch(Watch watch) { watch_ = std::move(watch); }
  void GoesOn(size_t actor) final;

  // Called, and must not return, when a run has had so many steps that it will come to no end.
  void OnEndless(std::function<void()> call) { on_endless_ = std::move(call); }

  uint64_t choices() const { return choices_; }  // in this run
  uint64_t steps() const { return steps_; }      // the same, and those where only one could go on

 protected:
  virtual size_t DoChoose(std::span<const size_t> actors, bool forced) = 0;
  virtual void DoBegin() {}
  virtual void DoOnly(size_t) {}
  const Moment& moment() const { return moment_; }  // of the one that ran
  bool racing() const { return racing_; }

 private:
  void CountStep();

  std::function<void()> on_endless_;
  Watch watch_;
  Moment moment_ = {};
  Switches switches_;
  bool at_publishing_ = false;
  bool racing_ = false;
  uint64_t choices_ = 0;
  uint64_t steps_ = 0;
};

std::unique_ptr<RaceDirector> MakeBounded(uint32_t preemptions);
// `runs` schedules from `seed`, from the `first` on. `steps`: of a run, about; priorities change within them.
struct Draw {
  Strategy strategy = Strategy::kWalk;
  uint64_t seed = 1;
  uint64_t first = 0;
  uint64_t runs = 1;
};
std::unique_ptr<RaceDirector> MakeDrawn(const Draw& draw, uint64_t steps);
// The choices of a list; those that it does not name are the first possible one.
std::unique_ptr<RaceDirector> MakeListed(std::map<uint64_t, size_t> choices);

// These switches and no others: otherwise who runs goes on, and when it waits or has ended the first that
// can, by number. A switch to one that cannot go on is none. Asked at atomics as well.
std::unique_ptr<RaceDirector> MakeSwitched(Switches switches);

// What a name stands for: a list of choices, or what is drawn. Nothing if it is none.
struct NamedSchedule {
  std::map<uint64_t, size_t> choices = {};
  std::optional<Draw> draw = std::nullopt;
};
std::optional<NamedSchedule> ParseSchedule(const std::string& text);

}  // namespace manifolddb::crashsim
