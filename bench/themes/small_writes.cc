// Puts of 100 bytes into 1 to 8 column families, a thread for each: ascending or anywhere, many or one per
// commit.

#include <string>
#include <vector>

#include "bench/measure/theme.h"
#include "bench/workloads/writes.h"

namespace manifolddb::bench {
namespace {

std::vector<Job> SmallWritesJobs(const Profile& profile) {
  const auto families_of = profile.Pick<std::vector<int>>({1, 8}, {1, 2, 4, 8}, {1, 2, 4, 8});
  std::vector<Job> jobs;
  for (const bool random : {false, true}) {
    for (const uint64_t puts : {1000U, 1U}) {
      for (const int families : families_of) {
        const Writes what = {.row = std::string("order:") + (random ? "random" : "ascending") +
                                    "/puts_per_commit:" + std::to_string(puts) +
                                    "/families:" + std::to_string(families),
                             .threads = families,
                             .families = families,
                             .seconds = profile.Pick(0.01, 0.2, 3.0, 1.0),
                             .puts_per_commit = puts,
                             .random_keys = random};
        jobs.push_back({{what.row}, [what](Run& run) { MeasureWrites(run, what); }});
      }
    }
  }
  return jobs;
}

}  // namespace
}  // namespace manifolddb::bench

int main(int argc, char** argv) {
  return manifolddb::bench::ThemeMain(argc, argv, "small_writes", manifolddb::bench::SmallWritesJobs);
}
