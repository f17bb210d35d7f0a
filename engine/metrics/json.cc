// JSON by hand: numbers and names that are known, nothing that would have to be escaped.

#include <string>

#include "engine/metrics/figures.h"
#include "manifolddb/metrics.h"

namespace manifolddb {
namespace {

using Members = std::vector<std::pair<const char*, std::string>>;

std::string Object(const Members& members) {
  std::string json = "{";
  for (const auto& [name, value] : members) {
    if (json.size() > 1) json += ", ";
    json += std::string("\"") + name + "\": " + value;
  }
  return json + "}";
}

std::string List(const std::vector<std::string>& values) {
  std::string json = "[";
  for (const std::string& value : values) {
    if (json.size() > 1) json += ", ";
    json += value;
  }
  return json + "]";
}

std::string Number(uint64_t value) { return std::to_string(value); }
std::string Truth(bool value) { return value ? "true" : "false"; }

std::string HistogramObject(const Histogram& histogram) {
  std::vector<std::string> buckets;
  for (size_t i = 0; i < Histogram::kBuckets; ++i) {
    if (histogram.bucket(i) == 0) continue;
    const uint64_t bound = Histogram::UpperBound(i);
    const std::string at_most = bound == Histogram::kNoBound ? "null" : Number(bound);
    buckets.push_back(Object({{"at_most", at_most}, {"count", Number(histogram.bucket(i))}}));
  }
  return Object(
      {{"count", Number(histogram.count())}, {"sum", Number(histogram.sum())}, {"buckets", List(buckets)}});
}

std::string CheckpointObject(const CheckpointInfo& checkpoint) {
  return Object({{"number", Number(checkpoint.number)},
                 {"commit_number", Number(checkpoint.commit_number)},
                 {"began_ns", Number(checkpoint.began_ns)},
                 {"ended_ns", Number(checkpoint.ended_ns)},
                 {"page_bytes", Number(checkpoint.page_bytes)},
                 {"of_commit", Truth(checkpoint.of_commit)},
                 {"log_grew", Truth(checkpoint.log_grew)}});
}

}  // namespace

std::string ToJson(const DatabaseStats& stats) {
  Members members;
  for (const metrics::Figure& figure : metrics::FiguresOf(stats))
    members.emplace_back(figure.name, Number(figure.value));
  members.back().second = Truth(stats.tail_may_be_lost);  // the one that is no number
  for (const metrics::HistogramFigure& figure : metrics::HistogramsOf(stats))
    members.emplace_back(figure.name, HistogramObject(*figure.value));
  std::vector<std::string> history;
  for (const CheckpointInfo& checkpoint : stats.checkpoint_history)
    history.push_back(CheckpointObject(checkpoint));
  members.emplace_back("checkpoint_history", List(history));
  return Object(members);
}

std::string ToJson(const TableShape& shape) {
  // In thousandths, so that it is exact: no more is known of it.
  const uint64_t fill = shape.page_bytes == 0 ? 0 : shape.page_bytes_used * 1000 / shape.page_bytes;
  const std::string digits = std::to_string(1000 + fill % 1000).substr(1);
  return Object({{"entries", Number(shape.entries)},
                 {"depth", Number(shape.depth)},
                 {"branch_pages", Number(shape.branch_pages)},
                 {"leaf_pages", Number(shape.leaf_pages)},
                 {"page_bytes", Number(shape.page_bytes)},
                 {"page_bytes_used", Number(shape.page_bytes_used)},
                 {"fill", Number(fill / 1000) + "." + digits},
                 {"large_values", Number(shape.large_values)},
                 {"large_value_bytes", Number(shape.large_value_bytes)}});
}

}  // namespace manifolddb
