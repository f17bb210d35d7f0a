// Writes one entry to the database at the path given, and reads it back.

#include <manifolddb/database.h>

#include <iostream>

int main(int argc, char** argv) {
  using manifolddb::AsBytes;
  if (argc != 2) return 2;
  try {  // .value() of a Result that failed throws; quick_start.cc goes without
    auto db = manifolddb::Database::Open(argv[1]).value();
    const auto words = db->OpenOrCreateColumnFamily("words").value();
    auto write = db->BeginWrite(words).value();
    write.OpenOrCreateTable(words, "greetings").value().Put(AsBytes("hello"), AsBytes("world")).value();
    write.Commit().value();
    auto read = db->BeginRead().value();
    const auto greeting = read.OpenTable(words, "greetings").value().Get(AsBytes("hello")).value();
    std::cout << "hello, " << greeting.value().text() << "\n";
  } catch (const std::exception& error) {
    std::cerr << "consume: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
