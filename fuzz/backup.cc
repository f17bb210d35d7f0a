// Any bytes as the items of a backup, or of one and its increment, in blocks whose checksums match: what a
// forger may write. Then, as the first byte says, one block is not what it should be. Or changes to the items
// of a backup that an increment of its database is to continue.
//
// The first three bytes: what happens to a block, and which of the ways below; a number for all of them.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/checksum.h"
#include "engine/format/backup_format.h"
#include "fuzz/disk.h"
#include "fuzz/raw.h"
#include "fuzz/target.h"
#include "manifolddb/backup.h"

namespace manifolddb::fuzz {
namespace {

using format::BackupItemKind;

constexpr size_t kHead = 3;
constexpr uint8_t kTwoFiles = 0x80;
constexpr uint8_t kSmallBlocks = 0x40;  // so that there are several of them
constexpr uint8_t kAsBase = 0x20;
constexpr uint8_t kReadFails = 0x10;
enum class Forging : uint8_t { kNone, kFlip, kCut, kNumber, kIdentity, kFirst, kUsed, kEnd, kVersion };
constexpr uint8_t kForgings = 0x0f;

// Where fields of a block's header lie, as format.md has it.
constexpr size_t kChecksum = 8, kVersion = 16, kUsed = 20, kIdentity = 24, kNumber = 40, kFirst = 48,
                 kLast = 52, kLeaves = 56, kHeader = 64;
constexpr size_t kItemHeader = 5;

// Where items begin, as far as the bytes are items.
std::vector<size_t> BeginningsOf(ByteView items) {
  std::vector<size_t> beginnings;
  for (size_t at = 0; at < items.size();) {
    beginnings.push_back(at);
    if (items.size() - at < kItemHeader) break;
    const uint64_t end = at + kItemHeader + Le32(items, at + 1);
    if (end > items.size()) break;
    at = static_cast<size_t>(end);
  }
  return beginnings;
}

MutableByteView BytesOf(std::string& text) {
  return {reinterpret_cast<std::byte*>(text.data()), text.size()};
}
uint64_t UsedOf(const std::string& block) { return block.size() - kHeader; }

void Seal(std::string& block) {
  const ByteView checked = AsBytes(block).subspan(kVersion);
  PutNumber(BytesOf(block), kChecksum, 8, base::Checksum64(checked));
}

// What lies in a block.
struct Body {
  std::string bytes;
  std::optional<size_t> first;  // where the first item begins
  bool lists = false;           // the lists of leaves begin here
};

// Of the items that begin at `beginnings`: where the lists of leaves do.
size_t ListsIn(ByteView items, const std::vector<size_t>& beginnings) {
  const auto lists = std::ranges::find_if(beginnings, [&](size_t at) {
    return std::to_integer<uint8_t>(items[at]) >= static_cast<uint8_t>(BackupItemKind::kLeaves);
  });
  return lists == beginnings.end() || *lists == 0 ? items.size() : *lists;
}

// As a backup writes them, in each as much as it takes: the lists of leaves begin a block.
std::vector<Body> FullBodies(ByteView items, size_t bytes_max) {
  const std::vector<size_t> beginnings = BeginningsOf(items);
  const size_t lists_begin = ListsIn(items, beginnings);
  std::vector<Body> bodies;
  for (size_t at = 0; at < items.size();) {
    const size_t until = at < lists_begin ? lists_begin : items.size();
    const size_t used = std::min<size_t>(until - at, bytes_max);
    Body body{.bytes = std::string(AsText(items.subspan(at, used))), .first = {}, .lists = at == lists_begin};
    const auto first = std::ranges::lower_bound(beginnings, at);
    if (first != beginnings.end() && *first < at + used) body.first = *first - at;
    bodies.push_back(std::move(body));
    at += used;
  }
  return bodies;
}

// Of about `bytes` each, cut between items; `resumes`: those amid the data of a table say of which one.
std::vector<Body> SmallBodies(ByteView items, size_t bytes, bool resumes) {
  const std::vector<size_t> beginnings = BeginningsOf(items);
  const size_t lists_begin = ListsIn(items, beginnings);
  std::vector<Body> bodies(1);
  std::string place;  // of the table whose data these are
  for (size_t i = 0; i < beginnings.size(); ++i) {
    const size_t end = i + 1 < beginnings.size() ? beginnings[i + 1] : items.size();
    const std::string item(AsText(items.subspan(beginnings[i], end - beginnings[i])));
    if (!bodies.back().bytes.empty() &&
        (bodies.back().bytes.size() + item.size() > bytes || beginnings[i] == lists_begin)) {
      bodies.emplace_back().lists = beginnings[i] == lists_begin;
      if (resumes && !place.empty()) {
        std::string& begun = bodies.back().bytes;
        begun = std::string(kItemHeader, '\0') + place;
        begun[0] = static_cast<char>(BackupItemKind::kResume);
        begun[1] = static_cast<char>(place.size());
      }
    }
    bodies.back().first = 0;
    bodies.back().bytes += item;
    const auto kind = static_cast<BackupItemKind>(item[0]);
    if (kind == BackupItemKind::kData && item.size() >= kItemHeader + sizeof(format::BackupPlaceDisk)) {
      place = item.substr(kItemHeader, sizeof(format::BackupPlaceDisk));
    }
    if (kind == BackupItemKind::kDataEnd) place.clear();
  }
  return bodies;
}

std::vector<std::string> BlocksOf(const std::vector<Body>& bodies, uint8_t identity) {
  std::vector<std::string> blocks;
  uint64_t leaves = 0;
  for (const Body& body : bodies) {
    if (body.lists) leaves = blocks.size();
    const bool last = blocks.size() + 1 == bodies.size();
    std::string block = "mfld-bak" + std::string(kHeader - 8, '\0') + body.bytes;
    const MutableByteView bytes = BytesOf(block);
    PutNumber(bytes, kVersion, 4, format::kBackupVersion);
    PutNumber(bytes, kUsed, 4, body.bytes.size());
    std::fill_n(block.begin() + kIdentity, 16, static_cast<char>(identity));
    PutNumber(bytes, kNumber, 8, blocks.size());
    PutNumber(bytes, kFirst, 4, body.first.value_or(~uint32_t{0}));
    PutNumber(bytes, kLast, 4, last ? 1 : 0);
    PutNumber(bytes, kLeaves, 8, last ? leaves : 0);
    Seal(block);
    blocks.push_back(std::move(block));
  }
  return blocks;
}

std::vector<std::string> BlocksOf(ByteView items, uint8_t identity, uint8_t how, size_t where) {
  if ((how & kSmallBlocks) == 0) return BlocksOf(FullBodies(items, format::kBackupUsedMax), identity);
  const size_t bytes = 64 + where % 509;
  return BlocksOf(where % 4 == 3 ? FullBodies(items, bytes) : SmallBodies(items, bytes, where % 4 != 0),
                  identity);
}

std::string FileOf(const std::vector<std::string>& blocks) {
  std::string file;
  for (size_t i = 0; i < blocks.size(); ++i) {
    file.resize(i * format::kBackupBlockBytes);
    file += blocks[i];
  }
  return file;
}

// True: what is left is no backup, whatever the items are.
bool Forge(std::vector<std::string>& blocks, Forging how, size_t where) {
  std::string& block = blocks[where % blocks.size()];
  const size_t at = where / blocks.size();
  const MutableByteView bytes = BytesOf(block);
  switch (how) {
    case Forging::kNone: return false;
    case Forging::kFlip: block[at % block.size()] ^= 1; return true;
    case Forging::kCut:
      if (at % block.size() == 0 && blocks.size() == 1) return false;  // an empty file is judged elsewhere
      blocks.resize(where % blocks.size() + 1);
      blocks.back().resize(at % blocks.back().size());
      if (blocks.back().empty()) blocks.pop_back();
      return true;
    case Forging::kNumber:
      PutNumber(bytes, kNumber, 8, Le64(bytes, kNumber) + 1);
      Seal(block);
      return true;
    case Forging::kIdentity:
      block[kIdentity] ^= 4;
      Seal(block);
      return blocks.size() > 1;
    case Forging::kFirst: PutNumber(bytes, kFirst, 4, at % 2 == 0 ? at / 2 : at << 16); break;
    case Forging::kUsed: {
      const bool other = at != UsedOf(block);
      PutNumber(bytes, kUsed, 4, at);
      Seal(block);
      return other && at > UsedOf(block);
    }
    case Forging::kEnd: PutNumber(bytes, at % 2 == 0 ? kLast : kLeaves, 4, at / 2); break;
    case Forging::kVersion:
      PutNumber(bytes, kVersion, 4, at);
      Seal(block);
      return at != format::kBackupVersion;
  }
  Seal(block);
  return false;
}

// Of the first item: which database it is of, which backup it continues; nothing if it is no snapshot.
struct Claim {
  std::string database, base;
};
std::optional<Claim> ClaimOf(ByteView items) {
  if (items.size() < kItemHeader + 32) return std::nullopt;
  const std::string text(AsText(items.subspan(kItemHeader, 32)));
  return Claim{text.substr(0, 16), text.substr(16)};
}

Options Small() {
  Options options;
  options.log_bytes_initial = options.log_bytes_max = 8 * 16384;
  options.executor = MakeInlineExecutor();
  return options;
}

// A backup of what was restored, once more; and none that continues a chain of another database, whatever its
// lists of leaves hold.
void JudgeCopies(const Database& database, const std::shared_ptr<Disk>& disk, const BackupFile& base,
                 uint64_t entries) {
  const auto again = Backup(database, {disk, "again"}, {});
  const auto check = CheckBackup(std::vector<BackupFile>{{disk, "again"}});
  Expect(again && check && check->ok() && check->entries == entries, "what was restored is not backed up");
  Expect(!Backup(database, {disk, "increment"}, {.base = base}), "a backup continues another database's");
}

// A read that fails is said to have failed, or nobody needed it; nothing is left of the attempt.
void JudgeReads(const std::shared_ptr<Disk>& disk, const std::vector<BackupFile>& chain, size_t where) {
  const Files before = disk->Take();
  disk->FailRead(1 + where % 13);
  const auto check = CheckBackup(chain);
  disk->FailRead(1 + where % 13);
  const auto restored = Restore(chain, {disk, "new"}, {.output = Small()});
  disk->FailRead(0);
  if (restored) {
    Expect(disk->Remove("new") && disk->Remove("new-wal"), "what was restored is not there");
  }
  Expect(disk->Take() == before, "a restore that failed left files, or changed some");
  static_cast<void>(check);  // the next one is compared with what is restored then
}

void Judge(const std::shared_ptr<Disk>& disk, const std::vector<BackupFile>& chain, bool forged) {
  BackupProgress told;
  const auto tell = [&](const BackupProgress& progress) { told = progress; };
  const auto check = CheckBackup(chain, tell);
  const auto restored = Restore(chain, {disk, "new"}, {.output = Small(), .progress = tell});
  Expect(restored.has_value() == (check && check->ok()), "a backup is whole for one and not for the other");
  if (!restored) {
    Expect(disk->Take().size() == chain.size(), "a restore that failed left files");
    return;
  }
  Expect(!forged, "a backup with a block that is not its own is whole");
  Expect(restored->entries == check->entries, "a restore counts otherwise than the check");
  const auto database = Database::Open(disk, "new", Small());
  Expect(database.has_value(), "what was restored does not open");
  const auto verified = (*database)->Verify();
  const bool whole = verified && verified->ok() && verified->entries == restored->entries;
  Expect(whole, "what was restored is not whole");
  JudgeCopies(**database, disk, chain.back(), restored->entries);
}

void Run(uint8_t how, size_t where, ByteView items) {
  std::vector<ByteView> files = {items};
  if (how & kTwoFiles) files = {items.first(where % items.size()), items.subspan(where % items.size())};
  if (files.front().empty()) return;
  const auto forging = static_cast<Forging>(how & kForgings);
  Files on_disk;
  std::vector<std::string> names;
  bool forged = false;
  for (size_t i = 0; i < files.size(); ++i) {
    std::vector<std::string> blocks = BlocksOf(files[i], static_cast<uint8_t>(i + 1), how, where);
    if (i + 1 == files.size()) forged = Forge(blocks, forging, where);
    names.push_back("b" + std::to_string(i));
    on_disk[names.back()] = FileOf(blocks);
  }
  if (files.size() == 2) {
    const auto first = ClaimOf(files[0]);
    const auto second = ClaimOf(files[1]);
    const bool continues =
        first && second && first->database == second->database && second->base == std::string(16, '\1');
    forged = forged || !continues;
  }
  const auto disk = std::make_shared<Disk>(on_disk);
  std::vector<BackupFile> chain;
  Expect(!Restore(chain, {disk, "new"}, {.output = Small()}), "nothing was restored");
  for (const std::string& name : names) chain.push_back({disk, name});
  if (how & kReadFails) JudgeReads(disk, chain, where);
  Judge(disk, chain, forged);
}

// ---- A base

// A database that stays as it is, and the items of a backup of it.
struct Original {
  Original() {
    Put("f", 1, 60);
    Put("g", 1, 3);
    Expect(Backup(*database, {disk, "whole"}).has_value(), "no backup of a whole database");
    const std::string file = disk->Take().at("whole");
    for (size_t at = 0; at < file.size(); at += format::kBackupBlockBytes) {
      items += file.substr(at + kHeader, Le32(AsBytes(file), at + kUsed));
    }
    Put("f", 20, 1);  // one leaf is another one, the others are known
  }
  void Put(const char* name, int from, int count) const {
    const auto family = database->OpenOrCreateColumnFamily(name);
    auto txn = database->BeginWrite(*family);
    auto table = txn->OpenOrCreateTable(*family, "t");
    for (int i = from; i < from + count; ++i) {
      const std::string key = "k" + std::to_string(100 + i);
      Expect(table->Put(AsBytes(key), AsBytes("v" + std::string(20, 'v'))).has_value(), "a put is refused");
    }
    Expect(txn->Commit().has_value(), "a commit is refused");
  }

