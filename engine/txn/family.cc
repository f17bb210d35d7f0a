// The registry of families and the writer tokens. Invariants in the header.
//
// Tokens are handed over, not fought for: Release gives the token to the first waiter, and wakes only that
// one, if it has fallen asleep: a family with many writers costs at most one wake-up per commit. A dropped
// family's object stays until the database closes: snapshots may still see it, and it is small.

#include "engine/txn/family.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/spin.h"
#include "engine/base/thread.h"
#include "engine/base/try.h"
#include "engine/txn/names.h"

namespace manifolddb::txn {

using format::FamilyId;
using format::TxnId;

struct TokenWaiter {
  uint64_t thread = 0;
  std::atomic<bool> granted = false;  // set under the lock
  bool asleep = false;
  base::CondVar wake;
  TokenWaiter* next = nullptr;
};

namespace {

constexpr size_t kForgottenByOneMax = 8;
constexpr size_t kReleasedByOneMax = 8;

// For messages. `name`: null if it has none (any more).
std::string Describe(const Family& family, const FamilyName* name) {
  if (family.id().raw() == 0) return "the list of column families";
  return "column family " + (name != nullptr ? Quoted(name->text) : std::to_string(family.id().raw()));
}

}  // namespace

void Family::InstallEmpty(TxnId txn) {
  auto version = std::make_unique<mvcc::FamilyVersion>();
  version->txn = txn;
  version->tables = std::make_shared<const mvcc::Tables>();
  durable.tables = version->tables;
  versions.Install(std::move(version));
}

Families::Families() = default;

Families::~Families() = default;

Family* Families::AddDurable(std::string_view name, const format::FamilyRecord& record) {
  base::MutexLock lock(mutex_);
  Family* const family = AddLocked(record.family, name, TxnId{0});
  family->durable.tables_tree = record.tables;
  family->durable.next_table = record.next_table;
  return family;
}

void Families::SetNextId(FamilyId next) {
  base::MutexLock lock(mutex_);
  next_id_ = std::max(next_id_, next);
}

FamilyId Families::next_id() const {
  base::MutexLock lock(mutex_);
  return next_id_;
}

Family* Families::Find(FamilyId id) const { return by_id_.Find(id); }

const FamilyName* Families::NameOf(const Family& family, TxnId at) {
  if (!family.ExistsAt(at)) return nullptr;
  const auto name =
      std::find_if(family.names_.begin(), family.names_.end(), [&](const auto& n) { return n.from <= at; });
  return name == family.names_.end() ? nullptr : &*name;
}

size_t Families::FirstOfLocked(std::string_view text, TxnId at) const {
  const auto first = std::partition_point(by_name_.begin(), by_name_.end(), [&](const FamilyName* name) {
    return name->text < text || (name->text == text && name->from > at);
  });
  return static_cast<size_t>(first - by_name_.begin());
}

Family* Families::FindByName(std::string_view name, TxnId at) const {
  base::MutexLock lock(mutex_);
  // No two families have one name at one time: who was given it last until then has it, or nobody has.
  const size_t last = FirstOfLocked(name, at);
  if (last == by_name_.size() || by_name_[last]->text != name) return nullptr;
  Family* const family = by_name_[last]->family;
  return NameOf(*family, at) == by_name_[last] ? family : nullptr;
}

std::vector<std::string> Families::ListNames(TxnId at) const {
  base::MutexLock lock(mutex_);
  std::vector<std::string> names;
  for (const FamilyName* const name : by_name_) {
    if (NameOf(*name->family, at) == name) names.push_back(name->text);
  }
  return names;
}

std::string Families::NameAt(const Family& family, TxnId at) const {
  base::MutexLock lock(mutex_);
  const FamilyName* const name = NameOf(family, at);
  return name == nullptr ? std::string() : name->text;
}

std::vector<Family*> Families::AllAt(TxnId at) const {
  base::MutexLock lock(mutex_);
  std::vector<Family*> families;
  for (const auto& family : all_) {
    if (at == kEver || family->ExistsAt(at)) families.push_back(family.get());
  }
  return families;
}

Status Families::TakeTokens(std::span<Family* const> families, const char* operation, const Family* before,
                            const TokenWait& wait) {
  const uint64_t thread = base::ThisThread();
  base::MutexLock lock(mutex_);
  MANIFOLDDB_TRY(CheckMayWaitLocked(families, operation, before));
  for (size_t i = 0; i < families.size(); ++i) {
    MANIFOLDDB_ASSERT(i == 0 || families[i - 1]->id() < families[i]->id());
    if (TakeLocked(families[i], thread, wait)) continue;
    ReleaseLocked(families.first(i));
    return Fail(Errc::kBusy, operation,
                {.message = Describe(*families[i], NameOf(*families[i], kNewestOrdered)) +
                            " is being written by another transaction, for longer than this one may wait "
                            "(WriteOptions::wait_ms_max)"});
  }
  return {};
}

// A thread waits only for tokens with greater ids than all that it holds: those of the same operation.
Status Families::CheckMayWaitLocked(std::span<Family* const> families, const char* operation,
                                    const Family* before) const {
  const uint64_t thread = base::ThisThread();
  const auto own = [&](const Family* family) { return family->holder_ == thread && family != before; };
  const auto wanted = std::find_if(families.begin(), families.end(), own);
  if (wanted != families.end()) {
    return Fail(
        Errc::kBusy, operation,
        {.message = "this thread already holds " + Describe(**wanted, NameOf(**wanted, kNewestOrdered)) +
                    " in another transaction; end that first"});
  }
  const auto taken = std::find_if(families.begin(), families.end(), [](auto* f) { return f->holder_ != 0; });
  if (taken == families.end()) return {};
  const auto held = std::find_if(held_.begin(), held_.end(), own);
  if (held == held_.end()) return {};
  return Fail(Errc::kBusy, operation,
              {.message = "this thread holds " + Describe(**held, NameOf(**held, kNewestOrdered)) +
                          " and would wait for " + Describe(**taken, NameOf(**taken, kNewestOrdered)) +
                          ", which another holds; take all families in one BeginWrite, or end the first "
                          "transaction"});
}

bool Families::TakeLocked(Family* family, uint64_t thread, const TokenWait& wait) {
  if (family->holder_ == 0) {
    family->holder_ = thread;
    held_.push_back(family);
    return true;
  }
  ++waits_;
  ++family->waits_;
  TokenWaiter waiter;
  waiter.thread = thread;
  if (family->last_waiter_ != nullptr) family->last_waiter_->next = &waiter;
  family->last_waiter_ = &waiter;
  if (family->first_waiter_ == nullptr) family->first_waiter_ = &waiter;
  // Who is next stays awake for a while: a small transaction holds its token for less time than it takes to
  // wake somebody. Of those behind, none: they would keep the holder from running.
  if (family->first_waiter_ == &waiter) base::SpinUntil(waiter.granted, mutex_);
  waiter.asleep = true;
  while (!waiter.granted) {
    if (wait.clock == nullptr) {
      waiter.wake.Wait(mutex_);
      continue;
    }
    const uint64_t now = wait.clock->NowNanos();
    if (now >= wait.until_ns) {
      LeaveQueueLocked(family, &waiter);
      return false;
    }
    constexpr uint64_t kAtOnceMax = uint64_t{3600} * 1'000'000'000;  // what any clock can add
    waiter.wake.WaitAtMost(mutex_, std::min(wait.until_ns - now, kAtOnceMax));
  }
  MANIFOLDDB_ASSERT(family->holder_ == thread);
  return true;
}

uint64_t Families::waits() const {
  base::MutexLock lock(mutex_);
  return waits_;
}

uint64_t Families::waits(const Family& family) const {
  base::MutexLock lock(mutex_);
  return family.waits_;
}

// Who waits behind `waiter` moves up; nobody is woken, since the token stays where it is.
void Families::LeaveQueueLocked(Family* family, TokenWaiter* waiter) {
  TokenWaiter* before = nullptr;
  for (TokenWaiter* at = family->first_waiter_; at != waiter; at = at->next) before = at;
  (before != nullptr ? before->next : family->first_waiter_) = waiter->next;
  if (family->last_waiter_ == waiter) family->last_waiter_ = before;
}

Status Families::TryTakeToken(Family* family) {
  base::MutexLock lock(mutex_);
  if (family->holder_ != 0) {
    return Fail(Errc::kBusy, "transaction.add_column_family",
                {.message = "column family " + std::to_string(family->id().raw()) + " is being written"});
  }
  TakeLocked(family, base::ThisThread(), {});
  return {};
}

void Families::AdoptTokens(std::span<Family* const> families) {
  const uint64_t thread = base::ThisThread();
  base::MutexLock lock(mutex_);
  for (Family* const family : families) {
    MANIFOLDDB_ASSERT(family->holder_ != 0);
    family->holder_ = thread;
  }
}

void Families::ReleaseTokens(std::span<Family* const> families) {
  base::MutexLock lock(mutex_);
  ReleaseLocked(families);
}

void Families::ReleaseLocked(std::span<Family* const> families) {
  for (Family* const family : families) {
    MANIFOLDDB_ASSERT(family->holder_ != 0);
    TokenWaiter* const next = family->first_waiter_;
    if (next == nullptr) {
      family->holder_ = 0;
      if (families.size() <= kReleasedByOneMax) std::erase(held_, family);
      continue;
    }
    family->first_waiter_ = next->next;
    if (family->first_waiter_ == nullptr) family->last_waiter_ = nullptr;
    family->holder_ = next->thread;
    next->granted = true;
    if (next->asleep) next->wake.NotifyOne();
  }
  // Many in one pass.
  if (families.size() > kReleasedByOneMax) {
    std::erase_if(held_, [](const Family* family) { return family->holder_ == 0; });
  }
}

Family* Families::Create(std::string_view name, TxnId txn) {
  base::MutexLock lock(mutex_);
  return AddLocked(next_id_, name, txn);
}

Family* Families::CreateAs(FamilyId id, std::string_view name, TxnId txn) {
  base::MutexLock lock(mutex_);
  return AddLocked(id, name, txn);
}

Family* Families::AddLocked(FamilyId id, std::string_view name, TxnId txn) {
  auto& family = all_.emplace_back(std::make_unique<Family>(id, txn));
  AddNameLocked(family.get(), name, txn);
  next_id_ = std::max(next_id_, id.next());
  by_id_.Add(id, family.get());
  return family.get();
}

void Families::Rename(Family* family, std::string_view name, TxnId txn) {
  base::MutexLock lock(mutex_);
  MANIFOLDDB_ASSERT(family->names_.front().from <= txn);
  old_names_.push_back({txn, &family->names_.front()});
  AddNameLocked(family, name, txn);
}

void Families::AddNameLocked(Family* family, std::string_view text, TxnId from) {
  FamilyName& name = family->names_.emplace_front(FamilyName{from, family, std::string(text)});
  by_name_.insert(by_name_.begin() + static_cast<ptrdiff_t>(FirstOfLocked(text, kEver)), &name);
}

void Families::Drop(Family* family, TxnId txn) {
  base::MutexLock lock(mutex_);
  MANIFOLDDB_ASSERT(!family->dropped());
  old_names_.push_back({txn, &family->names_.front()});
  base::AtPublishing();
  family->dropped_.store(txn.raw(), std::memory_order_release);
}

void Families::ForgetNames(TxnId oldest) {
  base::MutexLock lock(mutex_);
  std::vector<Family*> families;
  size_t forgotten = 0;
  for (; !old_names_.empty() && old_names_.front().until <= oldest; old_names_.pop_front()) {
    FamilyName* const name = old_names_.front().name;
    if (families.empty() || families.back() != name->family) families.push_back(name->family);
    // A few are taken out one by one, many in one pass, which finds them by that.
    if (++forgotten <= kForgottenByOneMax) {
      by_name_.erase(by_name_.begin() + static_cast<ptrdiff_t>(FirstOfLocked(name->text, name->from)));
    } else {
      name->family = nullptr;
    }
  }
  if (forgotten > kForgottenByOneMax) {
    std::erase_if(by_name_, [](const FamilyName* name) { return name->family == nullptr; });
  }
  // Behind the one that a family has at `oldest` all are such. The newest stays, also with one that is gone.
  for (Family* const family : families) {
    auto at = family->names_.begin();
    while (at->from > oldest) ++at;
    family->names_.erase_after(at, family->names_.end());
  }
}

size_t Families::names() const {
  base::MutexLock lock(mutex_);
  return by_name_.size();
}

bool Families::BeginLoading(Family* family) {
  base::MutexLock lock(mutex_);
  while (family->loading_) loaded_.Wait(mutex_);
  if (!family->versions.empty()) return false;
  family->loading_ = true;
  return true;
}

void Families::EndLoading(Family* family) {
  base::MutexLock lock(mutex_);
  family->loading_ = false;
  loaded_.NotifyAll();
}

void Families::MarkChanged(Family* family) {
  base::MutexLock lock(mutex_);
  if (std::exchange(family->changed_, true)) return;
  changed_.push_back(family);
}

std::vector<Family*> Families::TakeChanged() {
  base::MutexLock lock(mutex_);
  for (Family* const family : changed_) family->changed_ = false;
  return std::exchange(changed_, {});
}

}  // namespace manifolddb::txn
