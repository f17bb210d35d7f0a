// Loads are puts in the order of keys, as far as memory for sorting goes, in transactions as others make
// them: what is too large for memory is spilled, what is too large for the log goes through a checkpoint.
// So a crash leaves of a load what it leaves of its transactions, and nothing else writes.

#include "engine/txn/bulk_load.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/memory.h"
#include "engine/base/try.h"

namespace manifolddb::txn {
namespace {

constexpr const char* kBulkLoad = "database.bulk_load";

// Entries that wait to be put, copied one behind the other.
class SortRun {
 public:
  bool empty() const { return entries_.empty(); }
  // Of bytes and bookkeeping.
  uint64_t bytes() const { return bytes_.size() + entries_.size() * sizeof(Place); }
  Status Add(const Entry& entry) {
    MANIFOLDDB_TRY(bytes_.Append(entry.key));
    MANIFOLDDB_TRY(bytes_.Append(entry.value));
    entries_.push_back(
        {bytes_.size() - entry.key.size() - entry.value.size(), entry.key.size(), entry.value.size()});
    return {};
  }
  // By key; those of one key in the order in which they came.
  void Sort() {
    std::sort(entries_.begin(), entries_.end(), [this](const Place& a, const Place& b) {
      const auto order = Compare(At(a).key, At(b).key);
      return order != 0 ? order < 0 : a.offset < b.offset;
    });
  }
  template <class Visit>
  Status ForEach(Visit visit) const {
    for (const Place& place : entries_) MANIFOLDDB_TRY(visit(At(place)));
    return {};
  }
  void Clear() {
    bytes_.Clear();
    entries_.clear();
  }

 private:
  struct Place {
    size_t offset;
    size_t key_bytes;
    size_t value_bytes;
  };
  Entry At(const Place& place) const {
    return {bytes_.view().subspan(place.offset, place.key_bytes),
            bytes_.view().subspan(place.offset + place.key_bytes, place.value_bytes)};
  }

  base::ByteBuffer bytes_;
  std::vector<Place> entries_;
};

class Loader {
 public:
  Loader(const BulkLoadTarget& target, const BulkLoadOptions& options) : target_(target), options_(options) {}

  Result<BulkLoadProgress> Run(const EntrySource& source) {
    MANIFOLDDB_TRY(Begin());
    for (;;) {
      MANIFOLDDB_ASSIGN(const std::optional<Entry> entry, source());
      if (!entry) break;
      MANIFOLDDB_TRY(options_.sorted ? TakeSorted(*entry) : TakeUnsorted(*entry));
      ++progress_.entries;
      progress_.bytes += entry->key.size() + entry->value.size();
      const bool ask = progress_.entries % std::max<uint64_t>(options_.progress_entries, 1) == 0;
      if (ask && !GoesOn()) return Cancelled();
    }
    MANIFOLDDB_TRY(PutRun());
    // The last question comes before the last commit: whoever says no has nothing of it.
    if (!GoesOn()) return Cancelled();
    MANIFOLDDB_TRY(Commit());
    return progress_;
  }

 private:
  Status Begin() {
    MANIFOLDDB_ASSIGN(WriteTransaction begun, target_.begin());
    transaction_.emplace(std::move(begun));
    MANIFOLDDB_ASSIGN(WriteTable table,
                      transaction_->OpenOrCreateTable(target_.family, target_.table, options_.types));
    table_.emplace(table);
    return {};
  }

  Status TakeSorted(const Entry& entry) {
    const ByteView last(last_key_.view());
    if (progress_.entries > 0 && Compare(last, entry.key) >= 0) {
      return Fail(Errc::kInvalidArgument, kBulkLoad,
                  {.message = "entry " + std::to_string(progress_.entries + 1) +
                              " is not behind the one before it: sort the source, or load it as unsorted "
                              "(BulkLoadOptions::sorted)"});
    }
    last_key_.Clear();
    MANIFOLDDB_TRY(last_key_.Append(entry.key));
    return Put(entry);
  }

  Status TakeUnsorted(const Entry& entry) {
    MANIFOLDDB_TRY(run_.Add(entry));
    return run_.bytes() < options_.sort_bytes_max ? Status() : PutRun();
  }

  Status PutRun() {
    run_.Sort();
    MANIFOLDDB_TRY(run_.ForEach([this](const Entry& entry) { return Put(entry); }));
    run_.Clear();
    return {};
  }

  Status Put(const Entry& entry) {
    MANIFOLDDB_TRY(table_->Put(entry.key, entry.value));
    ++entries_put_;
    bytes_put_ += entry.key.size() + entry.value.size();
    if (bytes_put_ < options_.commit_bytes) return {};
    MANIFOLDDB_TRY(Commit());
    return Begin();
  }

  Status Commit() {
    const bool nothing = entries_put_ == 0 && progress_.commits > 0;  // behind the last of several
    MANIFOLDDB_TRY(transaction_->Commit());
    progress_.entries_committed += std::exchange(entries_put_, 0);
    bytes_put_ = 0;
    if (!nothing) ++progress_.commits;
    return {};
  }

  bool GoesOn() const { return options_.progress == nullptr || options_.progress(progress_); }

  BulkLoadProgress Cancelled() {
    transaction_->Abort();
    progress_.cancelled = true;
    return progress_;
  }

  const BulkLoadTarget& target_;
  const BulkLoadOptions& options_;
  std::optional<WriteTransaction> transaction_;
  std::optional<WriteTable> table_;
  base::ByteBuffer last_key_;
  SortRun run_;
  uint64_t entries_put_ = 0;  // since the last commit
  uint64_t bytes_put_ = 0;
  BulkLoadProgress progress_;
};

}  // namespace

Result<BulkLoadProgress> BulkLoad(const BulkLoadTarget& target, const EntrySource& source,
                                  const BulkLoadOptions& options) {
  return Loader(target, options).Run(source);
}

}  // namespace manifolddb::txn
