// How fast crash images are made: a synthetic commit workload over a database of about 200 KB and its log,
// then images at every effect. Prints one line per step; the figures are this machine's.

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>

#include "faultfs/crash_point.h"
#include "faultfs/disk.h"
#include "faultfs/random.h"

namespace manifolddb::faultfs {
namespace {

constexpr uint64_t kCommits = 400;
constexpr uint64_t kCheckpointEvery = 20;
constexpr uint64_t kPages = 50;
constexpr uint64_t kLogSectors = 64;
constexpr uint64_t kImagesPerPoint = 20;

alignas(kBufferAlignment) std::array<std::byte, 4096> page;

void Must(bool ok) {
  if (!ok) std::abort();
}

void Put(File& file, uint64_t sector, uint64_t tag) {
  for (size_t i = 0; i < page.size(); i += 8) page[i] = static_cast<std::byte>(tag + i);
  page[1] = static_cast<std::byte>(tag >> 8);
  Must(file.Write(sector * page.size(), ByteView(page)).has_value());
}

// Commits append to the ring and sync; every now and then pages and a meta page are written.
void RunWorkload(Disk& disk) {
  auto data = std::move(*disk.Open("db", OpenMode::kCreate));
  auto log = std::move(*disk.Open("db-wal", OpenMode::kCreate));
  for (uint64_t i = 0; i < kLogSectors; ++i) Put(*log, i, 0);
  for (uint64_t i = 0; i < kPages; ++i) Put(*data, i, i);
  Must(log->Sync() && data->Sync() && disk.SyncDirectory());
  Random random(1);
  for (uint64_t commit = 1; commit <= kCommits; ++commit) {
    Put(*log, commit % kLogSectors, commit);
    Must(log->Sync().has_value());
    if (commit % kCheckpointEvery != 0) continue;
    for (uint64_t i = 0; i < 30; ++i) Put(*data, 4 + random.Below(kPages - 4), commit + i);
    Must(data->Sync().has_value());
    Put(*data, commit / kCheckpointEvery % 4, commit);
    Must(data->Sync().has_value());
  }
}

template <class Step>
void Measure(const char* what, uint64_t times, Step step) {
  const std::clock_t start = std::clock();  // processor time: the machine may have other work
  step();
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  std::printf("%-44s %9.0f /s  %8.2f us each  (%llu)\n", what, static_cast<double>(times) / seconds,
              seconds * 1e6 / static_cast<double>(times), static_cast<unsigned long long>(times));
}

void Run(const Traits& traits) {
  std::printf("%s\n", traits.ToString().c_str());
  auto disk = std::make_shared<Disk>(traits);
  RunWorkload(*disk);
  const auto trace = disk->trace();
  const uint64_t points = trace->effects.size();

  Measure("crash points, moving forward", points, [&] {
    CrashPoint point(trace, 0);
    for (uint64_t n = 1; n <= points; ++n) point.MoveTo(n);
  });
  Measure("images drawn at random", points * kImagesPerPoint, [&] {
    CrashPoint point(trace, 0);
    for (uint64_t n = 1; n <= points; ++n) {
      point.MoveTo(n);
      for (uint64_t seed = 0; seed < kImagesPerPoint; ++seed) point.Draw({Policy::kRandom, seed});
    }
  });
  Measure("images drawn and disks booted from them", points * kImagesPerPoint, [&] {
    CrashPoint point(trace, 0);
    for (uint64_t n = 1; n <= points; ++n) {
      point.MoveTo(n);
      for (uint64_t seed = 0; seed < kImagesPerPoint; ++seed) {
        const Disk next(point.Draw({Policy::kRandom, seed}), traits);
        Must(next.effects() == 0);
      }
    }
  });
  const Image image = CrashPoint(trace, points).Draw({Policy::kAll});
  uint64_t hash = 0;
  Measure("hashes of an image", 20'000, [&] {
    for (int i = 0; i < 20'000; ++i) hash ^= image.Hash();
  });
  Measure("processes killed and gone on from", 500, [&] {
    for (uint64_t i = 0; i < 500; ++i) {
      const Disk next(*trace, i * points / 500);
      Must(next.effects() <= points);
    }
  });
}

}  // namespace
}  // namespace manifolddb::faultfs

int main() {
  using manifolddb::faultfs::Preset;
  manifolddb::faultfs::Run({});
  manifolddb::faultfs::Run(
      {.atomic_unit = 512, .garbage_in_torn_units = true, .preset = Preset::kExt4Ordered});
  return 0;
}
