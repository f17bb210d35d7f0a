#include "engine/metrics/figures.h"

namespace manifolddb::metrics {

std::vector<Figure> FiguresOf(const DatabaseStats& stats) {
  using enum Kind;
  using enum Unit;
  return {
      {"page_size", kGauge, kNone, stats.page_size, "Bytes of a page"},
      {"write_unit", kGauge, kNone, stats.write_unit, "Bytes that the disk writes atomically at most"},
      {"pages_total", kGauge, kNone, stats.pages_total, "Pages of the data file"},
      {"pages_free", kGauge, kNone, stats.pages_free, "Pages that may be used again now"},
      {"pages_pending", kGauge, kNone, stats.pages_pending,
       "Pages that may be used again once a version goes"},
      {"pages_kept", kGauge, kNone, stats.pages_kept, "Pages that nothing but savepoints has"},
      {"savepoints", kGauge, kNone, stats.savepoints, "Persistent savepoints"},
      {"cache_bytes", kGauge, kNone, stats.cache_bytes, "Bytes of pages in memory"},
      {"cache_bytes_max", kGauge, kNone, stats.cache_bytes_max, "Bytes that they may take"},
      {"dirty_bytes", kGauge, kNone, stats.dirty_bytes,
       "Bytes of pages changed since the last durable checkpoint"},
      {"dirty_bytes_max", kGauge, kNone, stats.dirty_bytes_max, "Bytes at which writers wait for one"},
      {"log_bytes_capacity", kGauge, kNone, stats.log_bytes_capacity, "Bytes of the ring of the log"},
      {"log_bytes_max", kGauge, kNone, stats.log_bytes_max, "Bytes that the ring may grow to"},
      {"log_bytes_used", kGauge, kNone, stats.log_bytes_used,
       "Bytes of the log since the last durable checkpoint"},
      {"checkpoint_interval_ms", kGauge, kNone, stats.checkpoint_interval_ms,
       "Milliseconds after which a commit starts a checkpoint; 0: never because of time"},
      {"commits", kCounter, kNone, stats.commits, "Write transactions that were committed"},
      {"aborts", kCounter, kNone, stats.aborts,
       "Write transactions that ended before their commit was ordered"},
      {"family_waits", kCounter, kNone, stats.family_waits,
       "Waits for column families that another transaction held"},
      {"stalls", kCounter, kNone, stats.stalls, "Waits of writers for a checkpoint to make room"},
      {"stall_nanos", kCounter, kNanos, stats.stall_nanos, "Time that they took"},
      {"log_groups", kCounter, kNone, stats.log_groups, "Groups of commits written to the log"},
      {"log_syncs", kCounter, kNone, stats.log_syncs, "Times that the log was made durable"},
      {"log_bytes_written", kCounter, kNone, stats.log_bytes_written, "Bytes written to the log"},
      {"redo_bytes", kCounter, kNone, stats.redo_bytes,
       "Bytes of changes in the log: what was to be written"},
      {"cache_hits", kCounter, kNone, stats.cache_hits,
       "Pages that reads and writes found in memory, at each level of a tree"},
      {"pages_read", kCounter, kNone, stats.pages_read,
       "Pages read from the data file because they were not in memory"},
      {"pages_evicted", kCounter, kNone, stats.pages_evicted, "Pages taken out of memory to make room"},
      {"pages_written", kCounter, kNone, stats.pages_written, "Pages written to the data file"},
      {"large_reads", kCounter, kNone, stats.large_reads,
       "Large values, and maps of free pages, that were read"},
      {"large_bytes_read", kCounter, kNone, stats.large_bytes_read,
       "Bytes of large values and maps of free pages that were read"},
      {"large_bytes_written", kCounter, kNone, stats.large_bytes_written,
       "Bytes written for large values and maps of free pages"},
      {"checkpoints", kCounter, kNone, stats.checkpoints, "Checkpoints that ended well"},
      {"commit_number", kGauge, kNone, stats.commit_number,
       "Newest published commit of the whole life of the database"},
      {"life", kGauge, kNone, stats.life, "Openings for writing of the whole life of the database"},
      {"recovered_commits", kGauge, kNone, stats.recovered_commits,
       "Commits replayed from the log by this opening"},
      {"tail_may_be_lost", kGauge, kNone, stats.tail_may_be_lost ? uint64_t{1} : uint64_t{0},
       "1: what this read-only look replayed may not be durable"},
  };
}

std::vector<HistogramFigure> HistogramsOf(const DatabaseStats& stats) {
  return {
      {"group_commits", Unit::kNone, &stats.group_commits, "Commits that went into one group of the log"},
      {"sync_nanos", Unit::kNanos, &stats.sync_nanos, "Time to write a group and make it durable"},
  };
}

std::string NameText(std::string_view name) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : name) {
    const auto byte = static_cast<uint8_t>(c);
    if (c == '\\') {
      text += "\\\\";
    } else if (byte >= 0x20 && byte < 0x7f) {
      text += c;
    } else {
      text += "\\x";
      text += kDigits[byte >> 4];
      text += kDigits[byte & 15];
    }
  }
  return text;
}

std::string InQuotes(std::string_view text) {
  std::string quoted;
  for (const char c : text) {
    if (c == '\\' || c == '"') quoted += '\\';
    quoted += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return quoted;
}

}  // namespace manifolddb::metrics
