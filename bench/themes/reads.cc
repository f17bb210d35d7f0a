// Point reads of a cached database: uniform, Zipfian, of keys that are missing, many at once, by 1 to 16
// readers, beside a writer.

#include <string>
#include <vector>

#include "bench/measure/theme.h"
#include "bench/workloads/reads.h"

namespace manifolddb::bench {
namespace {

std::vector<Job> ReadsJobs(const Profile& profile) {
  // Every other key, so that those which are missing lie between those which are there.
  const Dataset data = {.entries = profile.Pick(2000U, 100'000U, 1'000'000U, 300'000U), .stride = 2};
  std::vector<Job> jobs;
  const auto add = [&](std::vector<PointReads> rows, bool durable = true) {
    for (PointReads& row : rows) row.seconds = profile.Pick(0.005, 0.2, 3.0, 1.0);
    jobs.push_back(ReadsJob(data, rows, {.durable = durable}));
  };
  std::vector<PointReads> uniform;
  for (const int threads : {1, 2, 4, 8, 16})
    uniform.push_back({.row = "uniform/threads:" + std::to_string(threads), .threads = threads});
  add(uniform);
  add({{.row = "zipfian/threads:1", .keys = Keys::kZipfian},
       {.row = "zipfian/threads:8", .threads = 8, .keys = Keys::kZipfian},
       {.row = "missing/threads:1", .keys = Keys::kMissing}});
  add({{.row = "multi_get:16/threads:1", .gets_per_snapshot = 1024, .keys_per_get = 16},
       {.row = "multi_get:256/threads:1", .gets_per_snapshot = 1024, .keys_per_get = 256}});
  // Writers are not synced: what they cost readers, and not the disk, is what is asked.
  add({{.row = "beside_a_writer/threads:1", .writers = 1},
       {.row = "beside_a_writer/threads:4", .threads = 4, .writers = 1}},
      false);
  return jobs;
}

}  // namespace
}  // namespace manifolddb::bench

int main(int argc, char** argv) {
  return manifolddb::bench::ThemeMain(argc, argv, "reads", manifolddb::bench::ReadsJobs);
}