  static Options Tiny() {
    Options options;
    options.page_size = options.write_unit = kSector;
    options.log_bytes_initial = options.log_bytes_max = 64 * kSector;
    options.executor = MakeInlineExecutor();
    return options;
  }

  const std::shared_ptr<Disk> disk = std::make_shared<Disk>();
  const std::unique_ptr<Database> database = std::move(*Database::Open(disk, kDataName, Tiny()));
  std::string items;
};

// Each change: where, from the end, as the lists of leaves are; and by what.
void RunAsBase(uint8_t how, size_t where, ByteView changes) {
  static const Original original;
  std::string items = original.items;
  bool changed = false;
  for (size_t at = 0; at + 3 <= changes.size(); at += 3) {
    const size_t back = std::to_integer<size_t>(changes[at]) | std::to_integer<size_t>(changes[at + 1]) << 8;
    const auto with = std::to_integer<char>(changes[at + 2]);
    items[items.size() - 1 - back % items.size()] ^= with;
    changed = changed || with != 0;
  }
  std::vector<std::string> blocks = BlocksOf(AsBytes(items), 1, how, where);
  const auto forging = static_cast<Forging>(how & kForgings);
  Forge(blocks, forging, where);
  const auto disk = std::make_shared<Disk>(Files{{"base", FileOf(blocks)}});
  const BackupFile base{disk, "base"}, increment{disk, "increment"};
  if (how & kReadFails) disk->FailRead(1 + where % 13);
  const auto taken = Backup(*original.database, increment, {.base = base});
  disk->FailRead(0);
  if (changed || forging != Forging::kNone || (how & kReadFails)) {
    if (taken) static_cast<void>(CheckBackup(std::vector<BackupFile>{base, increment}));
    Expect(disk->Take().size() == (taken ? 2 : 1), "a backup that failed left files");
    return;
  }
  Expect(taken.has_value(), "a backup is not continued");
  Expect(taken->entries_written < taken->entries, "what the base has is written again");
  const auto check = CheckBackup(std::vector<BackupFile>{base, increment});
  Expect(check && check->ok() && check->entries == taken->entries,
         "a backup and its increment are not whole");
}

// ---- Changes to items, so that they stay items.

std::vector<std::string> ItemsOf(ByteView bytes) {
  std::vector<std::string> items;
  const std::vector<size_t> beginnings = BeginningsOf(bytes);
  for (size_t i = 0; i < beginnings.size(); ++i) {
    const size_t end = i + 1 < beginnings.size() ? beginnings[i + 1] : bytes.size();
    items.emplace_back(AsText(bytes.subspan(beginnings[i], end - beginnings[i])));
  }
  return items;
}

void ChangeBody(std::string& item, size_t bytes_max) {
  if (item.size() <= kItemHeader) return;
  const size_t before = item.size() - kItemHeader;
  item.resize(kItemHeader + before + std::min<size_t>(bytes_max, 64));
  const size_t after = LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(item.data()) + kItemHeader, before,
                                        item.size() - kItemHeader);
  item.resize(kItemHeader + after);
  PutNumber(BytesOf(item), 1, 4, after);
}

bool IsA(const std::string& item, BackupItemKind kind) {
  return static_cast<uint8_t>(item[0]) == static_cast<uint8_t>(kind);
}
// A field of the item's body, if it has one there.
void SetField(std::string& item, size_t at, uint64_t value) {
  if (item.size() >= kItemHeader + at + 8) PutNumber(BytesOf(item), kItemHeader + at, 8, value);
}

// What counts other items of a file counts them: a change of one alone is not refused for its number.
void Settle(std::span<std::string> items, bool whole) {
  uint64_t families = 0, tables = 0, ranges = 0, entries = 0, all_ranges = 0, all_entries = 0;
  std::vector<uint64_t> entries_of;
  for (std::string& item : items) {
    if (IsA(item, BackupItemKind::kFamily)) ++families;
    if (IsA(item, BackupItemKind::kTable)) ++tables;
    if (IsA(item, BackupItemKind::kOpen)) ++ranges;
    if (IsA(item, BackupItemKind::kEntry)) ++entries;
    if (IsA(item, BackupItemKind::kDataEnd)) {
      SetField(item, 0, ranges);
      SetField(item, 8, entries);
      entries_of.push_back(entries);
      all_ranges += std::exchange(ranges, 0);
      all_entries += std::exchange(entries, 0);
    }
    if (IsA(item, BackupItemKind::kEnd)) {
      SetField(item, 0, all_ranges);
      SetField(item, 8, all_entries);
    }
  }
  size_t table = 0;
  for (std::string& item : items) {
    if (IsA(item, BackupItemKind::kSnapshot)) {
      SetField(item, 48, families);
      SetField(item, 56, tables);
    }
    const bool counted = IsA(item, BackupItemKind::kTable) && table < entries_of.size();
    if (counted && whole) SetField(item, 16, entries_of[table++]);
  }
}

}  // namespace
}  // namespace manifolddb::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace manifolddb::fuzz;
  constexpr size_t kBytesMax = size_t{1} << 16;
  if (size > kHead && size <= kBytesMax) {
    const size_t where = size_t{data[1]} | size_t{data[2]} << 8;
    const manifolddb::ByteView rest = InputBytes(data + kHead, size - kHead);
    (data[0] & kAsBase) != 0 ? RunAsBase(data[0], where, rest) : Run(data[0], where, rest);
  }
  CountMarks();
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  using namespace manifolddb::fuzz;
  if (size <= kHead || seed % 8 == 0 || (data[0] & kAsBase)) return LLVMFuzzerMutate(data, size, max_size);
  const size_t choice = seed / 64;
  if (seed % 8 == 1) {
    // Now and then the other ways, too.
    const auto ways =
        static_cast<uint8_t>(choice / 16 % 4 == 0 ? choice / 64 % 8 << 4 : data[0] & kSmallBlocks);
    data[0] = static_cast<uint8_t>((data[0] & kTwoFiles) | ways | choice % 9);
    LLVMFuzzerMutate(data + 1, 2, 2);
    return size;
  }
  std::vector<std::string> items = ItemsOf(InputBytes(data + kHead, size - kHead));
  // There are many entries, and few of everything else.
  std::vector<size_t> rare;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!IsA(items[i], BackupItemKind::kEntry)) rare.push_back(i);
  }
  const bool any = rare.empty() || choice % 4 == 0;
  std::string& item = items[any ? choice % items.size() : rare[choice % rare.size()]];
  const std::string other = items[choice / 7 % items.size()];
  switch (seed % 8) {
    case 2: item = other; break;
    case 3: item += other; break;
    case 4: std::swap(item, items[choice / 7 % items.size()]); break;
    case 5: item.clear(); break;
    case 6: item.back() = other.back(); break;
    default: ChangeBody(item, max_size - size);
  }
  std::erase(items, "");
  // The second file begins with its snapshot.
  size_t second = items.size();
  while (second > 1 && !IsA(items[second - 1], BackupItemKind::kSnapshot)) --second;
  const bool two = (data[0] & kTwoFiles) != 0 && second > 1;
  if (!two) second = items.size() + 1;
  if (choice / 49 % 2 == 0) {
    Settle(std::span(items).first(std::min(second - 1, items.size())), true);
    if (two) Settle(std::span(items).subspan(second - 1), false);
  }
  std::string text(reinterpret_cast<const char*>(data), kHead);
  for (size_t i = 0; i < items.size(); ++i) {
    if (two && i + 1 == second) PutNumber(BytesOf(text), 1, 2, text.size() - kHead);
    text += items[i];
  }
  if (text.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::ranges::copy(text, data);
  return text.size();
}
