#include "engine/salvage/salvage_fixture.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/memory.h"

namespace manifolddb {
namespace {

constexpr const char* kName = "db";
constexpr const char* kLogName = "db-wal";

std::string ReadFile(Storage& storage, const std::string& name) {
  auto file = storage.Open(name, OpenMode::kReadOnly);
  if (!file) return "";
  const uint64_t size = (*file)->Size().value();
  if (size == 0) return "";
  base::Buffer buffer = std::move(base::Buffer::Make(size, "test").value());
  EXPECT_TRUE((*file)->Read(0, buffer.span()));
  return std::string(AsText(buffer.view()));
}

void WriteFile(Storage& storage, const std::string& name, const std::string& bytes) {
  auto file = storage.Open(name, OpenMode::kCreate);
  ASSERT_TRUE(file);
  if (bytes.empty()) return;
  base::Buffer buffer = std::move(base::Buffer::Make(bytes.size(), "test").value());
  std::memcpy(buffer.data(), bytes.data(), bytes.size());
  ASSERT_TRUE((*file)->Write(0, buffer.view()));
}

// No checkpoint that the test does not ask for.
Options RoomyOptions() {
  Options options = TinyOptions();
  options.log_bytes_initial = options.log_bytes_max = 1024 * kTinyUnit;
  options.cache_bytes = 4096 * kTinyUnit;
  options.dirty_bytes_max = 2048 * kTinyUnit;
  return options;
}

bool Covers(const VerifyReport::Affected& range, const std::string& key) {
  return (!range.lower || key >= *range.lower) && (!range.upper || key < *range.upper);
}

// Is it said that this may be missing? No table: all of the family.
bool IsLost(const SalvageReport& report, const std::string& family, const std::string& table,
            const std::string* key) {
  return std::ranges::any_of(report.losses, [&](const SalvageLoss& loss) {
    const VerifyReport::Affected& lost = loss.keys;
    if (lost.family.empty()) return Covers(lost, family);
    if (lost.family != family || table.empty()) return false;
    if (lost.table.empty()) return Covers(lost, table);
    return key != nullptr && lost.table == table && Covers(lost, *key);
  });
}

// What was written is of this state, and what is missing is reported.
void ExpectPartOf(const State& found, const State& whole, const SalvageReport& report) {
  for (const auto& [family, tables] : found) {
    ASSERT_TRUE(whole.contains(family)) << family;
    for (const auto& [table, entries] : tables) {
      ASSERT_TRUE(whole.at(family).contains(table)) << family << "/" << table;
      for (const auto& [key, value] : entries) {
        ASSERT_TRUE(whole.at(family).at(table).contains(key)) << table << " " << key;
        ASSERT_EQ(whole.at(family).at(table).at(key), value) << table << " " << key;
      }
    }
  }
  for (const auto& [family, tables] : whole) {
    EXPECT_TRUE(found.contains(family) || IsLost(report, family, "", nullptr)) << family;
    for (const auto& [table, entries] : tables) {
      const bool there = found.contains(family) && found.at(family).contains(table);
      EXPECT_TRUE(there || IsLost(report, family, table, nullptr)) << family << "/" << table;
      for (const auto& [key, value] : entries) {
        if (there && found.at(family).at(table).contains(key)) continue;
        EXPECT_TRUE(IsLost(report, family, table, &key)) << family << "/" << table << " " << key;
      }
    }
  }
}

}  // namespace

void Damage(std::string& bytes, uint64_t at) {
  ASSERT_LT(at, bytes.size());
  bytes[at] = static_cast<char>(bytes[at] ^ 0x40);
}

std::shared_ptr<Storage> StorageOf(const FileBytes& files) {
  const auto storage = MakeMemoryStorage();
  WriteFile(*storage, kName, files.data);
  if (!files.log_missing) WriteFile(*storage, kLogName, files.log);
  return storage;
}

FileBytes FilesOf(Storage& storage) {
  return {ReadFile(storage, kName), ReadFile(storage, kLogName), !storage.Exists(kLogName).value()};
}

State ReadState(Database& database) {
  State state;
  ReadTransaction snapshot = std::move(database.BeginRead().value());
  const auto families = snapshot.ListColumnFamilies();
  for (const std::string& family : *families) {
    auto& tables = state[family];
    const ColumnFamily id = snapshot.OpenColumnFamily(family).value();
    const auto names = snapshot.ListTables(id);
    for (const std::string& table : *names) {
      Entries& entries = tables[table];
      const ReadTable opened = snapshot.OpenTable(id, table, TableTypes::Any()).value();
      Cursor cursor = std::move(opened.NewCursor().value());
      for (bool more = cursor.First().value(); more; more = cursor.Next().value()) {
        entries[std::string(AsText(cursor.key()))] = AsText(cursor.value().value());
      }
    }
  }
  return state;
}

SalvageTest::SalvageTest() {
  history_[0];
  Reopen();
  CreateFamily("f");
}
SalvageTest::~SalvageTest() = default;

void SalvageTest::Reopen() {
  if (database_ != nullptr) {
    EXPECT_TRUE(database_->Close());
  }
  database_ = std::move(Database::Open(storage_, kName, RoomyOptions()).value());
}

void SalvageTest::CreateFamily(const std::string& name) {
  ASSERT_TRUE(database_->CreateColumnFamily(name));
  State next = Newest();
  next[name];
  history_[database_->Stats().commit_number] = std::move(next);
}

void SalvageTest::Change::Put(const std::string& table, const std::string& key,
                              const std::string& value) const {
  WriteTable opened = transaction.OpenOrCreateTable(family, table).value();
  ASSERT_TRUE(opened.Put(AsBytes(key), AsBytes(value)));
  tables[table][key] = value;
}

void SalvageTest::Change::DeleteRange(const std::string& table, const std::string& lower,
                                      const std::string& upper) const {
  WriteTable opened = transaction.OpenTable(family, table).value();
  ASSERT_TRUE(opened.DeleteRange({AsBytes(lower), AsBytes(upper)}));
  Entries& entries = tables[table];
  entries.erase(entries.lower_bound(lower), entries.lower_bound(upper));
}

void SalvageTest::Commit(const std::string& family, const std::function<void(const Change&)>& change) {
  const ColumnFamily id = database_->OpenColumnFamily(family).value();
  WriteTransaction transaction = std::move(database_->BeginWrite(id).value());
  State next = Newest();
  change({transaction, id, next[family]});
  history_[transaction.Commit().value()] = std::move(next);
}

void SalvageTest::PutMany(const std::string& table, int from, int count, const std::string& value) {
  Commit("f", [&](const Change& change) {
    for (int i = from; i < from + count; ++i) change.Put(table, "k" + std::to_string(1000 + i), value);
  });
}

void SalvageTest::DropFamily(const std::string& name) {
  ASSERT_TRUE(database_->DropColumnFamily(name));
  State next = Newest();
  next.erase(name);
  history_[database_->Stats().commit_number] = std::move(next);
}

void SalvageTest::RenameFamily(const std::string& from, const std::string& to) {
  ASSERT_TRUE(database_->RenameColumnFamily(from, to));
  State next = Newest();
  next[to] = next[from];
  next.erase(from);
  history_[database_->Stats().commit_number] = std::move(next);
}

FileBytes SalvageTest::Close() {
  EXPECT_TRUE(database_->Close());
  database_.reset();
  return FilesOf(*storage_);
}
FileBytes SalvageTest::Abandon() { return FilesOf(*storage_); }

SalvageTest::Salvaged SalvageTest::Do(const FileBytes& damaged, bool allow_older) {
  const auto from = StorageOf(damaged);
  const auto to = MakeMemoryStorage();
  Salvaged salvaged;
  SalvageOptions options;
  options.allow_older = allow_older;
  options.output = TinyOptions();
  options.source = [&](const SalvageSource& source) {
    salvaged.sources.push_back({std::string(source.family) + "/" + std::string(source.table),
                                std::string(AsText(source.first)), std::string(AsText(source.last)),
                                std::string(source.file), source.offset, source.entries,
                                source.extent_offset});
  };
  auto report = Salvage({from, kName}, {to, kName}, options);
  EXPECT_TRUE(report) << report.error().ToString();
  if (!report) return salvaged;
  salvaged.report = std::move(*report);
  const FileBytes after = FilesOf(*from);
  EXPECT_TRUE(after.data == damaged.data && after.log == damaged.log) << "the input was changed";
  const auto opened = Database::Open(to, kName, TinyOptions());
  EXPECT_TRUE(opened) << opened.error().ToString();
  if (!opened) return salvaged;
  EXPECT_TRUE((*opened)->Verify().value().ok());
  salvaged.state = ReadState(**opened);
  EXPECT_TRUE(history_.contains(salvaged.report.commit_number));
  EXPECT_TRUE(allow_older || salvaged.report.doubts.empty());
  if (history_.contains(salvaged.report.commit_number)) {
    ExpectPartOf(salvaged.state, history_.at(salvaged.report.commit_number), salvaged.report);
  }
  return salvaged;
}

Error SalvageTest::Refused(const FileBytes& damaged, bool allow_older) {
  const auto from = StorageOf(damaged);
  const auto to = MakeMemoryStorage();
  SalvageOptions options;
  options.allow_older = allow_older;
  options.output = TinyOptions();
  const auto report = Salvage({from, kName}, {to, kName}, options);
  EXPECT_FALSE(report);
  for (const char* name : {"db", "db-wal", "db-salvage", "db-salvage-wal"}) {
    EXPECT_FALSE(to->Exists(name).value()) << name;
  }
  const FileBytes after = FilesOf(*from);
  EXPECT_TRUE(after.data == damaged.data && after.log == damaged.log) << "the input was changed";
  return report ? Error(Errc::kInvalidArgument, "test") : report.error();
}

std::vector<std::string> SalvageTest::Lost(const SalvageReport& report) {
  std::vector<std::string> lost;
  for (const SalvageLoss& loss : report.losses) {
    std::string of = loss.keys.family;
    if (!loss.keys.table.empty()) of += "/" + loss.keys.table;
    std::string upper = loss.keys.upper.value_or("-");
    if (!upper.empty() && upper.back() == '\0') upper.back() = '+';
    lost.push_back(of + " [" + loss.keys.lower.value_or("-") + "," + upper + ")");
  }
  return lost;
}

std::vector<std::string> SalvageTest::Missing(const Salvaged& salvaged, const std::string& table) const {
  std::vector<std::string> missing;
  const auto& tables = salvaged.state.at("f");
  for (const auto& [key, value] : Newest().at("f").at(table)) {
    if (!tables.contains(table) || !tables.at(table).contains(key)) missing.push_back(key);
  }
  return missing;
}

}  // namespace manifolddb
