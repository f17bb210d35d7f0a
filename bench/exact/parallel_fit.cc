#include "bench/exact/parallel_fit.h"

#include "bench/exact/actors.h"
#include "bench/exact/fit.h"

namespace manifolddb::bench::exact {

std::array<double, 3> ModelledThreads(const DiskModel& model, bool durable_call) {
  constexpr uint64_t kWrites = 500;  // of each thread
  constexpr uint64_t kBytes = 4096;
  std::array<double, 3> modelled{};
  for (size_t i = 0; i < kMeasuredThreads.size(); ++i) {
    const auto actors = std::make_shared<Actors>();
    Disk disk(model, actors);
    const auto body = [&] {
      for (uint64_t write = 0; write < kWrites; ++write) {
        if (durable_call) {
          disk.WriteDurable(kBytes, /*metadata=*/false);
        } else {
          disk.Write(kBytes);
          disk.Sync(kBytes, /*metadata=*/false);
        }
      }
    };
    actors->Run(std::vector<std::function<void()>>(kMeasuredThreads[i], body));
    modelled[i] =
        static_cast<double>(kMeasuredThreads[i] * kWrites) * 1e6 / static_cast<double>(actors->Now());
  }
  return modelled;
}

}  // namespace manifolddb::bench::exact
