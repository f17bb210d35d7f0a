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
  FAILS(MANIFOLDDB_ERROR_INVALID_ARGUMENT, manifolddb_options_set(options, 99, 2, &error));
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
  MUST(manifolddb_list_savepoints(write, &savepoint, &error));
  CHECK(savepoint == 200000);
  MUST(manifolddb_roll_back_to(write, 2, &error));
  MUST(manifolddb_list_savepoints(write, &savepoint, &error));
  CHECK(savepoint == 2);
  FAILS(MANIFOLDDB_ERROR_INVALID_ARGUMENT, manifolddb_release(write, 3, &error));
  MUST(manifolddb_release(write, 1, &error));
  MUST(manifolddb_commit(write, false, NULL, &error));
  manifolddb_write_free(write);
}

struct sample {
  size_t keys;
  char before[16];
};
static bool note_key(void* user, manifolddb_bytes key) {
  struct sample* const sample = user;
  char text[16] = "";
  CHECK(key.size < sizeof text);
  memcpy(text, key.data, key.size);
  CHECK(sample->keys == 0 || strcmp(sample->before, text) < 0);
  memcpy(sample->before, text, sizeof text);
  return ++sample->keys < 4;
}
static void test_sample(manifolddb_table* table) {
  manifolddb_error* error = NULL;
  struct sample sample = {0, ""};
  MUST(manifolddb_sample_keys(table, NULL, 3, 1, note_key, &sample, &error));
  CHECK(sample.keys == 3);
  sample.keys = 0;
  MUST(manifolddb_sample_keys(table, NULL, 99, 1, note_key, &sample, &error));
  CHECK(sample.keys == 4);
  FAILS(MANIFOLDDB_ERROR_INVALID_ARGUMENT,
        manifolddb_sample_keys(table, NULL, UINT64_MAX, 1, note_key, &sample, &error));
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
  test_sample(table);
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

static void test_write_options(manifolddb_database* database, uint64_t shop) {
  manifolddb_error* error = NULL;
  manifolddb_write_options* options = manifolddb_write_options_new();
  manifolddb_write* write = NULL;
  manifolddb_write* other = NULL;
  manifolddb_table* table = NULL;
  char* before = NULL;
  char* after = NULL;
  uint64_t second = 0;
  uint64_t number = 0;
  bool durable = false;
  CHECK(options != NULL);
  FAILS(MANIFOLDDB_ERROR_INVALID_ARGUMENT,
        manifolddb_write_options_set(options, 9, 1, &error));
  FAILS(MANIFOLDDB_ERROR_INVALID_ARGUMENT,
        manifolddb_write_options_set(options, MANIFOLDDB_WRITE_OPTION_LOG, 2, &error));
  MUST(manifolddb_open_or_create_family(database, bytes("second"), &second, &error));
  /* Nobody waits. */
  MUST(manifolddb_write_options_set(options, MANIFOLDDB_WRITE_OPTION_WAIT_MS_MAX, 0, &error));
  MUST(manifolddb_begin_write_with(database, &shop, 1, NULL, &write, &error));
  FAILS(MANIFOLDDB_ERROR_BUSY, manifolddb_begin_write_with(database, &shop, 1, options, &other, &error));
  MUST(manifolddb_add_family(write, second, &error));
  FAILS(MANIFOLDDB_ERROR_BUSY, manifolddb_begin_write_with(database, &second, 1, options, &other, &error));
  manifolddb_write_free(write);
  /* No time at all: the first call is too late. */
  MUST(manifolddb_write_options_set(options, MANIFOLDDB_WRITE_OPTION_RUN_MS_MAX, 0, &error));
  MUST(manifolddb_begin_write_with(database, &shop, 1, options, &write, &error));
  do { /* the clock has to move on first */
    const int code = manifolddb_write_open_table(write, shop, bytes("late"), NULL, NULL, true, &table, NULL);
    CHECK(code == 0 || code == MANIFOLDDB_ERROR_LIMIT);
    if (code != 0) break;
    manifolddb_table_free(table);
  } while (true);
  manifolddb_write_free(write);
  /* Nothing of it goes to the log, neither this way nor the other. */
  MUST(manifolddb_write_options_set(options, MANIFOLDDB_WRITE_OPTION_RUN_MS_MAX, MANIFOLDDB_NO_LIMIT, &error));
  MUST(manifolddb_write_options_set(options, MANIFOLDDB_WRITE_OPTION_LOG, 0, &error));
  MUST(manifolddb_stats_json(database, &before, &error));
  MUST(manifolddb_begin_write_with(database, &second, 1, options, &write, &error));
  MUST(manifolddb_write_open_table(write, second, bytes("t"), NULL, NULL, true, &table, &error));
  MUST(manifolddb_put(table, bytes("a"), bytes("b"), &error));
  MUST(manifolddb_commit(write, true, NULL, &error));
  manifolddb_table_free(table);
  manifolddb_write_free(write);
  MUST(manifolddb_begin_write(database, &second, 1, 0, &write, &error));
  MUST(manifolddb_write_open_table(write, second, bytes("t"), NULL, NULL, true, &table, &error));
  MUST(manifolddb_put(table, bytes("c"), bytes("d"), &error));
  MUST(manifolddb_commit_through_checkpoint(write, &number, &error));
  manifolddb_table_free(table);
  manifolddb_write_free(write);
  MUST(manifolddb_stats_json(database, &after, &error));
  CHECK(strstr(before, "\"log_groups\": ") != NULL && strstr(after, "\"log_groups\": ") != NULL);
  CHECK(atoi(strstr(before, "\"log_groups\": ") + 14) == atoi(strstr(after, "\"log_groups\": ") + 14));
  CHECK(atoi(strstr(before, "\"commits\": ") + 11) + 2 == atoi(strstr(after, "\"commits\": ") + 11));
  manifolddb_string_free(before);
  manifolddb_string_free(after);
  MUST(manifolddb_is_durable(database, number, &durable, &error));
  CHECK(durable);
  /* Durable only when somebody has waited for it. */
  MUST(manifolddb_begin_write(database, &second, 1, 0, &write, &error));
  MUST(manifolddb_write_open_table(write, second, bytes("t"), NULL, NULL, false, &table, &error));
  MUST(manifolddb_put(table, bytes("e"), bytes("f"), &error));
  MUST(manifolddb_commit(write, false, &number, &error));
  MUST(manifolddb_is_durable(database, number, &durable, &error));
  CHECK(!durable);
  MUST(manifolddb_await_durable(database, number, &error));
  MUST(manifolddb_is_durable(database, number, &durable, &error));
  CHECK(durable);
  FAILS(MANIFOLDDB_ERROR_INVALID_ARGUMENT, manifolddb_await_durable(database, number + 1000, &error));
  manifolddb_table_free(table);
  manifolddb_write_free(write);
  manifolddb_write_options_free(options);
  manifolddb_write_options_free(NULL);
}

static int pair_is(manifolddb_cursor* cursor, const char* key, const char* value) {
  manifolddb_error* error = NULL;
  manifolddb_bytes got_key;
  manifolddb_bytes got_value;
  MUST(manifolddb_pair_key(cursor, &got_key, &error));
  MUST(manifolddb_pair_value(cursor, &got_value, &error));
  return equal(got_key, key) && equal(got_value, value);
}

static void test_multimap_cursor(manifolddb_table* table) {
  manifolddb_error* error = NULL;
  manifolddb_cursor* cursor = NULL;
  manifolddb_bytes value = bytes("2");
  manifolddb_bytes got;
  bool found = false;
  MUST(manifolddb_cursor_new(table, NULL, &cursor, &error));
  FAILS(MANIFOLDDB_ERROR_INVALID_ARGUMENT, manifolddb_pair_key(cursor, &got, &error));
  MUST(manifolddb_first(cursor, &found, &error));
  CHECK(found && pair_is(cursor, "blue", "9"));
  MUST(manifolddb_next_key(cursor, &found, &error));
  CHECK(found && pair_is(cursor, "red", "1"));
  MUST(manifolddb_next(cursor, &found, &error));
  CHECK(found && pair_is(cursor, "red", "2"));
  MUST(manifolddb_next_key(cursor, &found, &error));
  CHECK(found && pair_is(cursor, "redder", "0"));
  MUST(manifolddb_prev_key(cursor, &found, &error));
  CHECK(found && pair_is(cursor, "red", "3"));
  MUST(manifolddb_prev_key(cursor, &found, &error));
  CHECK(found && pair_is(cursor, "blue", "9"));
  MUST(manifolddb_prev_key(cursor, &found, &error));
  CHECK(!found);
  MUST(manifolddb_seek_pair(cursor, bytes("red"), &value, &found, &error));
  CHECK(found && pair_is(cursor, "red", "2"));
  MUST(manifolddb_seek_pair(cursor, bytes("c"), NULL, &found, &error));
  CHECK(found && pair_is(cursor, "red", "1"));
  manifolddb_cursor_free(cursor);
  /* Of one key: neither those before nor those behind it. */
  MUST(manifolddb_cursor_of(table, bytes("red"), &cursor, &error));
  MUST(manifolddb_last(cursor, &found, &error));
  CHECK(found && pair_is(cursor, "red", "3"));
  MUST(manifolddb_next(cursor, &found, &error));
  CHECK(!found);
  MUST(manifolddb_first(cursor, &found, &error));
  CHECK(found && pair_is(cursor, "red", "1"));
  manifolddb_cursor_free(cursor);
}

static void test_multimap(manifolddb_database* database, uint64_t shop) {
  manifolddb_error* error = NULL;
  manifolddb_write* write = NULL;
  manifolddb_table* table = NULL;
  manifolddb_table* plain = NULL;
  manifolddb_table* numbers = NULL;
  manifolddb_table* unknown = NULL;
  manifolddb_bytes zeros = {"a\0b", 3};
  uint64_t count = 0;
  bool yes = false;
  const char* const pairs[][2] = {{"red", "2"}, {"blue", "9"}, {"red", "1"}, {"redder", "0"}, {"red", "3"}};
  MUST(manifolddb_begin_write(database, &shop, 1, 0, &write, &error));
  MUST(manifolddb_write_open_table(write, shop, bytes("tags"), "multimap<bytes, bytes>", "tuple<>", true,
                                   &table, &error));
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; ++i) {
    MUST(manifolddb_insert(table, bytes(pairs[i][0]), bytes(pairs[i][1]), &yes, &error));
    CHECK(yes);
  }
  MUST(manifolddb_insert(table, bytes("red"), bytes("1"), &yes, &error));
  CHECK(!yes);
  MUST(manifolddb_length(table, &count, &error));
  CHECK(count == 5);
  MUST(manifolddb_count_of(table, bytes("red"), &count, &error));
  CHECK(count == 3);
  MUST(manifolddb_contains(table, bytes("red"), bytes("3"), &yes, &error));
  CHECK(yes);
  MUST(manifolddb_contains(table, bytes("red"), bytes("4"), &yes, &error));
  CHECK(!yes);
  test_multimap_cursor(table);
  MUST(manifolddb_insert(table, zeros, zeros, NULL, &error));
  MUST(manifolddb_contains(table, zeros, zeros, &yes, &error));
  CHECK(yes);
  MUST(manifolddb_count_of(table, bytes("a"), &count, &error));
  CHECK(count == 0);
  MUST(manifolddb_remove(table, zeros, zeros, &yes, &error));
  CHECK(yes);
  MUST(manifolddb_remove(table, zeros, zeros, &yes, &error));
  CHECK(!yes);
  MUST(manifolddb_remove_all(table, bytes("red"), &count, &error));
  CHECK(count == 3);
  MUST(manifolddb_length(table, &count, &error));
  CHECK(count == 2);
  /* Keys of a fixed width are stored as they are. */
  MUST(manifolddb_write_open_table(write, shop, bytes("numbers"), "multimap<u16, string>", "tuple<>", true,
                                   &numbers, &error));
  MUST(manifolddb_insert(numbers, bytes("ab"), bytes("x"), NULL, &error));
  FAILS(MANIFOLDDB_ERROR_INVALID_ARGUMENT, manifolddb_insert(numbers, bytes("abc"), bytes("x"), NULL, &error));
  MUST(manifolddb_contains(numbers, bytes("ab"), bytes("x"), &yes, &error));
  CHECK(yes);
  MUST(manifolddb_write_open_table(write, shop, bytes("own"), "multimap<Version, u8>", "tuple<>", true,
                                   &unknown, &error));
  FAILS(MANIFOLDDB_ERROR_INVALID_ARGUMENT, manifolddb_insert(unknown, bytes("a"), bytes("x"), NULL, &error));
  MUST(manifolddb_write_open_table(write, shop, bytes("plain"), NULL, NULL, true, &plain, &error));
  FAILS(MANIFOLDDB_ERROR_INVALID_ARGUMENT, manifolddb_insert(plain, bytes("a"), bytes("x"), NULL, &error));
  manifolddb_abort(write);
  FAILS(MANIFOLDDB_ERROR_TRANSACTION_ENDED, manifolddb_count_of(table, bytes("red"), &count, &error));
  manifolddb_table_free(table);
  manifolddb_table_free(plain);
  manifolddb_table_free(numbers);
  manifolddb_table_free(unknown);
  manifolddb_write_free(write);
}

