#pragma once
// What the tests of certificates with threads, and of those whose storage errs, have besides or instead, as
// C++: long texts, apart from what puts them together.

namespace manifolddb::crashsim {

extern const char* const kSourceOfClock;    // goes on when it is looked at: the same for everybody
extern const char* const kSourceOfThreads;  // a scheduler over the lock seam, and the machine with threads
extern const char* const kSourceOfErringMachine;  // in place of the machine
extern const char* const kSourceOfLookingApart;   // in front of that one's look, where a life has "restarts"

}  // namespace manifolddb::crashsim
