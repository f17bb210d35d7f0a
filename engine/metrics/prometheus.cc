// Prometheus's text format.
//
// (1) Every figure has HELP and TYPE, once, before its samples.
// (2) Buckets count what is at most their bound, hence those before them too; the last one is +Inf.

#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "engine/metrics/figures.h"
#include "manifolddb/metrics.h"

namespace manifolddb {
namespace {

using metrics::Kind;
using metrics::Unit;

// As Prometheus wants names: times in seconds, counters with their suffix.
std::string NameOf(std::string_view member, Unit unit, Kind kind) {
  constexpr std::string_view kNanosEnd = "_nanos";
  std::string name = "manifolddb_";
  name += unit == Unit::kNanos ? member.substr(0, member.size() - kNanosEnd.size()) : member;
  if (unit == Unit::kNanos) name += "_seconds";
  return kind == Kind::kCounter ? name + "_total" : name;
}

// Nanoseconds as seconds, exactly.
std::string ValueOf(uint64_t value, Unit unit) {
  constexpr uint64_t kNanosPerSecond = 1'000'000'000;
  if (unit == Unit::kNone) return std::to_string(value);
  const std::string fraction = std::to_string(kNanosPerSecond + value % kNanosPerSecond).substr(1);
  return std::to_string(value / kNanosPerSecond) + "." + fraction;
}

class Writer {
 public:
  explicit Writer(std::string_view database) {
    if (database.empty()) return;
    label_ = LabelOf("database", database);
  }
  // `value` as it is: NameText of what may be no text.
  static std::string LabelOf(const char* name, std::string_view value) {
    return std::string(name) + "=\"" + metrics::InQuotes(value) + '"';
  }

  void Head(const std::string& name, const char* help, const char* type) {
    text_ += "# HELP " + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
  }
  void Sample(const std::string& name, const std::string& value, const std::string& more_labels = "") {
    std::string labels = label_;
    if (!labels.empty() && !more_labels.empty()) labels += ",";
    labels += more_labels;
    text_ += labels.empty() ? name : name + "{" + labels + "}";
    text_ += " " + value + "\n";
  }
  std::string Take() { return std::move(text_); }

 private:
  std::string label_;
  std::string text_;
};

void WriteHistogram(const metrics::HistogramFigure& figure, Writer& writer) {
  const std::string name = NameOf(figure.name, figure.unit, Kind::kGauge);
  const Histogram& histogram = *figure.value;
  writer.Head(name, figure.help, "histogram");
  uint64_t below = 0;
  // The bounds are always the same ones, used or not: rates over time need them to be.
  for (size_t i = 0; i + 1 < Histogram::kBuckets; ++i) {
    below += histogram.bucket(i);
    const std::string bound = ValueOf(Histogram::UpperBound(i), figure.unit);
    writer.Sample(name + "_bucket", std::to_string(below), "le=\"" + bound + "\"");
  }
  writer.Sample(name + "_bucket", std::to_string(histogram.count()), "le=\"+Inf\"");
  writer.Sample(name + "_sum", ValueOf(histogram.sum(), figure.unit));
  writer.Sample(name + "_count", std::to_string(histogram.count()));
}

struct LastCheckpoint {
  const char* name;
  Unit unit;
  uint64_t value;
  const char* help;
};
std::vector<LastCheckpoint> OfLastCheckpoint(const DatabaseStats& stats) {
  const CheckpointInfo last =
      stats.checkpoint_history.empty() ? CheckpointInfo() : stats.checkpoint_history.back();
  return {
      {"last_checkpoint_nanos", Unit::kNanos, last.nanos(), "Time that the last checkpoint took"},
      {"last_checkpoint_page_bytes", Unit::kNone, last.page_bytes, "Bytes of pages that it wrote"},
  };
}

std::vector<metrics::Figure> FiguresOf(const FamilyStats& family) {
  using enum Kind;
  return {
      {"column_family_tables", kGauge, Unit::kNone, family.tables.size(), "Tables of a column family"},
      {"column_family_entries", kGauge, Unit::kNone, family.entries(), "Entries of its tables"},
      {"column_family_commits", kCounter, Unit::kNone, family.commits, "Commits that changed it"},
      {"column_family_waits", kCounter, Unit::kNone, family.waits,
       "Waits for it by transactions that found it taken"},
  };
}

// All that there are where a shape is known, else the first one.
std::vector<metrics::Figure> FiguresOf(const TableStats& table) {
  using enum Kind;
  std::vector<metrics::Figure> figures = {
      {"table_entries", kGauge, Unit::kNone, table.entries, "Entries of a table"}};
  if (!table.shape) return figures;
  const TableShape& shape = *table.shape;
  const metrics::Figure of_shape[] = {
      {"table_depth", kGauge, Unit::kNone, shape.depth, "Levels of its tree, leaves included"},
      {"table_branch_pages", kGauge, Unit::kNone, shape.branch_pages, "Pages of its tree above the leaves"},
      {"table_leaf_pages", kGauge, Unit::kNone, shape.leaf_pages, "Leaves of its tree"},
      {"table_page_bytes", kGauge, Unit::kNone, shape.page_bytes, "Bytes of the pages of its tree"},
      {"table_page_bytes_used", kGauge, Unit::kNone, shape.page_bytes_used, "Bytes that are used of them"},
      {"table_leaf_jumps", kGauge, Unit::kNone, shape.leaf_jumps,
       "Steps from leaf to leaf that do not lead to the next page of the file"},
      {"table_large_values", kGauge, Unit::kNone, shape.large_values, "Values outside the pages of its tree"},
      {"table_large_value_bytes", kGauge, Unit::kNone, shape.large_value_bytes, "Bytes of them"},
  };
  figures.insert(figures.end(), std::begin(of_shape), std::end(of_shape));
  return figures;
}

// Each figure that any of them has, with its samples together, as the format wants it.
class Labelled {
 public:
  void Add(const std::vector<metrics::Figure>& figures, const std::string& labels) {
    for (size_t i = 0; i < figures.size(); ++i) {
      if (i == columns_.size()) columns_.push_back({figures[i], {}});
      columns_[i].samples.emplace_back(labels, figures[i].value);
    }
  }
  void Write(Writer& writer) const {
    for (const Column& column : columns_) {
      const metrics::Figure& figure = column.figure;
      const std::string name = NameOf(figure.name, figure.unit, figure.kind);
      writer.Head(name, figure.help, figure.kind == Kind::kCounter ? "counter" : "gauge");
      for (const auto& [labels, value] : column.samples) {
        writer.Sample(name, ValueOf(value, figure.unit), labels);
      }
    }
  }

