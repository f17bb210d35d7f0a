#pragma once
// The new database that salvage writes.

#include "engine/db/new_database.h"

namespace manifolddb::salvage {

using Output = db::NewDatabase;
inline constexpr Output::Purpose kPurpose = {"salvage", "-salvage"};

}  // namespace manifolddb::salvage
