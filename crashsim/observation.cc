// What was read, as a sum and as a model.
#include "crashsim/observation.h"

namespace manifolddb::crashsim {

StateSum Observation::Sum() const {
  StateSum sum;
  for (const ObservedFamily& family : families) {
    StateSum contents;
    for (const ObservedTable& table : family.tables)
      contents += SumOfTable(table.name, table.entries, table.sum);
    sum += SumOfFamily(family.name, family.tables.size(), contents);
  }
  return sum;
}

Model ModelOf(const Observation& observation) {
  Model model;
  for (const ObservedFamily& family : observation.families) {
    static_cast<void>(model.CreateFamily(family.uid, family.name));
    for (const ObservedTable& table : family.tables) {
      ModelTable& copy = model.AddTable(family.uid, table.name);
      for (const ObservedEntry& entry : table.contents) {
        copy.Put(entry.key, {entry.digest, entry.bytes, entry.tag.serial});
      }
    }
  }
  return model;
}

}  // namespace manifolddb::crashsim
