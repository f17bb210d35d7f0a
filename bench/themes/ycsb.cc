// YCSB's workloads in the order that it recommends, A, B, C, F, D, E, on one database for each number of
// threads.

#include "bench/workloads/ycsb.h"

#include <string>
#include <utility>
#include <vector>

#include "bench/measure/theme.h"

namespace manifolddb::bench {
namespace {

std::vector<Job> YcsbJobs(const Profile& profile) {
  const auto records = profile.Pick(1000U, 20'000U, 1'000'000U, 200'000U);
  const auto seconds = profile.Pick(0.01, 0.2, 5.0, 1.5);
  std::vector<Job> jobs;
  for (const bool durable : {true, false}) {
    for (const int threads : {1, 8}) {
      std::vector<std::pair<std::string, YcsbMix>> rows;
      for (const YcsbMix& mix : kYcsbMixes) {
        rows.emplace_back(std::string(1, mix.letter) + "/threads:" + std::to_string(threads) +
                              "/durable:" + (durable ? "1" : "0"),
                          mix);
      }
      Job job;
      for (const auto& row : rows) job.rows.push_back(row.first);
      job.run = [=](Run& run) {
        YcsbDatabase database(run, records, durable);
        for (const auto& [row, mix] : rows) database.Measure(row, mix, threads, seconds);
        database.CloseAndVerify();
      };
      jobs.push_back(std::move(job));
    }
  }
  return jobs;
}

}  // namespace
}  // namespace manifolddb::bench

int main(int argc, char** argv) {
  return manifolddb::bench::ThemeMain(argc, argv, "ycsb", manifolddb::bench::YcsbJobs);
}
