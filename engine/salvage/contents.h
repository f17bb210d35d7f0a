#pragma once
// What is known of the contents of a damaged database, and what is not: families and tables by their ids, as
// the log names them, with the ranges of keys that are lost.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/format/ids.h"
#include "manifolddb/salvage.h"

namespace manifolddb::salvage {

// What is damaged.
struct Cause {
  std::string file;
  uint64_t offset = 0;
  std::string why;
};

// Keys of which nothing is known. Disjoint ranges, in order, so that whatever a log says of keys is looked up
// quickly.
class LostRanges {
 public:
  // A bound that is absent: none. Others that it overlaps become one with it, for its cause; inside one of
  // them it adds nothing.
  void Add(const std::optional<std::string>& lower, const std::optional<std::string>& upper, Cause cause);
  void AddKey(const std::string& key, Cause cause);
  // It is known again what lies in the range: nothing. Ranges are cut, or go.
  void Regain(const std::optional<std::string>& lower, const std::optional<std::string>& upper);
  // One key is known again. A range of this key alone goes; a longer one stays as it is: a log can name very
  // many keys.
  void RegainKey(const std::string& key);

  bool empty() const { return ranges_.empty(); }
  const Cause& first_cause() const { return ranges_.begin()->second.cause; }
  // `of`: whose keys these are.
  void AddTo(std::vector<SalvageLoss>& losses, const VerifyReport::Affected& of) const;

 private:
  struct Rest {
    std::optional<std::string> upper;
    Cause cause;
  };
  using Ranges = std::map<std::string, Rest>;  // by the lower bound; the empty key is the first there is
  // The first range that ends behind `key`.
  Ranges::iterator FirstBehind(const std::string& key);

  Ranges ranges_;
};

struct KnownTable {
  std::string name;
  LostRanges lost;  // keys
};
struct KnownFamily {
  std::string name;
  ColumnFamily output;  // in the new database
  std::map<format::TableId, KnownTable> tables;
  LostRanges lost;  // names of tables
};
struct Contents {
  std::map<format::FamilyId, KnownFamily> families;
  LostRanges lost;  // names of families

  std::vector<SalvageLoss> Losses() const;
};

}  // namespace manifolddb::salvage
