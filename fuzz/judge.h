#pragma once
// Looks at everything that a database shows, and says where it is not what was committed.

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "fuzz/disk.h"
#include "fuzz/model.h"
#include "manifolddb/database.h"

namespace manifolddb::fuzz {

// Told of every error that reading meets.
using OnError = std::function<void(const Error&)>;

struct SeenTable {
  Entries forward;
  Entries backward;
  bool forward_whole = false;  // read to the end
  bool backward_whole = false;
};
struct SeenFamily {
  std::map<std::string, SeenTable> tables;
  bool listed = false;  // its tables could be listed
};
struct Seen {
  std::map<std::string, SeenFamily> families;
  bool listed = false;
  bool whole = true;                    // nothing failed
  const char* contradiction = nullptr;  // of what was shown with itself

  // REQUIRES: whole.
  State ToState() const;
};

Seen ReadAll(ReadTransaction& snapshot, const OnError& on_error);
Seen ReadAll(const Database& database, const OnError& on_error);

// Null, or the first thing that was shown and is not in `expected`, or is missing though all was shown.
std::optional<std::string> WhyWrong(const Seen& seen, const State& expected);

// What the surviving bytes state to have been committed beyond commit `claimed`, by the rules of
// engine/format/format.md; none if they state nothing of the kind. Then the loss of what came after it cannot
// be told from a crash (docs/durability.md, Limits).
std::optional<std::string> ProofOfMore(const Files& files, uint64_t claimed);

}  // namespace manifolddb::fuzz
