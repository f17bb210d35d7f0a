// Prometheus's text format.
//
// (1) Every figure has HELP and TYPE, once, before its samples.
// (2) Buckets count what is at most their bound, hence those before them too; the last one is +Inf.

#include <string>

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
    label_ = "database=\"";
    for (const char c : database) {
      if (c == '\\' || c == '"') label_ += '\\';
      label_ += c == '\n' ? std::string("\\n") : std::string(1, c);
    }
    label_ += '"';
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

}  // namespace

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