static void test_family_figures(manifolddb_database* database) {
  manifolddb_error* error = NULL;
  char* text = NULL;
  MUST(manifolddb_family_stats_json(database, false, &text, &error));
  CHECK(strstr(text, "\"name\": \"second\"") != NULL && strstr(text, "\"depth\"") == NULL);
  manifolddb_string_free(text);
  MUST(manifolddb_family_stats_json(database, true, &text, &error));
  CHECK(strstr(text, "\"depth\": 1") != NULL);
  manifolddb_string_free(text);
  MUST(manifolddb_family_stats_prometheus(database, false, "x", &text, &error));
  CHECK(strstr(text, "manifolddb_table_entries{database=\"x\",family=\"second\",table=\"t\"} 3\n") != NULL);
  manifolddb_string_free(text);
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

static uint64_t current(manifolddb_database* database, int option) {
  manifolddb_error* error = NULL;
  uint64_t value = 0;
  MUST(manifolddb_current_option(database, option, &value, &error));
  return value;
}

static void test_options_that_change(manifolddb_database* database) {
  manifolddb_error* error = NULL;
  uint64_t value = 0;
  manifolddb_options* options = manifolddb_options_new();
  CHECK(current(database, MANIFOLDDB_OPTION_CACHE_BYTES) == 1 << 20);
  CHECK(current(database, MANIFOLDDB_OPTION_BACKGROUND_THREAD) == 0);
  MUST(manifolddb_options_set(options, MANIFOLDDB_OPTION_CACHE_BYTES, 2 << 20, &error));
  MUST(manifolddb_options_set(options, MANIFOLDDB_OPTION_CHECKPOINT_INTERVAL_MS, 7, &error));
  MUST(manifolddb_set_options(database, options, &error));
  CHECK(current(database, MANIFOLDDB_OPTION_CACHE_BYTES) == 2 << 20);
  CHECK(current(database, MANIFOLDDB_OPTION_CHECKPOINT_INTERVAL_MS) == 7);
  CHECK(current(database, MANIFOLDDB_OPTION_PAGE_SIZE) == 8192);
  /* One that is wrong, and none is taken. */
  MUST(manifolddb_options_set(options, MANIFOLDDB_OPTION_CACHE_BYTES, 3 << 20, &error));
  MUST(manifolddb_options_set(options, MANIFOLDDB_OPTION_LOG_BYTES_MAX, 1, &error));
  FAILS(MANIFOLDDB_ERROR_INVALID_ARGUMENT, manifolddb_set_options(database, options, &error));
  CHECK(current(database, MANIFOLDDB_OPTION_CACHE_BYTES) == 2 << 20);
  manifolddb_options_free(options);
  options = manifolddb_options_new();
  MUST(manifolddb_options_set(options, MANIFOLDDB_OPTION_CACHE_BYTES, 3 << 20, &error));
  MUST(manifolddb_options_set(options, MANIFOLDDB_OPTION_PAGE_SIZE, 4096, &error));
  FAILS(MANIFOLDDB_ERROR_INVALID_ARGUMENT, manifolddb_set_options(database, options, &error));
  CHECK(current(database, MANIFOLDDB_OPTION_CACHE_BYTES) == 2 << 20);
  FAILS(MANIFOLDDB_ERROR_INVALID_ARGUMENT,
        manifolddb_current_option(database, 99, &value, &error));
  manifolddb_options_free(options);
}

static long size_of(const char* path) {
  struct stat status;
  return stat(path, &status) == 0 ? (long)status.st_size : -1;
}

/* The file grows by 16 MiB at a time; what is filled and deleted again goes. */
static void test_shrinking(manifolddb_database* database, uint64_t shop, const char* path) {
  enum { kValues = 48, kValueBytes = 1 << 20 };
  manifolddb_error* error = NULL;
  manifolddb_write* write = NULL;
  manifolddb_table* table = NULL;
  uint64_t removed = 0;
  uint64_t before = 0;
  uint64_t after = 0;
  char* const value = calloc(kValueBytes, 1);
  manifolddb_bytes large = {value, kValueBytes};
  char key[16];
  CHECK(value != NULL);
  for (int round = 0; round < 2; ++round) {
    MUST(manifolddb_begin_write(database, &shop, 1, 0, &write, &error));
    MUST(manifolddb_write_open_table(write, shop, bytes("large"), NULL, NULL, true, &table, &error));
    for (int i = 0; round == 0 && i < kValues; ++i) {
      snprintf(key, sizeof key, "%d", i);
      MUST(manifolddb_put(table, bytes(key), large, &error));
    }
    if (round == 1) {
      MUST(manifolddb_delete_range(table, NULL, &removed, &error));
      CHECK(removed == kValues);
    }
    manifolddb_table_free(table);
    MUST(manifolddb_commit(write, true, NULL, &error));
    manifolddb_write_free(write);
    MUST(manifolddb_checkpoint(database, &error));
  }
  free(value);
  const long was = size_of(path);
  MUST(manifolddb_shrink_file(database, &before, &after, &error));
  CHECK(before == (uint64_t)was && after == (uint64_t)size_of(path));
  CHECK(after + (uint64_t)kValues * kValueBytes / 2 < before);
  MUST(manifolddb_shrink_file(database, NULL, NULL, &error));
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

static void test_persistent_savepoints(manifolddb_database* database) {
  manifolddb_error* error = NULL;
  manifolddb_read* read = NULL;
  uint64_t number = 0;
  uint64_t restored = 0;
  int names = 0;
  MUST(manifolddb_savepoint_create(database, bytes("monday"), &number, &error));
  FAILS(MANIFOLDDB_ERROR_ALREADY_EXISTS,
        manifolddb_savepoint_create(database, bytes("monday"), &number, &error));
  MUST(manifolddb_drop_family(database, bytes("shop"), &error));
  MUST(manifolddb_savepoint_list(database, count_names, &names, &error));
  CHECK(names == 1);
  MUST(manifolddb_savepoint_read(database, bytes("monday"), &read, &error));
  CHECK(manifolddb_read_commit_number(read) == number);
  MUST(manifolddb_read_open_family(read, bytes("shop"), &restored, &error));
  manifolddb_read_free(read);
  FAILS(MANIFOLDDB_ERROR_NO_SUCH_SAVEPOINT,
        manifolddb_savepoint_restore(database, bytes("tuesday"), &restored, &error));
  MUST(manifolddb_savepoint_restore(database, bytes("monday"), &restored, &error));
  CHECK(restored > number);
  MUST(manifolddb_open_family(database, bytes("shop"), &restored, &error));
  MUST(manifolddb_savepoint_delete(database, bytes("monday"), &error));
  FAILS(MANIFOLDDB_ERROR_NO_SUCH_SAVEPOINT, manifolddb_savepoint_delete(database, bytes("monday"), &error));
  FAILS(MANIFOLDDB_ERROR_NO_SUCH_SAVEPOINT,
        manifolddb_savepoint_read(database, bytes("monday"), &read, &error));
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
  test_multimap(database, shop);
  test_write_options(database, shop);
  test_family_figures(database);
  test_options_that_change(database);
  test_shrinking(database, shop, path);
  test_persistent_savepoints(database);
  MUST(manifolddb_close(database, &error));
  FAILS(MANIFOLDDB_ERROR_CLOSED, manifolddb_checkpoint(database, &error));
  manifolddb_database_free(database);
  if (failures == 0) puts("the C API does what manifolddb_c.h says");
  return failures == 0 ? 0 : 1;
}
