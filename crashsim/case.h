#pragma once
// One failure as data, so that it can be made smaller: what is done in processes that come one after the
// other, by one thread or, at the end of one of them, by several under a schedule, and how each of them ends.
// Nothing in it is drawn. A case is played on a new disk, and judged by the oracle after each end and each
// opening.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crashsim/directors.h"
#include "crashsim/oracle.h"
#include "crashsim/program.h"
#include "crashsim/recovery.h"
#include "crashsim/session.h"
#include "crashsim/setup.h"
#include "crashsim/verdict.h"
#include "faultfs/crash_point.h"
#include "faultfs/image.h"

namespace manifolddb::crashsim {

// A change of the disk that had not been synced and did not arrive.
struct Loss {
  faultfs::Atom::Kind kind = faultfs::Atom::Kind::kSector;
  uint64_t effect = 0;    // since the machine was switched on, from 0
  std::string file = {};  // as its effect names it
  uint64_t sector = 0;    // kSector
  bool torn = false;      // kSector: neither the old bytes are there nor the new ones
  friend bool operator==(const Loss&, const Loss&) = default;
};

// What is done to the bytes of a database that was closed.
struct Damage {
  bool removed = false;  // the file is gone; else bit 0 of the byte at `offset` flips
  std::string file = {};
  uint64_t offset = 0;
};

// What no power cut may do to a file, behind any end: what storage that errs does, or whoever mixes up files.
struct Harm {
  enum class How : uint8_t {
    kFlip,    // a bit of the byte at `offset`
    kRemove,  // the file is gone
    kOlder,   // its bytes are those that it had after so many `effects`
    kTwin,    // its bytes are those of another database, with which the same was done, to the life's end
  };
  How how = How::kFlip;
  std::string file = {};
  uint64_t offset = 0;   // where they come from
  uint64_t bytes = 0;    // so many; 0: the whole file
  uint64_t to = 0;       // where they go
  uint64_t effects = 0;  // kOlder
  uint32_t bit = 0;      // kFlip
  friend bool operator==(const Harm&, const Harm&) = default;
};

inline constexpr uint64_t kAtTheEnd = ~uint64_t{0};

struct Life {
  std::vector<Step> steps = {};
  std::vector<std::vector<Step>> threads = {};  // side by side, behind the steps
  Switches switches = {};                       // of theirs: no others but what waits and ends ask for
  bool closes = false;                          // the database is closed behind the last step
  std::vector<faultfs::Fault> faults = {};      // calls that fail, counted from the life's beginning
  uint64_t no_memory = 0;  // the at-th allocation within commits that is refused; 0: none
  // How it ends: by a power cut, or by a kill, after which the system's cache lives on; behind so many
  // effects since the machine was switched on, or when everything was done.
  bool power = false;
  uint64_t effects = kAtTheEnd;
  std::vector<Loss> lost = {};                  // by a power cut
  std::optional<Damage> damage = std::nullopt;  // by one that took nothing, behind a clean close
  std::vector<Harm> harm = {};                  // done to what the power cut left
  // What an opening behind the power cut shows that nothing ends is what the next one shows that comes to
  // its end, however those between are ended.
  bool restarts = false;
};

struct Case {
  Setup setup;
  std::vector<Life> lives;
};

// Which of the judges' rules is broken: what a smaller case must break as well.
enum class Rule : uint8_t {
  kAnswer,    // while a program runs each call answers what it should
  kOpens,     // after every end the database opens and can be read
  kState,     // it shows the state after a prefix of the commits, at least all that is owed
  kWhole,     // Verify finds nothing, both directions of every table agree
  kDamage,    // damaged bytes are of no effect, or reported
  kRestarts,  // a recovery that was ended comes to the same when it begins again
};
inline constexpr size_t kRules = 6;
const char* Name(Rule rule);  // "answer", "opens", "state", "whole", "damage", "restarts"
const char* Sentence(Rule rule);

struct Finding {
  Rule rule = Rule::kState;
  Violation violation;
};

// What a process finds: a disk, and what is owed of it.
struct Start {
  std::shared_ptr<const faultfs::Trace> trace = nullptr;  // of this boot so far; none: switched on just now
  uint64_t effects = 0;                                   // of it
  faultfs::Image image = faultfs::Image();                // without a trace: what the disk holds
  std::shared_ptr<const Oracle> oracle = nullptr;         // none: nothing was ever acknowledged
  uint64_t owed_at = 0;                                   // effects of the oracle's run
  bool damaged = false;
  std::optional<StateSum> shown = std::nullopt;  // to an opening that nothing ended: owed to all

