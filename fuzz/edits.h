#pragma once
// Changes to the files of a database that is not open: what disks, people and other programs do to them.

#include "fuzz/input.h"
#include "fuzz/session.h"

namespace manifolddb::fuzz {

class Editor {
 public:
  // Damage leaves checksums as they are; `forging` makes them match what was changed.
  explicit Editor(bool forging) : forging_(forging) {}

  // One change, drawn from `input`. REQUIRES: the session is closed, and was open before.
  void Apply(Session& session, Input& input);
  // What the last change was, for people.
  const std::string& last() const { return last_; }

 private:
  struct Place {
    std::string* file;
    size_t at;  // of a sector, or of less where the file ends
    size_t bytes;
    bool data;
    MutableByteView span() const { return {reinterpret_cast<std::byte*>(file->data()) + at, bytes}; }
  };

  std::optional<Place> Choose(Session& session, Input& input) const;
  void Damage(Session& session, Input& input, size_t what);
  void DamagePlace(Session& session, Input& input, size_t what, Place place);
  void DamageFile(Session& session, Input& input, size_t what);
  void Splice(Session& session, Input& input, Place place);
  void Forge(Session& session, Input& input);
  void ForgeField(Input& input, Place place);
  void Point(Session& session, Input& input, Place place);
  std::optional<Place> NewestMetaIn(Session& session) const;
  std::optional<Place> LogGroupIn(Session& session, Input& input) const;
  void ForgeExtent(Session& session, Input& input);
  void ForgeCatalog(Session& session, Input& input);
  void ForgeFreeMap(Session& session, Input& input);

  const bool forging_;
  std::string last_;
  // Of another database: together they make it that one.
  bool foreign_log_ = false;
  bool foreign_data_ = false;
};

// Another database, made of the same steps as any: what a splice is taken from.
const Files& Neighbour();

// The groups of a log that are intact and follow the newest meta page, linked and sealed anew.
void RepairChain(Files& files);

}  // namespace manifolddb::fuzz
