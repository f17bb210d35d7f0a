// bench_exact_committers: the workloads of several threads, in virtual time. A program of its own, because
// the engine's waits can be simulated only in the build with fault sites. See README.md.

#include <cstdio>

#include "bench/exact/actors.h"
#include "bench/exact/fit.h"
#include "bench/exact/options.h"
#include "bench/exact/parallel_fit.h"

namespace manifolddb::bench::exact {
namespace {

constexpr const char* kUsage =
    "bench_exact_committers [--only TEXT] [--scale FACTOR] [--seed N] [--json FILE] [--twice] [--no-head]\n"
    "    the workloads of several threads; options as those of bench_exact\n"
    "bench_exact_committers --fit           durable writes of several threads, model and measurement\n";

std::vector<Workload> Workloads() {
  const MakePlatform actors = &ActorsPlatform;
  std::vector<Workload> workloads;
  for (const uint64_t threads : {2, 4, 8}) {
    workloads.push_back({"exact/W2", [=](const Plan& plan) {
                           return std::vector{Batches(plan, actors, threads, Durability::kImmediate)};
                         }});
  }
  workloads.push_back({"exact/W3", [=](const Plan& plan) {
                         return std::vector{SingleCommits(plan, actors, 1, Families::kOwn)};
                       }});
  for (const uint64_t threads : {2, 8}) {
    for (const Families families : {Families::kOwn, Families::kShared}) {
      workloads.push_back({"exact/W3", [=](const Plan& plan) {
                             return std::vector{SingleCommits(plan, actors, threads, families)};
                           }});
    }
  }
  for (const uint64_t keys_per_batch : {0, 20}) {
    for (const uint64_t reads_percent : {80, 50, 20}) {
      workloads.push_back({"exact/W7", [=](const Plan& plan) {
                             return std::vector{
                                 MixedSideBySide(plan, actors, 8, reads_percent, keys_per_batch)};
                           }});
    }
  }
  return workloads;
}

int Main(int argc, char** argv) {
  const Arguments arguments = Parse(argc, argv, kUsage);
  if (!arguments.hot_path.empty()) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  if (arguments.fit) {
    std::puts("1,000 durable writes of 4 KiB a second, model / measured");
    std::puts(
        "                                         2 threads               4 threads               8 threads");
    for (const MeasuredThreads& row : kMeasuredParallel) {
      std::fputs(FitOfThreads(row, ModelledThreads(DiskModel{}, row.durable_call)).c_str(), stdout);
    }
    return 0;
  }
  return RunWorkloads(arguments.command, Workloads());
}

}  // namespace
}  // namespace manifolddb::bench::exact

int main(int argc, char** argv) { return manifolddb::bench::exact::Main(argc, argv); }
