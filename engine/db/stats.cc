// Figures, from where they are counted.

#include "engine/db/database_impl.h"

namespace manifolddb::db {

DatabaseStats DatabaseImpl::Stats() const {
  DatabaseStats stats;
  stats.page_size = found_.page_size;
  stats.write_unit = found_.write_unit;
  stats.pages_total = allocator_->page_count();
  stats.pages_free = allocator_->pages_free();
  stats.pages_pending = versions_->pages_pending();
  stats.cache_bytes = cache_->bytes_cached();
  stats.dirty_bytes = cache_->bytes_dirty();
  stats.log_bytes_capacity = log_space_->capacity();
  stats.log_bytes_used = log_space_->used();
  stats.commits = core_.commits.load(std::memory_order_relaxed);
  stats.log_groups = log_->groups();
  stats.log_syncs = log_->syncs();
  stats.checkpoints = checkpointer_->checkpoints();
  stats.commit_number = versions_->published_txn().raw();
  stats.life = found_.life.raw();
  stats.recovered_commits = recovered_;
  stats.tail_may_be_lost = read_only_ && recovered_ > 0;
  return stats;
}

}  // namespace manifolddb::db
