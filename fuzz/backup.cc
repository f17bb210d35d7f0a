// Any bytes as the items of a backup, in blocks whose checksums match: what a forger may write.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/format/backup_format.h"
#include "fuzz/disk.h"
#include "fuzz/raw.h"
#include "fuzz/target.h"
#include "manifolddb/backup.h"

namespace manifolddb::fuzz {
namespace {

using format::BackupItemKind;

// Where items begin, as far as the bytes are items.
std::vector<size_t> BeginningsOf(ByteView items) {
  std::vector<size_t> beginnings;
  for (size_t at = 0; at < items.size();) {
    beginnings.push_back(at);
    if (items.size() - at < sizeof(format::BackupItemDisk)) break;
    const uint64_t end = at + sizeof(format::BackupItemDisk) + Le32(items, at + 1);
    if (end > items.size()) break;
    at = static_cast<size_t>(end);
  }
  return beginnings;
}

// As a backup writes them: the lists of leaves begin a block.
std::string FileOf(ByteView items) {
  const std::vector<size_t> beginnings = BeginningsOf(items);
  const auto lists = std::ranges::find_if(beginnings, [&](size_t at) {
    return std::to_integer<uint8_t>(items[at]) >= static_cast<uint8_t>(BackupItemKind::kLeaves);
  });
  const size_t lists_begin = lists == beginnings.end() || *lists == 0 ? items.size() : *lists;
  std::string file;
  uint64_t leaves = 0;
  uint64_t number = 0;
  for (size_t at = 0; at < items.size(); ++number) {
    file.resize(static_cast<size_t>(number) * format::kBackupBlockBytes);
    const size_t until = at < lists_begin ? lists_begin : items.size();
    const size_t used = std::min<size_t>(until - at, format::kBackupUsedMax);
    if (at == lists_begin) leaves = number;
    format::BackupBlock block{.used = static_cast<uint32_t>(used), .number = number};
    const auto first = std::ranges::lower_bound(beginnings, at);
    if (first != beginnings.end() && *first < at + used) block.first = static_cast<uint32_t>(*first - at);
    block.last = at + used == items.size();
    block.leaves = block.last ? leaves : 0;
    std::vector<std::byte> bytes(sizeof(format::BackupBlockDisk) + used);
    std::ranges::copy(items.subspan(at, used), bytes.begin() + sizeof(format::BackupBlockDisk));
    format::SealBackupBlock(block, bytes);
    file += AsText(bytes);
    at += used;
  }
  return file;
}

Options Small() {
  Options options;
  options.log_bytes_initial = options.log_bytes_max = 8 * 16384;
  options.executor = MakeInlineExecutor();
  return options;
}

void Run(ByteView items) {
  const auto disk = std::make_shared<Disk>(Files{{"b", FileOf(items)}});
  const std::vector<BackupFile> chain = {{disk, "b"}};
  const auto check = CheckBackup(chain);
  const auto restored = Restore(chain, {disk, "new"}, {.output = Small()});
  Expect(restored.has_value() == (check && check->ok()), "a backup is whole for one and not for the other");
  if (!restored) {
    Expect(disk->Take().size() == 1, "a restore that failed left files");
    return;
  }
  Expect(restored->entries == check->entries, "a restore counts otherwise than the check");
  const auto database = Database::Open(disk, "new", Small());
  Expect(database.has_value(), "what was restored does not open");
  const auto verified = (*database)->Verify();
  const bool whole = verified && verified->ok() && verified->entries == restored->entries;
  Expect(whole, "what was restored is not whole");
}

}  // namespace
}  // namespace manifolddb::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace manifolddb::fuzz;
  constexpr size_t kBytesMax = size_t{1} << 16;
  if (size > 0 && size <= kBytesMax) Run(InputBytes(data, size));
  CountMarks();
  return 0;
}
