// Where the rows come from: ext4 on a virtio disk, two cores, medians; see README.md.

#include "bench/exact/fit.h"

#include <cstdio>
#include <memory>

#include "bench/exact/data.h"
#include "bench/exact/simulated_storage.h"

namespace manifolddb::bench::exact {
namespace {

std::string Pair(double modelled, double measured, bool covered) {
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), " %8.1f / %-8.1f", modelled, measured);
  std::string cell = text.data();
  if (covered) {
    std::snprintf(text.data(), text.size(), "%+4.0f%%", 100 * (modelled / measured - 1));
    return cell + text.data();
  }
  return cell + "   - ";
}

std::string Name(const char* name) {
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%-32s", name);
  return text.data();
}

}  // namespace

double ModelledMicroseconds(const DiskModel& model, size_t row, uint64_t bytes) {
  const auto timeline = std::make_shared<SoloTimeline>();
  const auto disk = std::make_shared<Disk>(model, timeline);
  SimulatedStorage storage(disk);
  const auto file = Must(storage.Open("file", OpenMode::kCreate), "open");
  const auto buffer = AlignedBytes(bytes);
  const MutableByteView view(buffer.get(), bytes);
  std::fill(view.begin(), view.end(), std::byte{1});
  if (row < 4) {  // the blocks exist
    Must(file->Write(0, view), "write");
    Must(file->Sync(), "sync");
  }
  if (row == 5) {
    Must(file->Allocate(bytes), "allocate");
    Must(file->Sync(), "sync");
  }
  const uint64_t before = timeline->Now();
  const ByteView part = view;
  switch (row) {
    case 0: Must(file->Read(0, view), "read"); break;
    case 1: Must(file->Write(0, view), "write"); break;
    case 3: Must(file->WriteDurable(0, {&part, 1}), "write"); break;
    default: Must(file->Write(0, view), "write"); Must(file->Sync(), "sync");
  }
  return static_cast<double>(timeline->Now() - before) / 1000;
}

std::string FitOfCalls(const DiskModel& model) {
  std::string table =
      "microseconds alone, model / measured     4 KiB                   64 KiB"
      "                  1 MiB                   8 MiB\n";
  for (size_t row = 0; row < kMeasuredCalls.size(); ++row) {
    const MeasuredCall& measured = kMeasuredCalls[row];
    table += Name(measured.name);
    for (size_t i = 0; i < kMeasuredBytes.size(); ++i) {
      table += Pair(ModelledMicroseconds(model, row, kMeasuredBytes[i]), measured.microseconds[i],
                    i < measured.covered);
    }
    table += "\n";
  }
  return table;
}

std::string FitOfThreads(const MeasuredThreads& measured, const std::array<double, 3>& modelled) {
  std::string line = Name(measured.name);
  for (size_t i = 0; i < modelled.size(); ++i) line += Pair(modelled[i], measured.per_second[i], true);
  return line + "\n";
}

}  // namespace manifolddb::bench::exact
