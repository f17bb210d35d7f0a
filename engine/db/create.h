#pragma once
// Making a database: the log first, then the data file, each complete before it gets its name.

#include <string>

#include "engine/db/config.h"
#include "manifolddb/storage.h"

namespace manifolddb::db {

std::string LogName(const std::string& name);
// What the data file is called until it is complete.
std::string CreationName(const std::string& name);

// The file under the creation's name, empty and locked: who holds it is the only one that may give `name` to
// a file, or take it away. Errors name the database. kLocked if another opening has it.
Result<std::unique_ptr<File>> HoldCreation(Storage& storage, const std::string& name);
// Afterwards the log is durable under its name, and `name` is there: its first opening for writing makes it
// durable. A crash before that leaves no `name`, or a whole one; a log without it is replaced by the next
// attempt. kLocked if another opening is creating it.
Status CreateDatabase(Storage& storage, const std::string& name, const CreateConfig& config);

}  // namespace manifolddb::db
