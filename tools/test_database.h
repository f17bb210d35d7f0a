#pragma once
// Databases in a temporary directory for the tests of the tool, and their files as bytes.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "manifolddb/database.h"

namespace manifolddb::tools {

inline std::string ReadBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}
// In place: a file that is cut to nothing first and then written is one that some file systems sync on
// closing.
inline void WriteBytes(const std::string& path, const std::string& bytes) {
  if (!std::filesystem::exists(path)) std::ofstream(path, std::ios::binary);
  std::filesystem::resize_file(path, bytes.size());
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  ASSERT_TRUE(file.flush()) << path;
}

// A directory that goes with the test.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = testing::TempDir() + "manifolddb-tools-XXXXXX";
    const char* const made = ::mkdtemp(pattern.data());
    EXPECT_NE(made, nullptr);
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline Options SmallOptions() {
  Options options;
  options.page_size = 512;
  options.write_unit = 512;
  options.log_bytes_initial = 256 * 512;
  options.log_bytes_max = 256 * 512;
  options.cache_bytes = 256 * 512;
  options.dirty_bytes_max = 128 * 512;
  options.executor = MakeInlineExecutor();
  return options;
}

inline const std::string kOddName = "odd\\\xff\n";
inline constexpr int kPeople = 300;
inline std::string PersonKey(int i) { return "person" + std::to_string(1000 + i); }
inline std::string LargeValue(size_t bytes) { return std::string(bytes, 'L'); }

// One durable commit.
inline void Put(Database& database, const std::string& family, const std::string& table,
                const std::string& key, const std::string& value) {
  const auto handle = database.OpenOrCreateColumnFamily(family);
  ASSERT_TRUE(handle) << handle.error().ToString();
  auto transaction = database.BeginWrite(*handle);
  ASSERT_TRUE(transaction) << transaction.error().ToString();
  auto opened = transaction->OpenOrCreateTable(*handle, table);
  ASSERT_TRUE(opened) << opened.error().ToString();
  const Status put = opened->Put(AsBytes(key), AsBytes(value));
  ASSERT_TRUE(put) << put.error().ToString();
  const auto committed = transaction->Commit();
  ASSERT_TRUE(committed) << committed.error().ToString();
}

inline std::unique_ptr<Database> OpenSmall(const std::string& path) {
  auto database = Database::Open(path, SmallOptions());
  EXPECT_TRUE(database) << database.error().ToString();
  return std::move(*database);
}

// Two families with an odd name among them, three tables, a tree of three levels, values in extents of whole
// pages, a family that was dropped, and holes from deleted entries.
inline void FillSample(Database& database) {
  for (int i = 0; i < kPeople; ++i)
    Put(database, "people", "names", PersonKey(i), "value of " + PersonKey(i));
  for (int i = 1; i <= 3; ++i) {
    Put(database, "people", "pictures", "picture" + std::to_string(i),
        LargeValue(static_cast<size_t>(i) * 2 * 512));
  }
  for (int i = 0; i < 20; ++i) Put(database, kOddName, "t", "k" + std::to_string(i), std::string(50, '\x01'));
  for (int i = 0; i < 20; ++i) Put(database, "dropped", "t", "k" + std::to_string(i), std::string(100, 'd'));
  ASSERT_TRUE(database.DropColumnFamily("dropped"));
}

inline void MakeSample(const std::string& path) {
  const auto database = OpenSmall(path);
  FillSample(*database);
  ASSERT_TRUE(database->Close());
}

// What a crash after FillSample and a few more commits leaves: their groups are in the log only.
inline void MakeCrashed(const std::string& path) {
  const auto database = OpenSmall(path + "-alive");
  FillSample(*database);
  ASSERT_TRUE(database->Checkpoint());
  for (int i = 0; i < 5; ++i) Put(*database, "people", "names", "late" + std::to_string(i), "late value");
  WriteBytes(path, ReadBytes(path + "-alive"));
  WriteBytes(path + "-wal", ReadBytes(path + "-alive-wal"));
}

}  // namespace manifolddb::tools
