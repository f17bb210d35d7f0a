#pragma once
// Every damage that there is, one after the other: to bytes, sectors and whole files.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "fuzz/damage/cases.h"

namespace manifolddb::fuzz {

// One change of the files of a database.
struct Damage {
  const DamageCase& made;
  std::string kind;
  std::string file;
  std::string where;
  const Files& changed;
  // As --only takes it.
  std::string Id() const { return made.name + ":" + kind + ":" + file + ":" + where; }
};

// Which ones.
struct DamageChoice {
  size_t stride = 1;      // only each n-th of those to bytes, and of the swaps
  std::string only_case;  // of one database
  std::string only;       // one damage
  // Takes one option; false if it is none of these.
  bool Take(const std::string& word, const std::string& value);
};

void ForEachDamage(const DamageCase& made, const DamageChoice& choice,
                   const std::function<void(const Damage&)>& visit);

// The damage at hand, for whoever finds the process dying: `program` and its id are printed then, also when
// it takes longer than a minute.
void ReportDeathsOf(const std::string& program);
void Begin(const Damage& damage);
void EndAll();

}  // namespace manifolddb::fuzz
