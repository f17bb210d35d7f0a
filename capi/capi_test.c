/* The C API from C: the only argument is a folder, which is made. */

#include "capi/include/manifolddb_c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int failures = 0;

#define CHECK(condition)                                                            \
  do {                                                                              \
    if (!(condition)) {                                                             \
      fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
      ++failures;                                                                   \
    }                                                                               \
  } while (0)

/* A call that has to succeed: without it nothing behind it makes sense. */
static void must(int code, manifolddb_error* error, int line) {
  if (code == 0) return;
  fprintf(stderr, "%s:%d: %s\n", __FILE__, line, error != NULL ? manifolddb_error_text(error) : "no memory");
  exit(1);
}
#define MUST(call) must((call), error, __LINE__)
/* One that has to fail with this code, and an error that says so. */
#define FAILS(wanted, call)                                           \
  do {                                                                \
    CHECK((call) == (wanted));                                        \
    CHECK(error != NULL);                                             \
    CHECK(error == NULL || manifolddb_error_code(error) == (wanted)); \
    manifolddb_error_free(error);                                     \
    error = NULL;                                                     \
  } while (0)

static manifolddb_bytes bytes(const char* text) {
  manifolddb_bytes view = {text, strlen(text)};
  return view;
}
static int equal(manifolddb_bytes a, const char* b) {
  return a.size == strlen(b) && memcmp(a.data, b, a.size) == 0;
}

static bool count_names(void* user, manifolddb_bytes name) {
  CHECK(name.size > 0);
  ++*(int*)user;
  return true;
}
static bool first_name_only(void* user, manifolddb_bytes name) {
  (void)name;
  ++*(int*)user;
  return false;
}

/* What C++ makes of `throw 1;`: names of the Itanium ABI. */
void* __cxa_allocate_exception(size_t size);
_Noreturn void __cxa_throw(void* thrown, void* type, void (*destroy)(void*));
extern char _ZTIi[];
static bool throw_one(void* user, manifolddb_bytes name) {
  int* const thrown = __cxa_allocate_exception(sizeof *thrown);
  (void)user;
  (void)name;
  *thrown = 1;
  __cxa_throw(thrown, _ZTIi, NULL);
}

static manifolddb_database* open_at(const char* path) {
  manifolddb_error* error = NULL;
  manifolddb_database* database = NULL;
  manifolddb_options* options = manifolddb_options_new();
  CHECK(options != NULL);
  MUST(manifolddb_options_set(options, MANIFOLDDB_OPTION_CACHE_BYTES, 1 << 20, &error));
  MUST(manifolddb_options_set(options, MANIFOLDDB_OPTION_BACKGROUND_THREAD, 0, &error));
  FAILS(MANIFOLDDB_ERROR_INVALID_ARGUMENT,
        manifolddb_options_set(options, MANIFOLDDB_OPTION_READ_ONLY, 2, &error));
  FAILS(MANIFOLDDB_ERROR_INVALID_ARGUMENT, manifolddb_options_set(options, (manifolddb_option)99, 2, &error));
  FAILS(MANIFOLDDB_ERROR_INVALID_ARGUMENT,
        manifolddb_options_set(options, MANIFOLDDB_OPTION_PAGE_SIZE, UINT64_MAX, &error));
  MUST(manifolddb_open(path, options, &database, &error));
  manifolddb_options_free(options);
  return database;
}

static uint64_t test_families(manifolddb_database* database) {
  manifolddb_error* error = NULL;
  uint64_t shop = 0;
  uint64_t other = 0;
  int names = 0;
  MUST(manifolddb_create_family(database, bytes("shop"), &shop, &error));
  FAILS(MANIFOLDDB_ERROR_ALREADY_EXISTS, manifolddb_create_family(database, bytes("shop"), &other, &error));
  MUST(manifolddb_open_or_create_family(database, bytes("other"), &other, &error));
  CHECK(shop != other);
  MUST(manifolddb_list_families(database, count_names, &names, &error));
  CHECK(names == 2);
  names = 0;
  MUST(manifolddb_list_families(database, first_name_only, &names, &error));
  CHECK(names == 1);
  FAILS(MANIFOLDDB_ERROR_INVALID_ARGUMENT, manifolddb_list_families(database, throw_one, NULL, &error));
  MUST(manifolddb_rename_family(database, bytes("other"), bytes("gone"), &error));
  MUST(manifolddb_drop_family(database, bytes("gone"), &error));
  FAILS(MANIFOLDDB_ERROR_NO_SUCH_COLUMN_FAMILY,
        manifolddb_open_family(database, bytes("gone"), &other, &error));
  return shop;
}

