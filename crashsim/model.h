#pragma once
// What the database should contain: ordered maps, nothing clever. Sums of the contents are kept as they
// change, so that a state is recognised without comparing entries.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "crashsim/digest.h"
#include "crashsim/program.h"
#include "manifolddb/result.h"

namespace manifolddb::crashsim {

// A value as the model remembers it: not its bytes, which the sums stand for.
struct ModelValue {
  uint64_t digest = 0;
  uint64_t bytes = 0;
  Serial serial = 0;  // who wrote it
  friend bool operator==(const ModelValue&, const ModelValue&) = default;
};

struct ModelTable {
  std::map<std::string, ModelValue, std::less<>> entries;
  StateSum sum;

  void Put(std::string_view key, const ModelValue& value);
  bool Delete(std::string_view key);
};

struct ModelFamily {
  std::string name;
  std::map<std::string, ModelTable, std::less<>> tables = {};
};

// What an operation returned, or should return: an error, or a number whose meaning depends on the operation
// (Delete: 0 or 1; DeleteRange, Length: a count; Get, Scan: a digest, 0 for nothing).
struct Outcome {
  std::optional<Errc> error = std::nullopt;
  uint64_t value = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// Families go by an id that outlives renaming; the engine's ColumnFamily::id().
using FamilyUid = uint64_t;

class Model {
 public:
  // Applies one operation of a transaction to a family; returns what the engine should have returned.
  Outcome Apply(FamilyUid family, const Op& op, Serial serial);
  Outcome CreateFamily(FamilyUid family, const std::string& name);
  Outcome DropFamily(const std::string& name);
  Outcome RenameFamily(const std::string& from, const std::string& to);

  StateSum Sum() const;
  std::optional<FamilyUid> Find(std::string_view name) const;
  const std::map<FamilyUid, ModelFamily>& families() const { return families_; }
  // Gives the family called `name` the id `uid`: ids are the engine's, learnt again after recovery.
  void Rebind(const std::string& name, FamilyUid uid);
  // A table of a family that is there, made if it is not.
  ModelTable& AddTable(FamilyUid family, const std::string& name) { return families_[family].tables[name]; }
  // Copies of these families stand in for what `other` has under the same ids.
  void TakeFamilies(const Model& other, const std::vector<FamilyUid>& uids);

 private:
  Outcome ApplyToTable(ModelTable& table, const Op& op, Serial serial);

  std::map<FamilyUid, ModelFamily> families_;
};

// What a transaction of the model can be taken back to: it alone changes the state meanwhile.
class ModelSavepoints {
 public:
  // REQUIRES: `op` is about savepoints. kInvalidArgument: none was set.
  Outcome Apply(Model& state, const Op& op);

 private:
  std::vector<Model> set_;
};

// What a scan of `op` should return from `table`.
uint64_t ScanOf(const ModelTable& table, const Op& op);
// What one entry adds to a scan's sum: both sides use it.
void AddToScan(SequenceSum& sum, std::string_view key, uint64_t value_digest);
// Get's outcome for a value that is there.
uint64_t FoundValue(uint64_t digest);

}  // namespace manifolddb::crashsim
