#pragma once
// A second judge, written apart from Model and Oracle; of their sources it shares but the sums of digest.h.
// Both must agree on every run: who trusts one of them trusts what two have worked out in different ways.
//
// The oracle guesses one order of the commits, and asks whether it explains the run. This one lists every
// order that real time and the numbers told leave open, replays each in maps of its own, and keeps those
// that explain every answer and every reading. What a crash leaves is right if any of them leads there.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "crashsim/digest.h"
#include "crashsim/history.h"
#include "crashsim/observation.h"
#include "crashsim/rules.h"

namespace manifolddb::crashsim {

class SecondJudge {
 public:
  // `base`: what the database held when the run began, contents and all.
  SecondJudge(const Observation& base, History history, Forgotten forgotten = {});

  // Does any order explain the run?
  bool explains() const { return !lines_.empty(); }
  // Is `seen` a state that a crash after `effects` effects may leave? False of a run that nothing explains.
  bool Permits(const Summary& seen, uint64_t effects) const;

 private:
  using Table = std::map<std::string, uint64_t>;  // key to digest of the value
  using Family = std::map<std::string, Table>;
  struct Contents {
    std::map<std::string, Family> families;
    std::map<FamilyUid, std::string> names;

    StateSum Sum() const;
  };
  struct State {
    StateSum sum;
    uint64_t number = 0;
    uint64_t not_before = 0;  // effects when the last of its commits was called
    bool unseen = false;      // holds a durable commit of unknown outcome: no reader may have seen it
  };
  // One order that explains the run.
  struct Line {
    std::vector<size_t> order;                          // transactions, of number base + 1 and up
    std::vector<State> states;                          // of number base and up; then those of the unknown
    std::vector<std::pair<uint64_t, uint64_t>> floors;  // effects, number: ascending in both
  };

  void SortOut();
  void Extend(std::vector<size_t>& order, size_t next_operation, uint64_t called_max);
  bool Fits(const std::vector<size_t>& order, size_t one, uint64_t called_max) const;
  void Explain(const std::vector<size_t>& order);
  void AddUnknown(const Contents& contents, const State& state, const std::vector<size_t>& left, Line& line);
  bool MustFollow(const Transaction& later, const Transaction& earlier) const;
  bool NamesWhatWasThere(const Line& line) const;
  bool ReadingsHold(const Line& line) const;
  void FindFloors(Line& line) const;
  uint64_t NewestEndedBefore(const Line& line, uint64_t event) const;
  bool DurableAt(const Line& line, uint64_t number) const;

  static bool Replay(const Transaction& one, Contents& contents);
  static bool ReplayOperation(const Performed& done, Family& family);
  static bool ReplaySavepoint(const Op& op, std::map<std::string, Family>& families,
                              std::vector<std::map<std::string, Family>>& before);

  History history_;
  Forgotten forgotten_;
  Contents base_;
  uint64_t base_number_;
  bool doubled_ = false;                   // two commits told one number
  std::map<uint64_t, size_t> told_;        // by number: what changed something
  std::map<uint64_t, size_t> idle_;        // by number: the first that changed nothing and named it
  std::vector<size_t> family_operations_;  // told no number; as they ended
  std::vector<size_t> unknown_;
  uint64_t last_told_;
  size_t tried_ = 0;
  std::vector<Line> lines_;
};

}  // namespace manifolddb::crashsim
