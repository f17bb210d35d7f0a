// bench_figures [--dir=DIRECTORY] [--scale=FRACTION] [Google Benchmark's options]
//
// The figures of the README. --dir: where the files are, on a real file system (default: the build
// directory). --scale: of sizes and durations; figures of less than 1 say nothing.
// JSON: --benchmark_out=FILE --benchmark_out_format=json

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "bench/figures/data.h"
#include "bench/figures/workloads.h"

namespace manifolddb::bench {
namespace {

void Register(const char* name, std::function<Measured()> run) {
  benchmark::RegisterBenchmark(name,
                               [run = std::move(run)](benchmark::State& state) {
                                 Measured measured;
                                 for ([[maybe_unused]] const auto iteration : state) {
                                   measured = run();
                                   state.SetIterationTime(measured.seconds);
                                 }
                                 state.counters["per_second"] = measured.count / measured.seconds;
                                 state.counters["count"] = measured.count;
                                 if (measured.latency_p50_us > 0) {
                                   state.counters["p50_us"] = measured.latency_p50_us;
                                   state.counters["p99_us"] = measured.latency_p99_us;
                                 }
                                 if (measured.group_size > 0)
                                   state.counters["group_size"] = measured.group_size;
                                 if (measured.bytes > 0)
                                   state.counters["bytes_per_second"] = measured.bytes / measured.seconds;
                               })
      ->Iterations(1)
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

// Takes `--name=value` out of the arguments.
std::string TakeOption(std::vector<char*>& arguments, const std::string& name, const std::string& otherwise) {
  std::string value = otherwise;
  const std::string prefix = "--" + name + "=";
  std::erase_if(arguments, [&](const char* argument) {
    if (std::strncmp(argument, prefix.c_str(), prefix.size()) != 0) return false;
    value = argument + prefix.size();
    return true;
  });
  return value;
}

int Main(int argc, char** argv) {
  std::vector<char*> arguments(argv, argv + argc);
  Config config;
  config.directory = TakeOption(arguments, "dir", MANIFOLDDB_BENCH_DIRECTORY);
  config.scale = std::strtod(TakeOption(arguments, "scale", "1").c_str(), nullptr);
  int count = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
  if (!(config.scale > 0 && config.scale <= 10)) Die("--scale must be a number above 0, at most 10");
  if (!std::filesystem::is_directory(config.directory))
    Die("--dir: " + config.directory + " is no directory");

  ReadDatabase reads(config);
  CrashedDatabase crashed(config);
  Register("overwrite_and_sync_4k", [&] { return OverwriteAndSync(config); });
  Register("durable_commits/threads:1", [&] { return DurableCommits(config, 1, Families::kOwn); });
  Register("durable_commits/threads:8/own_families",
           [&] { return DurableCommits(config, 8, Families::kOwn); });
  Register("durable_commits/threads:8/one_family",
           [&] { return DurableCommits(config, 8, Families::kShared); });
  Register("durable_puts_1k/per_commit:1000", [&] { return DurableBatches(config); });
  Register("point_reads_100/threads:1", [&] { return reads.PointReads(1); });
  Register("point_reads_100/threads:2", [&] { return reads.PointReads(2); });
  Register("scan_100", [&] { return reads.Scan(); });
  Register("recovery_1k", [&] { return crashed.Recover(); });
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace
}  // namespace manifolddb::bench

int main(int argc, char** argv) { return manifolddb::bench::Main(argc, argv); }
