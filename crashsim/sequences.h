#pragma once
// All short sequences over a small alphabet of operations: every program up to a length, none drawn.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crashsim/oracle.h"
#include "crashsim/program.h"
#include "crashsim/session.h"
#include "crashsim/setup.h"
#include "faultfs/fault.h"

namespace manifolddb::crashsim {

// An operation by its place in the alphabet.
using Letter = uint8_t;
using Sequence = std::vector<Letter>;

uint8_t Letters();                  // how many sequences are made of; there are more, for races
const char* NameOf(Letter letter);  // "put a", "checkpoint", ...
// "put a, checkpoint"; "nothing" for none.
std::string NameOf(const Sequence& sequence);
// The inverse; nothing if there is no such letter.
std::optional<Sequence> ParseSequence(std::string_view text);

// All sequences of 0 to `length` letters, shorter ones first. None is left out for being like another one
// with the families' names exchanged: a family's place in log and catalog follows from its id, so they are
// not quite alike.
std::vector<Sequence> EnumerateSequences(uint32_t length);

// What makes the database that sequences begin with, and closes it: families a and b, each with a table t of
// a short value and one in an extent.
Program BeginningOfSequences();
// One round for each letter. The last one is left running.
Program ProgramOf(const Sequence& sequence);

// What several actors do side by side, after what one has done, and the call that fails them: "put a | put
// b", "large a, large a; put a | checkpoint", "put a | put b ! sync_reverts@1:db-wal" (faultfs/fault.h;
// counted from the race's beginning on, and lasting no longer).
struct Race {
  Sequence before = {};
  std::vector<Sequence> actors = {};
  std::optional<faultfs::Fault> fault = std::nullopt;

  size_t round() const { return before.size(); }  // of its program
};
std::string NameOf(const Race& race);
// Nothing also if its fault is none that says so when it strikes: what the others excuse, no race is judged
// by.
std::optional<Race> ParseRace(std::string_view text);
// Behind the race, where there is a fault, one actor puts into a, then into b, asks for a checkpoint and
// reads.
Program ProgramOf(const Race& race);

// The database that sequences and races begin with.
struct Beginning {
  explicit Beginning(const Setup& setup);
  // The state, with the families' ids as a session that was opened on it knows them.
  Model BaseFor(const Session& session) const;

  Session session;  // that made it
  std::unique_ptr<Oracle> oracle;
  faultfs::Image image;
  uint64_t number = 0;  // of its last commit

 private:
  Model base_;
};

// Small enough for every state to be tried: pages and sectors of 512 bytes.
// `torn`: a page, and a unit of the log, are two sectors, of which one may arrive without the other.
Setup SetupOfSequences(bool garbage, bool torn = false);

}  // namespace manifolddb::crashsim
