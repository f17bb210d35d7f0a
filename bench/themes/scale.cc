// How cost grows with the number of keys: durable load in random order, updates, random reads.

#include <string>
#include <vector>

#include "bench/measure/theme.h"
#include "bench/workloads/churned.h"

namespace manifolddb::bench {
namespace {

Job JobOf(const Profile& profile, uint32_t keys, const char* only) {
  const std::string of = "keys:" + std::to_string(keys);
  const auto seconds = profile.Pick(0.005, 0.2, 3.0, 1.0);
  return {{of + "/load", of + "/update", of + "/read"},
          [=](Run& run) {
            Churned database(run, keys, 100);
            database.Load(of + "/load");
            database.Update(of + "/update", keys / 10);
            database.Read(of + "/read", seconds);
            database.CloseAndVerify();
          },
          only};
}

std::vector<Job> ScaleJobs(const Profile& profile) {
  using Sizes = std::vector<uint32_t>;
  std::vector<Job> jobs;
  const auto add = [&](const Sizes& sizes, const char* only) {
    for (const uint32_t keys : sizes) jobs.push_back(JobOf(profile, keys, only));
  };
  add(profile.Pick<Sizes>({1000, 4000}, {10'000, 30'000, 100'000},
                          {1'000'000, 3'000'000, 10'000'000, 30'000'000}, {300'000, 1'000'000}),
      "");
  // Every night this engine alone: some of the others need a quarter of an hour for 10 M keys.
  add(profile.Pick<Sizes>({}, {}, {}, {3'000'000, 10'000'000}), "manifolddb");
  return jobs;
}

}  // namespace
}  // namespace manifolddb::bench

int main(int argc, char** argv) {
  return manifolddb::bench::ThemeMain(argc, argv, "scale", manifolddb::bench::ScaleJobs);
}
