// Every error code, produced for real, says what docs/troubleshooting.md says it says; and that document has
// an entry for each code, with the category that the code has.

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "engine/base/memory.h"
#include "engine/db/forged_files.h"
#include "engine/db/test_support.h"
#include "manifolddb/database.h"
#include "manifolddb/typed.h"

namespace manifolddb {
namespace {

// A disk on which writes and reads fail, or nothing grows, as long as it is asked for.
class BadDisk final : public PassingStorage {
 public:
  bool writes_fail = false;
  bool reads_fail = false;
  bool full = false;

 private:
  class BadFile final : public PassingFile {
   public:
    BadFile(std::unique_ptr<File> file, const BadDisk& disk) : PassingFile(std::move(file)), disk_(disk) {}

   private:
    Status Failure(Errc code, const char* operation, int os_error, uint64_t offset) {
      return Fail(code, operation, {.file = name(), .offset = offset, .os_error = os_error});
    }
    Status DoRead(uint64_t offset, MutableByteView out) override {
      if (disk_.reads_fail) return Failure(Errc::kIo, "storage.read", EIO, offset);
      return below().Read(offset, out);
    }
    Status DoWrite(uint64_t offset, std::span<const ByteView> parts) override {
      if (disk_.writes_fail) return Failure(Errc::kIo, "storage.write", EIO, offset);
      return below().Write(offset, parts);
    }
    Status DoWriteDurable(uint64_t offset, std::span<const ByteView> parts) override {
      if (disk_.writes_fail) return Failure(Errc::kIo, "storage.write", EIO, offset);
      return below().WriteDurable(offset, parts);
    }
    Status DoAllocate(uint64_t size) override {
      if (disk_.full) return Failure(Errc::kNoSpace, "storage.allocate", ENOSPC, size);
      return below().Allocate(size);
    }

    const BadDisk& disk_;
  };
  std::unique_ptr<File> Wrap(std::unique_ptr<File> file) override {
    return std::make_unique<BadFile>(std::move(file), *this);
  }
};

template <class T>
Error ErrorOf(const Result<T>& result) {
  if (result) return Error(Errc::kInvalidArgument, "test.it_succeeded");
  return result.error();
}

// A database "shop" with column family "orders", table "open" in it, and one entry.
struct Shop {
  explicit Shop(Options options = TinyOptions()) : own(options) {
    db = std::move(*Database::Open(disk, "shop", own));
    orders = *db->CreateColumnFamily("orders");
    auto txn = db->BeginWrite(orders);
    auto table = txn->CreateTable(orders, "open");
    EXPECT_TRUE(table->Put(AsBytes("4711"), AsBytes("two lamps")));
    EXPECT_TRUE(txn->Commit());
  }
  Result<std::unique_ptr<Database>> Reopen(const std::function<void(Options&)>& change = {}) {
    EXPECT_TRUE(db->Close());
    Options options = own;
    if (change) change(options);
    return Database::Open(disk, "shop", options);
  }
  // The file's bytes from `offset` on are `bytes`.
  void Overwrite(const std::string& name, uint64_t offset, const std::string& bytes) {
    auto file = disk->Open(name, OpenMode::kReadWrite);
    auto buffer = base::Buffer::Make(bytes.size(), "test");
    std::memcpy(buffer->data(), bytes.data(), bytes.size());
    EXPECT_TRUE((*file)->Write(offset, buffer->view().first(bytes.size())));
  }

