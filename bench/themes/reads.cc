// Point reads of a cached database: uniform, Zipfian, of keys that are missing, many at once, by 1 to 16
// readers, beside a writer.

#include <string>
#include <vector>

#include "bench/measure/theme.h"
#include "bench/workloads/reads.h"

namespace manifolddb::bench {
namespace {

std::vector<Job> ReadsJobs(const Profile& profile) {
  const auto seconds = profile.Pick(0.005, 0.2, 3.0);
  // Every other key, so that those which are missing lie between those which are there.
  const Dataset data = {.entries = profile.Pick(2000U, 100'000U, 1'000'000U), .stride = 2};
  std::vector<PointReads> rows;
  for (const int threads : {1, 2, 4, 8, 16})
    rows.push_back({.row = "uniform/threads:" + std::to_string(threads), .threads = threads});
  rows.push_back({.row = "zipfian/threads:1", .keys = Keys::kZipfian});
  rows.push_back({.row = "zipfian/threads:8", .threads = 8, .keys = Keys::kZipfian});
  rows.push_back({.row = "missing/threads:1", .keys = Keys::kMissing});
  rows.push_back({.row = "multi_get:16/threads:1", .gets_per_snapshot = 1024, .keys_per_get = 16});
  rows.push_back({.row = "multi_get:256/threads:1", .gets_per_snapshot = 1024, .keys_per_get = 256});
  for (const int threads : {1, 4})
    rows.push_back(
        {.row = "beside_a_writer/threads:" + std::to_string(threads), .threads = threads, .writers = 1});
  Job job;
  for (PointReads& row : rows) {
    row.seconds = seconds;
    job.rows.push_back(row.row);
  }
  job.run = [=](Run& run) {
    Load(run, data);
    // Writers are not synced: what they cost readers, and not the disk, is what is asked.
    const auto engine = run.Open({.durable = false});
    Warm(*engine, data);
    for (const PointReads& row : rows) MeasurePointReads(run, *engine, data, row);
    engine->Close();
  };
  return {job};
}

}  // namespace
}  // namespace manifolddb::bench

int main(int argc, char** argv) {
  return manifolddb::bench::ThemeMain(argc, argv, "reads", manifolddb::bench::ReadsJobs);
}
