#pragma once
// A persistent savepoint, read: its families and their tables, as they were at its commit.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/mvcc/family_versions.h"
#include "engine/mvcc/version_set.h"
#include "engine/txn/catalog_contents.h"
#include "engine/txn/core.h"

namespace manifolddb::txn {

struct SavepointFamily {
  std::string name;
  format::FamilyRecord record;
  mvcc::FamilyVersion version;
};

// Its pages stay while this lives, also if it is deleted meanwhile.
class SavepointVersion {
 public:
  // `slot`: for reading, until this returns. kNoSuchSavepoint, kCorrupt, kIo, kNoMemory.
  static Result<std::unique_ptr<SavepointVersion>> Open(Core& core, std::string_view name,
                                                        mvcc::ReaderSlot* slot, const char* operation);
  ~SavepointVersion();
  SavepointVersion(const SavepointVersion&) = delete;
  SavepointVersion& operator=(const SavepointVersion&) = delete;

  const mvcc::Savepoint& savepoint() const { return savepoint_; }
  format::TxnId txn() const { return savepoint_.record.txn; }
  // Ascending by name.
  const std::vector<std::unique_ptr<SavepointFamily>>& families() const { return families_; }
  const std::vector<CatalogContents::Dropped>& dropped() const { return dropped_; }
  // Savepoints that its own catalog lists, of whatever became of them since.
  const std::vector<CatalogContents::Savepoint>& savepoints_then() const { return savepoints_then_; }
  // Null if there was none.
  const SavepointFamily* Find(std::string_view name) const;
  const SavepointFamily* Find(format::FamilyId id) const;

 private:
  SavepointVersion(Core& core, mvcc::Savepoint pinned) : core_(core), savepoint_(std::move(pinned)) {}
  Status Read(mvcc::ReaderSlot* slot, const char* operation);

  Core& core_;
  const mvcc::Savepoint savepoint_;
  std::vector<std::unique_ptr<SavepointFamily>> families_;
  std::vector<const SavepointFamily*> by_id_;
  std::vector<CatalogContents::Dropped> dropped_;
  std::vector<CatalogContents::Savepoint> savepoints_then_;
};

}  // namespace manifolddb::txn
