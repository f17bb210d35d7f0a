// Guards the proof by trying everything: it is silent on the sound engine, loud on broken ones, counts every
// legal image, and leaves sectors open until after the last check.
#include <gtest/gtest.h>

#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include "crashsim/cover.h"
#include "crashsim/exhaustive.h"
#include "crashsim/observe.h"
#include "crashsim/registry.h"
#include "crashsim/sequences.h"
#include "crashsim/session.h"
#include "faultfs/disk.h"
#include "manifolddb/database.h"

namespace manifolddb::crashsim {
namespace {

class BrokenEngine {
 public:
  explicit BrokenEngine(const std::vector<std::string>& sites) { EXPECT_TRUE(BreakSites(sites)); }
  ~BrokenEngine() { EXPECT_TRUE(BreakSites({})); }
};

ExhaustiveOptions Only(const std::string& sequence, uint32_t depth, std::vector<std::string> broken) {
  ExhaustiveOptions options;
  options.broken = std::move(broken);
  options.sequence = sequence;
  options.depth = depth;
  options.jobs = 1;
  return options;
}

TEST(Sequences, NamesAreReadBack) {
  const auto all = EnumerateSequences(2);
  std::set<std::string> names;
  for (const Sequence& sequence : all) {
    EXPECT_EQ(ParseSequence(NameOf(sequence)), sequence);
    names.insert(NameOf(sequence));
  }
  EXPECT_EQ(names.size(), all.size());
  EXPECT_FALSE(ParseSequence("put a, dance"));
  EXPECT_FALSE(ParseSequence(""));
}

TEST(Sequences, AllAreThere) {
  const auto all = EnumerateSequences(2);
  const uint64_t letters = Letters();
  EXPECT_GE(letters, 12u);
  EXPECT_EQ(std::set<Sequence>(all.begin(), all.end()).size(), 1 + letters + letters * letters);
}

TEST(Cover, CutsComeBeforeSyncsThatFollowAnything) {
  const auto disk = std::make_shared<faultfs::Disk>(SetupOfSequences(false).traits);
  const SessionPlan plan{.setup = SetupOfSequences(false), .program = BeginningOfSequences()};
  const Session session = RunSession(disk, plan, [] { FAIL(); });
  const auto& trace = *session.trace;
  const auto cuts = CutsOf(trace, 0, trace.effects.size());
  ASSERT_GT(cuts.size(), 10u);
  EXPECT_EQ(cuts.back(), trace.effects.size());
  for (size_t i = 0; i + 1 < cuts.size(); ++i) {
    EXPECT_EQ(TraceLines(trace, cuts[i], cuts[i] + 1).at(0).substr(0, 4), "sync") << cuts[i];
  }
}

// What the points that are left out would show is seen at those that are not.
TEST(Cover, APointBeforeASyncHasAllImagesOfThePointsSinceTheLastSync) {
  const SessionPlan plan{.setup = SetupOfSequences(false), .program = BeginningOfSequences()};
  const Session session =
      RunSession(std::make_shared<faultfs::Disk>(plan.setup.traits), plan, [] { FAIL(); });
  const auto cuts = CutsOf(*session.trace, 0, session.trace->effects.size());
  constexpr uint64_t kFew = 2000;
  uint64_t compared = 0;
  uint64_t from = 0;
  for (const uint64_t cut : cuts) {
    const faultfs::CrashPoint last(session.trace, cut);
    std::set<uint64_t> images;
    if (last.ForEachImage(kFew, [&](const faultfs::Image& image) { images.insert(image.Hash()); })) {
      for (uint64_t effects = from; effects < cut; ++effects) {
        const faultfs::CrashPoint point(session.trace, effects);
        EXPECT_TRUE(point.ForEachImage(kFew, [&](const faultfs::Image& image) {
          EXPECT_TRUE(images.contains(image.Hash())) << effects << " before " << cut;
        }));
        ++compared;
      }
    }
    from = cut + 1;
  }
  EXPECT_GT(compared, 10u);
}

TEST(Exhaustive, TheSoundEngineHoldsWhateverOneOperationIsCutIn) {
  ExhaustiveOptions options;
  options.length = 1;
  options.depth = 1;
  EXPECT_EQ(RunExhaustive(options), Outcomes::kHolds);
}

TEST(Exhaustive, ASectorLeftOpenUntilTheScanShowsWhatOpeningDoesNot) {
  // Pages that a checkpoint does not sync: its meta page may be there and a leaf not, which opening does not
  // read.
  EXPECT_EQ(RunExhaustive(Only("put a, checkpoint", 0, {"checkpoint.data_sync.skip"})), Outcomes::kViolation);
  const BrokenEngine broken({"checkpoint.data_sync.skip"});

  const auto setup = SetupOfSequences(false);
  const auto disk = std::make_shared<faultfs::Disk>(setup.traits, 1);
  Session session = RunSession(disk, {.setup = setup, .program = BeginningOfSequences()}, [] { FAIL(); });
  const auto next = std::make_shared<faultfs::Disk>(disk->CacheImage(), setup.traits, 2);
  session = RunSession(next, {.setup = setup, .program = ProgramOf(*ParseSequence("put a, checkpoint"))},
                       [] { FAIL(); });
  // Opening finds the newest of everything; what is asked for later is the newest, or what was there before.
  std::map<bool, uint64_t> failures;
  faultfs::CrashPoint point(session.trace, 0);
  for (const uint64_t cut : CutsOf(*session.trace, 0, session.trace->effects.size())) {
    point.MoveTo(cut);
    ASSERT_TRUE(point.ForEachStart([&](const faultfs::UndeterminedImage& start) {
      for (const bool newest : {false, true}) {
        bool opened = false;
        bool asked_late = false;
        const auto booted = std::make_shared<faultfs::Disk>(
            start,
            [&](size_t contents, uint64_t) {
              asked_late |= opened;
              return opened && !newest ? 0 : contents - 1;
            },
            setup.traits);
        auto database = Database::Open(booted->NewProcess(), kDatabase, InlineOptions(setup));
        ASSERT_TRUE(database) << database.error().ToString();
        opened = true;
        const bool failed = !Observe(**database, Detail::kSums).has_value();
        if (asked_late) ++failures[failed];
        booted->Kill();
      }
    }));
  }
  EXPECT_GT(failures[true], 0u);
  EXPECT_GT(failures[false], 0u);
}

TEST(Exhaustive, FindsBrokenRecoveriesByEndingThem) {
  const auto tried = [](const char* site, uint32_t depth) {
    ExhaustiveOptions options = Only("put a", depth, {site});
    options.garbage = true;
    options.stop_at_violation = true;
    return RunExhaustive(options);
  };
  EXPECT_EQ(tried("recovery.step1.first_sync.skip", 0), Outcomes::kHolds);
  EXPECT_EQ(tried("recovery.step1.first_sync.skip", 1), Outcomes::kViolation);
  EXPECT_EQ(tried("recovery.step1.one_slot", 1), Outcomes::kHolds);
  EXPECT_EQ(tried("recovery.step1.one_slot", 2), Outcomes::kViolation);
}

TEST(Exhaustive, FindsWhatOnlyVerifySees) {
  EXPECT_EQ(RunExhaustive(Only("large a", 1, {"btree.delete.keep_extent"})), Outcomes::kViolation);
}

TEST(Exhaustive, FindsWhatOnlyAKillOutsideOfRecoveriesShows) {
  // A creation that replaces a killed one's log: its name must be durable before the other's log goes.
  ExhaustiveOptions options = Only("creation", 1, {"wal.create.replace.syncdir.skip"});
  options.stop_at_violation = true;
  EXPECT_EQ(RunExhaustive(options), Outcomes::kViolation);
}

TEST(Exhaustive, ProvesNothingWhereTheBrokenSiteIsNeverComeTo) {
  EXPECT_EQ(RunExhaustive(Only("put a", 1, {"btree.merge.keep_page"})), Outcomes::kVacuous);
}

TEST(Exhaustive, GoesOnOnlyWithResultsOfTheSameQuestion) {
  const std::string file =
      (std::filesystem::temp_directory_path() / ("question_" + std::to_string(::getpid()))).string();
  const auto write = [&](const char* text) { std::ofstream(file) << text; };
  ExhaustiveOptions options;
  options.length = 0;
  options.depth = 0;
  options.json = file;
  EXPECT_EQ(RunExhaustive(options), Outcomes::kHolds);
  options.resume = true;
  EXPECT_EQ(RunExhaustive(options), Outcomes::kHolds);
  options.depth = 1;
  EXPECT_EQ(RunExhaustive(options), Outcomes::kHarnessError);
  for (const char* text : {"notes of somebody\n", "{}\n"}) {
    write(text);
    EXPECT_EQ(RunExhaustive(options), Outcomes::kHarnessError) << text;
    EXPECT_EQ(std::filesystem::file_size(file), std::strlen(text)) << "it stays as it is";
  }
  std::filesystem::remove(file);
}

TEST(Exhaustive, ShardsAndResumingComeToTheSame) {
  const std::string file =
      (std::filesystem::temp_directory_path() / ("exhaustive_" + std::to_string(::getpid()))).string();
  const auto lines = [&] {
    std::multiset<std::string> all;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) all.insert(line.substr(0, line.find(",\"cpu_nanos\"")));
    return all;
  };
  ExhaustiveOptions options;
  options.length = 1;
  options.depth = 0;
  options.json = file;
  EXPECT_EQ(RunExhaustive(options), Outcomes::kHolds);
  const auto whole = lines();
  EXPECT_EQ(whole.size(), EnumerateSequences(1).size() + 2);  // the question, the creation

  std::filesystem::remove(file);
  options.resume = true;
  options.shards = 3;
  for (options.shard = 0; options.shard < 3; ++options.shard) {
    EXPECT_EQ(RunExhaustive(options), Outcomes::kHolds);
  }
  EXPECT_EQ(lines(), whole);

  // Killed amid a line: that sequence is tried again, the others are not.
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 7);
  options.shard = 0;
  options.shards = 1;
  EXPECT_EQ(RunExhaustive(options), Outcomes::kHolds);
  EXPECT_EQ(lines(), whole);
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace manifolddb::crashsim
