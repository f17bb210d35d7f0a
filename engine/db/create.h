#pragma once
// Making a database: the log first, then the data file, each complete before it gets its name.

#include <string>

#include "engine/db/config.h"
#include "manifolddb/storage.h"

namespace manifolddb::db {

std::string LogName(const std::string& name);
// What the data file is called until it is complete.
std::string CreationName(const std::string& name);

// Afterwards `name` and its log are durable under their names. A crash before the end leaves no `name`; a log
// without it is replaced by the next attempt. kLocked if another process is creating it.
Status CreateDatabase(Storage& storage, const std::string& name, const CreateConfig& config);

}  // namespace manifolddb::db
