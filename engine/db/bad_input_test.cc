// What is wrong with a file or a call is said by a distinct error, with the path, and the file is left alone.

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "engine/base/memory.h"
#include "engine/db/refused_opening.h"
#include "engine/format/meta_page.h"
#include "manifolddb/database.h"

namespace manifolddb {
namespace {

Options Inline() {
  Options options;
  options.log_bytes_initial = 16 * 4096;
  options.executor = MakeInlineExecutor();
  return options;
}

template <class Handle>
void MoveAway(Handle& handle) {
  const Handle moved = std::move(handle);
}

class BadInputTest : public testing::Test {
 protected:
  void Create(Options options = Inline()) {
    auto db = Database::Open(storage_, "db", options);
    ASSERT_TRUE(db) << db.error().ToString();
    ASSERT_TRUE((*db)->CreateColumnFamily("family"));
    ASSERT_TRUE((*db)->Close());
  }
  void WriteFile(const std::string& name, uint64_t offset, const std::string& bytes, OpenMode mode) {
    auto file = storage_->Open(name, mode);
    ASSERT_TRUE(file) << file.error().ToString();
    auto buffer = base::Buffer::Make(bytes.size(), "test");
    std::memcpy(buffer->data(), bytes.data(), bytes.size());
    ASSERT_TRUE((*file)->Write(offset, buffer->view()));
  }
  std::string ReadFile(const std::string& name) {
    auto file = storage_->Open(name, OpenMode::kReadOnly);
    if (!file) return "missing";
    const uint64_t size = *(*file)->Size();
    if (size == 0) return "";
    auto buffer = base::Buffer::Make(size, "test");
    EXPECT_TRUE((*file)->Read(0, buffer->span()));
    return std::string(AsText(buffer->view()));
  }
  void ExpectRefused(Errc code, const Options& options = Inline()) {
    manifolddb::ExpectRefused(storage_, code, options);
  }
  const std::shared_ptr<Storage> storage_ = MakeMemoryStorage();
};

TEST_F(BadInputTest, AFileThatIsNoDatabaseIsSaidToBeNone) {
  WriteFile("db", 0, std::string(100000, 'x'), OpenMode::kCreate);
  ExpectRefused(Errc::kNotADatabase);
}

TEST_F(BadInputTest, AnEmptyFileIsNoDatabase) {
  ASSERT_TRUE(storage_->Open("db", OpenMode::kCreate));
  ExpectRefused(Errc::kNotADatabase);
}

TEST_F(BadInputTest, AMissingFileIsNotCreatedUnlessAskedFor) {
  Options options = Inline();
  options.create_if_missing = false;
  ExpectRefused(Errc::kNotFound, options);
}

TEST_F(BadInputTest, AnotherPageSizeIsRefused) {
  Create();
  Options options = Inline();
  options.page_size = 4096;
  ExpectRefused(Errc::kPageSizeMismatch, options);
}

TEST_F(BadInputTest, ADatabaseOpenElsewhereIsLocked) {
  Create();
  auto first = Database::Open(storage_, "db", Inline());
  ASSERT_TRUE(first);
  ExpectRefused(Errc::kLocked);
  Options options = Inline();
  options.read_only = true;
  ExpectRefused(Errc::kLocked, options);
}

TEST_F(BadInputTest, BothCopiesOfASlotUnreadableIsCorruption) {
  Create();
  WriteFile("db", 0, std::string(2 * 4096, 'x'), OpenMode::kReadWrite);
  ExpectRefused(Errc::kCorrupt);
}

TEST_F(BadInputTest, AFileThatWasCutIsTruncatedWhereverThatWas) {
  Create();
  const std::string whole = ReadFile("db");
  // Below one write unit of any size nothing can be decoded; stamp and magic are there.
  for (const size_t bytes :
       {size_t{8}, size_t{100}, size_t{200}, size_t{255}, size_t{256}, size_t{300}, size_t{511}, size_t{512},
        size_t{4096}, size_t{9000}, size_t{4 * 4096 - 1}, whole.size() - 4096}) {
    ASSERT_LT(bytes, whole.size());
    ASSERT_TRUE(storage_->Remove("db"));
    WriteFile("db", 0, whole.substr(0, bytes), OpenMode::kCreate);
    ExpectRefused(Errc::kTruncated);
  }
}

TEST_F(BadInputTest, AFileThatIsTooShortForStampAndMagicCouldBeAnything) {
  Create();
  const std::string whole = ReadFile("db");
  for (const size_t bytes : {size_t{1}, size_t{7}}) {
    ASSERT_TRUE(storage_->Remove("db"));
    WriteFile("db", 0, whole.substr(0, bytes), OpenMode::kCreate);
    ExpectRefused(Errc::kNotADatabase);
  }
}

TEST_F(BadInputTest, AMissingDirectoryIsNamedAndNotTheTemporaryFile) {
  const std::string path = testing::TempDir() + "manifolddb-no-such-directory/shop";
  const auto db = Database::Open(path);
  ASSERT_FALSE(db);
  EXPECT_EQ(db.error().code(), Errc::kNotFound);
  EXPECT_EQ(db.error().file(), path);
  EXPECT_NE(db.error().ToString().find("directory does not exist"), std::string::npos);

  Options only_read;
  only_read.read_only = true;
  const auto read = Database::Open(path, only_read);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), Errc::kNotFound);
  EXPECT_NE(read.error().ToString().find("directory does not exist"), std::string::npos);
}

