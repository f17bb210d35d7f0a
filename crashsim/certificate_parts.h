#pragma once
// What the test of a certificate with threads has besides, as C++: long texts, apart from what puts them
// together.

namespace manifolddb::crashsim {

extern const char* const kSourceOfClock;    // goes on when it is looked at: the same for everybody
extern const char* const kSourceOfThreads;  // a scheduler over the lock seam, and the machine with threads

}  // namespace manifolddb::crashsim
