#pragma once
// The four copies of meta pages as they lie in a data file, readable or not.

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/format/meta_page.h"
#include "manifolddb/result.h"
#include "tools/raw_file.h"

namespace manifolddb::tools {

struct MetaCopy {
  int slot = 0;  // 0: A, 1: B
  int copy = 0;
  uint64_t offset = 0;
  bool present = false;            // the file has all of it
  format::MetaPageDisk disk = {};  // as found; only for `present`
  format::DecodedMeta decoded;
  bool newest = false;  // the one that counts, or its twin if that says the same

  bool valid() const { return decoded.verdict == format::MetaVerdict::kValid; }
  std::string Where() const;  // "slot A, copy 0"
};

struct MetaArea {
  uint32_t write_unit = 0;
  bool unit_known = false;  // stated by a valid copy
  std::array<MetaCopy, 4> copies;

  // The valid copy that counts, by number, then life, then the order of writing; null if none is valid.
  // Whether the engine accepts the area is another question: it wants a valid copy in each slot.
  const MetaCopy* Newest() const;
  bool SlotReadable(int slot) const;
};

// Finds the write unit by itself: the one by which most copies can be read.
Result<MetaArea> ReadMetaArea(RawFile& data);

// "valid", "damaged", "not a meta page", "newer format".
const char* VerdictName(format::MetaVerdict verdict);

// Field names and values as the bytes have them, checked or not.
nlohmann::ordered_json MetaFields(const format::MetaPageDisk& disk);

}  // namespace manifolddb::tools
