#pragma once
// Everything a database says it holds, as a value.

#include <cstdint>
#include <string>
#include <vector>

#include "crashsim/digest.h"
#include "crashsim/model.h"

namespace manifolddb::crashsim {

struct ObservedEntry {
  std::string key;
  uint64_t digest = 0;
  uint64_t bytes = 0;
  ValueTag tag;
};

struct ObservedTable {
  std::string name;
  uint64_t length = 0;   // as Length says
  uint64_t entries = 0;  // as the scan found
  StateSum sum = {};
  std::vector<ObservedEntry> contents = {};  // where asked for
};

struct ObservedFamily {
  std::string name;
  FamilyUid uid = 0;
  std::vector<ObservedTable> tables = {};
};

// What is enough to recognise a state.
struct Summary {
  StateSum sum;
  uint64_t number = 0;
  std::vector<std::string> problems;
};

struct Observation {
  uint64_t number = 0;  // the snapshot's place in the commit order, as the engine says
  std::vector<ObservedFamily> families;
  // What is wrong whatever the contents should be: keys out of order, directions that disagree, lengths.
  std::vector<std::string> problems;
  StateSum Sum() const;
  Summary Summarize() const { return {Sum(), number, problems}; }
};

// A model with the observed contents: REQUIRES contents.
Model ModelOf(const Observation& observation);

}  // namespace manifolddb::crashsim
