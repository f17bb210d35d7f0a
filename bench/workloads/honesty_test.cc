// Engines that cheat, each in one way: none gets a figure.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include "bench/measure/child.h"
#include "bench/measure/counted_calls.h"
#include "bench/measure/theme.h"
#include "bench/workloads/reads.h"
#include "bench/workloads/writes.h"

namespace manifolddb::bench {
namespace {

enum class Cheat : uint8_t { kNone, kNoSync, kLosesOne, kForgets, kSwapsValues, kCrashes };
Cheat cheat = Cheat::kNone;
std::map<uint64_t, std::string> entries;  // survive closing, as a file would

class FakeSession final : public Session {
 public:
  explicit FakeSession(int file) : file_(file) {}
  void BeginRead(Reads) override {}
  std::optional<std::string_view> Get(int, uint64_t key) override {
    const auto found = entries.find(cheat == Cheat::kSwapsValues ? key ^ 1 : key);
    if (found == entries.end()) return std::nullopt;
    return found->second;
  }
  void Run(int, Scan& scan) override {
    for (const auto& [key, value] : entries) {
      if (!scan.Entry(key, value)) return;
    }
  }
  void EndRead() override {}
  void BeginWrite(int) override {}
  void Put(uint64_t key, std::string_view value) override {
    if (cheat == Cheat::kCrashes) std::abort();
    if (cheat != Cheat::kLosesOne || key != 3) entries[key] = value;
  }
  void Delete(uint64_t key) override { entries.erase(key); }
  bool Commit() override { return cheat == Cheat::kNoSync || ::fdatasync(file_) == 0; }

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
ChildReport Measure(Cheat which) {
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
        MeasureWrites(run, {.row = "writes", .commits = 5, .puts_per_commit = 10});
        const auto engine = run.Open({});
        MeasurePointReads(run, *engine, {.entries = 50}, {.row = "reads", .seconds = 0});
        return run.TakeOutcomes();
      },
      60);
  std::filesystem::remove_all(directory);
  return report;
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
