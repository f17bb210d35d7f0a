#include "bench/measure/outcome.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace manifolddb::bench {
namespace {

double Percentile(std::vector<uint32_t>& nanos, double fraction) {
  // Nearest rank: the smallest sample that at least this fraction does not exceed.
  const auto rank = static_cast<size_t>(fraction * static_cast<double>(nanos.size()) + 0.999999);
  const auto at = nanos.begin() + static_cast<std::ptrdiff_t>(std::clamp<size_t>(rank, 1, nanos.size()) - 1);
  std::nth_element(nanos.begin(), at, nanos.end());
  return *at / 1000.0;
}

}  // namespace

std::optional<Latency> LatencyOf(std::vector<uint32_t>& nanos) {
  if (nanos.empty()) return std::nullopt;
  return Latency{.p50 = Percentile(nanos, 0.5),
                 .p90 = Percentile(nanos, 0.9),
                 .p99 = Percentile(nanos, 0.99),
                 .p99_9 = Percentile(nanos, 0.999),
                 .max = *std::max_element(nanos.begin(), nanos.end()) / 1000.0};
}

nlohmann::json ToJson(const Outcome& outcome) {
  nlohmann::json json = {{"row", outcome.row},
                         {"seconds", outcome.seconds},
                         {"value", outcome.value},
                         {"unit", outcome.unit},
                         {"better", outcome.better == Better::kHigher ? "higher" : "lower"},
                         {"counters", outcome.counters},
                         {"params", outcome.params}};
  if (outcome.latency) {
    json["latency_us"] = {{"p50", outcome.latency->p50},
                          {"p90", outcome.latency->p90},
                          {"p99", outcome.latency->p99},
                          {"p99_9", outcome.latency->p99_9},
                          {"max", outcome.latency->max}};
  }
  return json;
}

Outcome OutcomeFrom(const nlohmann::json& json) {
  Outcome outcome;
  outcome.row = json.at("row");
  outcome.seconds = json.at("seconds");
  outcome.value = json.at("value");
  outcome.unit = json.at("unit");
  outcome.better = json.at("better") == "higher" ? Better::kHigher : Better::kLower;
  outcome.counters = json.at("counters").get<std::map<std::string, double>>();
  outcome.params = json.at("params").get<std::map<std::string, double>>();
  if (json.contains("latency_us")) {
    const nlohmann::json& latency = json["latency_us"];
    outcome.latency = Latency{.p50 = latency.at("p50"),
                              .p90 = latency.at("p90"),
                              .p99 = latency.at("p99"),
                              .p99_9 = latency.at("p99_9"),
                              .max = latency.at("max")};
  }
  return outcome;
}

}  // namespace manifolddb::bench
