// Forging: fields that no engine wrote, behind checksums that match.
#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "engine/format/log_format.h"
#include "engine/format/meta_page.h"
#include "fuzz/edits.h"
#include "fuzz/raw.h"
#include "fuzz/repair.h"

namespace manifolddb::fuzz {
namespace {

struct Field {
  size_t at;
  size_t width;
};
constexpr std::array kMetaFields = {Field{16, 4},  Field{20, 4},  Field{24, 4},  Field{28, 1},  Field{29, 1},
                                    Field{31, 1},  Field{32, 8},  Field{40, 8},  Field{64, 8},  Field{72, 8},
                                    Field{80, 8},  Field{88, 8},  Field{96, 8},  Field{104, 8}, Field{112, 8},
                                    Field{120, 8}, Field{128, 8}, Field{136, 8}, Field{144, 8}, Field{152, 8},
                                    Field{160, 8}, Field{168, 8}, Field{176, 8}, Field{184, 8}};
constexpr std::array kGroupFields = {Field{12, 4}, Field{16, 8}, Field{40, 8}, Field{48, 8}, Field{56, 8},
                                     Field{64, 8}, Field{72, 8}, Field{80, 8}, Field{88, 4}};
constexpr std::array kNodeFields = {Field{8, 8},  Field{16, 8}, Field{24, 1}, Field{25, 1}, Field{26, 2},
                                    Field{28, 2}, Field{32, 4}, Field{36, 4}, Field{40, 8}};

// Something that a program may trip over, made of what was there.
uint64_t Interesting(Input& input, uint64_t before) {
  const uint8_t how = input.Byte();
  const uint8_t more = how / 10;  // 0 to 25
  switch (how % 10) {
    case 0: return before + 1 + more % 4;
    case 1: return before - 1 - more % 4;
    case 2: return 0;
    case 3: return ~uint64_t{0} - more;
    case 4: return uint64_t{1} << (more * 2);
    case 5: return (uint64_t{1} << 61) + more - 12;
    case 6: return before ^ uint64_t { 1 } << (more * 2);
    case 7: return before << more;
    // Near bounds of lives among others.
    case 8: return (uint64_t{1} << (24 + more % 8)) - more / 8;
    default: return input.Word();
  }
}

void PutInteresting(MutableByteView bytes, Field field, Input& input) {
  if (field.at >= bytes.size() || field.width > bytes.size() - field.at) return;
  const uint64_t before = Number(bytes, field.at, field.width);
  PutNumber(bytes, field.at, field.width, Interesting(input, before));
}

// Where what a cell of the node refers to begins, the child or the value; or 0.
size_t ReferenceIn(ByteView page, size_t index) {
  const size_t slot = 48 + Le16(page, 28) + index * 8;
  if (slot + 8 > page.size()) return 0;
  const size_t cell = Le16(page, slot);
  return page[24] == std::byte{2} ? cell : cell + 2 + Le16(page, slot + 2);
}

void ForgeNode(MutableByteView page, Input& input) {
  const size_t cells = Le16(page, 26);
  const uint8_t how = input.Byte();
  if (how % 2 == 0 || cells == 0) {
    PutInteresting(page, kNodeFields[input.Below(kNodeFields.size())], input);
  } else {
    // A field of a record or of a reference, or any bytes of the cell.
    const size_t at = ReferenceIn(page, input.Below(cells));
    const uint8_t where = input.Byte();
    if (how / 2 % 2 == 0) {
      PutInteresting(page, {at + where % 6 * 8, 8}, input);
    } else {
      PutInteresting(page, {at - 16 + where % 64, size_t{1} << where / 64}, input);
    }
  }
}

format::MetaPage NewestMeta(const std::string& data) {
  format::MetaPage newest;
  for (size_t at = 0; at < 4 * kSector && at + kSector <= data.size(); at += kSector) {
    const auto decoded = format::DecodeMetaPage(AsBytes(data).subspan(at, kSector));
    if (decoded.verdict == format::MetaVerdict::kValid && decoded.meta.number > newest.number)
      newest = decoded.meta;
  }
  return newest;
}

// Pages that hold a node of this kind, or of any (0), at the place that it names.
std::vector<size_t> NodesIn(ByteView data, uint8_t kind) {
  std::vector<size_t> nodes;
  for (size_t at = 4 * kSector; at + kSector <= data.size(); at += kSector) {
    const auto its = static_cast<uint8_t>(data[at + 24]);
    if (Le64(data, at + 8) == at / kSector && (kind == 0 ? its == 1 || its == 2 : its == kind))
      nodes.push_back(at);
  }
  return nodes;
}

MutableByteView Mutable(std::string& bytes) {
  return {reinterpret_cast<std::byte*>(bytes.data()), bytes.size()};
}

}  // namespace

void RepairChain(Files& files) {
  const auto data = files.find(kDataName);
  const auto log = files.find(kLogName);
  if (data == files.end() || log == files.end()) return;
  const format::MetaPage meta = NewestMeta(data->second);
  const MutableByteView bytes = Mutable(log->second);
  std::vector<std::pair<uint64_t, size_t>> groups;  // position, offset
  for (size_t at = 2 * kSector; at + 88 <= bytes.size(); at += kSector) {
    format::LogGroup group;
    if (!format::DecodeLogGroupHeader(bytes.subspan(at), group) || group.life != meta.log_life) continue;
    if (group.lsn >= meta.lsn && group.bytes <= bytes.size() - at - 88)
      groups.emplace_back(group.lsn.raw(), at);
  }
  std::ranges::sort(groups);
  uint64_t chain = meta.chain;
  for (const auto& [lsn, at] : groups) {
    PutNumber(bytes, at + 64, 8, chain);
    RepairLogGroup(bytes.subspan(at));
    chain = Le64(bytes, at);
  }
}

void Editor::Forge(Session& session, Input& input) {
  const uint8_t how = input.Byte();
  const auto place = how / 8 % 4 == 0   ? NewestMetaIn(session)
                     : how / 8 % 4 == 1 ? LogGroupIn(session, input)
                                        : Choose(session, input);
  if (!place || place->bytes < kSector) return;
  session.NoteForgery();
  const MutableByteView bytes = place->span();
  switch (how % 8) {
    case 0:  // whatever was done to it before
      if (!place->data) return place->at == 0 ? RepairLogHeader(bytes) : RepairChain(session.files());
      return place->at < 4 * kSector ? RepairMetaPage(bytes) : RepairNode(bytes);
    case 1: return Point(session, input, *place);
    case 2: return ForgeFreeMap(session, input);
    case 3: return ForgeExtent(session, input);
    case 4: return ForgeCatalog(session, input);
    default: ForgeField(input, *place); break;
  }
  if (!place->data && place->at >= 2 * kSector) RepairChain(session.files());
}

// The slot that counts: what is forged in the other one is seldom looked at.
std::optional<Editor::Place> Editor::NewestMetaIn(Session& session) const {
  const auto data = session.files().find(kDataName);
  if (data == session.files().end()) return std::nullopt;
  const format::MetaPage meta = NewestMeta(data->second);
  const size_t at = static_cast<size_t>(format::SlotOf(meta.number)) * 2 * kSector;
  if (meta.write_unit != kSector || at + kSector > data->second.size()) return std::nullopt;
  return Place{&data->second, at, kSector, true};
}

// One of those that follow the checkpoint.
std::optional<Editor::Place> Editor::LogGroupIn(Session& session, Input& input) const {
  Files& files = session.files();
  if (!files.contains(kDataName) || !files.contains(kLogName)) return std::nullopt;
  const format::MetaPage meta = NewestMeta(files[kDataName]);
  std::string& log = files[kLogName];
  std::vector<size_t> groups;
  for (size_t at = 2 * kSector; at + kSector <= log.size(); at += kSector) {
    format::LogGroup group;
    if (!format::DecodeLogGroupHeader(AsBytes(log).subspan(at), group)) continue;
    if (group.life == meta.log_life && group.lsn >= meta.lsn) groups.push_back(at);
  }
  if (groups.empty()) return std::nullopt;
  return Place{&log, groups[input.Below(groups.size())], kSector, false};
}

void Editor::ForgeField(Input& input, Place place) {
  const MutableByteView bytes = place.span();
  if (place.data && place.at >= 4 * kSector) {
    ForgeNode(bytes, input);
    RepairNode(bytes);
  } else if (place.data) {
    // Both copies of the slot, as far as they are alike: one alone is outvoted by the other.
    const Field field = kMetaFields[input.Below(kMetaFields.size())];
    PutInteresting(bytes, field, input);
    RepairMetaPage(bytes);
    const size_t twin = place.at ^ kSector;
    const MutableByteView all = Mutable(*place.file);
    if (input.Byte() % 4 == 0 || twin + kSector > all.size()) return;
    std::memcpy(all.data() + twin + field.at, bytes.data() + field.at, field.width);
    RepairMetaPage(all.subspan(twin, kSector));
  } else if (place.at < 2 * kSector) {
    PutInteresting(bytes, {20 + input.Below(24), 4}, input);
    place.at == 0 ? RepairLogHeader(bytes) : RepairLogMarker(bytes);
  } else {
    // Of the header, or of the operations: a group whose header is wrong is not read on.
    if (input.Byte() % 4 == 0) {
      PutInteresting(bytes, kGroupFields[input.Below(kGroupFields.size())], input);
    } else {
      PutInteresting(bytes, {88 + input.Below(40), 1}, input);
    }
  }
}

// A field of a reference to a large value.
void Editor::ForgeExtent(Session& session, Input& input) {
  const auto data = session.files().find(kDataName);
  if (data == session.files().end()) return;
  const MutableByteView all = Mutable(data->second);
  std::vector<std::pair<size_t, size_t>> references;  // page, offset in it
  for (size_t page = 4 * kSector; page + kSector <= all.size(); page += kSector) {
    const MutableByteView bytes = all.subspan(page, kSector);
    if (Le64(bytes, 8) != page / kSector || bytes[24] != std::byte{1}) continue;
    for (size_t index = 0; index < Le16(bytes, 26); ++index) {
      const size_t at = ReferenceIn(bytes, index);
      if (at == 0 || at + 32 > kSector) continue;
      const size_t cell = Le16(bytes, 48 + Le16(bytes, 28) + index * 8);
      if (Le16(bytes, cell) == 0x8000) references.emplace_back(page, at);
    }
  }
  if (references.empty()) return;
  const auto [page, at] = references[input.Below(references.size())];
  const MutableByteView bytes = all.subspan(page, kSector);
  PutInteresting(bytes, {at + input.Below(4) * 8, 8}, input);
  RepairNode(bytes);
}

// A field of a record of the catalog, or of a family's list of tables: few pages, of which all others hang.
void Editor::ForgeCatalog(Session& session, Input& input) {
  const auto data = session.files().find(kDataName);
  if (data == session.files().end()) return;
  const MutableByteView all = Mutable(data->second);
  std::vector<std::pair<size_t, size_t>> records;  // page, offset in it
  for (const size_t page : NodesIn(all, 1)) {
    const MutableByteView bytes = all.subspan(page, kSector);
    for (size_t index = 0; index < Le16(bytes, 26); ++index) {
      const size_t at = ReferenceIn(bytes, index);
      if (at == 0 || at + 48 > kSector) continue;
      const auto length = Le16(bytes, Le16(bytes, 48 + Le16(bytes, 28) + index * 8));
      if (length == 48 || length == 40) records.emplace_back(page, at);
    }
  }
  if (records.empty()) return;
  const auto [page, at] = records[input.Below(records.size())];
  PutInteresting(all.subspan(page, kSector), {at + input.Below(6) * 8, 8}, input);
  RepairNode(all.subspan(page, kSector));
}

// A reference to another page than the one that was meant, to itself among others. Most pages are leaves and
// extents, and what a branch leads to matters most: it often is the one.
void Editor::Point(Session& session, Input& input, Place place) {
  auto to = Choose(session, input);
  const auto data = session.files().find(kDataName);
  if (data != session.files().end() && input.Byte() % 2 == 0) {
    const auto branches = NodesIn(AsBytes(data->second), 2);
    const auto nodes = NodesIn(AsBytes(data->second), input.Byte() % 2 == 0 ? 2 : 0);
    if (!branches.empty() && !nodes.empty()) {
      place = {&data->second, branches[input.Below(branches.size())], kSector, true};
      to = Place{&data->second, nodes[input.Below(nodes.size())], kSector, true};
    }
  }
  if (!to || !to->data || !place.data || to->bytes < kSector || place.at < 4 * kSector) return;
  const MutableByteView from = place.span();
  const size_t cells = std::max<size_t>(Le16(from, 26), 1);
  // A child or an extent, or the root that a record of the catalog names.
  const size_t reference = ReferenceIn(from, input.Below(cells));
  const size_t at = reference + input.Below(3) * 8;
  if (at + 16 > from.size()) return;
  PutNumber(from, at, 8, Le64(to->span(), 8));
  PutNumber(from, at + 8, 8, Le64(to->span(), 16));
  RepairNode(from);
}

// Another bit, in the map and in the checksum of both copies.
void Editor::ForgeFreeMap(Session& session, Input& input) {
  const auto data = session.files().find(kDataName);
  if (data == session.files().end()) return;
  const format::MetaPage meta = NewestMeta(data->second);
  const MutableByteView all = Mutable(data->second);
  const uint64_t at = meta.free_map.first.raw() * meta.page_size;
  if (meta.free_map.null() || at > all.size() || meta.free_map.bytes > all.size() - at) return;
  const MutableByteView map = all.subspan(at, meta.free_map.bytes);
  map[input.Word() % map.size()] ^= static_cast<std::byte>(1 << input.Below(8));
  for (size_t copy = 0; copy < 4 * kSector; copy += kSector) {
    if (Le64(all, copy + 40) != meta.number.raw()) continue;
    PutNumber(all, copy + 168, 8, base::Checksum64(map));
    RepairMetaPage(all.subspan(copy, kSector));
  }
}

}  // namespace manifolddb::fuzz