  std::shared_ptr<faultfs::Disk> Boot(const Setup& setup, uint64_t seed = 2) const;
};
Start EmptyDisk(const Setup& setup);

// What is told of threads, in its order.
struct Happened {
  enum class What : uint8_t { kBegins, kEnds, kSwitches };
  What what = What::kBegins;
  size_t thread = 0;
  size_t step = 0;
  uint64_t event = 0;  // kSwitches: before this one, which is of this kind,
  Moment::At at = Moment::At::kElse;
  size_t to = 0;         // to this thread
  uint64_t effects = 0;  // so far
};

// One life, played until everything was done: its ends are found by cutting its trace.
struct Played {
  Session session;
  std::vector<uint64_t> begun;  // effects when each step began, and behind them the threads
  std::vector<Happened> happened;
  bool struck = false;   // a call failed
  bool full = false;     // for want of room
  bool refused = false;  // for want of room or memory, and for no other reason
  std::shared_ptr<const Oracle> oracle;
  std::optional<Finding> finding;  // of the run itself, or of what its opening showed

  uint64_t effects() const { return session.trace->effects.size(); }
};
Played Play(const Setup& setup, const Start& start, const std::vector<Step>& steps, bool closes);
// Of this life what is played: its end is not.
Played Play(const Setup& setup, const Start& start, const Life& life);
// The same under another schedule than the life's; unless `quiet`, with what a campaign of schedules asks of
// the database besides.
Played PlayUnder(const Setup& setup, const Start& start, const Life& life, RaceDirector& director,
                 bool quiet = false);

// What the next process finds. `point`: of the life's trace, at its end; null if the process was killed.
Start AfterKill(const Start& start, const Played& played, uint64_t effects);
Start AfterPower(const Start& start, const Played& played, const faultfs::CrashPoint& point,
                 const faultfs::Arrivals& arrivals);
Start AfterDamage(const Start& start, const Played& played, const Damage& damage);
// `next`: what the power cut behind so many effects left. `twin`: what the other database left, if it is
// asked for.
Start AfterHarm(const Played& played, uint64_t effects, Start next, const std::vector<Harm>& harm,
                const faultfs::Image* twin);
// `next`: what a power cut left. The same, and what it shows if no opening is ended.
Start WithShown(const Setup& setup, Start next);
bool WantsTwin(const Life& life);
// Another database with which the same is done as with the first one in its first life.
faultfs::Image TwinOf(const Setup& setup, const Life& life);

// Opens, reads everything, verifies: what is wrong, if anything.
std::optional<Finding> Look(const Setup& setup, const Start& start);
// The same, of what a recovery from there found.
std::optional<Finding> Judge(const Setup& setup, const Start& start, const Recovered& found);

// What did not arrive, by name; and back, as far as such a change is there to be lost.
std::vector<Loss> LossesOf(const faultfs::CrashPoint& point, const faultfs::Arrivals& arrivals);
faultfs::Arrivals ArrivalsWithout(const faultfs::CrashPoint& point, const std::vector<Loss>& lost);

// All of it; what each life came to, and what is wrong, if anything.
struct Replay {
  std::vector<Played> lives;
  Start start;  // of the last look
  std::optional<Finding> finding;
};
Replay ReplayCase(const Case& what);

// Operations: each change and each reading in a transaction, and each step that is none.
uint64_t OperationsOf(const Case& what);
uint64_t LossesOf(const Case& what);

}  // namespace manifolddb::crashsim
