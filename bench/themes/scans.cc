// Scans of a cached database: short and long, forwards and backwards, of a prefix, of keys only.

#include <string>
#include <vector>

#include "bench/measure/theme.h"
#include "bench/workloads/reads.h"

namespace manifolddb::bench {
namespace {

std::vector<Job> ScansJobs(const Profile& profile) {
  const Dataset data = {.entries = profile.Pick(4000U, 100'000U, 1'000'000U, 300'000U)};
  const uint64_t many = profile.Pick(1000U, 10'000U, 100'000U);
  std::vector<Job> jobs;
  const auto add = [&](std::vector<Scans> rows) {
    for (Scans& row : rows) row.seconds = profile.Pick(0.005, 0.2, 3.0, 1.0);
    jobs.push_back(ReadsJob(data, rows));
  };
  add({{.row = "entries:10", .entries = 10},
       {.row = "entries:100", .entries = 100},
       {.row = "long", .entries = many},
       {.row = "full"}});
  add({{.row = "entries:100/backwards", .entries = 100, .backwards = true},
       {.row = "full/backwards", .backwards = true},
       {.row = "prefix:256", .entries = 256, .prefix = true}});
  add({{.row = "entries:100/keys_only", .entries = 100, .keys_only = true},
       {.row = "full/keys_only", .keys_only = true}});
  return jobs;
}

}  // namespace
}  // namespace manifolddb::bench

int main(int argc, char** argv) {
  return manifolddb::bench::ThemeMain(argc, argv, "scans", manifolddb::bench::ScansJobs);
}
