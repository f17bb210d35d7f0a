#pragma once
// What a measurement found, and how it travels from the process that measured to the one that reports.

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace manifolddb::bench {

// Microseconds.
struct Latency {
  double p50 = 0, p90 = 0, p99 = 0, p99_9 = 0, max = 0;
};

// None if there are no samples. Reorders them.
std::optional<Latency> LatencyOf(std::vector<uint32_t>& nanos);

enum class Better : uint8_t { kHigher, kLower };

struct Outcome {
  std::string row;     // "W3/threads:1/families:own"
  double seconds = 0;  // that were measured
  double value = 0;
  std::string unit;  // "commits/s"
  Better better = Better::kHigher;
  std::optional<Latency> latency = std::nullopt;
  std::map<std::string, double> counters = {};  // what is not known is left out
  std::map<std::string, double> params = {};
};

nlohmann::json ToJson(const Outcome& outcome);
// Throws nlohmann::json::exception where `json` is not one.
Outcome OutcomeFrom(const nlohmann::json& json);

}  // namespace manifolddb::bench
