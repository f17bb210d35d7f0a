// Workloads that read. Processor time is nothing in virtual time: where all is cached, what counts is that
// there is no I/O, and the allocations.

#include <array>

#include "bench/exact/data.h"
#include "bench/exact/read_database.h"
#include "bench/exact/workloads.h"

namespace manifolddb::bench::exact {

ReadDatabase::ReadDatabase(const World& world, uint64_t entries, const Options& options) : entries_(entries) {
  constexpr uint64_t kPerCommit = 10'000;
  {
    const auto database = world.Open();
    const ColumnFamily family = MakeFamily(*database, "f");
    std::array<std::byte, kValueBytes> value;
    for (uint64_t number = 0; number < entries;) {
      WriteTransaction transaction = Must(database->BeginWrite(family), "begin");
      WriteTable table = Must(transaction.OpenTable(family, kTable), "open table");
      for (uint64_t i = 0; i < kPerCommit && number < entries; ++i, ++number) {
        FillValue(number, value);
        Must(table.Put(Key(number).view(), value), "put");
      }
      Must(transaction.Commit({.durability = Durability::kNone}), "commit");
    }
    Must(database->Close(), "close");
  }
  database_ = world.Open(options);
  family_ = Must(database_->OpenColumnFamily("f"), "open family");
}

uint64_t ReadDatabase::Scan() const {
  ReadTransaction snapshot = Must(database_->BeginRead(), "begin");
  const ReadTable table = Must(snapshot.OpenTable(family_, kTable), "open table");
  Cursor cursor = Must(table.NewCursor(), "cursor");
  uint64_t number = 0;
  for (bool more = Must(cursor.First(), "first"); more; more = Must(cursor.Next(), "next"), ++number) {
    if (!Equal(cursor.key(), Key(number).view())) Die("a wrong key was read");
    if (!HasTag(Must(cursor.value(), "value"), number)) Die("a wrong value was read");
  }
  if (number != entries_) Die("entries are missing");
  return number;
}

void ReadDatabase::ShortScans(uint64_t scans, uint64_t length, uint64_t seed) const {
  ReadTransaction snapshot = Must(database_->BeginRead(), "begin");
  const ReadTable table = Must(snapshot.OpenTable(family_, kTable), "open table");
  Cursor cursor = Must(table.NewCursor(), "cursor");
  uint64_t random = seed;
  for (uint64_t scan = 0; scan < scans; ++scan) {
    random = Mix(random);
    uint64_t number = random % (entries_ - length);
    bool more = Must(cursor.Seek(Key(number).view()), "seek");
    for (const uint64_t end = number + length; number < end; ++number) {
      if (!more || !HasTag(Must(cursor.value(), "value"), number)) Die("a wrong value was read");
      more = Must(cursor.Next(), "next");
    }
  }
}

void ReadDatabase::ScansBackwards(uint64_t scans, uint64_t length, uint64_t seed) const {
  ReadTransaction snapshot = Must(database_->BeginRead(), "begin");
  const ReadTable table = Must(snapshot.OpenTable(family_, kTable), "open table");
  Cursor cursor = Must(table.NewCursor(), "cursor");
  uint64_t random = seed;
  for (uint64_t scan = 0; scan < scans; ++scan) {
    random = Mix(random);
    uint64_t number = length + random % (entries_ - length);
    bool more = Must(cursor.SeekForPrev(Key(number).view()), "seek");
    for (const uint64_t end = number - length; number > end; --number) {
      if (!more || !HasTag(Must(cursor.value(), "value"), number)) Die("a wrong value was read");
      more = Must(cursor.Prev(), "previous");
    }
  }
}

void ReadDatabase::PrefixScans(uint64_t scans, uint64_t seed) const {
  ReadTransaction snapshot = Must(database_->BeginRead(), "begin");
  const ReadTable table = Must(snapshot.OpenTable(family_, kTable), "open table");
  uint64_t random = seed;
  for (uint64_t scan = 0; scan < scans; ++scan) {
    random = Mix(random);
    const uint64_t first = random % (entries_ / kPrefixEntries) * kPrefixEntries;
    const Key lower(first), upper(first + kPrefixEntries);
    Cursor cursor = Must(table.NewCursor({.lower = lower.view(), .upper = upper.view()}), "cursor");
    uint64_t number = first;
    for (bool more = Must(cursor.First(), "first"); more; more = Must(cursor.Next(), "next"), ++number) {
      if (!HasTag(Must(cursor.value(), "value"), number)) Die("a wrong value was read");
    }
    if (number != first + kPrefixEntries) Die("entries of a prefix are missing");
  }
}

void ReadDatabase::Gets(uint64_t gets, uint64_t per_transaction, uint64_t seed) const {
  uint64_t random = seed;
  for (uint64_t done = 0; done < gets;) {
    ReadTransaction snapshot = Must(database_->BeginRead(), "begin");
    const ReadTable table = Must(snapshot.OpenTable(family_, kTable), "open table");
    for (uint64_t i = 0; i < per_transaction && done < gets; ++i, ++done) {
      random = Mix(random);
      const uint64_t number = random % entries_;
      const auto value = Must(table.Get(Key(number).view()), "get");
      if (!value || !HasTag(value->bytes(), number)) Die("a wrong value was read");
    }
  }
}

std::vector<Figure> CachedReads(const Plan& plan, const MakePlatform& platform) {
  const World world(platform());
  const ReadDatabase database(world, plan.Scaled(200'000, 2000), world.DefaultOptions());
  database.Scan();  // fills the cache
  const uint64_t gets = plan.Scaled(200'000, 2000);
  const uint64_t seed = Mix(plan.seed);
  constexpr uint64_t kShort = 100;
  std::vector<Figure> figures;
  const auto measure = [&](const char* name, uint64_t count, auto work) {
    const Probe probe(world);
    work();
    figures.push_back(probe.Done(name, count));
    figures.back().params["keys"] = database.entries();
  };
  measure("W5/cached/per_transaction:1000", gets, [&] { database.Gets(gets, 1000, seed); });
  measure("W5/cached/per_transaction:1", gets, [&] { database.Gets(gets, 1, seed); });
  measure("W6/full", database.entries(), [&] { database.Scan(); });
  measure("W6/short:100", gets, [&] { database.ShortScans(gets / kShort, kShort, seed); });
  measure("W6/backwards:100", gets, [&] { database.ScansBackwards(gets / kShort, kShort, seed); });
  constexpr uint64_t kPrefix = ReadDatabase::kPrefixEntries;
  measure("W6/prefix:256", gets / kPrefix * kPrefix, [&] { database.PrefixScans(gets / kPrefix, seed); });
  return figures;
}

Figure ReadsFromDisk(const Plan& plan, const MakePlatform& platform) {
  const World world(platform());
  const uint64_t entries = plan.Scaled(100'000, 5000);
  Options options = world.DefaultOptions();
  options.cache_bytes = entries * (ReadDatabase::kValueBytes + sizeof(uint64_t)) / 4;
  options.dirty_bytes_max = options.cache_bytes / 2;
  const ReadDatabase database(world, entries, options);
  database.Gets(entries / 2, 1000, Mix(plan.seed + 1));  // fills the cache
  const uint64_t gets = plan.Scaled(100'000, 2000);
  const Probe probe(world);
  database.Gets(gets, 1000, Mix(plan.seed));
  Figure figure = probe.Done("W5/cache:quarter", gets);
  figure.params["keys"] = entries;
  figure.params["cache_bytes"] = options.cache_bytes;
  return figure;
}

}  // namespace manifolddb::bench::exact
