// manifolddb stat: every figure that the engine gives, then families, tables and their lengths.

#include <nlohmann/json.hpp>
#include <vector>

#include "manifolddb/metrics.h"
#include "tools/commands.h"
#include "tools/text.h"

namespace manifolddb::tools {
namespace {

struct Figure {
  const char* name;  // the member's of DatabaseStats
  uint64_t value;
  const char* meaning;
};

// What no file has: whoever opens the database says it anew.
constexpr const char* kOption = "option of this look; each opening has its own";

std::vector<Figure> FiguresOf(const DatabaseStats& stats) {
  return {
      {"page_size", stats.page_size, "bytes"},
      {"write_unit", stats.write_unit, "bytes"},
      {"pages_total", stats.pages_total, "of the data file"},
      {"pages_free", stats.pages_free, "reusable now"},
      {"pages_pending", stats.pages_pending, "reusable once a version goes"},
      {"pages_kept", stats.pages_kept, "that nothing but savepoints has"},
      {"savepoints", stats.savepoints, "persistent ones"},
      {"cache_bytes", stats.cache_bytes, "in memory for this look"},
      {"cache_bytes_max", stats.cache_bytes_max, kOption},
      {"dirty_bytes", stats.dirty_bytes, "replayed from the log and not in the data file"},
      {"dirty_bytes_max", stats.dirty_bytes_max, kOption},
      {"log_bytes_capacity", stats.log_bytes_capacity, "of the ring"},
      {"log_bytes_max", stats.log_bytes_max, kOption},
      {"log_bytes_used", stats.log_bytes_used, "since the checkpoint"},
      {"checkpoint_interval_ms", stats.checkpoint_interval_ms, kOption},
      {"commits", stats.commits, "by this look"},
      {"log_groups", stats.log_groups, "written by this look"},
      {"log_syncs", stats.log_syncs, "by this look"},
      {"checkpoints", stats.checkpoints, "by this look"},
      {"commit_number", stats.commit_number, "newest commit"},
      {"life", stats.life, "openings for writing so far, and this look"},
      {"recovered_commits", stats.recovered_commits, "replayed from the log for this look"},
  };
}

void PrintJson(const std::string& path, const DatabaseStats& stats, const std::vector<FamilyStats>& families,
               std::ostream& out) {
  nlohmann::ordered_json json = {{"path", Printable(path)}};
  for (const Figure& figure : FiguresOf(stats)) json["stats"][figure.name] = figure.value;
  json["stats"]["tail_may_be_lost"] = stats.tail_may_be_lost;
  json["families"] = nlohmann::ordered_json::array();
  for (const FamilyStats& family : families) {
    nlohmann::ordered_json listed = {
        {"name", Escape(family.name)}, {"id", family.id}, {"entries", family.entries()}};
    if (const auto shape = family.shape()) listed["shape"] = nlohmann::ordered_json::parse(ToJson(*shape));
    listed["tables"] = nlohmann::ordered_json::array();
    for (const TableStats& table : family.tables) {
      nlohmann::ordered_json shown = {{"name", Escape(table.name)}, {"entries", table.entries}};
      if (!table.key_type.empty()) shown["key_type"] = Escape(table.key_type);
      if (!table.value_type.empty()) shown["value_type"] = Escape(table.value_type);
      if (table.shape) shown["shape"] = nlohmann::ordered_json::parse(ToJson(*table.shape));
      listed["tables"].push_back(std::move(shown));
    }
    json["families"].push_back(std::move(listed));
  }
  out << json.dump(2) << "\n";
}

std::string ShapeText(const TableShape& shape) {
  std::string text = "depth " + std::to_string(shape.depth) + ", pages " +
                     std::to_string(shape.branch_pages) + " + " + std::to_string(shape.leaf_pages) + ", " +
                     std::to_string(static_cast<int>(shape.fill() * 100)) + " % full, " +
                     std::to_string(static_cast<int>(shape.fragmentation() * 100)) + " % scattered";
  if (shape.large_values > 0) {
    text += "; values outside " + std::to_string(shape.large_values) + ", bytes " +
            std::to_string(shape.large_value_bytes);
  }
  return text;
}

void PrintText(const std::string& path, const DatabaseStats& stats, const std::vector<FamilyStats>& families,
               std::ostream& out) {
  out << Printable(path) << "\n";
  constexpr size_t kNameWidth = 24;
  const auto line = [&](const std::string& name, const std::string& value, const char* meaning) {
    out << "  " << name << std::string(kNameWidth - name.size(), ' ');
    out << std::string(value.size() < 14 ? 14 - value.size() : 0, ' ') << value << "  " << meaning << "\n";
  };
  for (const Figure& figure : FiguresOf(stats))
    line(figure.name, std::to_string(figure.value), figure.meaning);
  line("tail_may_be_lost", stats.tail_may_be_lost ? "yes" : "no",
       "yes: a power cut may still take commits that were replayed");
  for (const FamilyStats& family : families) {
    out << "family " << Quoted(family.name) << ", id " << family.id << "\n";
    if (const auto shape = family.shape()) out << "  together " << ShapeText(*shape) << "\n";
    for (const TableStats& table : family.tables) {
      const TableTypes types = {.key = table.key_type, .value = table.value_type};
      out << "  table " << Quoted(table.name) << TypesText(types) << ": " << table.entries << " entries\n";
      if (table.shape) out << "    " << ShapeText(*table.shape) << "\n";
    }
  }
}

}  // namespace

int Stat(const StatArguments& arguments, Streams streams) {
  const auto database = OpenForReading(arguments.path);
  if (!database) return Report(database.error(), streams.err);
  const auto families = (*database)->StatsByFamily(arguments.shape);
  if (!families) return Report(families.error(), streams.err);
  const DatabaseStats stats = (*database)->Stats();
  if (arguments.json) {
    PrintJson(arguments.path, stats, *families, streams.out);
  } else {
    PrintText(arguments.path, stats, *families, streams.out);
  }
  return kDone;
}

}  // namespace manifolddb::tools
