// Failures made small, and what is written down of them.
#include "crashsim/shrink.h"

#include <gtest/gtest.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <tuple>

#include "crashsim/certificate.h"
#include "crashsim/json.h"
#include "crashsim/race_runner.h"
#include "crashsim/registry.h"
#include "crashsim/sequences.h"

namespace manifolddb::crashsim {
namespace {

// A line of the campaign on the engine with this site broken; where in it something fails is not asked.
Origin OriginOfSeed(uint64_t seed) {
  Coordinates at{.seed = seed, .config = "tiny", .ops = 16};
  std::string why;
  return OriginOf(at, why).value();
}

// The sites are whole again when it goes.
class Broken {
 public:
  explicit Broken(const std::string& site) { EXPECT_TRUE(BreakSites({site})); }
  ~Broken() { static_cast<void>(BreakSites({})); }
  Broken(const Broken&) = delete;
  Broken& operator=(const Broken&) = delete;
};

std::optional<Shrunk> ShrinkAt(const std::string& site, std::optional<Promise> promise) {
  const Broken broken(site);
  return Shrinker(OriginOfSeed(7), promise, true, 400'000).Run();
}

Step PutStep(Serial serial, const std::string& key, const std::string& value) {
  return {.serial = serial, .families = {"f"}, .ops = {{.table = "t", .key = key, .value = value}}};
}

Items SmallProgram() {
  return {{.step = {.kind = StepKind::kCreateFamily, .serial = 1, .families = {"f"}}},
          {.step = PutStep(2, "a", "1")},
          {.step = {.kind = StepKind::kCheckpoint}},
          {.step = PutStep(3, "b", "2")}};
}

TEST(Shrink, ALostSyncComesDownToAFewOperationsAndSectors) {
  const auto shrunk = ShrinkAt("txn.commit.sync.skip", Promise::kDurable);
  ASSERT_TRUE(shrunk);
  EXPECT_LE(OperationsOf(shrunk->what), 8u);
  EXPECT_LE(LossesOf(shrunk->what), 3u);
  EXPECT_GE(LossesOf(shrunk->what), 1u);
  EXPECT_GT(shrunk->operations_before, OperationsOf(shrunk->what));
  EXPECT_EQ(shrunk->finding.violation.promise, Promise::kDurable);
}

TEST(Shrink, WhatIsShrunkFailsWhileTheSiteIsBrokenAndNotOtherwise) {
  const auto shrunk = ShrinkAt("checkpoint.data_sync.skip", Promise::kDurable);
  ASSERT_TRUE(shrunk);
  EXPECT_FALSE(ReplayCase(shrunk->what).finding);
  const Broken broken("checkpoint.data_sync.skip");
  const Replay replay = ReplayCase(shrunk->what);
  ASSERT_TRUE(replay.finding);
  EXPECT_EQ(replay.finding->rule, shrunk->finding.rule);
}

TEST(Shrink, TheSameTwice) {
  std::vector<std::string> texts;
  for (int time = 0; time < 2; ++time) {
    const auto shrunk = ShrinkAt("wal.sync.skip", Promise::kDurable);
    ASSERT_TRUE(shrunk);
    const Broken broken("wal.sync.skip");
    texts.push_back(TextOf(CertificateOf(*shrunk, {"commit", "line", {"wal.sync.skip"}})));
  }
  EXPECT_EQ(texts[0], texts[1]);
}

// ---- Races

constexpr char kCapture[] = "checkpoint.capture.unappended";

std::optional<Shrunk> ShrinkRace(const std::string& site, const std::string& race, const Wander& wander) {
  const Broken broken(site);
  return Shrinker(OriginOf(*ParseRace(race), wander).value(), std::nullopt, true, 400'000).Run();
}

TEST(Shrink, ARaceComesDownToItsThreadsAndSwitches) {
  const auto shrunk =
      ShrinkRace(kCapture, "put b, put a | put b | checkpoint, checkpoint", {.preemptions = 1});
  ASSERT_TRUE(shrunk);
  EXPECT_LE(OperationsOf(shrunk->what), 3u);
  EXPECT_GT(shrunk->operations_before, 10u);
  const Life& life = shrunk->what.lives.back();
  EXPECT_EQ(life.threads.size(), 2u);
  EXPECT_EQ(life.switches.size(), 1u);
}

TEST(Shrink, ADrawnScheduleComesDownToItsSwitches) {
  size_t found = 0;
  for (uint64_t run = 0; run < 30 && found < 2; ++run) {
    const Wander wander{.given = ParseSchedule("pct3:1:" + std::to_string(run))};
    const auto shrunk = ShrinkRace(kCapture, "put a | checkpoint", wander);
    if (!shrunk) continue;
    ++found;
    EXPECT_EQ(shrunk->what.lives.back().switches.size(), 1u);
    EXPECT_LE(OperationsOf(shrunk->what), 3u);
  }
  EXPECT_GT(found, 0u);
}

TEST(Shrink, OfARaceEachSwitchAndTheBrokenSiteAreNeeded) {
  const auto shrunk =
      ShrinkRace("txn.publish.early", "snapshot, snapshot | put a, checkpoint", {.preemptions = 2});
  ASSERT_TRUE(shrunk);
  EXPECT_EQ(LossesOf(shrunk->what), 1u);
  EXPECT_FALSE(ReplayCase(shrunk->what).finding);
  const Broken broken("txn.publish.early");
  const Replay replay = ReplayCase(shrunk->what);
  ASSERT_TRUE(replay.finding);
  EXPECT_EQ(replay.finding->rule, shrunk->finding.rule);
  const Switches switches = shrunk->what.lives.back().switches;
  EXPECT_FALSE(switches.empty());
  for (size_t i = 0; i < switches.size(); ++i) {
    Case fewer = shrunk->what;
    fewer.lives.back().switches.erase(fewer.lives.back().switches.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_FALSE(ReplayCase(fewer).finding) << i;
  }
}

TEST(Shrink, ARaceTwiceIsTheSameCertificate) {
  std::vector<std::string> texts;
  for (int time = 0; time < 2; ++time) {
    const auto shrunk = ShrinkRace(kCapture, "put a | checkpoint", {.preemptions = 1});
    ASSERT_TRUE(shrunk);
    const Broken broken(kCapture);
    texts.push_back(TextOf(CertificateOf(*shrunk, {"commit", "line", {kCapture}})));
  }
  EXPECT_EQ(texts[0], texts[1]);
  EXPECT_NE(texts[0].find("version 2"), std::string::npos);
}

TEST(Shrink, NothingIsFoundInARaceOfTheSoundEngine) {
  Shrinker shrinker(OriginOf(*ParseRace("put a | checkpoint"), {.preemptions = 1}).value(), std::nullopt,
                    false, 400'000);
  EXPECT_FALSE(shrinker.Run());
  EXPECT_GT(shrinker.recoveries(), 100u);
}

TEST(Shrink, ARaceInWhichCallsFailHasNoCertificate) {
  EXPECT_FALSE(OriginOf(*ParseRace("put a | put b ! sync_reverts@1:db-wal"), {}));
}

// What a schedule did, told as switches by the seam's events, comes to the same once more. Unless it switched
// twice before one event: the harness asks before each change of a transaction as well.
TEST(Shrink, SwitchesPlayAgainWhatAnyScheduleDid) {
  const auto setup = SetupOfSequences(false);
  Life life{.steps = {{.kind = StepKind::kCreateFamily, .serial = 1, .families = {"f"}}},
            .threads = {{PutStep(2, "a", "1"), PutStep(3, "b", "2")}, {{.kind = StepKind::kCheckpoint}}}};
  std::set<uint64_t> hashes;
  for (const Strategy strategy : kStrategies) {
    const auto director = strategy == Strategy::kBounded
                              ? MakeBounded(1)
                              : MakeDrawn({.strategy = strategy, .seed = 1, .runs = 60}, 150);
    do {
      const Played first = PlayUnder(setup, EmptyDisk(setup), life, *director, true);
      life.switches = director->switches();
      std::set<std::tuple<size_t, size_t, uint64_t>> events;
      for (const Switch& at : life.switches) events.emplace(at.thread, at.step, at.event);
      if (events.size() < life.switches.size()) continue;
      const Played again = Play(setup, EmptyDisk(setup), life);
      hashes.insert(HashOfRun(first.session, 0));
      ASSERT_EQ(HashOfRun(first.session, 0), HashOfRun(again.session, 0)) << director->ToString();
    } while (director->Advance());
  }
  EXPECT_GT(hashes.size(), 20u);
}

TEST(Shrink, NothingIsFoundInTheSoundEngine) {
  for (const Shape& shape :
       {Shape{}, Shape{EndKind::kPower}, Shape{EndKind::kKill}, Shape{EndKind::kKill, EndKind::kPower},
        Shape{EndKind::kPower, EndKind::kGoOn}}) {
    const SearchWish wish{.setup = SetupOfSequences(false), .items = SmallProgram(), .shape = shape};
    const SearchResult result = SearchApart(wish);
    EXPECT_FALSE(result.died) << Describe(shape);
    EXPECT_FALSE(result.hit) << Describe(shape) << ": " << Describe(result.hit->finding.violation);
    EXPECT_GT(result.recoveries, 0u) << Describe(shape);
  }
}

TEST(Shrink, DamageOfAClosedDatabaseIsNeverBelieved) {
  SearchWish wish{.setup = SetupOfSequences(false), .items = SmallProgram(), .shape = {EndKind::kDamage}};
  wish.items.push_back({.reopen = true});
  const SearchResult sound = SearchApart(wish);
  EXPECT_FALSE(sound.hit);
  EXPECT_GT(sound.recoveries, 100u);
  const Broken broken("format.page.checksum");
  const SearchResult result = SearchApart(wish);
  ASSERT_TRUE(result.hit);
  EXPECT_TRUE(result.hit->what.lives.back().damage);
}

TEST(Shrink, OnlyDisksWithoutOrderHaveCertificates) {
  const Coordinates at{.preset = "ext4-ordered"};
  std::string why;
  EXPECT_FALSE(OriginOf(at, why));
  EXPECT_NE(why.find("strict"), std::string::npos);
}

TEST(Certificate, CutsOfOneChangeSayWhichAndComeBack) {
  const SearchWish wish{.setup = SetupOfSequences(false), .items = SmallProgram()};
  std::vector<Step> steps;
  for (const Item& item : wish.items) steps.push_back(item.step);
  const Played played = Play(wish.setup, EmptyDisk(wish.setup), steps, false);
  uint64_t compared = 0;
  for (uint64_t n = 0; n <= played.effects(); ++n) {
    const faultfs::CrashPoint point(played.session.trace, n);
    for (uint64_t p = 0; p < point.ParameterCount(faultfs::Policy::kAllButOne); ++p, ++compared) {
      const auto arrivals = point.Resolve({faultfs::Policy::kAllButOne, p});
      const std::vector<Loss> lost = LossesOf(point, arrivals);
      EXPECT_EQ(lost.size(), 1u);
      EXPECT_EQ(ArrivalsWithout(point, lost), arrivals);
    }
  }
  EXPECT_GT(compared, 20u);
}

// ---- Those in docs/certificates

std::string Contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// Formatting may differ.
std::string WithoutBlanks(std::string text) {
  std::erase_if(text, [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; });
  return text;
}

TEST(Certificate, ThoseInTheDocumentsHaveTheirPicturesAndTests) {
  size_t certificates = 0;
  for (const auto& entry : std::filesystem::directory_iterator(MANIFOLDDB_CERTIFICATES)) {
    if (!entry.is_directory()) continue;
    ++certificates;
    const std::string text = Contents(entry.path() / "certificate.json");
    const Json certificate = Json::parse(text, nullptr, false);
    ASSERT_FALSE(certificate.is_discarded()) << entry.path();
    EXPECT_EQ(text, TextOf(certificate)) << entry.path() << ": scripts/dev certificates";
    EXPECT_EQ(Contents(entry.path() / "timeline.svg"), TimelineOf(certificate)) << entry.path();
    EXPECT_EQ(WithoutBlanks(Contents(entry.path() / "test.cc")), WithoutBlanks(TestOf(certificate)))
        << entry.path();
  }
  EXPECT_GE(certificates, 8u);
}

}  // namespace
}  // namespace manifolddb::crashsim
