// Engines that cheat, each in one way: none gets a figure.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>

#include "bench/measure/child.h"
#include "bench/measure/counted_calls.h"
#include "bench/measure/theme.h"
#include "bench/workloads/allocations.h"
#include "bench/workloads/churned.h"
#include "bench/workloads/mixed.h"
#include "bench/workloads/reads.h"
#include "bench/workloads/writes.h"
#include "bench/workloads/ycsb.h"

namespace manifolddb::bench {
namespace {

enum class Cheat : uint8_t {
  kNone,
  kNoSync,
  kLosesOne,
  kLosesUpdates,  // of a key that was updated before: what is there is whole, and its key's, but old
  kForgets,
  kSwapsValues,
  kCrashes
};
Cheat cheat = Cheat::kNone;
std::map<uint64_t, std::string> entries;  // survive closing, as a file would
std::mutex mutex;                         // of transactions: they are alone

class FakeSession final : public Session {
 public:
  explicit FakeSession(int file) : file_(file) {}
  void BeginRead(Reads) override { mutex.lock(); }
  std::optional<std::string_view> Get(int, uint64_t key) override {
    const auto found = entries.find(cheat == Cheat::kSwapsValues ? key ^ 1 : key);
    if (found == entries.end()) return std::nullopt;
    return found->second;
  }
  void Run(int, Scan& scan) override {
    for (auto at = entries.lower_bound(scan.from); at != entries.end(); ++at) {
      if (!scan.Entry(at->first, at->second)) return;
    }
  }
  void EndRead() override { mutex.unlock(); }
  void BeginWrite(int) override { mutex.lock(); }
  void Put(uint64_t key, std::string_view value) override {
    if (cheat == Cheat::kCrashes) std::abort();
    if (cheat == Cheat::kLosesOne && key == 3) return;
    const auto there = entries.find(key);
    if (cheat == Cheat::kLosesUpdates && there != entries.end() && VersionOf(there->second) != 0) return;
    entries[key] = value;
  }
  void Delete(uint64_t key) override { entries.erase(key); }
  bool Commit() override {
    const bool synced = cheat == Cheat::kNoSync || ::fdatasync(file_) == 0;
    mutex.unlock();
    return synced;
  }

