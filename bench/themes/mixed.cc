// Reads and durable updates in small batches, 80/20, 50/50 and 20/80, by 1 to 8 threads on one family.

#include "bench/workloads/mixed.h"

#include <string>
#include <vector>

#include "bench/measure/theme.h"

namespace manifolddb::bench {
namespace {

std::vector<Job> MixedJobs(const Profile& profile) {
  const Dataset data = {.entries = profile.Pick(2000U, 100'000U, 1'000'000U, 300'000U)};
  std::vector<Job> jobs;
  for (const uint64_t operations : {10U, 100U}) {
    for (const uint64_t reads : {80U, 50U, 20U}) {
      std::vector<Mixed> rows;
      for (const int threads : {1, 2, 4, 8}) {
        rows.push_back({.row = "reads:" + std::to_string(reads) + "/operations:" +
                               std::to_string(operations) + "/threads:" + std::to_string(threads),
                        .threads = threads,
                        .seconds = profile.Pick(0.005, 0.2, 3.0, 1.0),
                        .reads_percent = reads,
                        .operations_per_batch = operations});
      }
      jobs.push_back(MixedJob(data, rows));
    }
  }
  return jobs;
}

}  // namespace
}  // namespace manifolddb::bench

int main(int argc, char** argv) {
  return manifolddb::bench::ThemeMain(argc, argv, "mixed", manifolddb::bench::MixedJobs);
}
