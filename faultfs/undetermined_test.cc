// Guards the disks that are booted with sectors undetermined:
//   - who reads everything, in all ways, sees exactly the legal images, each once;
//   - what nobody reads costs nothing, what is overwritten unread stays open until it is synced;
//   - a power cut on such a disk leaves what it may leave on the disks that it stands for, all together.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "faultfs/crash_point.h"
#include "faultfs/disk.h"
#include "faultfs/random.h"
#include "faultfs/random_program.h"
#include "faultfs/test_program.h"
#include "faultfs/undetermined.h"

namespace manifolddb::faultfs {
namespace {

constexpr uint64_t kListMax = 300;
constexpr Traits kStrict512 = {.atomic_unit = 512};

// Calls body(disk) on a disk booted from `start` for each way to answer what it asks for; returns how many.
template <class Body>
uint64_t ForEachAnswer(const UndeterminedImage& start, const Traits& traits, Body body) {
  struct Answer {
    size_t contents;
    size_t content;
  };
  std::vector<Answer> answers;
  for (uint64_t runs = 1;; ++runs) {
    size_t next = 0;
    Program p(std::make_unique<Disk>(
        start,
        [&](size_t contents, uint64_t) {
          if (next == answers.size()) answers.push_back({contents, 0});
          EXPECT_EQ(answers[next].contents, contents);
          return answers[next++].content;
        },
        traits));
    body(p);
    while (!answers.empty() && answers.back().content + 1 == answers.back().contents) answers.pop_back();
    if (answers.empty()) return runs;
    ++answers.back().content;
  }
}

std::vector<UndeterminedImage> Starts(const CrashPoint& point) {
  std::vector<UndeterminedImage> starts;
  EXPECT_TRUE(point.ForEachStart([&](const UndeterminedImage& start) { starts.push_back(start); }));
  return starts;
}

void ReadAll(Program& p) {
  const Image image = p.disk().CacheImage();
  for (const auto& [name, file] : image.files()) static_cast<void>(p.Read(name));
}

TEST(Undetermined, ReadingEverythingInAllWaysShowsExactlyTheLegalImages) {
  uint64_t points = 0;
  uint64_t several = 0;
  for (uint64_t seed = 0; seed < 120; ++seed) {
    Random random(seed + 9000);
    const bool tears = seed % 3 == 0;
    const Traits traits{.atomic_unit = 512,
                        .garbage_in_torn_units = tears,
                        .outside_bytes_safe = !tears,
                        .preset = seed % 2 == 0 ? Preset::kStrict : Preset::kExt4Ordered};
    Program p(traits);
    RunRandom(p, random, random.Between(3, 14), {.names = seed % 4 == 0});
    const auto trace = p.disk().trace();
    CrashPoint point(trace, 0);
    for (uint64_t n = 0; n <= trace->effects.size(); ++n) {
      point.MoveTo(n);
      const ImageCount count = point.images();
      if (!count.exact || *count.exact > kListMax) continue;
      EXPECT_EQ(std::to_string(*count.exact), count.digits);
      std::set<uint64_t> listed;
      ASSERT_TRUE(point.ForEachImage(kListMax, [&](const Image& image) { listed.insert(image.Hash()); }));
      std::set<uint64_t> shown;
      uint64_t runs = 0;
      std::vector<UndeterminedImage> starts;
      if (!point.ForEachStart([&](const UndeterminedImage& start) { starts.push_back(start); })) continue;
      for (const UndeterminedImage& start : starts) {
        runs += ForEachAnswer(start, traits, [&](Program& booted) {
          ReadAll(booted);
          shown.insert(booted.disk().CacheImage().Hash());
        });
      }
      ASSERT_EQ(shown, listed) << "seed " << seed << " after " << n;
      ASSERT_EQ(runs, *count.exact) << "seed " << seed << " after " << n;
      ++points;
      several += runs > 3 ? 1 : 0;
    }
  }
  EXPECT_GT(points, 700u);
  EXPECT_GT(several, 200u);
}

TEST(Undetermined, WhatNobodyReadsCostsNothing) {
  Program p(kStrict512);
  p.Durable("a", "abcdefgh");
  p.Write("a", 0, "ABCDEFGH");
  const CrashPoint point(p.disk().trace(), p.disk().effects());
  EXPECT_EQ(point.images().digits, "256");
  const auto starts = Starts(point);
  ASSERT_EQ(starts.size(), 1u);
  std::set<std::string> seen;
  const uint64_t runs = ForEachAnswer(starts[0], kStrict512, [&](Program& booted) {
    AlignedBytes bytes(512);
    EXPECT_TRUE(booted.disk().Open("a", OpenMode::kReadOnly).value()->Read(3 * 512, bytes.span()));
    seen.emplace(AsText(bytes.view()).substr(0, 1));
  });
  EXPECT_EQ(runs, 2u);
  EXPECT_EQ(seen, (std::set<std::string>{"d", "D"}));
}

TEST(Undetermined, ASectorReadAgainIsWhatItWas) {
  Program p(kStrict512);
  p.Durable("a", "a");
  p.Write("a", 0, "B");
  const auto starts = Starts(CrashPoint(p.disk().trace(), p.disk().effects()));
  ASSERT_EQ(starts.size(), 1u);
  const uint64_t runs = ForEachAnswer(starts[0], kStrict512, [&](Program& booted) {
    const std::string first = booted.Read("a");
    EXPECT_EQ(booted.Read("a"), first);
  });
  EXPECT_EQ(runs, 2u);
}

TEST(Undetermined, WhatIsOverwrittenUnreadStaysOpenUntilASync) {
  Program p(kStrict512);
  p.Durable("a", "ax");
  p.Write("a", 0, "B");
  const auto starts = Starts(CrashPoint(p.disk().trace(), p.disk().effects()));
  ASSERT_EQ(starts.size(), 1u);
  Program booted(std::make_unique<Disk>(
      starts[0],
      [](size_t, uint64_t) -> size_t {
        ADD_FAILURE() << "nothing reads";
        return 0;
      },
      kStrict512));
  booted.Write("a", 0, "C");
  EXPECT_EQ(booted.Outcomes(booted.disk().effects(), 10), (std::set<std::string>{"a=ax", "a=Bx", "a=Cx"}));
  EXPECT_EQ(CrashPoint(booted.disk().trace(), booted.disk().effects()).images().digits, "3");
  booted.Sync("a");
  EXPECT_EQ(booted.Outcomes(booted.disk().effects(), 10), (std::set<std::string>{"a=Cx"}));
}

TEST(Undetermined, AWriteOfPartOfASectorLooksAtIt) {
  Program p(kStrict512);
  p.Durable("a", "a");
  p.Write("a", 0, "B");
  const auto starts = Starts(CrashPoint(p.disk().trace(), p.disk().effects()));
  uint64_t asked = 0;
  Program booted(std::make_unique<Disk>(
      starts.at(0), [&](size_t, uint64_t) -> size_t { return ++asked; }, kStrict512));  // the second content
  booted.WriteBytes("a", 100, "c");
  EXPECT_EQ(asked, 1u);
  EXPECT_EQ(booted.Text(booted.disk().CacheImage(), "a").substr(98, 4), "BBcB");
}

TEST(Undetermined, WhatIsLookedAtAfterACutIsOpenAtIt) {
  Program p(kStrict512);
  p.Durable("a", "ax");
  p.Write("a", 0, "B");
  const auto starts = Starts(CrashPoint(p.disk().trace(), p.disk().effects()));
  Program booted(std::make_unique<Disk>(
      starts.at(0), [](size_t, uint64_t) -> size_t { return 1; }, kStrict512));
  booted.Write("a", 1, "y");          // effect 0
  EXPECT_EQ(booted.Read("a"), "By");  // looked at after one effect
  booted.Write("a", 1, "z");          // effect 1
  EXPECT_EQ(booted.Outcomes(1, 10), (std::set<std::string>{"a=ax", "a=ay", "a=Bx", "a=By"}));
  EXPECT_EQ(booted.Outcomes(2, 10), (std::set<std::string>{"a=Bx", "a=By", "a=Bz"}));
}

TEST(Undetermined, AKilledProcessLeavesWhatItHasSeenAndOverwritten) {
  Program p(kStrict512);
  p.Durable("a", "abc");
  p.Write("a", 0, "ABC");
  const auto starts = Starts(CrashPoint(p.disk().trace(), p.disk().effects()));
  const auto newest = [](size_t, uint64_t) -> size_t { return 1; };
  const auto oldest = [](size_t, uint64_t) -> size_t { return 0; };
  Program first(std::make_unique<Disk>(starts.at(0), newest, kStrict512));
  AlignedBytes bytes(512);
  EXPECT_TRUE(first.disk().Open("a", OpenMode::kReadOnly).value()->Read(0, bytes.span()));
  first.Write("a", 1, "x");
  EXPECT_TRUE(first.disk().Open("a", OpenMode::kReadOnly).value()->Read(1024, bytes.span()));

  Program second(std::make_unique<Disk>(*first.disk().trace(), 1, oldest));
  EXPECT_EQ(second.Read("a"), "Axc");  // the third was read after the last effect: open again
  EXPECT_EQ(second.Outcomes(1, 10),
            (std::set<std::string>{"a=Abc", "a=ABc", "a=Axc", "a=AbC", "a=ABC", "a=AxC"}));
}

TEST(Undetermined, AFileOfTwoNamesIsNoStart) {
  Program p(kStrict512);
  p.Durable("a", "x");
  p.Rename("a", "b");
  p.Rename("b", "c");  // this one alone: a and c
  const CrashPoint point(p.disk().trace(), p.disk().effects());
  EXPECT_FALSE(point.ForEachStart([](const UndeterminedImage&) { ADD_FAILURE(); }));
}

TEST(Undetermined, HashesTellWhatMayBeFoundApart) {
  Program p(kStrict512);
  p.Durable("a", "xy");
  std::set<uint64_t> hashes;
  const auto add = [&] {
    for (const auto& start : Starts(CrashPoint(p.disk().trace(), p.disk().effects())))
      hashes.insert(start.Hash());
  };
  add();
  p.Write("a", 0, "b");  // the first content of all of these is the same
  add();
  p.Write("a", 0, "c");
  add();
  p.Write("a", 1, "d");
  add();
  EXPECT_EQ(hashes.size(), 4u);
}

// All images that `start` can be made to be where `fixed` says what sectors hold.
std::vector<Image> Determined(const UndeterminedImage& start,
                              const std::map<std::pair<std::string, uint64_t>, size_t>& fixed) {
  std::vector<Image> images = {start.image};
  for (const auto& [name, sectors] : start.sectors) {
    for (const auto& [index, contents] : sectors) {
      std::vector<Image> with;
      const auto content = fixed.find({name, index});
      for (const Image& image : images) {
        for (size_t c = 0; c < contents.size(); ++c) {
          if (content != fixed.end() && content->second != c) continue;
          FileImage file = *image.Find(name);
          file.SetSector(index, contents[c]);
          with.push_back(image);
          with.back().Put(name, std::move(file));
        }
      }
      images = std::move(with);
    }
  }
  return images;
}

// The same program on a disk with sectors undetermined, and on each disk that it stands for.
TEST(Undetermined, APowerCutLeavesWhatItLeavesOnTheDisksThatItStandsFor) {
  uint64_t compared = 0;
  uint64_t open = 0;
  for (uint64_t seed = 0; seed < 150; ++seed) {
    Random random(seed + 20'000);
    Program before(kStrict512);
    RunRandom(before, random, random.Between(4, 10), {.names = false});
    const auto starts = Starts(CrashPoint(before.disk().trace(), before.disk().effects()));
    const UndeterminedImage& start = starts[random.Below(starts.size())];
    const uint64_t steps = random.Between(2, 7);
    Random answers(seed);
    Program p(std::make_unique<Disk>(
        start, [&](size_t contents, uint64_t) { return answers.Below(contents); }, kStrict512));
    Random program(seed + 1);
    RunRandom(p, program, steps, {.names = false});
    const auto trace = p.disk().trace();
    std::map<Inode, std::string> names;
    for (const auto& [name, inode] : trace->names) names[inode] = name;
    for (uint64_t n = 0; n <= trace->effects.size(); ++n) {
      const CrashPoint point(trace, n);
      const auto count = point.images().exact;
      if (!count || *count > kListMax) continue;
      std::set<uint64_t> left;
      ASSERT_TRUE(point.ForEachImage(kListMax, [&](const Image& image) { left.insert(image.Hash()); }));
      std::map<std::pair<std::string, uint64_t>, size_t> fixed;
      for (const auto& one : trace->determined) {
        if (one.effects < n) fixed[{names.at(one.inode), one.sector}] = one.content;
      }
      const auto images = Determined(start, fixed);
      if (images.size() > 64) continue;
      std::set<uint64_t> expected;
      for (const Image& image : images) {
        Program concrete(std::make_unique<Disk>(image, kStrict512));
        Random again(seed + 1);
        RunRandom(concrete, again, steps, {.names = false});
        const CrashPoint cut(concrete.disk().trace(), n);
        ASSERT_TRUE(cut.ForEachImage(10'000, [&](const Image& one) { expected.insert(one.Hash()); }));
      }
      ASSERT_EQ(left, expected) << "seed " << seed << " after " << n << " effects";
      ++compared;
      open += images.size() > 1 ? 1 : 0;
    }
  }
  EXPECT_GT(compared, 400u);
  EXPECT_GT(open, 150u);
}

TEST(Undetermined, NumbersOfImagesThatFitNoMachineWordAreExact) {
  Program p(kStrict512);
  p.Durable("a", std::string(130, 'a'));
  p.Write("a", 0, std::string(130, 'b'));
  const CrashPoint point(p.disk().trace(), p.disk().effects());
  EXPECT_FALSE(point.images().exact);
  EXPECT_EQ(point.images().digits, "1361129467683753853853498429727072845824");  // 2^130
  EXPECT_NEAR(point.images().log2, 130, 1e-9);
}

}  // namespace
}  // namespace manifolddb::faultfs
