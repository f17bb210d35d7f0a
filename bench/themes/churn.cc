// Overwriting and deleting for long: speed and the size of the files, turn by turn, while the amount of data
// stays.

#include <string>
#include <vector>

#include "bench/measure/theme.h"
#include "bench/workloads/churned.h"

namespace manifolddb::bench {
namespace {

std::vector<Job> ChurnJobs(const Profile& profile) {
  const auto keys = profile.Pick(4000U, 50'000U, 500'000U, 100'000U);
  const int turns = profile.Pick(2, 3, 20, 12);
  Job job;
  job.rows.emplace_back("load");
  std::vector<std::string> names;
  for (int turn = 1; turn <= turns; ++turn) {
    // Two digits: in the order of time wherever names are sorted.
    names.push_back("turn:" + std::string(turn < 10 ? "0" : "") + std::to_string(turn));
    for (const char* what : {"/overwrite", "/delete", "/put_back", "/read"})
      job.rows.push_back(names.back() + what);
  }
  const auto seconds = profile.Pick(0.005, 0.1, 1.0, 0.5);
  job.run = [=](Run& run) {
    Churned database(run, keys, 100);
    database.Load("load");
    for (const std::string& name : names) {
      database.Update(name + "/overwrite", keys);
      database.Delete(name + "/delete", keys / 2);
      database.Restore(name + "/put_back");
      database.Read(name + "/read", seconds);
    }
    database.CloseAndVerify();
  };
  return {job};
}

}  // namespace
}  // namespace manifolddb::bench

int main(int argc, char** argv) {
  return manifolddb::bench::ThemeMain(argc, argv, "churn", manifolddb::bench::ChurnJobs);
}
