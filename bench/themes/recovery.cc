// Time from opening to the first correct read, after a process ended with 1 to 200 MB committed and nothing
// closed.

#include <string>
#include <vector>

#include "bench/measure/theme.h"
#include "bench/workloads/crash.h"

namespace manifolddb::bench {
namespace {

std::vector<Job> RecoveryJobs(const Profile& profile) {
  std::vector<Job> jobs;
  const std::vector<uint64_t> sizes =
      profile.Pick<std::vector<uint64_t>>({1, 2}, {1, 10, 30}, {1, 10, 50, 200});
  for (const uint64_t megabytes : sizes) {
    for (const size_t bytes : {100U, 1000U}) {
      const Crash what = {
          .row = "committed_mb:" + std::to_string(megabytes) + "/bytes:" + std::to_string(bytes),
          .commits = megabytes * 1'000'000 / (bytes * 1000),
          .value_bytes = bytes,
          .as_time = true};
      jobs.push_back({{what.row}, [what](Run& run) { MeasureRecovery(run, what); }});
    }
  }
  return jobs;
}

}  // namespace
}  // namespace manifolddb::bench

int main(int argc, char** argv) {
  return manifolddb::bench::ThemeMain(argc, argv, "recovery", manifolddb::bench::RecoveryJobs);
}
