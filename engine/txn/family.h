#pragma once
// Column families in memory: their names over time, their versions, and who writes them.
//
// (1) At most one transaction holds a family's writer token; tokens are handed over first come, first served.
//     Whoever needs several takes them in id order, and a thread that holds a token of another operation does
//     not wait at all (kBusy): nobody waits in a circle.
// (2) Creating, renaming and dropping families is serialised by one more token, the catalog's (family id 0).
// (3) Names are versioned: a snapshot sees the families and names of its commit.
// An idle family is one small object here, with its name, and nothing anywhere else.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <forward_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/mutex.h"
#include "engine/format/catalog_record.h"
#include "engine/format/ids.h"
#include "engine/mvcc/family_versions.h"
#include "engine/txn/family_table.h"
#include "manifolddb/executor.h"
#include "manifolddb/result.h"

namespace manifolddb::txn {

inline constexpr format::TxnId kNever{~uint64_t{0}};
// As seen by everything that was ordered so far, published or not.
inline constexpr format::TxnId kNewestOrdered{kNever.raw() - 1};
// For AllAt: every family, gone or not.
inline constexpr format::TxnId kEver = kNever;

class Family;

// One name a family had, from a commit on.
struct FamilyName {
  format::TxnId from;
  Family* family;
  std::string text;
};

// What the durable catalog says of a family; touched by the checkpointer only. Its name there is the one that
// it had at the catalog's commit.
struct DurableFamily {
  std::shared_ptr<const mvcc::Tables> tables;
  format::TreeRoot tables_tree;
  format::TableId next_table{1};
};

class Families;
struct TokenWaiter;

// Until when who wants tokens waits for those that others have.
struct TokenWait {
  Clock* clock = nullptr;  // null: as long as it takes
  uint64_t until_ns = 0;
};

class Family {
 public:
  Family(format::FamilyId id, format::TxnId created) : id_(id), created_(created) {}

  format::FamilyId id() const { return id_; }
  format::TxnId created() const { return created_; }
  bool ExistsAt(format::TxnId at) const {
    return created_ <= at && at.raw() < dropped_.load(std::memory_order_acquire);
  }
  // The first version of a family created by commit `txn`: no tables.
  void InstallEmpty(format::TxnId txn);
  bool dropped() const { return dropped_.load(std::memory_order_acquire) != kNever.raw(); }

  mvcc::FamilyVersions versions;
  // Those that changed it, since the opening; written under the commit queue's lock.
  std::atomic<uint64_t> commits{0};
  DurableFamily durable;  // the tables are null until they were loaded

 private:
  friend class Families;

  const format::FamilyId id_;
  const format::TxnId created_;
  std::atomic<uint64_t> dropped_{kNever.raw()};  // release: what the dropping commit made precedes it
  // Guarded by Families::mutex_:
  std::forward_list<FamilyName> names_;  // newest first, never empty once it is in Families
  TokenWaiter* first_waiter_ = nullptr;
  TokenWaiter* last_waiter_ = nullptr;
  uint64_t waits_ = 0;   // by those who found its token taken
  uint64_t holder_ = 0;  // thread that took the token, or has used its transaction since; 0: nobody
  bool loading_ = false;
  bool changed_ = false;  // in Families::changed_
};

class Families {
 public:
  Families();
  ~Families();
  Families(const Families&) = delete;
  Families& operator=(const Families&) = delete;

  // A family that the durable catalog holds. Before anybody else uses this object.
  Family* AddDurable(std::string_view name, const format::FamilyRecord& record) EXCLUDES(mutex_);
  void SetNextId(format::FamilyId next) EXCLUDES(mutex_);
  format::FamilyId next_id() const EXCLUDES(mutex_);

  // Any family that ever had that id and may still be seen by somebody; null if there is none. Lock-free.
  Family* Find(format::FamilyId id) const;
  // As commit `at` saw it.
  Family* FindByName(std::string_view name, format::TxnId at) const EXCLUDES(mutex_);
  std::vector<std::string> ListNames(format::TxnId at) const EXCLUDES(mutex_);
  std::string NameAt(const Family& family, format::TxnId at) const EXCLUDES(mutex_);
  // Those that exist at commit `at`; kEver: all that anybody may still see.
  std::vector<Family*> AllAt(format::TxnId at) const EXCLUDES(mutex_);
  Family* catalog() { return &catalog_; }

