// Readings before and after. Device bytes come from the block device's statistics, since write_bytes in
// /proc/self/io is wrong for buffered writers; other processes' writes are in them, file_bytes is not
// disturbed.

#include "bench/measure/meter.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "bench/measure/fail.h"

namespace manifolddb::bench {
namespace {

std::string DeviceStatisticsOf(const std::string& directory) {
  struct stat status;
  if (::stat(directory.c_str(), &status) != 0) return "";
  return "/sys/dev/block/" + std::to_string(major(status.st_dev)) + ":" +
         std::to_string(minor(status.st_dev)) + "/stat";
}

std::optional<uint64_t> DeviceBytes(const std::string& statistics) {
  std::ifstream file(statistics);
  uint64_t field = 0;
  for (int i = 0; i < 7; ++i) {  // the seventh: sectors of 512 bytes written
    if (!(file >> field)) return std::nullopt;
  }
  return field * 512;
}

int OpenCycles() {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_HARDWARE;
  attributes.size = sizeof attributes;
  attributes.config = PERF_COUNT_HW_CPU_CYCLES;
  attributes.inherit = 1;  // threads that are started from now on
  return static_cast<int>(::syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

uint64_t NowNanos() {
  return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch() /
                               std::chrono::nanoseconds(1));
}

double Together(int threads, const std::function<void(int)>& work) {
  std::atomic<int> ready{0};
  std::atomic<bool> go{false};
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&, i] {
      ready.fetch_add(1);
      go.wait(false);
      work(i);
    });
  }
  while (ready.load() < threads) std::this_thread::yield();
  const uint64_t begin = NowNanos();
  go.store(true);
  go.notify_all();
  for (std::thread& thread : running) thread.join();
  return static_cast<double>(NowNanos() - begin) / 1e9;
}

uint64_t SpaceOf(const std::string& directory) {
  uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    struct stat status;
    // Engines remove files of their own in the background: one that has just gone takes no room.
    if (::lstat(entry.path().c_str(), &status) == 0) bytes += static_cast<uint64_t>(status.st_blocks) * 512;
  }
  return bytes;
}

Meter::Meter(std::string directory, CacheHits cache_hits)
    : directory_(std::move(directory)),
      cache_hits_(std::move(cache_hits)),
      device_statistics_(DeviceStatisticsOf(directory_)),
      cycles_file_(OpenCycles()) {}

Meter::~Meter() {
  if (cycles_file_ >= 0) ::close(cycles_file_);
}

void Meter::SyncFileSystem() const {
  const int folder = ::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0 || ::syncfs(folder) != 0) Fail("meter", "syncfs of " + directory_ + " failed");
  ::close(folder);
}

Meter::Reading Meter::Read() const {
  Reading reading;
  reading.called = Called();
  rusage usage;
  if (::getrusage(RUSAGE_SELF, &usage) != 0) Fail("meter", "getrusage failed");
  reading.cpu_seconds = Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
  reading.page_faults = static_cast<uint64_t>(usage.ru_minflt) + static_cast<uint64_t>(usage.ru_majflt);
  // Of this process alone: those that it started and that have died are not in it.
  reading.peak_rss_bytes = static_cast<uint64_t>(usage.ru_maxrss) * 1024;
  uint64_t cycles = 0;
  if (cycles_file_ >= 0 && ::read(cycles_file_, &cycles, sizeof cycles) == sizeof cycles)
    reading.cycles = cycles;
  return reading;
}

void Meter::Start() {
  SyncFileSystem();
  // Asked for outside of what is counted: engines allocate to answer.
  const std::optional<uint64_t> cache_hits = cache_hits_();
  started_ = Read();
  started_.cache_hits = cache_hits;
  started_.device_bytes = DeviceBytes(device_statistics_);
}

void Meter::Stop() {
  stopped_ = Read();
  stopped_.cache_hits = cache_hits_();
}

void Meter::AddTo(Outcome& outcome, bool wrote) const {
  auto& counters = outcome.counters;
  const auto difference = [](uint64_t after, uint64_t before) { return static_cast<double>(after - before); };
  counters["cpu_seconds"] = stopped_.cpu_seconds - started_.cpu_seconds;
  counters["page_faults"] = difference(stopped_.page_faults, started_.page_faults);
  counters["peak_rss_bytes"] = static_cast<double>(stopped_.peak_rss_bytes);
  if (CallsAreCounted()) {
    counters["syncs"] = difference(stopped_.called.syncs, started_.called.syncs);
    counters["file_reads"] = difference(stopped_.called.reads, started_.called.reads);
    counters["file_writes"] = difference(stopped_.called.writes, started_.called.writes);
    counters["file_bytes"] = difference(stopped_.called.bytes, started_.called.bytes);
    counters["allocations"] = difference(stopped_.called.allocations, started_.called.allocations);
  }
  if (started_.cycles && stopped_.cycles)
    counters["cycles"] = static_cast<double>(*stopped_.cycles - *started_.cycles);
  // An engine that was opened since Start begins with none.
  if (stopped_.cache_hits)
    counters["cache_hits"] = difference(*stopped_.cache_hits, started_.cache_hits.value_or(0));
  if (wrote && started_.device_bytes) {
    SyncFileSystem();
    if (const auto now = DeviceBytes(device_statistics_))
      counters["device_bytes"] = static_cast<double>(*now - *started_.device_bytes);
  }
}

void Meter::AddSpaceTo(Outcome& outcome, uint64_t user_bytes_live) const {
  const auto space = static_cast<double>(SpaceOf(directory_));
  outcome.counters["space_bytes"] = space;
  if (user_bytes_live > 0)
    outcome.counters["space_amplification"] = space / static_cast<double>(user_bytes_live);
}

void Meter::AddOpenTo(Outcome& outcome, uint64_t user_bytes_written, uint64_t user_bytes_live) const {
  AddSpaceTo(outcome, user_bytes_live);
  if (CallsAreCounted() && user_bytes_written > 0) {
    outcome.counters["write_amplification"] =
        static_cast<double>(stopped_.called.bytes - started_.called.bytes) /
        static_cast<double>(user_bytes_written);
  }
}

void Meter::AddClosedTo(Outcome& outcome, uint64_t user_bytes_written, uint64_t user_bytes_live) const {
  auto& counters = outcome.counters;
  const uint64_t file_bytes = Called().bytes - started_.called.bytes;
  SyncFileSystem();
  AddSpaceTo(outcome, user_bytes_live);
  if (CallsAreCounted() && user_bytes_written > 0) {
    counters["file_bytes_closed"] = static_cast<double>(file_bytes);
    counters["write_amplification"] =
        static_cast<double>(file_bytes) / static_cast<double>(user_bytes_written);
  }
  if (const auto now = DeviceBytes(device_statistics_); now && started_.device_bytes)
    counters["device_bytes_closed"] = static_cast<double>(*now - *started_.device_bytes);
}

}  // namespace manifolddb::bench
