// Guards the walk through all images against one that knows no tricks: every image made and booted by itself,
// the power cut and the process killed after every effect. What recovers is a toy that tells all that it
// read.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "crashsim/cover.h"
#include "crashsim/digest.h"
#include "faultfs/random_program.h"
#include "faultfs/test_program.h"

namespace manifolddb::crashsim {
namespace {

using faultfs::AlignedBytes;
using faultfs::CrashPoint;
using faultfs::Disk;
using faultfs::Image;

constexpr faultfs::Traits kTraits = {.atomic_unit = 512};

// A file as the toy sees it.
class ToyFile {
 public:
  explicit ToyFile(File& file) : file_(file), sectors_(file.Size().value() / 512) {}
  uint64_t sectors() const { return sectors_; }
  char Read(uint64_t sector) {
    if (sector >= sectors_) return '-';
    AlignedBytes bytes(512);
    EXPECT_TRUE(file_.Read(sector * 512, bytes.span()));
    const char letter = AsText(bytes.view())[0];
    return letter == '\0' ? '.' : letter;
  }
  void Write(uint64_t sector, char letter) {
    if (sector >= sectors_) return;
    const AlignedBytes bytes{std::string_view(std::string(512, letter))};
    EXPECT_TRUE(file_.Write(sector * 512, bytes.view()));
  }
  void Sync() { EXPECT_TRUE(file_.Sync()); }

