#pragma once
// Pages as error messages name them.

#include <string>

#include "engine/format/ids.h"

namespace manifolddb::page {

inline std::string TextOf(format::PageId id) { return "page " + std::to_string(id.raw()); }

// Life and counter: "3.17".
inline std::string TextOf(format::Birth birth) {
  return std::to_string(birth.raw() >> format::kBirthCounterBits) + "." +
         std::to_string(birth.raw() & format::kBirthCounterMax);
}

inline std::string TextOf(format::PageRef ref) { return TextOf(ref.id) + " of birth " + TextOf(ref.birth); }

}  // namespace manifolddb::page
