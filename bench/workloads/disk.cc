#include "bench/workloads/disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "bench/measure/meter.h"
#include "bench/workloads/data.h"
#include "bench/workloads/writes.h"

namespace manifolddb::bench {
namespace {

constexpr uint64_t kRegionBlocks = 8;

std::vector<char> BlockOf(uint64_t bytes, uint64_t number) {
  std::vector<char> block(bytes);
  const uint64_t tag = Mix(number);
  for (uint64_t at = 0; at + sizeof tag <= bytes; at += sizeof tag) std::memcpy(&block[at], &tag, sizeof tag);
  return block;
}

void Write(int file, const std::vector<char>& block, uint64_t at) {
  const auto offset = static_cast<off_t>(at);
  Require(::pwrite(file, block.data(), block.size(), offset) == static_cast<ssize_t>(block.size()), "disk",
          "pwrite failed");
}

// The number of the last block that was written.
uint64_t Overwrite(int file, const Overwrites& what, uint64_t thread, std::vector<uint32_t>& nanos) {
  uint64_t before = NowNanos();
  uint64_t number = thread << 40;
  std::vector<char> block = BlockOf(what.block_bytes, number);
  for (const uint64_t end = before + static_cast<uint64_t>(what.seconds * 1e9); before < end;) {
    ++number;
    const uint64_t tag = Mix(number);
    std::memcpy(block.data(), &tag, sizeof tag);
    Write(file, block, (thread * kRegionBlocks + number % kRegionBlocks) * what.block_bytes);
    Require(::fdatasync(file) == 0, "disk", "fdatasync failed");
    const uint64_t after = NowNanos();
    nanos.push_back(ClampedNanos(after - before));
    before = after;
  }
  return number;
}

}  // namespace

void MeasureOverwrites(Run& run, const Overwrites& what) {
  const std::string path = run.directory() + "/blocks";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  Require(file >= 0, "disk", "cannot create the file");
  const auto threads = static_cast<uint64_t>(what.threads);
  for (uint64_t i = 0; i < threads * kRegionBlocks; ++i)
    Write(file, BlockOf(what.block_bytes, i), i * what.block_bytes);
  std::vector<std::vector<uint32_t>> nanos(threads);
  std::vector<uint64_t> last(threads);
  Meter meter(run.directory());
  meter.Start();
  Outcome outcome{.row = what.row, .unit = what.unit};
  outcome.seconds = Together(what.threads, [&](int i) {
    const auto thread = static_cast<size_t>(i);
    last[thread] = Overwrite(file, what, thread, nanos[thread]);
  });
  meter.Stop();
  meter.AddTo(outcome, true);
  std::vector<uint32_t> all;
  for (const auto& part : nanos) all.insert(all.end(), part.begin(), part.end());
  RequireSyncs(meter, all.size(), 1);
  for (uint64_t thread = 0; thread < threads; ++thread) {
    const auto at =
        static_cast<off_t>((thread * kRegionBlocks + last[thread] % kRegionBlocks) * what.block_bytes);
    uint64_t tag = 0;
    Require(::pread(file, &tag, sizeof tag, at) == sizeof tag && tag == Mix(last[thread]), "disk",
            "the last block is not what was written");
  }
  ::close(file);
  outcome.value = static_cast<double>(all.size()) * what.units_per_block / outcome.seconds;
  outcome.counters["commits"] = static_cast<double>(all.size());
  outcome.counters["bytes_written"] = static_cast<double>(all.size() * what.block_bytes);
  outcome.params = {{"threads", what.threads}, {"block_bytes", static_cast<double>(what.block_bytes)}};
  outcome.latency = LatencyOf(all);
  run.Report(std::move(outcome));
}

}  // namespace manifolddb::bench
