#include "bench/exact/command.h"

#include <cstdio>
#include <fstream>

#include "bench/exact/data.h"
#include "bench/exact/report.h"

namespace manifolddb::bench::exact {
namespace {

struct Output {
  std::string table;
  std::string json;
};

Output RunOnce(const Command& command, const Workload& workload) {
  Output output;
  for (const Figure& figure : workload.run(command.plan)) {
    output.table += TableLine(figure);
    output.json += JsonLine(figure, command.plan.seed);
  }
  return output;
}

}  // namespace

int RunWorkloads(const Command& command, const std::vector<Workload>& workloads) {
  std::string json;
  uint64_t compared = 0;
  uint64_t differing = 0;
  for (const Workload& workload : workloads) {
    if (std::string(workload.name).find(command.only) == std::string::npos) continue;
    if (command.head && compared == 0) std::fputs(TableHead().c_str(), stdout);
    const Output output = RunOnce(command, workload);
    std::fputs(output.table.c_str(), stdout);
    std::fflush(stdout);
    json += output.json;
    ++compared;
    if (!command.twice) continue;
    const Output again = RunOnce(command, workload);
    if (again.table == output.table && again.json == output.json) continue;
    ++differing;
    std::printf("the same again, and it DIFFERS:\n%s%s%s", again.table.c_str(), output.json.c_str(),
                again.json.c_str());
  }
  if (compared == 0) Die("no workload is called " + command.only);
  if (!command.json.empty() && !(std::ofstream(command.json, std::ios::app) << json))
    Die("cannot write " + command.json);
  if (command.twice) {
    std::printf("%llu workloads twice, %llu differ\n", static_cast<unsigned long long>(compared),
                static_cast<unsigned long long>(differing));
  }
  return differing == 0 ? 0 : 1;
}

}  // namespace manifolddb::bench::exact