static void test_writing(manifolddb_database* database, uint64_t shop) {
  manifolddb_error* error = NULL;
  manifolddb_write* write = NULL;
  manifolddb_table* table = NULL;
  uint64_t savepoint = 0;
  uint64_t number = 0;
  int64_t sum = 0;
  bool yes = false;
  manifolddb_bytes old = bytes("120");
  manifolddb_bytes new_value = bytes("110");
  MUST(manifolddb_begin_write(database, &shop, 1, MANIFOLDDB_NO_LIMIT, &write, &error));
  FAILS(MANIFOLDDB_ERROR_NO_SUCH_TABLE,
        manifolddb_write_open_table(write, shop, bytes("prices"), NULL, NULL, false, &table, &error));
  MUST(manifolddb_write_open_table(write, shop, bytes("prices"), "string", "", true, &table, &error));
  CHECK(strcmp(manifolddb_key_type(table), "string") == 0);
  MUST(manifolddb_put(table, bytes("lamp"), bytes("20"), &error));
  MUST(manifolddb_put(table, bytes("table"), bytes("120"), &error));
  MUST(manifolddb_put(table, bytes("chair"), bytes("49"), &error));
  MUST(manifolddb_compare_and_swap(table, bytes("table"), &old, &new_value, &yes, &error));
  CHECK(yes);
  MUST(manifolddb_compare_and_swap(table, bytes("table"), &old, NULL, &yes, &error));
  CHECK(!yes);
  MUST(manifolddb_set_savepoint(write, &savepoint, &error));
  MUST(manifolddb_delete(table, bytes("lamp"), &yes, &error));
  CHECK(yes);
  MUST(manifolddb_roll_back_to(write, savepoint, &error));
  MUST(manifolddb_release(write, savepoint, &error));
  FAILS(MANIFOLDDB_ERROR_INVALID_ARGUMENT, manifolddb_roll_back_to(write, savepoint, &error));
  MUST(manifolddb_add_to_counter(table, bytes("sold"), 3, NULL, &error));
  MUST(manifolddb_add_to_counter(table, bytes("sold"), 4, &sum, &error));
  CHECK(sum == 7);
  MUST(manifolddb_commit(write, true, &number, &error));
  CHECK(number > 0);
  FAILS(MANIFOLDDB_ERROR_TRANSACTION_ENDED, manifolddb_put(table, bytes("a"), bytes("b"), &error));
  manifolddb_table_free(table);
  manifolddb_write_free(write);
}

/* So many that time in their square would be noticed. */
static void test_savepoints(manifolddb_database* database, uint64_t shop) {
  manifolddb_error* error = NULL;
  manifolddb_write* write = NULL;
  uint64_t savepoint = 0;
  MUST(manifolddb_begin_write(database, &shop, 1, MANIFOLDDB_NO_LIMIT, &write, &error));
  for (uint64_t i = 1; i <= 200000; ++i) {
    MUST(manifolddb_set_savepoint(write, &savepoint, &error));
    CHECK(savepoint == i);
  }
  MUST(manifolddb_roll_back_to(write, 2, &error));
  FAILS(MANIFOLDDB_ERROR_INVALID_ARGUMENT, manifolddb_release(write, 3, &error));
  MUST(manifolddb_release(write, 1, &error));
  MUST(manifolddb_commit(write, false, NULL, &error));
  manifolddb_write_free(write);
}

static void test_cursor(manifolddb_table* table) {
  manifolddb_error* error = NULL;
  manifolddb_cursor* cursor = NULL;
  manifolddb_bytes from = bytes("d");
  manifolddb_range range = {0};
  manifolddb_bytes key;
  manifolddb_bytes value;
  bool found = false;
  range.lower = &from;
  MUST(manifolddb_cursor_new(table, &range, &cursor, &error));
  FAILS(MANIFOLDDB_ERROR_INVALID_ARGUMENT, manifolddb_cursor_key(cursor, &key, &error));
  MUST(manifolddb_first(cursor, &found, &error));
  CHECK(found);
  MUST(manifolddb_cursor_key(cursor, &key, &error));
  MUST(manifolddb_cursor_value(cursor, &value, &error));
  CHECK(equal(key, "lamp") && equal(value, "20"));
  MUST(manifolddb_next(cursor, &found, &error));
  MUST(manifolddb_cursor_key(cursor, &key, &error));
  CHECK(found && equal(key, "sold"));
  MUST(manifolddb_prev(cursor, &found, &error));
  CHECK(found);
  MUST(manifolddb_prev(cursor, &found, &error));
  CHECK(!found);
  MUST(manifolddb_last(cursor, &found, &error));
  MUST(manifolddb_cursor_key(cursor, &key, &error));
  CHECK(equal(key, "table"));
  MUST(manifolddb_seek(cursor, bytes("m"), &found, &error));
  MUST(manifolddb_cursor_key(cursor, &key, &error));
  CHECK(equal(key, "sold"));
  MUST(manifolddb_seek_for_prev(cursor, bytes("m"), &found, &error));
  MUST(manifolddb_cursor_key(cursor, &key, &error));
  CHECK(equal(key, "lamp"));
  manifolddb_cursor_free(cursor);
}

