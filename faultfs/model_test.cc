// Guards the model as a whole: small random programs, and at each of their crash points
//   - the images listed are exactly those of a second, naive model, which tries every set of arrivals and
//   throws
//     out what the rules of traits.h forbid;
//   - every image that any policy draws is among them, and so is the image of any arrivals whatsoever;
//   - their number is what counting without listing says.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "faultfs/crash_point.h"
#include "faultfs/disk.h"
#include "faultfs/random.h"
#include "faultfs/random_program.h"
#include "faultfs/test_program.h"

namespace manifolddb::faultfs {
namespace {

constexpr uint64_t kListMax = 500;

// ---- The naive model: no floors, no versions, no plans; only atoms, taken or not.

struct NaiveAtom {
  Atom::Kind kind;
  uint64_t effect;
  Inode inode;
  uint64_t sector = 0;
  bool journal = false;
};

class Naive {
 public:
  Naive(const Trace& trace, uint64_t effects) : trace_(trace) {
    const Preset preset = trace.traits.preset;
    all_journaled_ = preset == Preset::kDataJournal;
    sizes_journaled_ = all_journaled_ || preset == Preset::kExt3Writeback;
    ordered_ = sizes_journaled_ || preset == Preset::kExt4Ordered || preset == Preset::kXfs;
    data_first_ = preset == Preset::kExt4Ordered || preset == Preset::kXfs || preset == Preset::kBtrfs;
    safe_rename_ = preset == Preset::kExt4Ordered || preset == Preset::kBtrfs;
    names_synced_ = preset != Preset::kStrict;
    for (const auto& [name, inode] : trace.names) sizes_[inode] = trace.base.Find(name)->size();
    for (uint64_t e = 0; e < effects; ++e) Follow(e);
  }

  // The hashes of all legal images; nothing if there are too many sets to try.
  std::optional<std::set<uint64_t>> Images() {
    std::vector<size_t> open;
    for (size_t i = 0; i < atoms_.size(); ++i) {
      if (!covered_.contains(i)) open.push_back(i);
    }
    if (open.size() > 9) return std::nullopt;
    for (uint64_t set = 0; set < uint64_t{1} << open.size(); ++set) {
      taken_ = covered_;
      for (size_t i = 0; i < open.size(); ++i) {
        if (set >> i & 1) taken_.insert(open[i]);
      }
      if (JournalIsPrefix()) Sizes();
    }
    return images_;
  }

 private:
  const Effect& EffectOf(size_t atom) const { return trace_.effects[atoms_[atom].effect]; }

  void Add(NaiveAtom atom) { atoms_.push_back(atom); }

  void Follow(uint64_t e) {
    const Effect& effect = trace_.effects[e];
    const uint32_t unit = trace_.traits.atomic_unit;
    switch (effect.kind) {
      case EffectKind::kWrite:
        for (size_t i = 0; i < effect.sectors.size(); ++i) {
          Add({Atom::Kind::kSector, e, effect.inode, effect.offset / unit + i, all_journaled_});
        }
        break;
      case EffectKind::kSize:
        Add({Atom::Kind::kSize, e, effect.inode, 0, ordered_ && (!effect.by_write || sizes_journaled_)});
        sizes_[effect.inode] = effect.size;
        break;
      case EffectKind::kSync: Cover(effect.inode, 0, ~uint64_t{0}, sizes_[effect.inode]); break;
      case EffectKind::kSyncRange: {
        const uint64_t end = effect.offset + effect.size;
        Cover(effect.inode, effect.offset / unit, (end + unit - 1) / unit, end);
        break;
      }
      case EffectKind::kSyncDirectory:
        for (size_t i = 0; i < atoms_.size(); ++i) {
          if (atoms_[i].kind == Atom::Kind::kDirectory) CoverJournal(i);
        }
        break;
      default: Add({Atom::Kind::kDirectory, e, effect.inode, 0, true}); break;
    }
  }