TEST_F(BadInputTest, ADirectoryIsNamedAsItWasTypedAndAFileAskedFor) {
  const std::string path = testing::TempDir();  // with a slash at its end
  const std::string directory = path.substr(0, path.size() - 1);
  for (const bool read_only : {false, true}) {
    Options options = Inline();
    options.read_only = read_only;
    const auto db = Database::Open(directory, options);
    ASSERT_FALSE(db);
    EXPECT_EQ(db.error().code(), Errc::kInvalidArgument);
    EXPECT_EQ(db.error().file(), directory);
    EXPECT_NE(db.error().message().find("not a regular file; give the name"), std::string::npos);
  }
}

constexpr int kNoOtherUser = 255;

// With which code the opening fails for somebody who may not do everything; 0 if it succeeds, or says less
// than that `file` is refused and what to do about it.
int CodeForAnother(const std::string& path, bool read_only, const std::string& file) {
  const pid_t pid = fork();
  if (pid == 0) {
    constexpr uid_t kNobody = 65534;
    if (getuid() == 0 && setuid(kNobody) != 0) _exit(kNoOtherUser);
    Options options = Inline();
    options.read_only = read_only;
    const auto db = Database::Open(path, options);
    if (db || db.error().file() != file) _exit(0);
    const std::string said = db.error().ToString();
    const bool advises = said.find(Advice(db.error().code())) != said.npos;
    _exit(said.find(file) != said.npos && advises ? static_cast<int>(db.error().code()) : 0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::map<std::string, std::string> BytesByName(const std::string& directory) {
  std::map<std::string, std::string> contents;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    std::ifstream file(entry.path(), std::ios::binary);
    contents[entry.path()].assign(std::istreambuf_iterator<char>(file), {});
  }
  return contents;
}

TEST(UnreadableFiles, AreSaidToBeRefusedAndNothingIsTouched) {
  std::string directory = testing::TempDir() + "/bad_input_test.XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  ASSERT_EQ(chmod(directory.c_str(), 0777), 0);  // files could appear
  const std::string path = directory + "/db";
  const std::string log = path + "-wal";
  ASSERT_TRUE(Database::Open(path, Inline()));
  const auto before = BytesByName(directory);
  EXPECT_EQ(before.size(), 2u);
  for (const std::string& refused : {path, log}) {
    for (const bool read_only : {false, true}) {
      ASSERT_EQ(chmod(path.c_str(), 0666), 0);
      ASSERT_EQ(chmod(log.c_str(), 0666), 0);
      ASSERT_EQ(chmod(refused.c_str(), 0), 0);
      const int code = CodeForAnother(path, read_only, refused);
      if (code == kNoOtherUser) GTEST_SKIP() << "root, and cannot be anybody else";
      EXPECT_EQ(code, static_cast<int>(Errc::kPermission)) << refused << (read_only ? ", read only" : "");
      ASSERT_EQ(chmod(refused.c_str(), 0666), 0);
      EXPECT_TRUE(BytesByName(directory) == before) << refused << (read_only ? ", read only" : "");
    }
  }
  EXPECT_TRUE(Database::Open(path, Inline()));
  std::filesystem::remove_all(directory);
}

TEST_F(BadInputTest, AMissingLogIsCorruption) {
  Create();
  ASSERT_TRUE(storage_->Remove("db-wal"));
  ExpectRefused(Errc::kCorrupt);
}

TEST_F(BadInputTest, ALogWithoutItsDatabaseIsKept) {
  Create();
  ASSERT_TRUE(storage_->Remove("db"));
  ExpectRefused(Errc::kCorrupt);
}

TEST_F(BadInputTest, CallsThatCannotWorkAreErrors) {
  auto opened = Database::Open(storage_, "db", Inline());
  ASSERT_TRUE(opened);
  Database& db = **opened;
  const ColumnFamily family = *db.CreateColumnFamily("f");
  EXPECT_EQ(db.CreateColumnFamily("f").error().code(), Errc::kAlreadyExists);
  EXPECT_EQ(db.CreateColumnFamily("").error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(db.CreateColumnFamily(std::string(65, 'f')).error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(db.DropColumnFamily("g").error().code(), Errc::kNoSuchColumnFamily);
  EXPECT_EQ(db.BeginWrite(ColumnFamily(77)).error().code(), Errc::kNoSuchColumnFamily);

  auto txn = db.BeginWrite(family);
  ASSERT_TRUE(txn);
  EXPECT_EQ(db.BeginWrite(family).error().code(), Errc::kBusy);  // would wait for itself
  EXPECT_EQ(db.DropColumnFamily("f").error().code(), Errc::kBusy);
  EXPECT_EQ(db.Close().error().code(), Errc::kBusy);
  EXPECT_NE(db.Close().error().ToString().find("end the open transactions"), std::string::npos);
  EXPECT_EQ(txn->OpenTable(family, "t").error().code(), Errc::kNoSuchTable);
  EXPECT_EQ(txn->OpenTable(ColumnFamily(77), "t").error().code(), Errc::kInvalidArgument);
  auto table = txn->CreateTable(family, "t");
  ASSERT_TRUE(table);
  EXPECT_EQ(txn->CreateTable(family, "t").error().code(), Errc::kAlreadyExists);
  const std::string long_key(db.key_bytes_max() + 1, 'k');
  EXPECT_EQ(table->Put(AsBytes(long_key), AsBytes("v")).error().code(), Errc::kKeyTooLong);
  EXPECT_TRUE(table->Put(AsBytes(long_key).subspan(1), AsBytes("v")));
  ASSERT_TRUE(txn->Commit());
  EXPECT_EQ(table->Put(AsBytes("k"), AsBytes("v")).error().code(), Errc::kTransactionEnded);
  EXPECT_EQ(txn->Commit().error().code(), Errc::kTransactionEnded);

  ASSERT_TRUE(db.Close());
  ASSERT_TRUE(db.Close());
  EXPECT_TRUE(
      Database::Open(storage_, "db", Inline()));  // the lock is free, although the object still exists
  EXPECT_EQ(db.BeginWrite(family).error().code(), Errc::kClosed);
  EXPECT_EQ(db.BeginRead().error().code(), Errc::kClosed);
}

TEST_F(BadInputTest, HandlesThatWereMovedFromAnswerWithErrors) {
  auto opened = Database::Open(storage_, "db", Inline());
  ASSERT_TRUE(opened);
  Database& db = **opened;
  const ColumnFamily family = *db.CreateColumnFamily("f");
  auto writer = std::move(*db.BeginWrite(family));
  auto table = *writer.CreateTable(family, "t");
  ASSERT_TRUE(table.Put(AsBytes("k"), AsBytes("v")));
  Value value = std::move(**table.Get(AsBytes("k")));
  auto cursor = std::move(*table.NewCursor());
  MoveAway(value);
  EXPECT_TRUE(value.bytes().empty());
  MoveAway(cursor);
  MoveAway(writer);
  EXPECT_EQ(writer.CreateTable(family, "u").error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(writer.OpenTable(family, "t").error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(writer.OpenOrCreateTable(family, "t").error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(writer.DropTable(family, "t").error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(writer.RenameTable(family, "t", "u").error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(writer.ListTables(family).error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(writer.AddColumnFamily(family).error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(writer.Commit().error().code(), Errc::kInvalidArgument);
  writer.Abort();
  EXPECT_FALSE(cursor.valid());
  EXPECT_TRUE(cursor.key().empty());
  EXPECT_EQ(cursor.First().error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(cursor.Last().error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(cursor.Seek(AsBytes("k")).error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(cursor.SeekForPrev(AsBytes("k")).error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(cursor.Next().error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(cursor.Prev().error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(cursor.value().error().code(), Errc::kInvalidArgument);

  auto reader = std::move(*db.BeginRead());
  MoveAway(reader);
  EXPECT_EQ(reader.commit_number(), 0u);
  EXPECT_EQ(reader.OpenColumnFamily("f").error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(reader.ListColumnFamilies().error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(reader.OpenTable(family, "t").error().code(), Errc::kInvalidArgument);
  EXPECT_EQ(reader.ListTables(family).error().code(), Errc::kInvalidArgument);
}

TEST_F(BadInputTest, AFamilyThatAnotherTransactionHoldsCannotBeAddedUntilThatHasEnded) {
  auto opened = Database::Open(storage_, "db", Inline());
  ASSERT_TRUE(opened);
  Database& db = **opened;
  const ColumnFamily a = *db.CreateColumnFamily("a");
  const ColumnFamily b = *db.CreateColumnFamily("b");
  auto holder = db.BeginWrite(a);
  auto adder = db.BeginWrite(b);
  ASSERT_TRUE(holder);
  ASSERT_TRUE(adder);
  EXPECT_EQ(adder->AddColumnFamily(a).error().code(), Errc::kBusy);
  EXPECT_EQ(adder->CreateTable(a, "t").error().code(), Errc::kInvalidArgument);  // it has not got it
  holder->Abort();
  EXPECT_TRUE(adder->AddColumnFamily(a));
  EXPECT_TRUE(adder->CreateTable(a, "t"));
  EXPECT_TRUE(adder->Commit());
}

TEST_F(BadInputTest, KeysMayHaveTwoKibibytesAtTheDefaultPageSize) {
  auto db = Database::Open(storage_, "db", Inline());
  ASSERT_TRUE(db);
  EXPECT_GE((*db)->key_bytes_max(), 2048u);
}

TEST_F(BadInputTest, OptionsOutOfBoundsAreNamed) {
  Options options = Inline();
  options.page_size = 1000;
  auto db = Database::Open(storage_, "db", options);
  ASSERT_FALSE(db);
  EXPECT_EQ(db.error().code(), Errc::kInvalidArgument);
  EXPECT_NE(db.error().message().find("page_size is 1000"), std::string::npos);
}

}  // namespace
}  // namespace manifolddb
