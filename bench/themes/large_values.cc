// Values of 1 KB to 1 MB, about 1 MB per durable commit, through the log; for manifolddb through a checkpoint
// as well.

#include <string>
#include <vector>

#include "bench/measure/theme.h"
#include "bench/workloads/disk.h"
#include "bench/workloads/writes.h"

namespace manifolddb::bench {
namespace {

std::vector<Job> LargeValuesJobs(const Profile& profile) {
  constexpr uint64_t kCommitBytes = 1'000'000;
  std::vector<Job> jobs;
  for (const uint64_t bytes : {1000U, 10'000U, 100'000U, 1'000'000U}) {
    Writes what = {.row = "bytes:" + std::to_string(bytes) + "/commit:log",
                   .figure = Figure::kMegabytes,
                   .commits = profile.Pick(2U, 32U, 256U),
                   .puts_per_commit = kCommitBytes / bytes,
                   .value_bytes = bytes};
    const Overwrites disk = {.row = what.row,
                             .block_bytes = 1 << 20,
                             .seconds = profile.Pick(0.01, 0.1, 1.0),
                             .unit = "MB/s",
                             .units_per_block = (1 << 20) / 1e6};
    jobs.push_back({{disk.row}, [disk](Run& run) { MeasureOverwrites(run, disk); }, kDisk});
    jobs.push_back({{what.row}, [what](Run& run) { MeasureWrites(run, what); }});
    what.row = "bytes:" + std::to_string(bytes) + "/commit:checkpoint";
    what.through_checkpoint = true;
    jobs.push_back({{what.row}, [what](Run& run) { MeasureWrites(run, what); }, "manifolddb"});
  }
  return jobs;
}

}  // namespace
}  // namespace manifolddb::bench

int main(int argc, char** argv) {
  return manifolddb::bench::ThemeMain(argc, argv, "large_values", manifolddb::bench::LargeValuesJobs);
}
