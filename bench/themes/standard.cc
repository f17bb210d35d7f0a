// W1 to W11: the workloads by which the engine is compared with its peers. README.md beside this folder says
// what each does and at which size.

#include <string>
#include <vector>

#include "bench/measure/theme.h"
#include "bench/workloads/churned.h"
#include "bench/workloads/crash.h"
#include "bench/workloads/disk.h"
#include "bench/workloads/mixed.h"
#include "bench/workloads/reads.h"
#include "bench/workloads/writes.h"

namespace manifolddb::bench {
namespace {

Job WritesJob(const Writes& what) {
  return {{what.row}, [what](Run& run) { MeasureWrites(run, what); }};
}

Job DiskJob(const Overwrites& what) {
  return {{what.row}, [what](Run& run) { MeasureOverwrites(run, what); }, kDisk};
}

// W1, W4, W2: 1,000 puts of 1 KiB per commit, ascending in each thread.
void AddBatches(const Profile& profile, std::vector<Job>& jobs) {
  const auto seconds = profile.Pick(0.02, 0.2, 2.0);
  jobs.push_back(DiskJob(
      {.row = "W1", .block_bytes = 1 << 20, .seconds = seconds, .unit = "puts/s", .units_per_block = 1000}));
  for (const bool durable : {true, false}) {
    jobs.push_back(WritesJob({.row = durable ? "W1" : "W4",
                              .commits = profile.Pick(2U, 40U, 100U),
                              .puts_per_commit = 1000,
                              .value_bytes = 1024,
                              .durable = durable}));
  }
  for (const int threads : {2, 4, 8}) {
    jobs.push_back(WritesJob({.row = "W2/threads:" + std::to_string(threads),
                              .threads = threads,
                              .families = threads,
                              .commits = profile.Pick(1U, 40U / static_cast<unsigned>(threads), 50U),
                              .puts_per_commit = 1000,
                              .value_bytes = 1024}));
  }
}

// W3: one put of 100 bytes per durable commit.
void AddCommits(const Profile& profile, std::vector<Job>& jobs) {
  const auto seconds = profile.Pick(0.02, 0.4, 2.0);
  const auto add = [&](int threads, int families, const char* name) {
    const std::string row = "W3/threads:" + std::to_string(threads) + "/families:" + name;
    if (families > 1 || threads == 1)
      jobs.push_back(DiskJob({.row = row, .threads = threads, .seconds = seconds}));
    jobs.push_back(WritesJob({.row = row,
                              .figure = Figure::kCommits,
                              .threads = threads,
                              .families = families,
                              .seconds = seconds}));
  };
  add(1, 1, "own");
  add(8, 8, "own");
  add(8, 1, "one");
}

Dataset CachedData(const Profile& profile, size_t value_bytes) {
  const bool small = value_bytes < 1024;
  return {.entries = small ? profile.Pick(2000U, 100'000U, 1'000'000U, 300'000U)
                           : profile.Pick(1000U, 50'000U, 500'000U, 150'000U),
          .value_bytes = value_bytes};
}

// W5: random point reads. W6: scans. The same data, all cached.
void AddReads(const Profile& profile, size_t value_bytes, std::vector<Job>& jobs) {
  const Dataset data = CachedData(profile, value_bytes);
  const auto seconds = profile.Pick(0.005, 0.1, 2.0, 1.0);
  const std::string of = "/bytes:" + std::to_string(value_bytes);
  for (const uint64_t gets : {1000U, 1U}) {
    std::vector<PointReads> reads;
    for (const int threads : {1, 2, 4, 8}) {
      reads.push_back({.row = "W5" + of + "/threads:" + std::to_string(threads) +
                              "/gets_per_snapshot:" + std::to_string(gets),
                       .threads = threads,
                       .seconds = seconds,
                       .gets_per_snapshot = gets});
    }
    jobs.push_back(ReadsJob(data, reads));
  }
  jobs.push_back(
      ReadsJob<Scans>(data, {{.row = "W6" + of + "/full", .seconds = seconds},
                             {.row = "W6" + of + "/entries:100", .seconds = seconds, .entries = 100}}));
}

// W7: batches of 1,000 operations, durable; and the pattern of the seed system's own benchmark.
void AddMixed(const Profile& profile, std::vector<Job>& jobs) {
  const Dataset data = CachedData(profile, 100);
  const auto add = [&](const std::string& name, int threads, uint64_t keys) {
    std::vector<Mixed> rows;
    for (const uint64_t reads : {80U, 50U, 20U}) {
      rows.push_back({.row = name + "/reads:" + std::to_string(reads) + "/threads:" + std::to_string(threads),
                      .threads = threads,
                      .seconds = profile.Pick(0.01, 0.2, 3.0, 1.5),
                      .reads_percent = reads,
                      .keys_per_batch = keys});
    }
    jobs.push_back(MixedJob(data, rows));
  };
  add("W7", 1, 0);
  add("W7", 8, 0);
  add("W7_seed", 8, 20);
}

// W8: load in random order. W11: then updates, deletes, and reads.
Job ChurnJob(const Profile& profile) {
  const auto keys = profile.Pick(4000U, 60'000U, 2'000'000U, 500'000U);
  const auto seconds = profile.Pick(0.005, 0.2, 2.0);
  return {{"W8", "W11/updates", "W11/deletes", "W11/reads"}, [=](Run& run) {
            Churned database(run, keys, 100);
            database.Load("W8");
            database.Update("W11/updates", keys / 2);
            database.Delete("W11/deletes", keys / 4);
            database.Read("W11/reads", seconds);
            database.CloseAndVerify();
          }};
}

// W9: large values, 1 MB per durable commit.
void AddLarge(const Profile& profile, std::vector<Job>& jobs) {
  constexpr uint64_t kCommitBytes = 1'000'000;
  const auto commits = profile.Pick(2U, 32U, 64U);
  for (const uint64_t bytes : {10'000U, 100'000U, 1'000'000U}) {
    const std::string row = "W9/bytes:" + std::to_string(bytes);
    jobs.push_back(DiskJob({.row = row,
                            .block_bytes = 1 << 20,
                            .seconds = profile.Pick(0.02, 0.1, 1.0),
                            .unit = "MB/s",
                            .units_per_block = (1 << 20) / 1e6}));
    jobs.push_back(WritesJob({.row = row,
                              .figure = Figure::kMegabytes,
                              .commits = commits,
                              .puts_per_commit = kCommitBytes / bytes,
                              .value_bytes = bytes}));
  }
}

std::vector<Job> StandardJobs(const Profile& profile) {
  std::vector<Job> jobs;
  AddBatches(profile, jobs);
  AddCommits(profile, jobs);
  for (const size_t bytes : {100U, 1024U}) AddReads(profile, bytes, jobs);
  AddMixed(profile, jobs);
  jobs.push_back(ChurnJob(profile));
  AddLarge(profile, jobs);
  jobs.push_back({{"W10"}, [commits = profile.Pick(2U, 40U, 200U)](Run& run) {
                    MeasureRecovery(run, {.row = "W10", .commits = commits});
                  }});
  return jobs;
}

}  // namespace
}  // namespace manifolddb::bench

int main(int argc, char** argv) {
  return manifolddb::bench::ThemeMain(argc, argv, "standard", manifolddb::bench::StandardJobs);
}