  void Cover(Inode inode, uint64_t first, uint64_t last, uint64_t size) {
    uint64_t& size_min = size_min_[inode];
    const uint64_t old_min = size_min;
    size_min = std::max(size_min, size);
    for (size_t i = 0; i < atoms_.size(); ++i) {
      const NaiveAtom& atom = atoms_[i];
      if (atom.kind == Atom::Kind::kSector) {
        if (atom.inode == inode && all_journaled_) CoverJournal(i);
        if (atom.inode == inode && atom.sector >= first && atom.sector < last) covered_.insert(i);
      } else if (names_synced_ && atom.inode == inode) {
        const bool sized = atom.kind == Atom::Kind::kSize;
        if (sized && atom.journal && EffectOf(i).size <= size_min) CoverJournal(i);
        if (!sized) CoverJournal(i);
        const bool grew = EffectOf(i).old_size < size_min && EffectOf(i).size > old_min;
        if (ordered_ && sized && EffectOf(i).by_write && grew) {
          for (size_t j = 0; j < i; ++j) {
            if (atoms_[j].journal) CoverJournal(j);
          }
        }
      }
    }
  }

  // An operation is durable, and what it brings along.
  void CoverJournal(size_t atom) {
    for (size_t i = ordered_ ? 0 : atom; i <= atom; ++i) {
      if (!atoms_[i].journal || !covered_.insert(i).second) continue;
      const Effect& effect = EffectOf(i);
      if (!ordered_ && names_synced_) {  // what speaks of the same names, and came before
        for (size_t j = 0; j < i; ++j) {
          if (atoms_[j].journal && ShareAName(EffectOf(j), effect)) CoverJournal(j);
        }
      }
      if (effect.kind == EffectKind::kSize) {
        size_min_[effect.inode] = std::max(size_min_[effect.inode], effect.size);
      }
      if (safe_rename_ && effect.kind == EffectKind::kRename && effect.replaces != kNoInode) {
        for (size_t j = 0; j < atoms_.size(); ++j) {
          if (atoms_[j].inode != effect.inode || atoms_[j].effect > atoms_[i].effect) continue;
          if (atoms_[j].kind == Atom::Kind::kSector) covered_.insert(j);
          if (atoms_[j].kind == Atom::Kind::kSize) {
            size_min_[effect.inode] = std::max(size_min_[effect.inode], EffectOf(j).size);
          }
        }
      }
    }
  }

  static bool ShareAName(const Effect& a, const Effect& b) {
    for (const std::string* name : {&a.name, &a.name2}) {
      if (!name->empty() && (*name == b.name || *name == b.name2)) return true;
    }
    return false;
  }

  bool JournalIsPrefix() const {
    if (!ordered_) return true;
    bool missing = false;
    for (size_t i = 0; i < atoms_.size(); ++i) {
      if (!atoms_[i].journal) continue;
      if (missing && taken_.contains(i)) return false;
      missing |= !taken_.contains(i);
    }
    return true;
  }

  // Of each file, tries every place where the last size taken may have been cut.
  void Sizes() {
    names_ = trace_.names;
    for (const size_t i : taken_) {
      const Effect& effect = EffectOf(i);
      if (effect.kind == EffectKind::kCreate) names_[effect.name] = effect.inode;
      if (effect.kind == EffectKind::kRemove) names_.erase(effect.name);
      if (effect.kind == EffectKind::kRename) {
        names_.erase(effect.name);
        names_[effect.name2] = effect.inode;
      }
    }
    files_.clear();
    for (const auto& [name, inode] : names_) files_.emplace(inode, FileImage(trace_.traits.atomic_unit));
    Build(files_.begin());
  }

