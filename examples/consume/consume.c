/* Writes one entry to the database at the path given, and reads it back. */

#include <manifolddb_c.h>
#include <stdio.h>
#include <string.h>

/* Says what went wrong, and where; the calls behind one that failed are left out. */
static int failed(int code, manifolddb_error* error) {
  if (code == 0) return 0;
  fprintf(stderr, "consume: %s\n", error != NULL ? manifolddb_error_text(error) : "no memory");
  manifolddb_error_free(error);
  return 1;
}

static manifolddb_bytes bytes(const char* text) {
  manifolddb_bytes view = {text, strlen(text)};
  return view;
}

static int write_greeting(manifolddb_database* database, uint64_t words) {
  manifolddb_error* error = NULL;
  manifolddb_write* write = NULL;
  manifolddb_table* table = NULL;
  int code = manifolddb_begin_write(database, &words, 1, MANIFOLDDB_NO_LIMIT, &write, &error);
  if (code == 0)
    code = manifolddb_write_open_table(write, words, bytes("greetings"), NULL, NULL, true, &table, &error);
  if (code == 0) code = manifolddb_put(table, bytes("hello"), bytes("world"), &error);
  if (code == 0) code = manifolddb_commit(write, true, NULL, &error);
  manifolddb_table_free(table);
  manifolddb_write_free(write); /* takes everything back, unless it was committed */
  return failed(code, error);
}

static int read_greeting(manifolddb_database* database, uint64_t words) {
  manifolddb_error* error = NULL;
  manifolddb_read* read = NULL;
  manifolddb_table* table = NULL;
  manifolddb_value* value = NULL;
  int code = manifolddb_begin_read(database, &read, &error);
  if (code == 0)
    code = manifolddb_read_open_table(read, words, bytes("greetings"), NULL, NULL, &table, &error);
  if (code == 0) code = manifolddb_get(table, bytes("hello"), &value, &error);
  if (value != NULL) {
    const manifolddb_bytes greeting = manifolddb_value_bytes(value);
    printf("hello, %.*s\n", (int)greeting.size, (const char*)greeting.data);
  }
  manifolddb_value_free(value);
  manifolddb_table_free(table);
  manifolddb_read_free(read);
  return failed(code, error);
}

int main(int argc, char** argv) {
  manifolddb_error* error = NULL;
  manifolddb_database* database = NULL;
  uint64_t words = 0;
  int result = 0;
  if (argc != 2) return 2;
  if (failed(manifolddb_open(argv[1], NULL, &database, &error), error)) return 1;
  result = failed(manifolddb_open_or_create_family(database, bytes("words"), &words, &error), error) ||
           write_greeting(database, words) || read_greeting(database, words) ||
           failed(manifolddb_close(database, &error), error);
  manifolddb_database_free(database);
  return result;
}
