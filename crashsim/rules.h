#pragma once
// The rules that both judges hold a run and a crash to. Each judge can be told to forget some: that the other
// one notices is how the judges themselves are tested. Nothing but tests does.

#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace manifolddb::crashsim {

enum class JudgingRule : uint8_t {
  kContents,      // what survives are the contents of one state
  kNumber,        // and the commit number is that state's
  kNotBefore,     // no commit survives a crash before it was called
  kCommitFloor,   // a durable commit that was acknowledged survives
  kReaderFloor,   // and so does one that a reader saw
  kSettledFloor,  // and what a checkpoint or a close covers
  kUnknownOrder,  // among commits of unknown outcome none survives without those it follows
  kOrder,         // what ended before another was called precedes it
  kReading,       // a snapshot shows the state that it names
  kFreshness,     // and not an older one than what had been acknowledged
};
inline constexpr size_t kJudgingRules = 10;

class Forgotten {
 public:
  Forgotten() = default;
  Forgotten(std::initializer_list<JudgingRule> rules) {
    for (const JudgingRule rule : rules) bits_ |= 1u << static_cast<unsigned>(rule);
  }
  bool operator()(JudgingRule rule) const { return (bits_ >> static_cast<unsigned>(rule) & 1) != 0; }

 private:
  uint32_t bits_ = 0;
};

}  // namespace manifolddb::crashsim