static void test_reading(manifolddb_database* database, uint64_t shop) {
  manifolddb_error* error = NULL;
  manifolddb_read* read = NULL;
  manifolddb_table* table = NULL;
  manifolddb_value* value = NULL;
  manifolddb_cursor* cursor = NULL;
  manifolddb_cursor* unused = NULL;
  manifolddb_bytes key;
  bool found = false;
  uint64_t family = 0;
  uint64_t entries = 0;
  int names = 0;
  manifolddb_bytes prefix = bytes("l");
  manifolddb_range range = {0};
  range.prefix = &prefix;
  MUST(manifolddb_begin_read(database, &read, &error));
  CHECK(manifolddb_read_commit_number(read) > 0);
  MUST(manifolddb_read_open_family(read, bytes("shop"), &family, &error));
  CHECK(family == shop);
  MUST(manifolddb_read_list_tables(read, shop, count_names, &names, &error));
  CHECK(names == 1);
  FAILS(MANIFOLDDB_ERROR_TYPE_MISMATCH,
        manifolddb_read_open_table(read, shop, bytes("prices"), "u64", "", &table, &error));
  MUST(manifolddb_read_open_table(read, shop, bytes("prices"), NULL, NULL, &table, &error));
  FAILS(MANIFOLDDB_ERROR_READ_ONLY, manifolddb_put(table, bytes("a"), bytes("b"), &error));
  MUST(manifolddb_length(table, &entries, &error));
  CHECK(entries == 4);
  MUST(manifolddb_count(table, &range, &entries, &error));
  CHECK(entries == 1);
  MUST(manifolddb_get(table, bytes("nothing"), &value, &error));
  CHECK(value == NULL);
  test_cursor(table);
  MUST(manifolddb_get(table, bytes("table"), &value, &error));
  /* In the wrong order on purpose. */
  MUST(manifolddb_cursor_new(table, NULL, &cursor, &error));
  MUST(manifolddb_first(cursor, &found, &error));
  manifolddb_read_free(read);
  FAILS(MANIFOLDDB_ERROR_TRANSACTION_ENDED, manifolddb_next(cursor, &found, &error));
  FAILS(MANIFOLDDB_ERROR_TRANSACTION_ENDED, manifolddb_cursor_key(cursor, &key, &error));
  FAILS(MANIFOLDDB_ERROR_TRANSACTION_ENDED, manifolddb_length(table, &entries, &error));
  FAILS(MANIFOLDDB_ERROR_TRANSACTION_ENDED, manifolddb_cursor_new(table, NULL, &unused, &error));
  manifolddb_table_free(table);
  manifolddb_cursor_free(cursor);
  CHECK(equal(manifolddb_value_bytes(value), "110"));
  manifolddb_value_free(value);
}

static void test_batches_and_ends(manifolddb_database* database, uint64_t shop) {
  manifolddb_error* error = NULL;
  manifolddb_batch* batch = manifolddb_batch_new();
  manifolddb_write* write = NULL;
  manifolddb_table* table = NULL;
  manifolddb_cursor* cursor = NULL;
  manifolddb_bytes key;
  uint64_t entries = 0;
  bool found = false;
  MUST(manifolddb_batch_put(batch, shop, bytes("prices"), bytes("bed"), bytes("300"), &error));
  MUST(manifolddb_batch_delete(batch, shop, bytes("prices"), bytes("chair"), &error));
  CHECK(manifolddb_batch_changes(batch) == 2);
  MUST(manifolddb_apply(database, batch, NULL, &error));
  manifolddb_batch_clear(batch);
  CHECK(manifolddb_batch_changes(batch) == 0);
  manifolddb_batch_free(batch);

  MUST(manifolddb_begin_write(database, &shop, 1, 0, &write, &error));
  MUST(manifolddb_write_open_table(write, shop, bytes("prices"), NULL, NULL, false, &table, &error));
  MUST(manifolddb_cursor_new(table, NULL, &cursor, &error));
  MUST(manifolddb_first(cursor, &found, &error));
  MUST(manifolddb_cursor_key(cursor, &key, &error));
  CHECK(equal(key, "bed"));
  MUST(manifolddb_delete_range(table, NULL, &entries, &error));
  CHECK(entries == 4);
  FAILS(MANIFOLDDB_ERROR_BUSY, manifolddb_close(database, &error));
  manifolddb_abort(write);
  FAILS(MANIFOLDDB_ERROR_TRANSACTION_ENDED, manifolddb_cursor_key(cursor, &key, &error));
  manifolddb_write_free(write);
  manifolddb_table_free(table);
  manifolddb_cursor_free(cursor);
}

