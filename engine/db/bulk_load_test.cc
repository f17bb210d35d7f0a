// Loads: sorted and not, in one transaction and in several, watched and cancelled.

#include "manifolddb/bulk_load.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/db/writing_fixture.h"
#include "manifolddb/typed.h"

namespace manifolddb {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// Gives them in their order; its views live until the next one.
EntrySource From(Pairs pairs) {
  return [pairs = std::move(pairs), at = size_t{0},
          given = std::pair<std::string, std::string>()]() mutable -> Result<std::optional<Entry>> {
    given = {"overwritten", "overwritten"};
    if (at == pairs.size()) return std::optional<Entry>();
    given = pairs[at++];
    return std::optional<Entry>(Entry{AsBytes(given.first), AsBytes(given.second)});
  };
}
std::string Key(int i) { return std::to_string(100'000 + i); }
Pairs Ascending(int count, size_t value_bytes = 20) {
  Pairs pairs;
  for (int i = 0; i < count; ++i) pairs.emplace_back(Key(i), Key(i) + std::string(value_bytes, 'v'));
  return pairs;
}
// The same ones, each once, in another order.
Pairs Shuffled(int count) {
  Pairs pairs = Ascending(count);
  uint64_t state = 1;
  for (size_t i = pairs.size(); i > 1; --i) {
    state = state * 6364136223846793005 + 1442695040888963407;
    std::swap(pairs[i - 1], pairs[(state >> 33) % i]);
  }
  return pairs;
}
Texts AsTexts(const Pairs& pairs) {
  Texts texts;
  for (const auto& [key, value] : pairs) texts[key] = value;
  return texts;
}

class BulkLoadTest : public WritingTest {
 protected:
  uint64_t PagesUsed() {
    EXPECT_TRUE(db_->Checkpoint());
    return db_->Stats().pages_total - db_->Stats().pages_free;
  }
};

TEST_F(BulkLoadTest, ASortedSourceFillsItsPages) {
  const uint64_t before = PagesUsed();
  const auto loaded = db_->BulkLoad(family_, "t", From(Ascending(2000)), {.sorted = true});
  ASSERT_TRUE(loaded) << loaded.error().ToString();
  EXPECT_EQ(loaded->entries, 2000u);
  EXPECT_EQ(loaded->entries_committed, 2000u);
  EXPECT_EQ(loaded->bytes, 2000u * (6 + 26));
  EXPECT_EQ(loaded->commits, 1u);
  EXPECT_FALSE(loaded->cancelled);
  EXPECT_EQ(InT(), AsTexts(Ascending(2000)));
  // 32 bytes and what the page adds for each: what is full to the brim takes no more than a fifth above that.
  const uint64_t pages = PagesUsed() - before;
  EXPECT_LT(pages * kTinyUnit, 2000 * (32 + 12) * 12 / 10);
  ExpectWhole();
}

TEST_F(BulkLoadTest, ASourceThatIsNotSortedIsRefused) {
  for (const char* const third : {"b", "a"}) {
    EXPECT_TRUE(
        Fails(db_->BulkLoad(family_, "t", From({{"a", "1"}, {"b", "2"}, {third, "3"}}), {.sorted = true}),
              Errc::kInvalidArgument, "entry 3 is not behind the one before it"));
  }
  EXPECT_EQ(InT(), Texts());
}

TEST_F(BulkLoadTest, AnUnsortedSourceIsSortedByWhatMemoryThereIs) {
  for (const uint64_t memory : {uint64_t{0}, uint64_t{1000}, uint64_t{20'000}, uint64_t{1} << 20}) {
    const std::string table = "with " + std::to_string(memory);
    const auto loaded = db_->BulkLoad(family_, table, From(Shuffled(1000)), {.sort_bytes_max = memory});
    ASSERT_TRUE(loaded) << loaded.error().ToString();
    EXPECT_EQ(loaded->entries_committed, 1000u);
    EXPECT_EQ(Committed(family_, table), AsTexts(Ascending(1000)));
  }
  ExpectWhole();
}

TEST_F(BulkLoadTest, OfSeveralEntriesWithOneKeyTheLastCounts) {
  for (const uint64_t memory : {uint64_t{0}, uint64_t{1} << 20}) {
    ASSERT_TRUE(db_->BulkLoad(family_, "t", From({{"b", "1"}, {"a", "2"}, {"b", "3"}, {"a", ""}}),
                              {.sort_bytes_max = memory}));
    EXPECT_EQ(InT(), (Texts{{"a", ""}, {"b", "3"}}));
  }
}

TEST_F(BulkLoadTest, ALoadInSeveralTransactionsKeepsWhatItHasCommitted) {
  // The source fails behind 700 of 1,000.
  EntrySource source = From(Ascending(1000));
  int given = 0;
  const auto failing = [&]() -> Result<std::optional<Entry>> {
    if (given++ == 700) return Fail(Errc::kNotFound, "test");
    return source();
  };
  EXPECT_TRUE(Fails(db_->BulkLoad(family_, "t", failing, {.sorted = true}), Errc::kNotFound));
  EXPECT_EQ(InT(), Texts()) << "in one transaction: nothing";
  source = From(Ascending(1000));
  given = 0;
  EXPECT_TRUE(Fails(db_->BulkLoad(family_, "t", failing, {.sorted = true, .commit_bytes = 100 * 32}),
                    Errc::kNotFound));
  EXPECT_EQ(InT(), AsTexts(Ascending(700)));
  const auto whole =
      db_->BulkLoad(family_, "t", From(Shuffled(1000)), {.sort_bytes_max = 9000, .commit_bytes = 100 * 32});
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->commits, 10u);
  EXPECT_EQ(whole->entries_committed, 1000u);
  EXPECT_EQ(InT(), AsTexts(Ascending(1000)));
  ExpectWhole();
}

TEST_F(BulkLoadTest, WhoWatchesSeesItGrowAndMayCancel) {
  std::vector<uint64_t> seen;
  BulkLoadOptions options{.sorted = true, .progress_entries = 100};
  options.progress = [&](const BulkLoadProgress& progress) {
    seen.push_back(progress.entries);
    return progress.entries < 250;
  };
  auto loaded = db_->BulkLoad(family_, "t", From(Ascending(1000)), options);
  ASSERT_TRUE(loaded);
  EXPECT_TRUE(loaded->cancelled);
  EXPECT_EQ(loaded->entries, 300u);
  EXPECT_EQ(loaded->entries_committed, 0u);
  EXPECT_EQ(seen, (std::vector<uint64_t>{100, 200, 300}));
  EXPECT_EQ(InT(), Texts());

  options.commit_bytes = 120 * 32;
  loaded = db_->BulkLoad(family_, "t", From(Ascending(1000)), options);
  ASSERT_TRUE(loaded);
  EXPECT_TRUE(loaded->cancelled);
  EXPECT_EQ(loaded->entries_committed, 240u);
  EXPECT_EQ(loaded->commits, 2u);
  EXPECT_EQ(InT(), AsTexts(Ascending(240)));

  seen.clear();
  loaded = db_->BulkLoad(family_, "t", From(Ascending(30)), options);
  EXPECT_FALSE(loaded->cancelled);
  EXPECT_EQ(seen, std::vector<uint64_t>{30}) << "at the end in any case";
  EXPECT_TRUE(db_->BeginWrite(family_)) << "nothing is held";
  ExpectWhole();
}

TEST_F(BulkLoadTest, NothingMakesAnEmptyTable) {
  const auto loaded = db_->BulkLoad(family_, "new", From({}), {.types = {.key = "u64"}});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->commits, 1u);
  EXPECT_EQ(Committed(family_, "t"), Texts());
  auto snapshot = db_->BeginRead();
  EXPECT_TRUE(snapshot->OpenTable(family_, "new", {.key = "u64"}));
}

TEST_F(BulkLoadTest, MisuseIsSaid) {
  EXPECT_TRUE(Fails(db_->BulkLoad(ColumnFamily(77), "t", From({})), Errc::kNoSuchColumnFamily));
  EXPECT_TRUE(Fails(db_->BulkLoad(family_, "t", From({}), {.types = {.key = "u64"}}), Errc::kTypeMismatch));
  EXPECT_TRUE(Fails(db_->BulkLoad(family_, "t", From({{std::string(200, 'k'), ""}})), Errc::kKeyTooLong));
  const auto txn = db_->BeginWrite(family_);
  EXPECT_TRUE(Fails(db_->BulkLoad(family_, "t", From({})), Errc::kBusy, "this thread already holds"));
}

TEST_F(BulkLoadTest, SourcesMayHaveTypes) {
  constexpr TableDefinition<uint32_t, std::string> kNotes("notes");
  uint32_t next = 300;
  const auto source = kNotes.Source([&]() -> std::optional<std::pair<uint32_t, std::string>> {
    if (next == 0) return std::nullopt;
    --next;
    return std::pair(next, "note " + std::to_string(next));
  });
  ASSERT_TRUE(db_->BulkLoad(family_, kNotes.name(), source, {.types = kNotes.types()}));
  auto snapshot = db_->BeginRead();
  auto notes = kNotes.Open(*snapshot, family_);
  ASSERT_TRUE(notes);
  EXPECT_EQ(*notes->Length(), 300u);
  EXPECT_EQ(**(*notes->Get(299)), "note 299");
}

}  // namespace
}  // namespace manifolddb
