// Names of verdicts.
#include "crashsim/verdict.h"

namespace manifolddb::crashsim {

const char* Name(Promise promise) {
  constexpr const char* kNames[] = {"G0", "G1", "G2", "G3", "G4", "G5", "G6", "G7", "G8", "G9", "G10"};
  return kNames[static_cast<int>(promise)];
}

const char* Meaning(Promise promise) {
  constexpr const char* kMeanings[] = {"",
                                       "durable",
                                       "atomic",
                                       "prefix",
                                       "isolated",
                                       "whole",
                                       "restartable",
                                       "honest about damage",
                                       "honest about errors",
                                       "no leaks",
                                       "bounded"};
  return kMeanings[static_cast<int>(promise)];
}

const char* Name(Outcomes outcome) {
  switch (outcome) {
    case Outcomes::kHolds: return "holds";
    case Outcomes::kViolation: return "violation";
    case Outcomes::kHarnessError: return "harness-error";
    case Outcomes::kVacuous: return "vacuous";
  }
  return "?";
}

std::string Describe(const Violation& violation) {
  return std::string(Name(violation.promise)) + " " + Meaning(violation.promise) + ": expected " +
         violation.expected + "; found " + violation.found;
}

std::string Describe(const Error& error) {
  std::string text = std::string(Name(error.code())) + " " + std::string(error.operation());
  if (!error.file().empty()) text += " " + error.file();
  if (error.offset() != ErrorDetails::kNoOffset) text += " @" + std::to_string(error.offset());
  if (!error.message().empty()) text += ": " + error.message();
  return text;
}

}  // namespace manifolddb::crashsim
