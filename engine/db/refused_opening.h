#pragma once
// For tests: an opening that is refused must leave every file as it was, and none that was not there.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "engine/base/memory.h"
#include "manifolddb/database.h"
#include "manifolddb/storage.h"

namespace manifolddb {

// Hands all calls on, and knows the name of each file that was opened, made or renamed through it.
class ListedStorage final : public Storage {
 public:
  ListedStorage(std::shared_ptr<Storage> below, std::set<std::string> names)
      : below_(std::move(below)), names_(std::move(names)) {}

  Result<std::unique_ptr<File>> Open(const std::string& name, OpenMode mode) override {
    names_.insert(name);
    return below_->Open(name, mode);
  }
  Result<bool> Exists(const std::string& name) override { return below_->Exists(name); }
  Status Rename(const std::string& from, const std::string& to) override {
    names_.insert(to);
    return below_->Rename(from, to);
  }
  Status Remove(const std::string& name) override {
    names_.insert(name);
    return below_->Remove(name);
  }
  Status SyncDirectory() override { return below_->SyncDirectory(); }
  std::array<std::byte, 16> NewIdentity() override { return below_->NewIdentity(); }

  // The bytes of each file that is there, by its name.
  std::map<std::string, std::string> Contents() const {
    std::map<std::string, std::string> contents;
    for (const std::string& name : names_) {
      const auto file = below_->Open(name, OpenMode::kReadOnly);
      if (!file) continue;
      std::string& bytes = contents[name];
      const uint64_t size = *(*file)->Size();
      if (size == 0) continue;
      auto buffer = base::Buffer::Make(size, "test");
      EXPECT_TRUE((*file)->Read(0, buffer->span()));
      bytes = AsText(buffer->view());
    }
    return contents;
  }

 private:
  const std::shared_ptr<Storage> below_;
  std::set<std::string> names_;
};

// Opening "db" fails with `code`, names a file of the database and advises; all files stay as they were, and
// none appears. A file of another name that the opening looks at counts as one that appeared.
inline void ExpectRefused(std::shared_ptr<Storage> storage, Errc code, const Options& options) {
  const auto listed =
      std::make_shared<ListedStorage>(std::move(storage), std::set<std::string>{"db", "db-wal", "db-new"});
  const auto before = listed->Contents();
  const auto db = Database::Open(listed, "db", options);
  ASSERT_FALSE(db);
  const std::string said = db.error().ToString();
  EXPECT_EQ(db.error().code(), code) << said;
  EXPECT_TRUE(db.error().file() == "db" || db.error().file() == "db-wal") << said;
  EXPECT_NE(said.find(db.error().file()), said.npos) << said;
  EXPECT_NE(said.find(Advice(code)), said.npos) << said;
  const auto after = listed->Contents();
  for (const auto& [name, bytes] : before) EXPECT_TRUE(after.contains(name)) << name << " has gone";
  for (const auto& [name, bytes] : after) {
    ASSERT_TRUE(before.contains(name)) << name << " has appeared";
    EXPECT_TRUE(bytes == before.at(name)) << name << " is not as it was";
  }
}

}  // namespace manifolddb