 private:
  struct Column {
    metrics::Figure figure;
    std::vector<std::pair<std::string, uint64_t>> samples;
  };
  std::vector<Column> columns_;
};

}  // namespace

std::string ToPrometheus(const std::vector<FamilyStats>& families, std::string_view database) {
  Labelled of_families;
  Labelled of_tables;
  for (const FamilyStats& family : families) {
    const std::string label = Writer::LabelOf("family", metrics::NameText(family.name));
    of_families.Add(FiguresOf(family), label);
    for (const TableStats& table : family.tables) {
      of_tables.Add(FiguresOf(table), label + "," + Writer::LabelOf("table", metrics::NameText(table.name)));
    }
  }
  Writer writer(database);
  of_families.Write(writer);
  of_tables.Write(writer);
  return writer.Take();
}

std::string ToPrometheus(const DatabaseStats& stats, std::string_view database) {
  Writer writer(database);
  for (const metrics::Figure& figure : metrics::FiguresOf(stats)) {
    const std::string name = NameOf(figure.name, figure.unit, figure.kind);
    writer.Head(name, figure.help, figure.kind == Kind::kCounter ? "counter" : "gauge");
    writer.Sample(name, ValueOf(figure.value, figure.unit));
  }
  for (const LastCheckpoint& figure : OfLastCheckpoint(stats)) {
    const std::string name = NameOf(figure.name, figure.unit, Kind::kGauge);
    writer.Head(name, figure.help, "gauge");
    writer.Sample(name, ValueOf(figure.value, figure.unit));
  }
  for (const metrics::HistogramFigure& figure : metrics::HistogramsOf(stats)) WriteHistogram(figure, writer);
  return writer.Take();
}

std::vector<std::string> PrometheusNames() {
  const DatabaseStats none;
  std::vector<std::string> names;
  for (const metrics::Figure& figure : metrics::FiguresOf(none))
    names.push_back(NameOf(figure.name, figure.unit, figure.kind));
  for (const LastCheckpoint& figure : OfLastCheckpoint(none))
    names.push_back(NameOf(figure.name, figure.unit, Kind::kGauge));
  for (const metrics::HistogramFigure& figure : metrics::HistogramsOf(none))
    names.push_back(NameOf(figure.name, figure.unit, Kind::kGauge));
  return names;
}

}  // namespace manifolddb
