// How cost grows with the number of keys: durable load in random order, updates, random reads.

#include <string>
#include <vector>

#include "bench/measure/theme.h"
#include "bench/workloads/churned.h"

namespace manifolddb::bench {
namespace {

std::vector<Job> ScaleJobs(const Profile& profile) {
  using Sizes = std::vector<uint32_t>;
  const Sizes sizes =
      profile.Pick<Sizes>({1000, 4000}, {10'000, 30'000, 100'000},
                          {1'000'000, 3'000'000, 10'000'000, 30'000'000}, {300'000, 1'000'000, 3'000'000});
  const auto seconds = profile.Pick(0.005, 0.2, 3.0, 1.0);
  std::vector<Job> jobs;
  for (const uint32_t keys : sizes) {
    const std::string of = "keys:" + std::to_string(keys);
    jobs.push_back({{of + "/load", of + "/update", of + "/read"}, [=](Run& run) {
                      Churned database(run, keys, 100);
                      database.Load(of + "/load");
                      database.Update(of + "/update", keys / 10);
                      database.Read(of + "/read", seconds);
                      database.CloseAndVerify();
                    }});
  }
  return jobs;
}

}  // namespace
}  // namespace manifolddb::bench

int main(int argc, char** argv) {
  return manifolddb::bench::ThemeMain(argc, argv, "scale", manifolddb::bench::ScaleJobs);
}