  Options own;
  std::shared_ptr<BadDisk> disk = std::make_shared<BadDisk>();
  std::unique_ptr<Database> db;
  ColumnFamily orders;
};

Error InvalidArgument() {
  Options options = TinyOptions();
  options.page_size = 1000;
  return ErrorOf(Database::Open(MakeMemoryStorage(), "shop", options));
}
Error KeyTooLong() {
  Shop shop;
  auto txn = shop.db->BeginWrite(shop.orders);
  const std::string key(shop.db->key_bytes_max() + 1, 'k');
  return ErrorOf(txn->OpenTable(shop.orders, "open")->Put(AsBytes(key), AsBytes("v")));
}
Error ValueTooLong() {
  Shop shop;
  auto txn = shop.db->BeginWrite(shop.orders);
  // Refused by its length alone: what is behind the first byte is never looked at.
  const std::string value = "v";
  return ErrorOf(txn->OpenTable(shop.orders, "open")
                     ->Put(AsBytes("4712"), ByteView(AsBytes(value).data(), kValueBytesMax + 1)));
}
Error NoSuchColumnFamily() { return ErrorOf(Shop().db->OpenColumnFamily("customers")); }
Error NoSuchTable() {
  Shop shop;
  auto reader = shop.db->BeginRead();
  return ErrorOf(reader->OpenTable(shop.orders, "closed"));
}
Error AlreadyExists() { return ErrorOf(Shop().db->CreateColumnFamily("orders")); }
Error Busy() {
  Shop shop;
  const auto txn = shop.db->BeginWrite(shop.orders);
  return ErrorOf(shop.db->Close());
}
Error TransactionEnded() {
  Shop shop;
  auto txn = shop.db->BeginWrite(shop.orders);
  auto table = txn->OpenTable(shop.orders, "open");
  txn->Abort();
  return ErrorOf(table->Put(AsBytes("4712"), AsBytes("a chair")));
}
Error ReadOnly() {
  Shop shop;
  const auto db = shop.Reopen([](Options& options) { options.read_only = true; });
  return ErrorOf((*db)->BeginWrite(shop.orders));
}
Error Closed() {
  Shop shop;
  EXPECT_TRUE(shop.db->Close());
  return ErrorOf(shop.db->BeginRead());
}
// Commits while no write reaches the disk; the error of that commit.
Error CommitThatFails(Shop& shop) {
  auto txn = shop.db->BeginWrite(shop.orders);
  EXPECT_TRUE(txn->OpenTable(shop.orders, "open")->Put(AsBytes("4712"), AsBytes("a chair")));
  shop.disk->writes_fail = true;
  const auto committed = txn->Commit();
  shop.disk->writes_fail = false;
  return ErrorOf(committed);
}
Error Poisoned() {
  Shop shop;
  EXPECT_EQ(CommitThatFails(shop).code(), Errc::kUnknownOutcome);
  return ErrorOf(shop.db->BeginWrite(shop.orders));
}
Error UnknownOutcome() {
  Shop shop;
  return CommitThatFails(shop);
}
Error Io() {
  Shop shop;
  EXPECT_TRUE(shop.db->Close());
  shop.disk->reads_fail = true;
  return ErrorOf(Database::Open(shop.disk, "shop", shop.own));
}
Error NoSpace() {
  Shop shop;
  shop.disk->full = true;
  Status filled;
  for (int i = 0; i < 10'000 && filled; ++i) {
    auto txn = shop.db->BeginWrite(shop.orders);
    filled = txn->OpenTable(shop.orders, "open")->Put(AsBytes(std::to_string(i)), AsBytes("a chair"));
    if (filled) {
      EXPECT_TRUE(txn->Commit());
    }
  }
  return ErrorOf(filled);
}
Error NoMemory() {
  Shop shop;
  const std::string manual(200'000, 'v');
  auto txn = shop.db->BeginWrite(shop.orders);
  EXPECT_TRUE(txn->OpenTable(shop.orders, "open")->Put(AsBytes("manual"), AsBytes(manual)));
  EXPECT_TRUE(txn->Commit());
  auto reader = shop.db->BeginRead();
  const auto table = reader->OpenTable(shop.orders, "open");
  base::SetAllocationGate([](size_t wanted) { return wanted < 100'000; });
  const Error error = ErrorOf(table->Get(AsBytes("manual")));
  base::SetAllocationGate(nullptr);
  return error;
}
Error Limit() {
  Shop shop;
  EXPECT_TRUE(shop.db->Close());
  Files files{Files::ReadAll(*shop.disk, "shop"), Files::ReadAll(*shop.disk, "shop-wal")};
  files.ForgeMeta([](auto& meta) { meta.next_family = format::kFamilyIdMax; });
  auto db = std::move(*Database::Open(files.Mount(), "db", TinyOptions()));
  EXPECT_TRUE(db->CreateColumnFamily("the last one"));
  return ErrorOf(db->CreateColumnFamily("customers"));
}
Error Corrupt() {
  Shop shop;
  EXPECT_TRUE(shop.db->Checkpoint());
  EXPECT_TRUE(shop.db->Close());
  Files files{Files::ReadAll(*shop.disk, "shop"), Files::ReadAll(*shop.disk, "shop-wal")};
  const uint64_t catalog = files.Meta().catalog.root.id.raw();
  shop.Overwrite("shop", catalog * kTinyUnit + 100, "rot");
  return ErrorOf(Database::Open(shop.disk, "shop", shop.own));
}
Error NotADatabase() {
  Shop shop;
  EXPECT_TRUE(shop.db->Close());
  EXPECT_TRUE(shop.disk->Open("notes.txt", OpenMode::kCreate));
  shop.Overwrite("notes.txt", 0, std::string(2048, 'n'));
  return ErrorOf(Database::Open(shop.disk, "notes.txt", shop.own));
}
Error NewerFormat() {
  Shop shop;
  EXPECT_TRUE(shop.db->Close());
  Files files{Files::ReadAll(*shop.disk, "shop"), Files::ReadAll(*shop.disk, "shop-wal")};
  files.ForgeMeta([](auto& meta) { meta.format_version = meta.format_version + 1; });
  shop.Overwrite("shop", 0, files.data);
  return ErrorOf(Database::Open(shop.disk, "shop", shop.own));
}
Error Truncated() {
  Shop shop;
  EXPECT_TRUE(shop.db->Close());
  const std::string whole = Files::ReadAll(*shop.disk, "shop");
  EXPECT_TRUE(shop.disk->Remove("shop"));
  EXPECT_TRUE(shop.disk->Open("shop", OpenMode::kCreate));
  shop.Overwrite("shop", 0, whole.substr(0, 4 * kTinyUnit));
  return ErrorOf(Database::Open(shop.disk, "shop", shop.own));
}
Error PageSizeMismatch() {
  return ErrorOf(Shop().Reopen([](Options& options) { options.page_size = 4096; }));
}
Error TypeMismatch() {
  Shop shop;
  constexpr TableDefinition<uint64_t, std::string> kOrders("orders by number");
  constexpr TableDefinition<std::string, std::string> kWrong("orders by number");
  auto txn = shop.db->BeginWrite(shop.orders);
  EXPECT_TRUE(txn->OpenOrCreateTable(shop.orders, kOrders.name(), {.key = "u64", .value = "string"}));
  return ErrorOf(txn->OpenTable(shop.orders, kWrong.name(), {.key = "string", .value = "string"}));
}

Error NoSuchSavepoint() { return ErrorOf(Shop().db->RestoreSavepoint("monday")); }

// What a process of its own gets, which may become somebody else, or be a child of one with a database.
std::string TextInChild(const std::function<Error()>& child) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    const std::string said = child().ToString();
    _exit(write(ends[1], said.data(), said.size()) == static_cast<ssize_t>(said.size()) ? 0 : 1);
  }
  close(ends[1]);
  std::string said(4096, '\0');
  const ssize_t bytes = read(ends[0], said.data(), said.size());
  close(ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  said.resize(bytes > 0 ? static_cast<size_t>(bytes) : 0);
  return said;
}

// A folder for real files; in what is said it is called /data.
class Folder {
 public:
  Folder() { EXPECT_NE(mkdtemp(path_.data()), nullptr); }
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }
  std::string Named(std::string said) const {
    for (size_t at = said.find(path_); at != said.npos; at = said.find(path_, at))
      said.replace(at, path_.size(), "/data");
    return said;
  }

 private:
  std::string path_ = std::filesystem::path(testing::TempDir()) / "troubleshooting.XXXXXX";
};

std::string Permission() {
  const Folder folder;
  EXPECT_EQ(chmod(folder.path().c_str(), 0755), 0);
  const std::string path = folder.path() + "/shop";
  EXPECT_TRUE(Database::Open(path, TinyOptions()));
  EXPECT_EQ(chmod(path.c_str(), 0), 0);
  return folder.Named(TextInChild([&] {
    constexpr uid_t kNobody = 65534;
    if (getuid() == 0 && setuid(kNobody) != 0)
      return Error(Errc::kInvalidArgument, "test.cannot_be_anybody_else");
    return ErrorOf(Database::Open(path, TinyOptions()));
  }));
}
std::string Forked() {
  const Folder folder;
  const auto db = std::move(*Database::Open(folder.path() + "/shop", TinyOptions()));
  return folder.Named(TextInChild([&] { return ErrorOf(db->Checkpoint()); }));
}

std::string Locked() {
  const Folder folder;
  const auto first = Database::Open(folder.path() + "/shop", TinyOptions());
  return folder.Named(ErrorOf(Database::Open(folder.path() + "/shop", TinyOptions())).ToString());
}
std::string NotFound() {
  const Folder folder;
  Options options = TinyOptions();
  options.create_if_missing = false;
  return folder.Named(ErrorOf(Database::Open(folder.path() + "/shop", options)).ToString());
}

template <Error (*kMake)()>
std::string Said() {
  return kMake().ToString();
}

const std::map<std::string, std::string (*)()> kMakers = {
    {"kInvalidArgument", Said<InvalidArgument>},
    {"kKeyTooLong", Said<KeyTooLong>},
    {"kValueTooLong", Said<ValueTooLong>},
    {"kNoSuchColumnFamily", Said<NoSuchColumnFamily>},
    {"kNoSuchTable", Said<NoSuchTable>},
    {"kAlreadyExists", Said<AlreadyExists>},
    {"kBusy", Said<Busy>},
    {"kTransactionEnded", Said<TransactionEnded>},
    {"kReadOnly", Said<ReadOnly>},
    {"kClosed", Said<Closed>},
    {"kPoisoned", Said<Poisoned>},
    {"kUnknownOutcome", Said<UnknownOutcome>},
    {"kIo", Said<Io>},
    {"kNoSpace", Said<NoSpace>},
    {"kNoMemory", Said<NoMemory>},
    {"kLimit", Said<Limit>},
    {"kCorrupt", Said<Corrupt>},
    {"kNotADatabase", Said<NotADatabase>},
    {"kNewerFormat", Said<NewerFormat>},
    {"kTruncated", Said<Truncated>},
    {"kPageSizeMismatch", Said<PageSizeMismatch>},
    {"kLocked", Locked},
    {"kNotFound", NotFound},
    {"kPermission", Permission},
    {"kForked", Forked},
    {"kTypeMismatch", Said<TypeMismatch>},
    {"kNoSuchSavepoint", Said<NoSuchSavepoint>},
};

// One "## kName" of the document: its message, and the category in the line behind the heading.
struct Entry {
  std::string category;
  std::string message;
};

std::map<std::string, Entry> ReadDocument() {
  std::ifstream document(MANIFOLDDB_TROUBLESHOOTING);
  EXPECT_TRUE(document) << "docs/troubleshooting.md is missing";
  std::map<std::string, Entry> entries;
  Entry* entry = nullptr;
  bool in_code = false;
  for (std::string line; std::getline(document, line);) {
    if (line.starts_with("## k")) entry = &entries[line.substr(3)];
    if (entry == nullptr) continue;
    if (line.starts_with("```")) {
      in_code = !in_code;
    } else if (in_code) {
      entry->message += (entry->message.empty() ? "" : " ") + line;
    } else if (line.starts_with("Category: ")) {
      entry->category = line.substr(10, line.find('.') - 10);
    }
  }
  return entries;
}

TEST(Troubleshooting, HasAnEntryForEachCodeWithItsCategory) {
  const std::map<std::string, Entry> entries = ReadDocument();
  int codes = 0;
  for (int code = 1; code <= static_cast<int>(kLastErrc); ++code, ++codes) {
    const std::string name(Name(static_cast<Errc>(code)));
    ASSERT_TRUE(entries.contains(name)) << "docs/troubleshooting.md says nothing of " << name;
    EXPECT_EQ(entries.at(name).category, Name(CategoryOf(static_cast<Errc>(code)))) << name;
    EXPECT_TRUE(kMakers.contains(name)) << name;
  }
  EXPECT_EQ(static_cast<int>(entries.size()), codes) << "docs/troubleshooting.md has codes that do not exist";
}

TEST(Troubleshooting, EveryErrorAfterAWriteThatFailedKeepsIt) {
  Shop shop;
  const Error unknown = CommitThatFails(shop);
  const Error poisoned = ErrorOf(shop.db->BeginWrite(shop.orders));
  const Error closing = ErrorOf(shop.db->Close());
  EXPECT_EQ(unknown.code(), Errc::kUnknownOutcome);
  EXPECT_EQ(poisoned.code(), Errc::kPoisoned);
  EXPECT_EQ(closing.code(), Errc::kPoisoned);
  for (const Error* const error : {&unknown, &poisoned, &closing}) {
    ASSERT_NE(error->cause(), nullptr);
    EXPECT_EQ(error->cause()->code(), Errc::kIo);
    EXPECT_NE(error->cause()->offset(), ErrorDetails::kNoOffset);
    EXPECT_EQ(error->cause()->cause(), nullptr);
    EXPECT_NE(error->message().find(error->cause()->ToString()), std::string::npos);
  }
}

class TroubleshootingEntry : public testing::TestWithParam<std::string> {};

TEST_P(TroubleshootingEntry, SaysWhatTheErrorSays) {
  const std::string said = kMakers.at(GetParam())();
  if (said.find("cannot_be_anybody_else") != said.npos) GTEST_SKIP() << "root, and cannot be anybody else";
  EXPECT_EQ(said, ReadDocument()[GetParam()].message);
}

std::vector<std::string> Codes() {
  std::vector<std::string> codes;
  for (const auto& [name, make] : kMakers) codes.push_back(name);
  return codes;
}

INSTANTIATE_TEST_SUITE_P(EveryCode, TroubleshootingEntry, testing::ValuesIn(Codes()),
                         [](const auto& code) { return code.param; });

}  // namespace
}  // namespace manifolddb
