// Reads a whole database through the public API.
//
// (1) Every entry is read twice, forwards and backwards: both must agree, be in strict order, and be as
//     many as Length says.
// (2) Nothing here knows what the contents should be.
#include "crashsim/observe.h"

#include "engine/base/try.h"

namespace manifolddb::crashsim {
namespace {

std::string Where(const ObservedFamily& family, const ObservedTable& table) {
  return "table '" + table.name + "' of family '" + family.name + "': ";
}

struct Scan {
  StateSum sum;
  uint64_t entries = 0;
  bool ordered = true;
};

// Sums what the cursor returns from its first position on.
Result<Scan> ScanAll(Cursor& cursor, bool backwards, std::vector<ObservedEntry>* contents) {
  Scan scan;
  std::string last;
  MANIFOLDDB_ASSIGN(bool there, backwards ? cursor.Last() : cursor.First());
  while (there) {
    const ByteView key = cursor.key();
    MANIFOLDDB_ASSIGN(const ByteView value, cursor.value());
    if (scan.entries > 0) {
      const auto order = Compare(AsBytes(last), key);
      if (backwards ? order <= 0 : order >= 0) scan.ordered = false;
    }
    const uint64_t digest = Digest(value);
    scan.sum += SumOfEntry(Digest(key), digest);
    ++scan.entries;
    last.assign(AsText(key));
    if (contents != nullptr) contents->push_back({last, digest, value.size(), TagOf(value)});
    MANIFOLDDB_ASSIGN(there, backwards ? cursor.Prev() : cursor.Next());
  }
  return scan;
}

Status ObserveTable(const ReadTable& source, const ObservedFamily& family, Detail detail,
                    ObservedTable& table, std::vector<std::string>& problems) {
  MANIFOLDDB_ASSIGN(table.length, source.Length());
  MANIFOLDDB_ASSIGN(Cursor cursor, source.NewCursor());
  MANIFOLDDB_ASSIGN(const Scan forwards,
                    ScanAll(cursor, false, detail == Detail::kContents ? &table.contents : nullptr));
  MANIFOLDDB_ASSIGN(const Scan backwards, ScanAll(cursor, true, nullptr));
  table.entries = forwards.entries;
  table.sum = forwards.sum;
  if (!forwards.ordered) problems.push_back(Where(family, table) + "keys are out of order forwards");
  if (!backwards.ordered) problems.push_back(Where(family, table) + "keys are out of order backwards");
  if (forwards.sum != backwards.sum || forwards.entries != backwards.entries) {
    problems.push_back(Where(family, table) + std::to_string(forwards.entries) + " entries forwards, " +
                       std::to_string(backwards.entries) + " backwards, with different contents");
  }
  if (table.length != forwards.entries) {
    problems.push_back(Where(family, table) + "Length says " + std::to_string(table.length) +
                       ", a scan finds " + std::to_string(forwards.entries));
  }
  return {};
}

}  // namespace

Result<Observation> Observe(ReadTransaction& transaction, Detail detail) {
  Observation seen;
  seen.number = transaction.commit_number();
  MANIFOLDDB_ASSIGN(const std::vector<std::string> names, transaction.ListColumnFamilies());
  for (const std::string& name : names) {
    ObservedFamily& family = seen.families.emplace_back(ObservedFamily{.name = name, .uid = 0, .tables = {}});
    MANIFOLDDB_ASSIGN(const ColumnFamily handle, transaction.OpenColumnFamily(name));
    family.uid = handle.id();
    MANIFOLDDB_ASSIGN(const std::vector<std::string> tables, transaction.ListTables(handle));
    for (const std::string& table_name : tables) {
      ObservedTable& table =
          family.tables.emplace_back(ObservedTable{.name = table_name, .sum = {}, .contents = {}});
      MANIFOLDDB_ASSIGN(const ReadTable source, transaction.OpenTable(handle, table_name));
      MANIFOLDDB_TRY(ObserveTable(source, family, detail, table, seen.problems));
    }
  }
  return seen;
}

Result<Observation> Observe(const Database& database, Detail detail) {
  MANIFOLDDB_ASSIGN(ReadTransaction transaction, database.BeginRead());
  return Observe(transaction, detail);
}

}  // namespace manifolddb::crashsim
