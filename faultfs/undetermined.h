#pragma once
// Images of which only what is looked at becomes certain: one stands for all that differ in what nobody
// reads.
//
// After a power cut a sector may hold one of several contents. Instead of booting a disk from each
// combination, a disk is booted with such sectors *undetermined*; the first call that has to know what one
// holds asks. Who answers in all possible ways, one boot after the other, has seen all that could be seen:
// two images that differ only in sectors that were never looked at lead to the same calls with the same
// answers.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "faultfs/image.h"

namespace manifolddb::faultfs {

// What a sector may hold, each content once, at least two of them. The first stands for it in images.
using Contents = std::vector<Sector>;
// By index in the file.
using UndeterminedSectors = std::map<uint64_t, Contents>;

struct UndeterminedImage {
  Image image;
  std::map<std::string, UndeterminedSectors> sectors = {};  // by name; files without any are left out

  // Of everything: images that differ in what may be found have different hashes, as good as.
  uint64_t Hash() const;
};

// Answers which of `contents` (a position, below `contents`) an undetermined sector holds that something is
// about to read, when `effects` effects have happened since the boot. Called with the disk's lock held: must
// not call the disk.
using Determine = std::function<size_t(size_t contents, uint64_t effects)>;

}  // namespace manifolddb::faultfs
