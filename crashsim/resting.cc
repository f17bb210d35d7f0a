// (1) What a cursor with bounds must show is worked out from a scan without bounds, made when it is opened.
// (2) Nothing is released between two checks: the pages stay pinned for as long as the engine was told.
#include "crashsim/resting.h"

#include <algorithm>
#include <utility>

#include "crashsim/digest.h"
#include "engine/base/try.h"

namespace manifolddb::crashsim {
namespace {

constexpr size_t kHeldMax = 6;
constexpr uint64_t kMovesMax = 6;

}  // namespace

Result<std::vector<RestingCursor::Entry>> RestingCursor::ReadTableWhole(const ReadTable& table) {
  std::vector<Entry> entries;
  MANIFOLDDB_ASSIGN(Cursor cursor, table.NewCursor());
  MANIFOLDDB_ASSIGN(bool there, cursor.First());
  while (there) {
    MANIFOLDDB_ASSIGN(const ByteView value, cursor.value());
    entries.push_back({std::string(AsText(cursor.key())), Digest(value)});
    MANIFOLDDB_ASSIGN(there, cursor.Next());
  }
  return entries;
}

Result<std::optional<RestingCursor>> RestingCursor::Rest(ReadTransaction& transaction, Random random) {
  MANIFOLDDB_ASSIGN(const std::vector<std::string> families, transaction.ListColumnFamilies());
  if (families.empty()) return std::optional<RestingCursor>();
  MANIFOLDDB_ASSIGN(const ColumnFamily family,
                    transaction.OpenColumnFamily(families[random.Below(families.size())]));
  MANIFOLDDB_ASSIGN(const std::vector<std::string> tables, transaction.ListTables(family));
  if (tables.empty()) return std::optional<RestingCursor>();
  MANIFOLDDB_ASSIGN(const ReadTable table,
                    transaction.OpenTable(family, tables[random.Below(tables.size())]));
  MANIFOLDDB_ASSIGN(std::vector<Entry> entries, ReadTableWhole(table));

  const auto some_key = [&] {
    std::string key = entries.empty() ? std::string("k") : entries[random.Below(entries.size())].key;
    if (random.Chance(30)) key += '!';  // between two entries
    return key;
  };
  std::string lower = some_key();
  std::string upper = some_key();
  if (upper < lower) std::swap(lower, upper);
  Range range;
  if (random.Chance(70)) range.lower = AsBytes(lower);
  if (random.Chance(70)) range.upper = AsBytes(upper);
  std::erase_if(entries, [&](const Entry& entry) {
    return (range.lower && entry.key < lower) || (range.upper && entry.key >= upper);
  });
  const std::string start = some_key();
  MANIFOLDDB_ASSIGN(Cursor cursor, table.NewCursor(range));
  RestingCursor resting(std::move(cursor), std::move(entries), random.Fork(1));
  MANIFOLDDB_TRY(resting.Place(start));
  return std::optional<RestingCursor>(std::move(resting));
}

Result<std::optional<std::string>> RestingCursor::GoOnOrRest(std::optional<RestingCursor>& resting,
                                                             ReadTransaction& transaction, Random random) {
  if (resting) {
    auto wrong = resting->GoOn();
    if (!wrong) resting.reset();
    return wrong;
  }
  MANIFOLDDB_ASSIGN(std::optional<RestingCursor> left, Rest(transaction, random));
  if (left) resting.emplace(std::move(*left));
  return std::optional<std::string>();
}

Result<bool> RestingCursor::Place(const std::string& key) {
  const auto after = [&](const Entry& entry) { return entry.key <= key; };
  const auto before = [&](const Entry& entry) { return entry.key < key; };
  if (random_.Chance(50)) {
    at_ = static_cast<size_t>(std::ranges::count_if(entries_, before)) + 1;
    return cursor_.Seek(AsBytes(key));
  }
  at_ = static_cast<size_t>(std::ranges::count_if(entries_, after));
  return cursor_.SeekForPrev(AsBytes(key));
}

Result<std::optional<std::string>> RestingCursor::Compare(bool there) {
  const bool expected = at_ > 0 && at_ <= entries_.size();
  if (there != cursor_.valid()) return std::optional<std::string>("a move and valid() disagree");
  if (there != expected) {
    return std::optional<std::string>(there ? "an entry beyond the last one, or beyond a bound"
                                            : "no entry where one is");
  }
  if (!there) return std::optional<std::string>();
  const Entry& entry = entries_[at_ - 1];
  if (AsText(cursor_.key()) != entry.key) return std::optional<std::string>("another key");
  MANIFOLDDB_ASSIGN(const ByteView value, cursor_.value());
  if (Digest(value) != entry.digest) return std::optional<std::string>("another value");
  return std::optional<std::string>();
}

Result<std::optional<std::string>> RestingCursor::GoOn() {
  // First where it rested: its page must be as it was left.
  MANIFOLDDB_ASSIGN(std::optional<std::string> wrong, Compare(cursor_.valid()));
  for (uint64_t moves = 1 + random_.Below(kMovesMax); moves > 0 && !wrong; --moves) {
    const bool forward = random_.Chance(55);
    if (forward) {
      at_ = std::min(at_ + 1, entries_.size() + 1);
    } else {
      at_ -= at_ > 0 ? 1 : 0;
    }
    MANIFOLDDB_ASSIGN(const bool there, forward ? cursor_.Next() : cursor_.Prev());
    MANIFOLDDB_ASSIGN(wrong, Compare(there));
  }
  return wrong;
}

void HeldValues::Hold(Value value) {
  const uint64_t digest = Digest(value.bytes());
  held_.push_back({std::move(value), digest});
  if (held_.size() > kHeldMax) held_.pop_front();
}

std::optional<std::string> HeldValues::Check() const {
  for (const Held& held : held_) {
    if (Digest(held.value.bytes()) != held.digest) {
      return "other bytes in a value of " + std::to_string(held.value.bytes().size()) + " that is kept";
    }
  }
  return std::nullopt;
}

}  // namespace manifolddb::crashsim