 private:
  const int file_;
};

class FakeEngine final : public Engine {
 public:
  explicit FakeEngine(const OpenOptions& options)
      : file_(::open((options.directory + "/file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {}
  ~FakeEngine() override { ::close(file_); }
  FakeEngine(const FakeEngine&) = delete;
  FakeEngine& operator=(const FakeEngine&) = delete;
  std::unique_ptr<Session> NewSession() override { return std::make_unique<FakeSession>(file_); }
  void Settle() override {}
  void Checkpoint() override {}
  void Close() override {
    if (cheat == Cheat::kForgets) entries.clear();
  }

 private:
  const int file_;
};

// In a process of its own, as always: what it puts into `entries` is gone afterwards.
ChildReport Measure(Cheat which, const std::function<void(Run&)>& work) {
  cheat = which;
  const EngineKind kind = {"fake", "1", [](const OpenOptions& options) -> std::unique_ptr<Engine> {
                             return std::make_unique<FakeEngine>(options);
                           }};
  const std::string directory = ::testing::TempDir() + "honesty-" + std::to_string(::getpid());
  std::filesystem::create_directories(directory);
  const Profile profile = {.size = Size::kTiny};
  const ChildReport report = InChild(
      [&] {
        Run run(&kind, profile, directory);
        work(run);
        return run.TakeOutcomes();
      },
      60);
  std::filesystem::remove_all(directory);
  return report;
}

ChildReport Measure(Cheat which) {
  return Measure(which, [](Run& run) {
    MeasureWrites(run, {.row = "writes", .commits = 5, .puts_per_commit = 10});
    entries.clear();
    ReadDatabase database(run, {.entries = 50}, {});
    database.Measure(PointReads{.row = "reads", .seconds = 0});
  });
}

// Each workload that updates, on so few keys and so often that some key is updated twice: with an honest
// engine, and with one that loses the second update.
void ExpectLostUpdatesNoticed(const std::function<void(Run&)>& work) {
  const ChildReport honest = Measure(Cheat::kNone, work);
  EXPECT_EQ(honest.error, "");
  EXPECT_FALSE(honest.outcomes.empty());
  const ChildReport cheated = Measure(Cheat::kLosesUpdates, work);
  EXPECT_NE(cheated.error.find("reading back: a value is not what was"), std::string::npos) << cheated.error;
}

TEST(Honesty, AnHonestEngineIsMeasured) {
  const ChildReport report = Measure(Cheat::kNone);
  EXPECT_EQ(report.error, "");
  ASSERT_EQ(report.outcomes.size(), 2U);
  EXPECT_EQ(report.outcomes[0].counters.at("operations_written"), 50);
  if (CallsAreCounted()) {
    EXPECT_EQ(report.outcomes[0].counters.at("syncs"), 5);
  }
  EXPECT_GT(report.outcomes[0].value, 0);
  EXPECT_TRUE(report.outcomes[0].latency);
}

TEST(Honesty, CommitsWithoutSyncsAreNoticed) {
  if (!CallsAreCounted()) GTEST_SKIP() << "sanitizers count no calls";
  EXPECT_NE(Measure(Cheat::kNoSync).error.find("fewer syncs"), std::string::npos);
}

TEST(Honesty, ALostPutIsNoticed) {
  EXPECT_NE(Measure(Cheat::kLosesOne).error.find("49 entries instead of 50"), std::string::npos);
}

TEST(Honesty, LostUpdatesAreNoticedInMixedBatches) {
  for (const int threads : {1, 4}) {
    ExpectLostUpdatesNoticed([=](bench::Run& run) {
      MixedDatabase database(run, {.entries = 4});
      for (int i = 0; i < 3; ++i)
        database.Measure({.row = "mixed", .threads = threads, .seconds = 0, .operations_per_batch = 100});
      database.CloseAndVerify();
    });
  }
}

TEST(Honesty, LostUpdatesAreNoticedInYcsb) {
  for (const int threads : {1, 4}) {
    ExpectLostUpdatesNoticed([=](bench::Run& run) {
      YcsbDatabase database(run, 2, true);
      // Each thread does one operation at least, half of which are updates.
      for (int i = 0; i < 20; ++i) {
        database.Measure("A", {.letter = 'A', .reads = 50, .updates = 50}, threads, 0);
        database.Measure("F", {.letter = 'F', .reads = 50, .modifies = 50}, threads, 0);
      }
      database.CloseAndVerify();
    });
  }
}

TEST(Honesty, LostUpdatesAreNoticedBesideReaders) {
  ExpectLostUpdatesNoticed([](bench::Run& run) {
    ReadDatabase database(run, {.entries = 50, .stride = 2}, {});
    for (int i = 0; i < 2; ++i) database.Measure(PointReads{.row = "reads", .seconds = 0, .writers = 1});
    database.CloseAndVerify();
  });
}

TEST(Honesty, LostUpdatesAreNoticedWhereAllocationsAreCounted) {
  if (!CallsAreCounted()) GTEST_SKIP() << "sanitizers count no calls";
  ExpectLostUpdatesNoticed([](bench::Run& run) { MeasureAllocations(run, {.entries = 50}, 200); });
}

TEST(Honesty, LostUpdatesAreNoticedInChurn) {
  ExpectLostUpdatesNoticed([](bench::Run& run) {
    Churned database(run, 1000, 100);
    database.Load("load");
    database.Update("update", 1000);
    database.CloseAndVerify();
  });
}

// Its memory does not count as the measurement's.
TEST(Honesty, AProcessThatDiedIsNotInThePeak) {
  constexpr size_t kBytes = size_t{256} << 20;
  const ChildReport report = Measure(Cheat::kNone, [](bench::Run& run) {
    InDyingProcess([] {
      std::string memory(kBytes, 'x');
      Require(std::memchr(memory.data(), 'y', memory.size()) == nullptr, "memory", "not what was written");
    });
    MeasureWrites(run, {.row = "writes", .commits = 5});
  });
  ASSERT_EQ(report.error, "");
  EXPECT_LT(report.outcomes[0].counters.at("peak_rss_bytes"), kBytes);
}

TEST(Honesty, WhatIsForgottenByClosingIsNoticed) {
  EXPECT_NE(Measure(Cheat::kForgets).error.find("0 entries instead of 50"), std::string::npos);
}

TEST(Honesty, ValuesOfOtherKeysAreNoticed) {
  EXPECT_NE(Measure(Cheat::kSwapsValues).error.find("belongs to another key"), std::string::npos);
}

TEST(Honesty, ACrashIsReportedAndHasNoFigure) {
  const ChildReport report = Measure(Cheat::kCrashes);
  EXPECT_NE(report.error.find("ended by signal"), std::string::npos);
  EXPECT_TRUE(report.outcomes.empty());
}

}  // namespace
}  // namespace manifolddb::bench
