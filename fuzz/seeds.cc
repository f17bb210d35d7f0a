// Writes the first inputs of every target: what the engine itself puts on a disk, and programs drawn from a
// fixed seed. The fuzzers go on from there; fuzz/README.md says how the corpora in fuzz/corpus come of it.
//
//   fuzz_seeds FOLDER        FOLDER/TARGET/NAME for each target; FOLDER/size-BYTES/TARGET/NAME of databases
//                            with larger pages
#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "engine/format/backup_format.h"
#include "engine/format/catalog_record.h"
#include "engine/format/log_format.h"
#include "engine/format/page_header.h"
#include "fuzz/raw.h"
#include "fuzz/session.h"
#include "manifolddb/backup.h"

namespace manifolddb::fuzz {
namespace {

std::string folder;

void Write(const std::string& target, const std::string& name, const std::string& bytes) {
  const std::filesystem::path directory = std::filesystem::path(folder) / target;
  std::filesystem::create_directories(directory);
  std::ofstream file(directory / name, std::ios::binary);
  file << bytes;
  if (!file.flush()) Violation("cannot write " + (directory / name).string());
}

// Of a page of so many bytes, as node_page chooses it.
char SizeByte(size_t page_size) {
  return page_size == kSector ? '\0' : static_cast<char>(128 + std::countr_zero(page_size / kSector));
}

void WriteLeaf(const std::string& page, const std::string& name) {
  const ByteView bytes = AsBytes(page);
  for (size_t index = 0; index < Le16(bytes, 26); ++index) {
    const size_t slot = 48 + Le16(bytes, 28) + index * 8;
    const size_t cell = Le16(bytes, slot);
    const size_t key_bytes = Le16(bytes, slot + 2);
    const size_t value_bytes = Le16(bytes, cell) == 0x8000 ? 32 : Le16(bytes, cell);
    const std::string value = page.substr(cell + 2 + key_bytes, value_bytes);
    const std::string at = name + "-" + std::to_string(index);
    if (value_bytes == 48 || value_bytes == 40 || value_bytes == 16 || value_bytes == 32) {
      Write("catalog", at, value);
    }
    if (index == 0) Write("catalog", at + "-key", page.substr(cell + 2, key_bytes));
  }
}

void WriteData(const std::string& data, const std::string& name, size_t page_size) {
  for (size_t copy = 0; copy < 4; ++copy) {
    Write("meta_page", name + "-" + std::to_string(copy), data.substr(copy * kSector, 256));
  }
  const size_t first = std::max(page_size, 4 * kSector);
  for (size_t at = first; at + page_size <= data.size(); at += page_size) {
    const std::string page = data.substr(at, page_size);
    const std::string id = name + "-" + std::to_string(at / page_size);
    const format::PageRef self{format::PageId{Le64(AsBytes(page), 8)},
                               format::Birth{Le64(AsBytes(page), 16)}};
    if (format::WhyInvalid(AsBytes(page), self) != nullptr) continue;
    Write("node_page", id, std::string(1, SizeByte(page_size)) + page);
    if (page[24] == 1) WriteLeaf(page, id);
  }
}

void WriteLog(const std::string& log, const std::string& name) {
  Write("log_header", name + "-header", log.substr(0, 64));
  Write("log_header", name + "-marker", log.substr(kSector, 40));
  for (size_t at = 2 * kSector; at < log.size(); at += kSector) {
    const ByteView bytes = AsBytes(log).subspan(at);
    format::LogGroup group;
    if (!format::DecodeLogGroupHeader(bytes, group) || !format::LogGroupIntact(bytes)) continue;
    const std::string id = name + "-" + std::to_string(at / kSector);
    Write("log_records", id, log.substr(at, sizeof(format::LogGroupDisk) + group.bytes));
    ByteView records = bytes.subspan(sizeof(format::LogGroupDisk), group.bytes);
    if (const auto operations = format::TakeLogRecord(records)) {
      Write("log_records", id + "-operations", std::string(AsText(*operations)));
    }
  }
}

void WriteFiles(const Files& files, const std::string& name, size_t page_size) {
  WriteData(files.at(kDataName), name, page_size);
  WriteLog(files.at(kLogName), name);
}

// Every kind of operation, page and record.
void WriteDecoders(uint32_t page_size) {
  Session session(1, {.pages_max = 0, .read_that_fails = 0, .page_size = page_size});
  session.CreateFamily("f0");
  session.CreateFamily("family-with-a-longer-name");
  // Of larger pages two leaves, full and half full, and a branch above them.
  const size_t bytes = page_size == kSector ? 60 : page_size / 8;
  const int entries = page_size == kSector ? 200 : 12;
  for (int i = 0; i < entries; ++i) session.Put("f0", "t0", "m" + std::to_string(1000 + i), bytes);
  session.Commit({});
  for (int i = 0; i < 6; ++i) session.Put("f0", "t1", std::string(110, 'p') + std::to_string(i), 10);
  session.Put("f0", "t2", "large", page_size + 200);
  session.Put("f0", "t2", "", 20);
  session.Commit({});
  session.Close();
  WriteFiles(session.closed_files(), "closed", page_size);
  session.Delete("f0", "t0", "m1003");
  session.DeleteRange("f0", "t0", "m1010", "m1015");
  session.DeleteRange("f0", "t0", std::nullopt, "m1001");
  session.RenameTable("f0", "t1", "t9");
  session.DropTable("f0", "t2");
  session.Commit({});
  session.RenameFamily("family-with-a-longer-name", "g");
  session.DropFamily("g");
  session.Put("f0", "t2", "large", page_size / 2 + 44);
  session.Commit({.durability = Durability::kNone});
  session.Abandon();
  WriteFiles(session.closed_files(), "abandoned", page_size);
}

void WriteSmallRecords() {
  Write("catalog", "dropped-key", std::string("D\0\0\0\0\0\0\0\7", 9));
  const auto savepoint = format::Encode(format::SavepointRecord{
      .txn = format::TxnId{7},
      .catalog = {.root = {format::PageId{9}, format::FirstBirth(format::Life{1}).next()}, .entries = 3},
      .free_map = {.first = format::PageId{8}, .birth = {}, .bytes = 5, .checksum = 0x0102030405060708},
      .page_count = 36});
  Write("catalog", "savepoint", std::string(AsText(std::as_bytes(std::span(&savepoint, 1)))));
  Write("catalog", "savepoint-key", "Smonday");
  Write("catalog", "bitmap", std::string("\3\xff\0\x0f\1", 5));
}

// The items of backups, without the blocks that they lie in.
void WriteBackups() {
  const auto disk = std::make_shared<Disk>();
  Options options;
  options.page_size = options.write_unit = kSector;
  options.log_bytes_initial = options.log_bytes_max = 64 * kSector;
  options.executor = MakeInlineExecutor();
  const auto database = std::move(*Database::Open(disk, kDataName, options));
  const auto take = [&](const std::string& name, const std::string& base) {
    BackupOptions since;
    if (!base.empty()) since.base = BackupFile{disk, base};
    if (!Backup(*database, {disk, name}, since)) Violation("no backup");
    std::string items;
    const std::string bytes = disk->Take().at(name);
    for (size_t at = 0; at < bytes.size(); at += format::kBackupBlockBytes) {
      items += bytes.substr(at + sizeof(format::BackupBlockDisk), Le32(AsBytes(bytes), at + 20));
    }
    Write("backup", name, std::string(3, '\0') + items);
    Write("backup", name + "-small", std::string("\x40\1\0", 3) + items);
    Write("backup", name + "-small-damaged", std::string("\x41\1\1", 3) + items);
    Write("backup", name + "-unread", std::string("\x10\2\0", 3) + items);
  };
  const auto put = [&](const char* name, int from, int count, size_t bytes) {
    const ColumnFamily family = *database->OpenOrCreateColumnFamily(name);
    auto txn = *database->BeginWrite(family);
    auto table = *txn.OpenOrCreateTable(family, "t", {.key = "k", .value = "v"});
    for (int i = from; i < from + count; ++i) {
      if (!table.Put(AsBytes("k" + std::to_string(i)), AsBytes(std::string(bytes, 'v')))) Violation("no put");
    }
    if (!txn.Commit()) Violation("no commit");
  };
  take("empty", "");
  put("f", 10, 30, 20);
  put("g", 1, 1, 700);
  take("whole", "");
  put("f", 20, 1, 5);
  take("increment", "whole");
  Write("backup", "base", std::string("\x20\0\0\0\0\0", 6));
  Write("backup", "base-changed", std::string("\x20\0\0\20\0\1", 6));
  Write("backup", "base-damaged", std::string("\x21\0\1\0\0\0", 6));
}

uint64_t random_state = 7;
uint8_t Random() {
  random_state = random_state * 6364136223846793005 + 1442695040888963407;
  return static_cast<uint8_t>(random_state >> 56);
}

// A family, a table with much in it, then anything.
void WritePrograms(const std::string& target, int programs, char head = 0) {
  for (int number = 0; number < programs; ++number) {
    // Whether it forges; of some a read fails, of some the disk is small.
    std::string program(1, static_cast<char>(head + number % 2));
    if (number % 8 >= 6 && head == 0) {
      program[0] = static_cast<char>(number % 8 == 6 ? 128 : 192);
      program += static_cast<char>(Random());
    }
    program += std::string("\x0f\0\3\0\0\0\x7f\2\x0c\2", 10);  // create family, bulk, commit
    for (int steps = 10 + Random() % 100; steps > 0; --steps) program += static_cast<char>(Random());
    Write(target, "program-" + std::to_string(number), program);
  }
}

}  // namespace
}  // namespace manifolddb::fuzz

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  const std::string seeds = argv[1];
  for (const uint32_t page_size : {1024u, 2048u, 4096u, 8192u, 16384u, 65536u}) {
    manifolddb::fuzz::folder = seeds + "/size-" + std::to_string(page_size);
    manifolddb::fuzz::WriteDecoders(page_size);
    // 8 KiB is the largest that a program can have.
    if (page_size > 8192) continue;
    const char head = static_cast<char>(96 + 2 * (std::countr_zero(page_size / 1024) % 4));
    manifolddb::fuzz::WritePrograms("operations", 20, head);
    manifolddb::fuzz::WritePrograms("damaged", 20, head);
  }
  manifolddb::fuzz::folder = seeds;
  manifolddb::fuzz::WriteDecoders(manifolddb::fuzz::kSector);
  manifolddb::fuzz::WriteSmallRecords();
  manifolddb::fuzz::WriteBackups();
  manifolddb::fuzz::WritePrograms("operations", 40);
  manifolddb::fuzz::WritePrograms("damaged", 80);
  return 0;
}