  void Build(std::map<Inode, FileImage>::iterator at) {
    if (at == files_.end()) {
      Image image(trace_.traits.atomic_unit);
      for (const auto& [name, inode] : names_) image.Put(name, files_.at(inode));
      images_.insert(image.Hash());
      return;
    }
    const Inode inode = at->first;
    std::optional<size_t> last;
    uint64_t below = size_min_[inode];
    const auto base = trace_.names.find(BaseName(inode));
    if (base != trace_.names.end()) below = std::max(below, trace_.base.Find(base->first)->size());
    for (const size_t i : taken_) {
      if (atoms_[i].kind != Atom::Kind::kSize || atoms_[i].inode != inode) continue;
      if (atoms_[i].journal) {
        below = std::max(below, EffectOf(i).size);
      } else {
        last = i;
      }
    }
    for (const size_t i : taken_) {  // a rename over brings the size along
      const Effect& effect = EffectOf(i);
      if (!safe_rename_ || effect.kind != EffectKind::kRename || effect.replaces == kNoInode) continue;
      if (effect.inode != inode) continue;
      for (size_t j = 0; j < atoms_.size(); ++j) {
        const bool before = atoms_[j].kind == Atom::Kind::kSize && atoms_[j].effect < atoms_[i].effect;
        if (before && atoms_[j].inode == inode) below = std::max(below, EffectOf(j).size);
      }
    }
    std::set<uint64_t> sizes;
    if (!last || EffectOf(*last).size <= below) {
      sizes.insert(below);
    } else {
      const uint64_t unit = trace_.traits.atomic_unit;
      for (uint64_t size = EffectOf(*last).old_size / unit * unit + unit; size < EffectOf(*last).size;
           size += unit) {
        if (size > below) sizes.insert(size);
      }
      sizes.insert(EffectOf(*last).size);
    }
    for (const uint64_t size : sizes) {
      const bool by_last = last && size > below;
      if (by_last && ordered_ && !JournalReaches(*last)) continue;
      FileImage file =
          base == trace_.names.end() ? FileImage(trace_.traits.atomic_unit) : *trace_.base.Find(base->first);
      if (!Fill(inode, size, by_last ? last : std::nullopt, file)) continue;
      at->second = std::move(file);
      Build(std::next(at));
    }
  }

  std::string BaseName(Inode inode) const {
    for (const auto& [name, candidate] : trace_.names) {
      if (candidate == inode) return name;
    }
    return "";
  }

  // Every operation of the journal before this size was given has been done.
  bool JournalReaches(size_t size_atom) const {
    for (size_t i = 0; i < size_atom; ++i) {
      if (atoms_[i].journal && !taken_.contains(i)) return false;
    }
    return true;
  }

  uint64_t SizeMin(Inode inode) const {
    const auto found = size_min_.find(inode);
    return found == size_min_.end() ? 0 : found->second;
  }

  // Puts the taken sectors in; false if the order forbids what is missing.
  bool Fill(Inode inode, uint64_t size, std::optional<size_t> by, FileImage& file) const {
    const uint64_t unit = trace_.traits.atomic_unit;
    uint64_t renamed_over = 0;  // content before this effect must be there
    for (const size_t i : taken_) {
      const Effect& effect = EffectOf(i);
      if (safe_rename_ && effect.kind == EffectKind::kRename && effect.replaces != kNoInode &&
          effect.inode == inode) {
        renamed_over = atoms_[i].effect;
      }
    }
    file.SetSize(std::max(size, file.size()));
    std::map<uint64_t, uint64_t> have;  // sector -> effect of what is in it
    std::map<uint64_t, uint64_t> need;
    for (size_t i = 0; i < atoms_.size(); ++i) {
      const NaiveAtom& atom = atoms_[i];
      if (atom.kind != Atom::Kind::kSector || atom.inode != inode || atom.sector * unit >= size) continue;
      // What is durable of the size is nothing that this write gives; an allocation waits for no data.
      const bool given_by = by && EffectOf(*by).by_write && atom.effect < atoms_[*by].effect &&
                            (atom.sector + 1) * unit > std::max(EffectOf(*by).old_size, SizeMin(inode));
      if (atom.effect < renamed_over || (data_first_ && given_by)) need[atom.sector] = atom.effect;
      if (!taken_.contains(i)) continue;
      have[atom.sector] = atom.effect;
      const Effect& effect = trace_.effects[atom.effect];
      const uint64_t slot = atom.sector - effect.offset / unit;
      file.SetSize(std::max(file.size(), (atom.sector + 1) * unit));
      file.SetSector(atom.sector, effect.sectors[slot]);
    }
    file.SetSize(size);
    for (const auto& [sector, effect] : need) {
      if (!have.contains(sector) || have[sector] < effect) return false;
    }
    return true;
  }