  // Takes the writer tokens of `families` (ascending by id, no duplicates), waiting for those that others
  // have. kBusy, and takes none, if this thread holds one of them, or would have to wait while it holds
  // another, or `wait` is over. `before`: the one that this operation has taken already, of a lower id; null
  // if there is none.
  Status TakeTokens(std::span<Family* const> families, const char* operation, const Family* before = nullptr,
                    const TokenWait& wait = {}) EXCLUDES(mutex_);
  // Takes one more if it is free right now.
  Status TryTakeToken(Family* family) EXCLUDES(mutex_);
  // The tokens, which are held, are this thread's from now on: their transaction has moved here.
  void AdoptTokens(std::span<Family* const> families) EXCLUDES(mutex_);
  void ReleaseTokens(std::span<Family* const> families) EXCLUDES(mutex_);

  // REQUIRES (each): the catalog's token is held; for Drop, the family's as well. Called when commit `txn` is
  // ordered.
  Family* Create(std::string_view name, format::TxnId txn) EXCLUDES(mutex_);
  // The same with a given id: replay.
  Family* CreateAs(format::FamilyId id, std::string_view name, format::TxnId txn) EXCLUDES(mutex_);
  void Rename(Family* family, std::string_view name, format::TxnId txn) EXCLUDES(mutex_);
  void Drop(Family* family, format::TxnId txn) EXCLUDES(mutex_);

  // Nothing older than `oldest` is or will be looked at: forgets names that were given up before it, so
  // that looking one up does not get slower with every change.
  void ForgetNames(format::TxnId oldest) EXCLUDES(mutex_);
  // How often somebody waited for a token.
  uint64_t waits() const EXCLUDES(mutex_);
  uint64_t waits(const Family& family) const EXCLUDES(mutex_);
  // That can be looked up at some snapshot.
  size_t names() const EXCLUDES(mutex_);

  // One thread loads a family's tables; the others wait. True: the caller is to load, then to call
  // EndLoading.
  bool BeginLoading(Family* family) EXCLUDES(mutex_);
  void EndLoading(Family* family) EXCLUDES(mutex_);

  // Families touched by commits since TakeChanged; the checkpointer gives back those it did not cover.
  void MarkChanged(Family* family) EXCLUDES(mutex_);
  std::vector<Family*> TakeChanged() EXCLUDES(mutex_);

 private:
  // A name that its family has no more from a commit on.
  struct OldName {
    format::TxnId until;
    FamilyName* name;
  };

  Family* AddLocked(format::FamilyId id, std::string_view name, format::TxnId txn) REQUIRES(mutex_);
  void AddNameLocked(Family* family, std::string_view text, format::TxnId from) REQUIRES(mutex_);
  Status CheckMayWaitLocked(std::span<Family* const> families, const char* operation,
                            const Family* before) const REQUIRES(mutex_);
  // False: it was not to be had in time.
  bool TakeLocked(Family* family, uint64_t thread, const TokenWait& wait) REQUIRES(mutex_);
  void LeaveQueueLocked(Family* family, TokenWaiter* waiter) REQUIRES(mutex_);
  void ReleaseLocked(std::span<Family* const> families) REQUIRES(mutex_);
  static const FamilyName* NameOf(const Family& family, format::TxnId at);
  // Where those that are `text`, given at `at` or before, begin in by_name_.
  size_t FirstOfLocked(std::string_view text, format::TxnId at) const REQUIRES(mutex_);

  FamilyTable by_id_;  // written under mutex_
  Family catalog_{format::FamilyId{0}, format::TxnId{0}};
  mutable base::Mutex mutex_{base::LockRank::kFamilies};
  base::CondVar loaded_;
  std::vector<std::unique_ptr<Family>> all_ GUARDED_BY(mutex_);
  std::vector<FamilyName*> by_name_ GUARDED_BY(mutex_);  // by text, the newest of one text first
  std::deque<OldName> old_names_ GUARDED_BY(mutex_);     // ascending
  uint64_t waits_ GUARDED_BY(mutex_) = 0;
  format::FamilyId next_id_ GUARDED_BY(mutex_){1};
  std::vector<Family*> changed_ GUARDED_BY(mutex_);
  std::vector<const Family*> held_ GUARDED_BY(mutex_);  // those with a holder
};

}  // namespace manifolddb::txn
