// With SQLite.

#include <sqlite3.h>

#include <iostream>
#include <string>

namespace {

std::string Column(sqlite3_stmt* statement, int column) {
  return reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
}

int Run(sqlite3* db) {
  // Two entries, both or none, durable.
  const char* const write =
      "PRAGMA journal_mode = WAL;"
      "PRAGMA synchronous = FULL;"
      "CREATE TABLE IF NOT EXISTS prices (item TEXT PRIMARY KEY, price TEXT) WITHOUT ROWID;"
      "BEGIN IMMEDIATE;"
      "INSERT OR REPLACE INTO prices VALUES ('lamp', '19.90');"
      "INSERT OR REPLACE INTO prices VALUES ('chair', '49');"
      "COMMIT;";
  if (int error = sqlite3_exec(db, write, nullptr, nullptr, nullptr)) return error;

  // One of them, and all from "a" to before "m", of one snapshot.
  if (int error = sqlite3_exec(db, "BEGIN", nullptr, nullptr, nullptr)) return error;
  sqlite3_stmt* one = nullptr;
  int error = sqlite3_prepare_v2(db, "SELECT price FROM prices WHERE item = ?", -1, &one, nullptr);
  if (error == SQLITE_OK) error = sqlite3_bind_text(one, 1, "lamp", -1, SQLITE_STATIC);
  if (error == SQLITE_OK && sqlite3_step(one) == SQLITE_ROW)
    std::cout << "the lamp costs " << Column(one, 0) << "\n";
  sqlite3_finalize(one);
  if (error != SQLITE_OK) return error;
  sqlite3_stmt* range = nullptr;
  const char* const select = "SELECT item, price FROM prices WHERE item >= 'a' AND item < 'm' ORDER BY item";
  error = sqlite3_prepare_v2(db, select, -1, &range, nullptr);
  while (error == SQLITE_OK || error == SQLITE_ROW) {
    error = sqlite3_step(range);
    if (error == SQLITE_ROW) std::cout << Column(range, 0) << " " << Column(range, 1) << "\n";
  }
  sqlite3_finalize(range);
  if (error != SQLITE_DONE) return error;
  return sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  sqlite3* db = nullptr;
  int error = sqlite3_open((std::string(argv[1]) + "/prices").c_str(), &db);
  if (error == SQLITE_OK) error = Run(db);
  if (error != SQLITE_OK) std::cerr << "migrating_sqlite: " << sqlite3_errmsg(db) << "\n";
  sqlite3_close(db);
  return error == SQLITE_OK ? 0 : 1;
}
