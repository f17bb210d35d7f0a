#include "engine/mvcc/family_versions.h"

#include <gtest/gtest.h>

namespace manifolddb::mvcc {
namespace {

std::unique_ptr<FamilyVersion> Version(uint64_t txn) {
  auto version = std::make_unique<FamilyVersion>();
  version->txn = format::TxnId{txn};
  version->tables = std::make_shared<const Tables>();
  return version;
}

std::vector<uint64_t> Chain(const FamilyVersions& versions) {
  std::vector<uint64_t> txns;
  const FamilyVersion* version = versions.Newest();
  for (; version != nullptr; version = version->older.load()) txns.push_back(version->txn.raw());
  return txns;
}

class FamilyVersionsTest : public testing::Test {
 protected:
  void Install(std::initializer_list<uint64_t> txns) {
    for (const uint64_t txn : txns) versions_.Install(Version(txn));
  }
  ReaderSlots slots_;
  Garbage garbage_{slots_};
  FamilyVersions versions_;
};

TEST_F(FamilyVersionsTest, ASnapshotSeesTheNewestVersionNotNewerThanItself) {
  Install({3, 5, 9});
  EXPECT_EQ(versions_.At(format::TxnId{2}), nullptr);
  EXPECT_EQ(versions_.At(format::TxnId{3})->txn.raw(), 3u);
  EXPECT_EQ(versions_.At(format::TxnId{8})->txn.raw(), 5u);
  EXPECT_EQ(versions_.At(format::TxnId{100})->txn.raw(), 9u);
}

TEST_F(FamilyVersionsTest, PruningWithoutSnapshotsKeepsWhatIsPublishedAndNewer) {
  Install({1, 2, 3, 4, 5});
  versions_.Prune(format::TxnId{3}, {}, garbage_);
  EXPECT_EQ(Chain(versions_), (std::vector<uint64_t>{5, 4, 3}));
}

TEST_F(FamilyVersionsTest, PruningKeepsExactlyTheVersionEachSnapshotSees) {
  Install({2, 4, 6, 8, 10});
  versions_.Prune(format::TxnId{10}, {3, 7}, garbage_);
  EXPECT_EQ(Chain(versions_), (std::vector<uint64_t>{10, 6, 2}));
  EXPECT_EQ(versions_.At(format::TxnId{3})->txn.raw(), 2u);
  EXPECT_EQ(versions_.At(format::TxnId{7})->txn.raw(), 6u);
}

TEST_F(FamilyVersionsTest, PruningBeforeAnythingIsPublishedKeepsAll) {
  Install({5, 6});
  versions_.Prune(format::TxnId{4}, {}, garbage_);
  EXPECT_EQ(Chain(versions_), (std::vector<uint64_t>{6, 5}));
}

// Against the definition, for every set of snapshots over a short chain.
TEST_F(FamilyVersionsTest, NoSnapshotChangesWhatItSees) {
  for (uint32_t snapshots = 0; snapshots < 256; ++snapshots) {
    FamilyVersions versions;
    for (const uint64_t txn : {1, 3, 4, 7}) versions.Install(Version(txn));
    std::vector<uint64_t> pinned;
    for (uint64_t at = 0; at < 8; ++at) {
      if ((snapshots >> at & 1) != 0) pinned.push_back(at);
    }
    std::vector<uint64_t> before;
    for (const uint64_t at : pinned) {
      const FamilyVersion* seen = versions.At(format::TxnId{at});
      before.push_back(seen == nullptr ? 0 : seen->txn.raw());
    }
    versions.Prune(format::TxnId{7}, pinned, garbage_);
    for (size_t i = 0; i < pinned.size(); ++i) {
      const FamilyVersion* seen = versions.At(format::TxnId{pinned[i]});
      ASSERT_EQ(seen == nullptr ? 0 : seen->txn.raw(), before[i]) << "snapshot " << pinned[i];
    }
  }
}

}  // namespace
}  // namespace manifolddb::mvcc
