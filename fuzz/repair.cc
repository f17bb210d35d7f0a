#include "fuzz/repair.h"

#include "fuzz/raw.h"

namespace manifolddb::fuzz {
namespace {

void PutText(MutableByteView bytes, size_t at, std::string_view text) {
  std::memcpy(bytes.data() + at, text.data(), text.size());
}

// The checksum at `at`, of [begin, end).
void PutChecksum(MutableByteView bytes, size_t at, size_t begin, size_t end) {
  PutNumber(bytes, at, 8, base::Checksum64(bytes.subspan(begin, end - begin)));
}

}  // namespace

void RepairMetaPage(MutableByteView unit) {
  if (unit.size() < 256) return;
  PutText(unit, 1, "manifdb");
  unit[30] = unit[0];
  PutChecksum(unit, 8, 16, 256);
}

void RepairLogHeader(MutableByteView unit) {
  if (unit.size() < 64) return;
  PutText(unit, 0, "mfld-wal");
  PutChecksum(unit, 8, 16, 64);
}

void RepairLogMarker(MutableByteView unit) {
  if (unit.size() < 40) return;
  PutText(unit, 0, "mfld-use");
  PutChecksum(unit, 8, 16, 40);
}

void RepairLogGroup(MutableByteView group) {
  if (group.size() < 88) return;
  PutText(group, 8, "MFGP");
  const uint64_t bytes = Le64(group, 16);
  if (bytes <= group.size() - 88) PutChecksum(group, 0, 8, 88 + bytes);
}

void RepairNode(MutableByteView page) {
  if (page.size() >= 48) PutChecksum(page, 0, 8, page.size());
}

void SettleNode(MutableByteView page) {
  if (page.size() < 512) return;
  const bool branch = page[24] == std::byte{2};
  const size_t cells = Le16(page, 26);
  const size_t slots = 48 + Le16(page, 28);
  size_t used = 0;
  for (size_t index = 0; index < cells && slots + (index + 1) * 8 <= page.size(); ++index) {
    const size_t slot = slots + index * 8;
    const size_t cell = Le16(page, slot);
    const size_t key_bytes = Le16(page, slot + 2);
    const size_t key = cell + (branch ? 16 : 2);
    if (key + key_bytes > page.size()) continue;
    for (size_t i = 0; i < 4; ++i) page[slot + 7 - i] = i < key_bytes ? page[key + i] : std::byte{0};
    const size_t stated = branch ? 0 : Le16(page, cell);
    used += key - cell + key_bytes + (stated >= 0x8000 ? 32 : stated);
  }
  const size_t heap_begin = Le32(page, 32);
  if (heap_begin <= page.size() && used <= page.size() - heap_begin) {
    PutNumber(page, 36, 4, page.size() - heap_begin - used);
  }
  RepairNode(page);
}

}  // namespace manifolddb::fuzz
