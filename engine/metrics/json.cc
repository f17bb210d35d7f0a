// JSON by hand: numbers and names that are known; of what users have named, printable ASCII (NameText).

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

// Exactly.
std::string Thousandths(uint64_t number) {
  return Number(number / 1000) + "." + Number(1000 + number % 1000).substr(1);
}
std::string Text(std::string_view name) { return '"' + metrics::InQuotes(metrics::NameText(name)) + '"'; }

std::string TableObject(const TableStats& table) {
  Members members = {{"name", Text(table.name)},
                     {"key_type", Text(table.key_type)},
                     {"value_type", Text(table.value_type)},
                     {"entries", Number(table.entries)}};
  if (table.shape) members.emplace_back("shape", ToJson(*table.shape));
  return Object(members);
}

std::string FamilyObject(const FamilyStats& family) {
  std::vector<std::string> tables;
  for (const TableStats& table : family.tables) tables.push_back(TableObject(table));
  Members members = {{"name", Text(family.name)},
                     {"id", Number(family.id)},
                     {"entries", Number(family.entries())},
                     {"commits", Number(family.commits)},
                     {"waits", Number(family.waits)}};
  if (const auto shape = family.shape()) members.emplace_back("shape", ToJson(*shape));
  members.emplace_back("tables", List(tables));
  return Object(members);
}

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
  members.emplace_back("write_amplification",
                       Thousandths(static_cast<uint64_t>(stats.write_amplification() * 1000)));
  for (const metrics::HistogramFigure& figure : metrics::HistogramsOf(stats))
    members.emplace_back(figure.name, HistogramObject(*figure.value));
  std::vector<std::string> history;
  for (const CheckpointInfo& checkpoint : stats.checkpoint_history)
    history.push_back(CheckpointObject(checkpoint));
  members.emplace_back("checkpoint_history", List(history));
  return Object(members);
}

std::string ToJson(const TableShape& shape) {
  const uint64_t fill = shape.page_bytes == 0 ? 0 : shape.page_bytes_used * 1000 / shape.page_bytes;
  const uint64_t jumps = shape.leaf_pages == 0 ? 0 : shape.leaf_jumps * 1000 / shape.leaf_pages;
  return Object({{"entries", Number(shape.entries)},
                 {"depth", Number(shape.depth)},
                 {"branch_pages", Number(shape.branch_pages)},
                 {"leaf_pages", Number(shape.leaf_pages)},
                 {"page_bytes", Number(shape.page_bytes)},
                 {"page_bytes_used", Number(shape.page_bytes_used)},
                 {"fill", Thousandths(fill)},
                 {"leaf_jumps", Number(shape.leaf_jumps)},
                 {"fragmentation", Thousandths(jumps)},
                 {"large_values", Number(shape.large_values)},
                 {"large_value_bytes", Number(shape.large_value_bytes)}});
}

std::string ToJson(const std::vector<FamilyStats>& families) {
  std::vector<std::string> objects;
  for (const FamilyStats& family : families) objects.push_back(FamilyObject(family));
  return List(objects);
}

}  // namespace manifolddb