 private:
  File& file_;
  const uint64_t sectors_;
};

// What recovery is: from the file to a text that says what it saw.
using Toy = std::function<std::string(ToyFile& file)>;

Cover::Recoverer RecovererOf(const Toy& toy, std::set<std::string>& found) {
  return [&toy, &found](const std::shared_ptr<Disk>& disk) {
    Recovered result;
    const uint64_t before = disk->effects();
    std::string text = "none";
    if (auto file = disk->NewProcess()->Open("a", OpenMode::kReadWrite)) {
      ToyFile seen(**file);
      text = toy(seen);
    }
    found.insert(text);
    result.seen.sum = {Digest(text), Mix(Digest(text))};
    result.effects = disk->effects() - before;
    result.trace = disk->trace();
    disk->Kill();
    return result;
  };
}

std::set<std::string> ByCover(const std::shared_ptr<const faultfs::Trace>& trace, const Toy& toy,
                              uint32_t depth) {
  std::set<std::string> found;
  Cover cover(kTraits, depth, RecovererOf(toy, found), [](const std::string&, const Violations&) {});
  const Cover::Judge anything = [](const Recovered&, const Cover::Boot&) { return Violations(); };
  CrashPoint point(trace, 0);
  for (uint64_t effects = 0; effects <= trace->effects.size(); ++effects) {
    point.MoveTo(effects);
    cover.Cut(point, anything);
    if (effects > 0) cover.Kill(trace, effects, anything);
  }
  return found;
}

std::set<std::string> ByForce(const std::shared_ptr<const faultfs::Trace>& trace, const Toy& toy,
                              uint32_t depth) {
  std::set<std::string> found;
  const auto recover = RecovererOf(toy, found);
  const std::function<void(const std::shared_ptr<Disk>&, uint32_t)> boot =
      [&](const std::shared_ptr<Disk>& disk, uint32_t left) {
        const uint64_t first = disk->effects();
        const Recovered one = recover(disk);
        for (uint64_t effects = first; left > 0 && effects <= first + one.effects; ++effects) {
          EXPECT_TRUE(CrashPoint(one.trace, effects).ForEachImage(5000, [&](const Image& image) {
            boot(std::make_shared<Disk>(image, kTraits), left - 1);
          }));
          boot(std::make_shared<Disk>(*one.trace, effects), left - 1);
        }
      };
  for (uint64_t effects = 0; effects <= trace->effects.size(); ++effects) {
    EXPECT_TRUE(CrashPoint(trace, effects).ForEachImage(5000, [&](const Image& image) {
      boot(std::make_shared<Disk>(image, kTraits), depth);
    }));
    if (effects > 0) boot(std::make_shared<Disk>(*trace, effects), depth);
  }
  return found;
}

// Reads here or there, by what it has read; writes, and syncs or not, likewise.
std::string Wanderer(ToyFile& file) {
  std::string text = std::to_string(file.sectors());
  text += file.Read(0);
  const auto first = static_cast<unsigned char>(text.back());
  if (first % 2 == 0) file.Write(2, 'r');
  if (first % 3 == 0) file.Sync();
  text += file.Read(1 + first % 3);
  if (static_cast<unsigned char>(text.back()) % 2 == 0) {
    file.Write(1, 's');
  } else {
    file.Sync();
  }
  text += file.Read(3);
  file.Write(0, static_cast<char>('A' + first % 20));
  file.Sync();
  return text;
}

TEST(Toy, CoverFindsWhatAllImagesShowByThemselves) {
  uint64_t compared = 0;
  uint64_t found = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    faultfs::Random random(seed + 300);
    faultfs::Program p(kTraits);
    p.Durable("a", "abcd");
    RunRandom(p, random, random.Between(1, 4), {.names = false});
    const auto trace = p.disk().trace();
    const auto images = CrashPoint(trace, trace->effects.size()).images().exact;
    if (!images || *images > 40) continue;
    for (const uint32_t depth : {0u, 1u}) {
      const auto expected = ByForce(trace, Wanderer, depth);
      ASSERT_EQ(ByCover(trace, Wanderer, depth), expected) << "seed " << seed << " depth " << depth;
      found += expected.size();
    }
    ++compared;
  }
  EXPECT_GT(compared, 30u);
  EXPECT_GT(found, 400u);
}

// The first sector says whether a recovery has begun; the second is what it is about, the newest of it
// unsynced.
std::vector<std::string> Reports(const Toy& toy) {
  faultfs::Program p(kTraits);
  p.Durable("a", "na");
  p.Write("a", 1, "B");
  std::set<std::string> found;
  std::vector<std::string> reports;
  Cover cover(kTraits, 1, RecovererOf(toy, found),
              [&](const std::string& path, const Violations& violations) {
                reports.push_back(path + violations.front().found);
              });
  cover.Cut(CrashPoint(p.disk().trace(), p.disk().effects()),
            [](const Recovered&, const Cover::Boot&) { return Violations(); });
  return reports;
}

std::string Begin(ToyFile& file) {
  const char begun = file.Read(0);
  if (begun == 'n') file.Write(0, 'y');
  file.Sync();
  return std::string(1, begun);
}

TEST(Toy, ARecoveryThatWasCutMustFindWhatIsOnThatDisk) {
  EXPECT_EQ(Reports([](ToyFile& file) {
              Begin(file);
              return std::string(1, file.Read(1));
            }),
            std::vector<std::string>());
  // Once begun, it goes back to the old contents: right for the disk that has them, wrong for the other one,
  // although both are found where nothing is cut.
  EXPECT_FALSE(Reports([](ToyFile& file) {
                 const bool first = Begin(file) == "n";
                 return first ? std::string(1, file.Read(1)) : "a";
               }).empty());
}

TEST(Toy, AKilledRecoveryMustFindWhatTheCacheHolds) {
  faultfs::Program p(kTraits);
  p.Durable("a", "na");
  p.Write("a", 1, "B");
  std::set<std::string> found;
  uint64_t reports = 0;
  const Toy toy = [](ToyFile& file) {
    const bool first = file.Read(0) == 'n';
    file.Write(0, 'y');
    const std::string text = first ? std::string(1, file.Read(1)) : "a";
    file.Sync();
    return text;
  };
  Cover cover(kTraits, 1, RecovererOf(toy, found), [&](const std::string&, const Violations&) { ++reports; });
  // The judge permits the old contents, as after any kill of a process that had not synced.
  cover.Kill(p.disk().trace(), p.disk().effects(),
             [](const Recovered&, const Cover::Boot&) { return Violations(); });
  EXPECT_GT(reports, 0u);
}

}  // namespace
}  // namespace manifolddb::crashsim