static void test_figures(manifolddb_database* database) {
  manifolddb_error* error = NULL;
  uint64_t problems = 1;
  char* text = NULL;
  MUST(manifolddb_checkpoint(database, &error));
  MUST(manifolddb_verify(database, &problems, &text, &error));
  CHECK(problems == 0 && strcmp(text, "") == 0);
  manifolddb_string_free(text);
  MUST(manifolddb_stats_json(database, &text, &error));
  CHECK(strstr(text, "\"checkpoints\": ") != NULL);
  manifolddb_string_free(text);
  MUST(manifolddb_stats_prometheus(database, NULL, &text, &error));
  CHECK(strstr(text, "\nmanifolddb_aborts_total 1\n") != NULL);
  manifolddb_string_free(text);
  MUST(manifolddb_stats_prometheus(database, "sh\"op", &text, &error));
  CHECK(strstr(text, "\nmanifolddb_aborts_total{database=\"sh\\\"op\"} 1\n") != NULL);
  manifolddb_string_free(text);
  CHECK(manifolddb_key_bytes_max(database) == 2048);
  CHECK(strcmp(manifolddb_version(), "") != 0);
}

static void test_errors(const char* folder) {
  manifolddb_error* error = NULL;
  manifolddb_database* database = NULL;
  manifolddb_options* options = manifolddb_options_new();
  char path[4096];
  snprintf(path, sizeof path, "%s/nowhere/db", folder);
  CHECK(manifolddb_open(path, NULL, &database, &error) == MANIFOLDDB_ERROR_NOT_FOUND);
  CHECK(strcmp(manifolddb_error_name(error), "kNotFound") == 0);
  CHECK(strcmp(manifolddb_error_category(error), "kCaller") == 0);
  CHECK(strstr(manifolddb_error_text(error), path) != NULL);
  CHECK(manifolddb_error_cause(error) == NULL);
  manifolddb_error_free(error);
  CHECK(manifolddb_open(folder, NULL, &database, &error) == MANIFOLDDB_ERROR_INVALID_ARGUMENT);
  manifolddb_error* const cause = manifolddb_error_cause(error);
  manifolddb_error_free(error);
  CHECK(cause != NULL && strstr(manifolddb_error_text(cause), "posix_storage.open") != NULL);
  CHECK(manifolddb_error_code(cause) == MANIFOLDDB_ERROR_INVALID_ARGUMENT);
  CHECK(manifolddb_error_cause(cause) == NULL);
  manifolddb_error_free(cause);
  /* Nobody has to take the error. */
  CHECK(manifolddb_open(path, NULL, &database, NULL) == MANIFOLDDB_ERROR_NOT_FOUND);
  MUST(manifolddb_options_set(options, MANIFOLDDB_OPTION_PAGE_SIZE, 1000, &error));
  MUST(manifolddb_options_set(options, MANIFOLDDB_OPTION_CACHE_BYTES, 0, &error));
  CHECK(manifolddb_open(path, options, &database, &error) == MANIFOLDDB_ERROR_INVALID_ARGUMENT);
  CHECK(strstr(manifolddb_error_text(error), "page_size") != NULL);
  CHECK(strstr(manifolddb_error_text(error), "cache_bytes") != NULL);
  manifolddb_error_free(error);
  manifolddb_options_free(options);
  manifolddb_database_free(NULL);
  manifolddb_error_free(NULL);
}

int main(int argc, char** argv) {
  manifolddb_error* error = NULL;
  manifolddb_database* database = NULL;
  char path[4096];
  char log[4096];
  uint64_t shop = 0;
  if (argc != 2) return 2;
  mkdir(argv[1], 0777);
  snprintf(path, sizeof path, "%s/db", argv[1]);
  snprintf(log, sizeof log, "%s/db-wal", argv[1]);
  remove(path);
  remove(log);
  test_errors(argv[1]);
  database = open_at(path);
  shop = test_families(database);
  test_writing(database, shop);
  test_savepoints(database, shop);
  test_reading(database, shop);
  test_batches_and_ends(database, shop);
  test_figures(database);
  MUST(manifolddb_close(database, &error));
  FAILS(MANIFOLDDB_ERROR_CLOSED, manifolddb_checkpoint(database, &error));
  manifolddb_database_free(database);
  if (failures == 0) puts("the C API does what manifolddb_c.h says");
  return failures == 0 ? 0 : 1;
}
