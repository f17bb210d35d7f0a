// Any bytes as what the catalog holds, as a reference to an extent, and as a free map.
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "engine/format/catalog_record.h"
#include "engine/format/page_bitmap.h"
#include "engine/format/page_header.h"
#include "fuzz/raw.h"
#include "fuzz/rules.h"
#include "fuzz/target.h"
#include "manifolddb/options.h"

namespace manifolddb::fuzz {
namespace {

template <class Disk>
ByteView BytesOf(const Disk& disk) {
  return std::as_bytes(std::span(&disk, 1));
}

void ExpectSame(bool accepted, const char* why, const char* what) {
  if (accepted == (why == nullptr)) return;
  Violation(std::string(what) + (accepted ? std::string(" was accepted: ") + why : " was refused"));
}

void CheckRecords(ByteView value) {
  format::FamilyRecord family;
  const bool is_family = format::DecodeFamilyRecord(value, family);
  ExpectSame(is_family, WhyNoFamilyRecord(value), "a family's record");
  if (is_family) Expect(Equal(BytesOf(format::Encode(family)), value), "a family's record has two encodings");
  format::TableRecord table;
  const bool is_table = format::DecodeTableRecord(value, table);
  ExpectSame(is_table, WhyNoTableRecord(value), "a table's record");
  if (is_table) Expect(format::Encode(table) == AsText(value), "a table's record has two encodings");
  format::PageRef dropped;
  const bool is_dropped = format::DecodeDroppedRecord(value, dropped);
  ExpectSame(is_dropped, WhyNoDroppedRecord(value), "the record of a dropped tree");
  if (is_dropped) {
    Expect(Equal(BytesOf(format::EncodeDropped(dropped)), value),
           "a dropped tree's record has two encodings");
  }
  format::SavepointRecord savepoint;
  const bool is_savepoint = format::DecodeSavepointRecord(value, savepoint);
  ExpectSame(is_savepoint, WhyNoSavepointRecord(value), "a savepoint's record");
  if (is_savepoint) {
    Expect(Equal(BytesOf(format::Encode(savepoint)), value), "a savepoint's record has two encodings");
  }
}

void CheckKeys(ByteView key) {
  std::string_view name;
  const bool is_family = format::DecodeFamilyKey(key, name);
  Expect(is_family == (key.size() >= 2 && key.size() <= 1 + kNameBytesMax && key[0] == std::byte{'F'}),
         "a family's key was accepted or refused wrongly");
  if (is_family) Expect(format::FamilyKey(AsBytes(name)) == AsText(key), "a family's key has two encodings");
  const bool is_savepoint = format::DecodeSavepointKey(key, name);
  Expect(is_savepoint == (key.size() >= 2 && key.size() <= 1 + kNameBytesMax && key[0] == std::byte{'S'}),
         "a savepoint's key was accepted or refused wrongly");
  if (is_savepoint) {
    Expect(format::SavepointKey(AsBytes(name)) == AsText(key), "a savepoint's key has two encodings");
  }
  uint64_t number = 0;
  const bool is_dropped = format::DecodeDroppedKey(key, number);
  uint64_t stated = 0;
  for (size_t i = 1; i < key.size() && i < 9; ++i) stated = stated << 8 | std::to_integer<uint64_t>(key[i]);
  Expect(is_dropped == (key.size() == 9 && key[0] == std::byte{'D'} && stated <= kReadMax),
         "a dropped tree's key was accepted or refused wrongly");
  if (is_dropped) {
    Expect(number == stated && format::DroppedKey(number) == AsText(key),
           "a dropped tree's key has two encodings");
  }
  Expect(format::IsTableKey(key) == (!key.empty() && key.size() <= kNameBytesMax), "a table's key");
}

void CheckExtent(ByteView bytes) {
  format::ExtentRefDisk disk;
  if (bytes.size() < sizeof disk) return;
  std::memcpy(&disk, bytes.data(), sizeof disk);
  const format::ExtentRef ref = format::Decode(disk);
  Expect(ref.first.raw() == Le64(bytes, 0) && ref.birth.raw() == Le64(bytes, 8) &&
             ref.bytes == Le64(bytes, 16) && ref.checksum == Le64(bytes, 24),
         "a reference to an extent was read wrongly");
  Expect(Equal(BytesOf(format::Encode(ref)), bytes.first(sizeof disk)), "a reference has two encodings");
}

// Against one bool for each page. The first byte says how many bits of the last one are no pages.
void CheckBitmap(ByteView input) {
  if (input.size() < 2 || input.size() > 64) return;
  const ByteView bytes = input.subspan(1);
  const size_t pages = bytes.size() * 8 - std::to_integer<size_t>(input[0]) % 8;
  std::vector<bool> set(pages);
  for (size_t i = 0; i < pages; ++i) set[i] = (std::to_integer<int>(bytes[i / 8]) >> (i % 8) & 1) != 0;
  format::PageBitmap map = format::PageBitmap::Decode(bytes, pages);
  for (const bool flipped : {false, true}) {
    uint64_t count = 0;
    uint64_t next = pages;
    for (size_t i = pages; i-- > 0;) {
      Expect(map.Test(format::PageId{i}) == (set[i] != flipped),
             "a page is free for one and used for the other");
      if (map.Test(format::PageId{i})) next = i, ++count;
      Expect(map.NextSet(i) == next, "the next set bit is another");
    }
    Expect(map.CountSet() == count && map.size() == pages, "bits are counted wrongly");
    Expect(!map.Test(format::PageId{pages}), "a page behind the end is set");
    std::vector<std::byte> again(map.EncodedBytes());
    map.Encode(again);
    Expect(format::PageBitmap::Decode(again, pages) == map, "a free map has two encodings");
    if (pages % 8 != 0) Expect(std::to_integer<int>(again.back()) >> (pages % 8) == 0, "unused bits are set");
    map.Complement();
  }
  const uint64_t first = std::to_integer<uint64_t>(bytes[0]) % pages;
  const format::PageRun run{format::PageId{first}, (pages - first) / 2 + 1};
  if (!map.Holds(run)) return;
  map.Set(run);
  Expect(map.TestAll(run), "what was set is not");
  map.Clear(run);
  Expect(map.TestNone(run), "what was cleared is not");
}

}  // namespace
}  // namespace manifolddb::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace manifolddb::fuzz;
  const ExactCopy bytes(InputBytes(data, size));
  CheckRecords(bytes.view());
  CheckKeys(bytes.view());
  CheckExtent(bytes.view());
  CheckBitmap(bytes.view());
  CountMarks();
  return 0;
}
