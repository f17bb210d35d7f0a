// What a commit of one put costs: durable or not, shared by 1 to 16 committers, while checkpoints run.

#include <string>
#include <vector>

#include "bench/measure/theme.h"
#include "bench/workloads/disk.h"
#include "bench/workloads/writes.h"

namespace manifolddb::bench {
namespace {

std::vector<Job> LogJobs(const Profile& profile) {
  const auto seconds = profile.Pick(0.01, 0.3, 3.0, 1.5);
  std::vector<Job> jobs;
  const auto add = [&](Writes what) {
    what.figure = Figure::kCommits;
    what.seconds = seconds;
    what.families = what.threads;
    jobs.push_back({{what.row}, [what](Run& run) { MeasureWrites(run, what); }});
  };
  for (const int threads : profile.Pick<std::vector<int>>({1, 16}, {1, 2, 4, 8, 16}, {1, 2, 4, 8, 16})) {
    const std::string row = "durable/threads:" + std::to_string(threads);
    const Overwrites disk = {.row = row, .threads = threads, .seconds = seconds};
    jobs.push_back({{row}, [disk](Run& run) { MeasureOverwrites(run, disk); }, kDisk});
    add({.row = row, .threads = threads});
  }
  for (const int threads : {1, 8})
    add({.row = "not_durable/threads:" + std::to_string(threads), .threads = threads, .durable = false});
  for (const int threads : {1, 8})
    add({.row = "checkpoints/threads:" + std::to_string(threads), .threads = threads, .checkpoints = true});
  return jobs;
}

}  // namespace
}  // namespace manifolddb::bench

int main(int argc, char** argv) {
  return manifolddb::bench::ThemeMain(argc, argv, "log", manifolddb::bench::LogJobs);
}
