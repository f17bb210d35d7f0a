#include "bench/exact/report.h"

#include <array>
#include <cstdio>

namespace manifolddb::bench::exact {
namespace {

constexpr int kNameWidth = 34;

template <class... Arguments>
std::string Printed(const char* format, Arguments... arguments) {
  std::array<char, 512> line;
  std::snprintf(line.data(), line.size(), format, arguments...);
  return line.data();
}

}  // namespace

std::string TableHead() {
  return Printed("%-*s %9s %12s %9s %9s %9s %9s %9s %9s %9s\n%-*s %9s %12s %9s %9s %9s %9s %9s %9s %9s\n",
                 kNameWidth, "", "", "virtual", "reads", "writes", "syncs", "written", "allocs", "alloc.",
                 "files", kNameWidth, "workload", "ops", "ns/op", "/op", "/op", "/op", "bytes/op", "/op",
                 "bytes/op", "MB");
}

std::string TableLine(const Figure& figure) {
  const auto operations = static_cast<double>(figure.operations);
  const auto each = [&](const char* name) { return figure.counters[name].get<double>() / operations; };
  return Printed("%-*s %9llu %12.1f %9.4g %9.4g %9.4g %9.5g %9.4g %9.5g %9.1f\n", kNameWidth,
                 figure.benchmark.c_str(), static_cast<unsigned long long>(figure.operations),
                 figure.PerOperation(), each("reads"), each("writes") + each("durable_writes"), each("syncs"),
                 each("write_bytes") + each("durable_bytes"), each("allocations"), each("allocated_bytes"),
                 figure.counters["file_bytes"].get<double>() / 1e6);
}

std::string JsonLine(const Figure& figure, uint64_t seed) {
  nlohmann::ordered_json params = figure.params;
  params["seed"] = seed;
  const nlohmann::ordered_json line = {{"benchmark", figure.benchmark}, {"value", figure.PerOperation()},
                                       {"unit", "virtual ns/op"},       {"better", "lower"},
                                       {"counters", figure.counters},   {"params", params}};
  return line.dump() + "\n";
}

}  // namespace manifolddb::bench::exact
