// Figures, from where they are counted.

#include <string>
#include <utility>
#include <vector>

#include "engine/base/try.h"
#include "engine/db/database_impl.h"

namespace manifolddb::db {

DatabaseStats DatabaseImpl::Stats() const {
  DatabaseStats stats;
  stats.page_size = found_.page_size;
  stats.write_unit = found_.write_unit;
  stats.pages_total = allocator_->page_count();
  stats.pages_free = allocator_->pages_free();
  stats.pages_pending = versions_->pages_pending();
  stats.pages_kept = versions_->pages_kept();
  stats.savepoints = versions_->Savepoints().size();
  const Options options = CurrentOptions();
  stats.cache_bytes = cache_->bytes_cached();
  stats.cache_bytes_max = options.cache_bytes;
  stats.dirty_bytes = cache_->bytes_dirty();
  stats.dirty_bytes_max = core_.DirtyBytesMax();
  stats.log_bytes_capacity = log_space_->capacity();
  stats.log_bytes_max = options.log_bytes_max;
  stats.log_bytes_used = log_space_->used();
  stats.checkpoint_interval_ms = options.checkpoint_interval_ms;
  stats.commits = core_.commits.load(std::memory_order_relaxed);
  stats.log_groups = log_->groups();
  stats.log_syncs = log_->syncs();
  stats.log_bytes_written = format::Distance(log_begin_, versions_->published_at().lsn);
  const txn::CommitPipeline::Figures commits = pipeline_->figures();
  stats.redo_bytes = commits.redo_bytes;
  stats.group_commits = commits.group_commits;
  stats.sync_nanos = commits.sync_nanos;
  stats.aborts = core_.aborts.load(std::memory_order_relaxed);
  stats.family_waits = families_->waits();
  stats.stalls = core_.stalls.load(std::memory_order_relaxed);
  stats.stall_nanos = core_.stall_nanos.load(std::memory_order_relaxed);
  const page::PageCache::Figures pages = cache_->figures();
  stats.cache_hits = cache_->hits();
  stats.pages_read = pages.read;
  stats.pages_evicted = pages.evicted;
  stats.pages_written = pages.written;
  stats.large_reads = data_->extent_reads();
  stats.large_bytes_read = data_->extent_bytes_read();
  stats.large_bytes_written = data_->extent_bytes_written();
  stats.checkpoints = checkpointer_->checkpoints();
  stats.checkpoint_history = checkpointer_->History();
  stats.commit_number = versions_->published_txn().raw();
  stats.life = found_.life.raw();
  stats.recovered_commits = recovered_;
  stats.tail_may_be_lost = read_only_ && recovered_ > 0;
  return stats;
}

namespace {

Result<TableStats> TableStatsOf(ReadTransaction& snapshot, ColumnFamily family, std::string name,
                                bool with_shape) {
  MANIFOLDDB_ASSIGN(const ReadTable table, snapshot.OpenTable(family, name, TableTypes::Any()));
  const TableTypes types = table.types();
  TableStats stats{
      .name = std::move(name), .key_type = std::string(types.key), .value_type = std::string(types.value)};
  MANIFOLDDB_ASSIGN(stats.entries, table.Length());
  if (with_shape) {
    MANIFOLDDB_ASSIGN(stats.shape, table.Shape());
  }
  return stats;
}

}  // namespace

Result<std::vector<FamilyStats>> DatabaseImpl::StatsByFamily(ReadTransaction& snapshot,
                                                             bool with_shape) const {
  std::vector<FamilyStats> families;
  MANIFOLDDB_ASSIGN(std::vector<std::string> names, snapshot.ListColumnFamilies());
  for (std::string& name : names) {
    MANIFOLDDB_ASSIGN(const ColumnFamily handle, snapshot.OpenColumnFamily(name));
    FamilyStats& stats = families.emplace_back();
    stats.name = std::move(name);
    stats.id = handle.id();
    if (const txn::Family* const family = families_->Find(format::FamilyId{handle.id()})) {
      stats.commits = family->commits.load(std::memory_order_relaxed);
      stats.waits = families_->waits(*family);
    }
    MANIFOLDDB_ASSIGN(std::vector<std::string> tables, snapshot.ListTables(handle));
    for (std::string& table : tables) {
      MANIFOLDDB_ASSIGN(TableStats shown, TableStatsOf(snapshot, handle, std::move(table), with_shape));
      stats.tables.push_back(std::move(shown));
    }
  }
  return families;
}

}  // namespace manifolddb::db
