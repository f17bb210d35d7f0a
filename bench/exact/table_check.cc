#include "bench/exact/table_check.h"

#include "bench/exact/data.h"
#include "bench/exact/world.h"

namespace manifolddb::bench::exact {

void CheckTable(Database& database, ColumnFamily family, const Expected& expected) {
  ReadTransaction snapshot = Must(database.BeginRead(), "begin");
  const ReadTable table = Must(snapshot.OpenTable(family, kTable), "open table");
  Cursor cursor = Must(table.NewCursor(), "cursor");
  bool more = Must(cursor.First(), "first");
  for (const auto& [number, tag] : expected.tags) {
    if (!more || !Equal(cursor.key(), Key(number).view())) Die("an entry is missing");
    if (!IsValueOf(Must(cursor.value(), "value"), tag, expected.value_bytes)) Die("a wrong value");
    more = Must(cursor.Next(), "next");
  }
  if (more) Die("an entry that nobody put");
  if (Must(table.Length(), "length") != expected.tags.size()) Die("a wrong number of entries");
}

}  // namespace manifolddb::bench::exact
