// bench_exact: the workloads of one thread, in virtual time. See README.md.

#include <cstdio>

#include "bench/exact/fit.h"
#include "bench/exact/hot_paths.h"
#include "bench/exact/options.h"

namespace manifolddb::bench::exact {
namespace {

constexpr const char* kUsage =
    "bench_exact [--only TEXT] [--scale FACTOR] [--seed N] [--json FILE] [--twice] [--no-head]\n"
    "    the workloads of one thread; --json: results are appended, one object per line;\n"
    "    --twice: run each twice and compare all output; --only: those whose name contains TEXT\n"
    "bench_exact --fit                      the disk model beside the disk it was fitted to\n"
    "bench_exact --callgrind PATH [--operations N]\n"
    "    one hot path, for valgrind --tool=callgrind --toggle-collect='measured_*'; PATH \"list\" lists "
    "them\n";

std::vector<Workload> Workloads() {
  const MakePlatform solo = &SoloPlatform;
  std::vector<Workload> workloads = {
      {"exact/W1/threads:1",
       [=](const Plan& plan) { return std::vector{Batches(plan, solo, 1, Durability::kImmediate)}; }},
      {"exact/W3/threads:1",
       [=](const Plan& plan) { return std::vector{SingleCommits(plan, solo, 1, Families::kOwn)}; }},
      {"exact/W4/threads:1",
       [=](const Plan& plan) { return std::vector{Batches(plan, solo, 1, Durability::kNone)}; }},
      {"exact/W5/cached,exact/W6", [=](const Plan& plan) { return CachedReads(plan, solo); }},
      {"exact/W5/cache:quarter", [=](const Plan& plan) { return std::vector{ReadsFromDisk(plan, solo)}; }},
  };
  for (const uint64_t reads_percent : {80, 50, 20}) {
    workloads.push_back(
        {"exact/W7", [=](const Plan& plan) { return std::vector{Mixed(plan, solo, reads_percent)}; }});
  }
  workloads.push_back({"exact/W8,exact/W11", [=](const Plan& plan) { return RandomOrder(plan, solo); }});
  for (const uint64_t value_bytes : {10'000, 100'000, 1'000'000}) {
    workloads.push_back(
        {"exact/W9", [=](const Plan& plan) { return std::vector{LargeValues(plan, solo, value_bytes)}; }});
  }
  workloads.push_back({"exact/YCSB", [=](const Plan& plan) { return Ycsb(plan, solo); }});
  workloads.push_back({"exact/W10", [=](const Plan& plan) { return std::vector{Recovery(plan, solo)}; }});
  workloads.push_back(
      {"exact/open/clean", [=](const Plan& plan) { return std::vector{CleanOpen(plan, solo)}; }});
  workloads.push_back(
      {"exact/checkpoint", [=](const Plan& plan) { return std::vector{CheckpointCost(plan, solo)}; }});
  workloads.push_back({"exact/churn", [=](const Plan& plan) { return std::vector{Churn(plan, solo)}; }});
  return workloads;
}

int Main(int argc, char** argv) {
  const Arguments arguments = Parse(argc, argv, kUsage);
  if (arguments.fit) {
    std::fputs(FitOfCalls(DiskModel{}).c_str(), stdout);
    return 0;
  }
  if (!arguments.hot_path.empty()) return RunHotPath(arguments.hot_path, arguments.operations);
  return RunWorkloads(arguments.command, Workloads());
}

}  // namespace
}  // namespace manifolddb::bench::exact

int main(int argc, char** argv) { return manifolddb::bench::exact::Main(argc, argv); }