  const Trace& trace_;
  bool ordered_ = false;  // one journal
  bool sizes_journaled_ = false;
  bool all_journaled_ = false;
  bool data_first_ = false;
  bool safe_rename_ = false;
  bool names_synced_ = false;
  std::vector<NaiveAtom> atoms_;
  std::map<Inode, uint64_t> sizes_;
  std::map<Inode, uint64_t> size_min_;
  std::set<size_t> covered_;
  std::set<size_t> taken_;
  std::map<std::string, Inode> names_;
  std::map<Inode, FileImage> files_;
  std::set<uint64_t> images_;
};

std::vector<Preset> AllPresets() {
  std::vector<Preset> all;
  for (size_t i = 0; i < kPresets; ++i) all.push_back(static_cast<Preset>(i));
  return all;
}

std::vector<Traits> AllTraits() {
  std::vector<Traits> all;
  for (const Preset preset : AllPresets()) {
    for (const bool tears : {false, true}) {
      all.push_back({.atomic_unit = 512,
                     .garbage_in_torn_units = tears,
                     .outside_bytes_safe = !tears,
                     .preset = preset});
    }
  }
  return all;
}

// The images of a point, if they are few.
std::optional<std::set<uint64_t>> List(const CrashPoint& point) {
  const ImageCount count = point.images();
  if (!count.exact || *count.exact > kListMax) return std::nullopt;
  std::set<uint64_t> images;
  EXPECT_TRUE(point.ForEachImage(kListMax, [&](const Image& image) { images.insert(image.Hash()); }));
  EXPECT_LE(images.size(), *count.exact);
  return images;
}

// Each drawn image is a member of `images`; returns how many of them were drawn.
void ExpectMembers(const CrashPoint& point, const std::set<uint64_t>& images, Random& random,
                   std::set<uint64_t>& drawn) {
  const auto expect = [&](const Image& image, const std::string& what) {
    ASSERT_TRUE(images.contains(image.Hash()))
        << what << " after " << point.effects() << " effects, " << point.trace().traits.ToString() << "\n"
        << image.ToString();
    drawn.insert(image.Hash());
  };
  for (size_t policy = 0; policy < kPolicies; ++policy) {
    const uint64_t count = std::min<uint64_t>(point.ParameterCount(static_cast<Policy>(policy)), 40);
    for (uint64_t parameter = 0; parameter < std::max<uint64_t>(count, 1); ++parameter) {
      const ImageSpec spec{static_cast<Policy>(policy), parameter};
      expect(point.Draw(spec), spec.ToString());
    }
  }
  for (int i = 0; i < 40; ++i) {
    Arrivals arrivals(point.atoms().size());
    for (uint64_t& arrived : arrivals) arrived = random.Below(4);
    expect(point.Make(arrivals), "any arrivals");
  }
}

TEST(Model, ListsExactlyWhatTheNaiveModelAllows) {
  uint64_t compared = 0;
  uint64_t images = 0;
  for (uint64_t seed = 0; seed < 480; ++seed) {
    Random random(seed);
    Program p({.atomic_unit = 512, .preset = static_cast<Preset>(seed / 3 % kPresets)});
    RunRandom(p, random, random.Between(3, 14), {.names = seed % 3 != 0});
    const auto trace = p.disk().trace();
    CrashPoint point(trace, 0);
    for (uint64_t n = 0; n <= trace->effects.size(); ++n) {
      point.MoveTo(n);
      const auto listed = List(point);
      if (!listed) continue;
      const auto expected = Naive(*trace, n).Images();
      if (!expected) continue;
      ASSERT_EQ(*listed, *expected) << "seed " << seed << " after " << n << " effects\n"
                                    << ::testing::PrintToString(TraceLines(*trace, 0, n));
      ++compared;
      images += listed->size();
    }
  }
  EXPECT_GT(compared, 3000u);
  EXPECT_GT(images, 30'000u);
}

TEST(Model, WhateverAPolicyDrawsIsALegalImage) {
  uint64_t points = 0;
  uint64_t legal = 0;
  uint64_t reached = 0;
  for (uint64_t seed = 0; seed < 450; ++seed) {
    Random random(seed + 1000);
    const std::vector<Traits> all = AllTraits();
    Program p(all[seed % all.size()]);
    RunRandom(p, random, random.Between(3, 16), {.names = seed % 3 != 0, .faults = seed % 5 < 2});
    const auto trace = p.disk().trace();
    CrashPoint point(trace, 0);
    for (uint64_t n = 0; n <= trace->effects.size(); ++n) {
      point.MoveTo(n);
      const auto images = List(point);
      if (!images) continue;
      std::set<uint64_t> drawn;
      ExpectMembers(point, *images, random, drawn);
      if (HasFatalFailure()) return;
      ++points;
      legal += images->size();
      reached += drawn.size();
    }
  }
  EXPECT_GT(points, 1000u);
  EXPECT_GT(reached * 10, legal);
}

TEST(Model, RandomDrawsReachEveryLegalImageOfASmallTrace) {
  for (const Preset preset : AllPresets()) {
    if (preset == Preset::kDataJournal) continue;  // has but one image for each sector and name
    Program p({.atomic_unit = 512, .garbage_in_torn_units = true, .preset = preset});
    p.Durable("a", "xy");
    p.Write("a", 1, "BC");
    p.Create("b");
    p.Write("a", 1, "D");
    p.Rename("b", "c");
    CrashPoint point(p.disk().trace(), p.disk().effects());
    const auto images = List(point);
    ASSERT_TRUE(images);
    std::set<uint64_t> drawn;
    for (uint64_t seed = 0; seed < 20'000; ++seed) drawn.insert(point.Draw({Policy::kRandom, seed}).Hash());
    EXPECT_EQ(drawn.size(), images->size());
    EXPECT_GT(images->size(), 20u);
  }
}

TEST(Model, CountingAgreesWithListingWhereNothingIsEqualByChance) {
  uint64_t counted = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    Random random(seed + 5000);
    const std::vector<Traits> all = AllTraits();
    const Traits traits = all[seed % all.size()];
    // What lies behind the size arrives without being seen: images that come about otherwise are equal.
    if (traits.preset == Preset::kDataJournal) continue;
    Program p(traits);
    RunRandom(p, random, random.Between(3, 14), {.names = false});
    const auto trace = p.disk().trace();
    for (uint64_t n = 0; n <= trace->effects.size(); n += 3) {
      const CrashPoint point(trace, n);
      const auto images = List(point);
      if (!images) continue;
      EXPECT_EQ(images->size(), *point.images().exact) << "seed " << seed << " after " << n;
      EXPECT_NEAR(point.images().log2, std::log2(static_cast<double>(images->size())), 1e-6);
      EXPECT_TRUE(images->size() == 1 || point.has_unsynced());
      ++counted;
    }
  }
  EXPECT_GT(counted, 300u);
}

TEST(Model, MovingForwardIsTheSameAsStartingThere) {
  Random random(7);
  Program p({.atomic_unit = 512, .garbage_in_torn_units = true});
  RunRandom(p, random, 60, {.faults = true});
  const auto trace = p.disk().trace();
  CrashPoint moving(trace, 0);
  for (uint64_t n = 0; n <= trace->effects.size(); ++n) {
    moving.MoveTo(n);
    const CrashPoint fresh(trace, n);
    ASSERT_EQ(moving.atoms().size(), fresh.atoms().size());
    for (uint64_t seed = 0; seed < 5; ++seed) {
      ASSERT_EQ(moving.Draw({Policy::kRandom, seed}), fresh.Draw({Policy::kRandom, seed}));
    }
  }
  moving.MoveTo(3);
  EXPECT_EQ(moving.Draw({Policy::kAll}), CrashPoint(trace, 3).Draw({Policy::kAll}));
}

TEST(Model, WhenAllArrivesTheDiskIsAsTheCache) {
  for (uint64_t seed = 0; seed < 90; ++seed) {
    Random random(seed);
    Program p({.atomic_unit = 512, .preset = static_cast<Preset>(seed % kPresets)});
    RunRandom(p, random, 40, {});
    const CrashPoint point(p.disk().trace(), p.disk().effects());
    EXPECT_EQ(point.Draw({Policy::kAll}), p.disk().CacheImage());
  }
}

}  // namespace
}  // namespace manifolddb::faultfs
