// Failures in which calls fail and storage errs: hunted for, reduced, written down.
#include "crashsim/hunt.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "crashsim/certificate.h"
#include "crashsim/harms.h"
#include "crashsim/json.h"
#include "crashsim/reduce.h"
#include "crashsim/registry.h"
#include "crashsim/sequences.h"

namespace manifolddb::crashsim {
namespace {

class BrokenFor {
 public:
  explicit BrokenFor(const std::string& site) { EXPECT_TRUE(BreakSites({site})); }
  ~BrokenFor() { static_cast<void>(BreakSites({})); }
  BrokenFor(const BrokenFor&) = delete;
  BrokenFor& operator=(const BrokenFor&) = delete;
};

std::optional<Hit> HuntAndReduce(const std::string& site, const std::string& scenario, bool wide = false) {
  const BrokenFor broken(site);
  const HuntWish wish{
      .setup = SetupOfSequences(false), .scenario = scenario, .seed = 5, .wide = wide, .broken = true};
  Hunted hunted = Hunt(wish);
  if (!hunted.hit) return std::nullopt;
  return Reduce(std::move(*hunted.hit), true, 20'000).hit;
}

Json CertificateFor(const Hit& hit, const std::string& site) {
  const BrokenFor broken(site);
  return CertificateOf({hit.what, hit.finding, {}, 0, 0}, {"commit", "line", {site}});
}

bool Fails(const Case& what, const std::string& site, Rule rule) {
  const BrokenFor broken(site);
  const Replay replay = ReplayCase(what);
  return replay.finding && replay.finding->rule == rule;
}

TEST(Hunt, NothingIsFoundInTheSoundEngine) {
  constexpr uint64_t kPlays = 500;
  for (const char* scenario :
       {"run", "failed_sync", "io_fault", "no_room", "no_memory", "openings", "creation", "kill"}) {
    HuntWish wish{.setup = SetupOfSequences(false), .scenario = scenario, .seed = 3, .plays_max = kPlays};
    for (const bool wide : {false, true}) {
      wish.wide = wide;
      const Hunted hunted = Hunt(wish);
      EXPECT_FALSE(hunted.hit) << scenario << ": " << Describe(hunted.hit->finding.violation);
      EXPECT_GE(hunted.plays, kPlays) << scenario;
    }
  }
}

TEST(Hunt, ASyncThatFailsComesDownToFewOperations) {
  constexpr char kSite[] = "wal.sync.error_ignored";
  const auto hit = HuntAndReduce(kSite, "failed_sync");
  ASSERT_TRUE(hit);
  EXPECT_LE(OperationsOf(hit->what), 8u);
  EXPECT_TRUE(std::ranges::any_of(hit->what.lives, [](const Life& life) { return !life.faults.empty(); }));
  EXPECT_FALSE(ReplayCase(hit->what).finding);
  EXPECT_TRUE(Fails(hit->what, kSite, hit->finding.rule));
  const Json certificate = CertificateFor(*hit, kSite);
  EXPECT_EQ(certificate.at("format"), "manifolddb crash certificate, version 3");
  EXPECT_NE(TimelineOf(certificate).find("fails: "), std::string::npos);
  EXPECT_NE(TestOf(certificate).find("faultfs::FaultKind::"), std::string::npos);
}

TEST(Hunt, AFileThatWasPutBackComesDownToThatFile) {
  constexpr char kSite[] = "wal.marker.life.skip";
  const auto hit = HuntAndReduce(kSite, "older_file");
  ASSERT_TRUE(hit);
  EXPECT_LE(OperationsOf(hit->what), 8u);
  EXPECT_EQ(hit->what.lives.back().harm.size(), 1u);
  EXPECT_EQ(hit->finding.rule, Rule::kDamage);
  ASSERT_FALSE(hit->what.lives.back().harm.empty());
  EXPECT_FALSE(ReplayCase(hit->what).finding);
  Case unharmed = hit->what;
  unharmed.lives.back().harm.clear();
  EXPECT_FALSE(Fails(unharmed, kSite, Rule::kDamage));
  EXPECT_NE(TimelineOf(CertificateFor(*hit, kSite)).find("damage: "), std::string::npos);
}

TEST(Hunt, AnOlderLifesGroupComesDownToFewOperations) {
  constexpr char kSite[] = "wal.life.skip";
  const auto hit = HuntAndReduce(kSite, "kill", true);
  ASSERT_TRUE(hit);
  EXPECT_LE(OperationsOf(hit->what), 8u);
  EXPECT_TRUE(Fails(hit->what, kSite, Rule::kOpens));
  EXPECT_FALSE(ReplayCase(hit->what).finding);
}

TEST(Hunt, TheSameTwice) {
  constexpr char kSite[] = "checkpoint.meta.first_sync.skip";
  std::string texts[2];
  for (std::string& text : texts) {
    const auto hit = HuntAndReduce(kSite, "io_fault");
    ASSERT_TRUE(hit);
    text = TextOf(CertificateFor(*hit, kSite));
  }
  EXPECT_EQ(texts[0], texts[1]);
}

// A checkpoint's meta page has one copy; the opening that finds it is ended amid its step 1, and again.
TEST(Hunt, ARecoveryThatWasEndedIsHeldToWhatItWouldHaveShown) {
  constexpr char kSite[] = "recovery.step1.lone_sync.skip";
  Case what{.setup = SetupOfSequences(false), .lives = std::vector<Life>(2)};
  Life& first = what.lives[0];
  const Op put{.table = "t", .key = "0", .value = std::string(10081, 'm')};
  first.steps = {{.kind = StepKind::kCreateFamily, .serial = 1, .families = {"f"}},
                 {.serial = 2, .families = {"f"}, .ops = {put}}};
  first.effects = 38;
  first.power = first.restarts = true;
  Life& second = what.lives[1];
  second.faults = {{.kind = faultfs::FaultKind::kShortWrite,
                    .counted = Only(faultfs::Operation::kWrite),
                    .at = 2,
                    .parameter = 2}};
  second.power = true;
  second.lost = {{.kind = faultfs::Atom::Kind::kSector, .effect = 0, .file = "db", .sector = 2}};
  EXPECT_FALSE(ReplayCase(what).finding);
  EXPECT_TRUE(Fails(what, kSite, Rule::kRestarts));
  Case nobody_looked = what;
  nobody_looked.lives[0].restarts = false;
  const BrokenFor broken(kSite);
  EXPECT_FALSE(ReplayCase(nobody_looked).finding);
  const Json certificate =
      CertificateOf({what, *ReplayCase(what).finding, {}, 0, 0}, {"commit", "line", {kSite}});
  EXPECT_EQ(certificate.at("format"), "manifolddb crash certificate, version 3");
  EXPECT_EQ(certificate.at("violation").at("promise"), "G6");
  EXPECT_EQ(certificate.at("violation").at("allowed").size(), 1u);
  EXPECT_NE(certificate.at("violation").at("allowed")[0], certificate.at("violation").at("shown"));
  EXPECT_NE(TimelineOf(certificate).find("owed from here on"), std::string::npos);
  EXPECT_NE(TestOf(certificate).find("machine.LookApart();"), std::string::npos);
}

TEST(Hunt, HarmIsDoneToWhatThePowerCutLeft) {
  const crashsim::Setup setup = SetupOfSequences(false);
  const Life life{.steps = {{.kind = StepKind::kCreateFamily, .serial = 1, .families = {"f"}}},
                  .closes = true,
                  .power = true};
  const Played played = Play(setup, EmptyDisk(setup), life);
  const faultfs::CrashPoint point(played.session.trace, played.effects());
  const Start whole = AfterPower(EmptyDisk(setup), played, point, point.Resolve({faultfs::Policy::kAll, 0}));
  const faultfs::Image twin = TwinOf(setup, life);
  EXPECT_NE(twin.Hash(), whole.image.Hash());
  size_t changed = 0;
  const auto all = HarmsAt(played, played.effects(), setup);
  for (const Harms& harms : all) {
    const Start next = AfterHarm(played, played.effects(), whole, harms, &twin);
    EXPECT_TRUE(next.damaged);
    changed += next.image.Hash() != whole.image.Hash() ? 1 : 0;
    // What the sound engine makes of it is an error, or right: but for what nothing can tell.
    const bool old = std::ranges::any_of(harms, [](const Harm& one) { return one.how != Harm::How::kFlip; });
    if (old) continue;
    EXPECT_FALSE(Look(setup, next)) << harms[0].file << " " << harms[0].offset;
  }
  EXPECT_GT(changed, all.size() / 2);
}

}  // namespace
}  // namespace manifolddb::crashsim
