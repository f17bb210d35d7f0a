#pragma once
/* manifolddb from C, and from whatever can call C. C11; the library is libmanifolddb_c.so.
 *
 * Every function that can fail returns 0, or a code (MANIFOLDDB_ERROR_...), and then, where `error` is not
 * null, an error in *error, which the caller frees. What a call gives out is set only if it returns 0.
 * Nothing is thrown, nothing is printed, no signal is touched.
 *
 * Handles are opaque, and each is freed by the function of its name; freeing null does nothing, and no other
 * function takes null for a handle unless it says so. They may be freed in any order: a transaction and a
 * value keep their database; and freeing a transaction ends it, after which its tables and cursors, as long
 * as they are there, answer MANIFOLDDB_ERROR_TRANSACTION_ENDED.
 * manifolddb_close is refused (MANIFOLDDB_ERROR_BUSY) while transactions are open.
 *
 * Threads: a database may be used by any number of them at once; a transaction with its tables and cursors by
 * one at a time; values, batches, options and errors likewise.
 *
 * Names and keys and values are bytes with a length. Strings that this library returns end with a 0; those
 * that it takes as `const char*` have to.
 *
 * The ABI: functions are added, never changed or removed, as long as the number in the file name of the
 * library stays. The contract of each call is that of the C++ function that it is named after, in the headers
 * of manifolddb/. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Marks what the library exports. */
#if defined(__GNUC__)
#define MANIFOLDDB_C_API __attribute__((visibility("default")))
#else
#define MANIFOLDDB_C_API
#endif

/* What went wrong, as Error of manifolddb/result.h. */
typedef struct manifolddb_error manifolddb_error;
/* How to open a database, as Options of manifolddb/options.h. */
typedef struct manifolddb_options manifolddb_options;
/* How to begin a write transaction, as WriteOptions of manifolddb/write_options.h. */
typedef struct manifolddb_write_options manifolddb_write_options;
/* An open database. */
typedef struct manifolddb_database manifolddb_database;
/* A read transaction: one snapshot of all column families. */
typedef struct manifolddb_read manifolddb_read;
/* A write transaction over some column families. */
typedef struct manifolddb_write manifolddb_write;
/* A table, of one transaction. */
typedef struct manifolddb_table manifolddb_table;
/* A place among the entries of a table. */
typedef struct manifolddb_cursor manifolddb_cursor;
/* The value of an entry. */
typedef struct manifolddb_value manifolddb_value;
/* Changes that are put together to be made at once. */
typedef struct manifolddb_batch manifolddb_batch;

/* Bytes of somebody else's. */
typedef struct manifolddb_bytes {
  const void* data; /* any bytes, zeroes among them; of any alignment */
  size_t size;      /* how many; 0: `data` may be null */
} manifolddb_bytes;

/* Keys that meet every condition that is not null. A null range: all keys. */
typedef struct manifolddb_range {
  const manifolddb_bytes* lower;   /* this key and those behind it */
  const manifolddb_bytes* upper;   /* those before it */
  const manifolddb_bytes* after;   /* those behind it */
  const manifolddb_bytes* through; /* this key and those before it */
  const manifolddb_bytes* prefix;  /* those that begin with it */
} manifolddb_range;

/* Called once for each name, or key; false ends the call, which then succeeds. It must neither throw nor
 * leave by longjmp. */
typedef bool (*manifolddb_name_call)(void* user, manifolddb_bytes name);

/* As Errc of manifolddb/result.h: a code is never renumbered. */
enum {
  MANIFOLDDB_ERROR_INVALID_ARGUMENT = 1,
  MANIFOLDDB_ERROR_KEY_TOO_LONG = 2,
  MANIFOLDDB_ERROR_VALUE_TOO_LONG = 3,
  MANIFOLDDB_ERROR_NO_SUCH_COLUMN_FAMILY = 4,
  MANIFOLDDB_ERROR_NO_SUCH_TABLE = 5,
  MANIFOLDDB_ERROR_ALREADY_EXISTS = 6,
  MANIFOLDDB_ERROR_BUSY = 7,
  MANIFOLDDB_ERROR_TRANSACTION_ENDED = 8,
  MANIFOLDDB_ERROR_READ_ONLY = 9,
  MANIFOLDDB_ERROR_CLOSED = 10,
  MANIFOLDDB_ERROR_POISONED = 11,
  MANIFOLDDB_ERROR_UNKNOWN_OUTCOME = 12,
  MANIFOLDDB_ERROR_IO = 13,
  MANIFOLDDB_ERROR_NO_SPACE = 14,
  MANIFOLDDB_ERROR_NO_MEMORY = 15,
  MANIFOLDDB_ERROR_LIMIT = 16,
  MANIFOLDDB_ERROR_CORRUPT = 17,
  MANIFOLDDB_ERROR_NOT_A_DATABASE = 18,
  MANIFOLDDB_ERROR_NEWER_FORMAT = 19,
  MANIFOLDDB_ERROR_TRUNCATED = 20,
  MANIFOLDDB_ERROR_PAGE_SIZE_MISMATCH = 21,
  MANIFOLDDB_ERROR_LOCKED = 22,
  MANIFOLDDB_ERROR_NOT_FOUND = 23,
  MANIFOLDDB_ERROR_PERMISSION = 24,
  MANIFOLDDB_ERROR_FORKED = 25,
  MANIFOLDDB_ERROR_TYPE_MISMATCH = 26,
  MANIFOLDDB_ERROR_NO_SUCH_SAVEPOINT = 27
};

/* Where a number bounds something: nothing does. */
#define MANIFOLDDB_NO_LIMIT UINT64_MAX

/* ---- Library and errors ---- */

MANIFOLDDB_C_API const char* manifolddb_version(void); /* "0.1.0" */

/* MANIFOLDDB_ERROR_...: what the call has returned. */
MANIFOLDDB_C_API int manifolddb_error_code(const manifolddb_error* error);
/* One line: code, operation, file, message, advice. Lives as long as the error, as the next ones. */
MANIFOLDDB_C_API const char* manifolddb_error_text(const manifolddb_error* error);
/* "kCorrupt"; "kRestore". */
MANIFOLDDB_C_API const char* manifolddb_error_name(const manifolddb_error* error);
MANIFOLDDB_C_API const char* manifolddb_error_category(const manifolddb_error* error);
/* What led to it: an error of a lower layer or an earlier call, which the caller frees; null if it began
 * here, or there is no memory. */
MANIFOLDDB_C_API manifolddb_error* manifolddb_error_cause(const manifolddb_error* error);
MANIFOLDDB_C_API void manifolddb_error_free(manifolddb_error* error);

/* Frees strings that calls give out as char*. */
MANIFOLDDB_C_API void manifolddb_string_free(char* text);

/* ---- Options: manifolddb/options.h ---- */

/* Which option; what each means, in which unit, and its default: Options. Functions take it as an int: a
 * program may be newer than the library, and give a number that this one does not know. */
typedef enum manifolddb_option {
  MANIFOLDDB_OPTION_CREATE_IF_MISSING = 1, /* 0 or 1 */
  MANIFOLDDB_OPTION_READ_ONLY = 2,         /* 0 or 1 */
  MANIFOLDDB_OPTION_PAGE_SIZE = 3,
  MANIFOLDDB_OPTION_WRITE_UNIT = 4,
  MANIFOLDDB_OPTION_LOG_BYTES_INITIAL = 5,
  MANIFOLDDB_OPTION_LOG_BYTES_MAX = 6,
  MANIFOLDDB_OPTION_CACHE_BYTES = 7,
  MANIFOLDDB_OPTION_DIRTY_BYTES_MAX = 8,
  MANIFOLDDB_OPTION_CHECKPOINT_INTERVAL_MS = 9,
  MANIFOLDDB_OPTION_BACKGROUND_THREAD = 10 /* 0: checkpoints run within calls. Default 1 */
} manifolddb_option;

/* The defaults; null if there is no memory. */
MANIFOLDDB_C_API manifolddb_options* manifolddb_options_new(void);
/* INVALID_ARGUMENT: no such option, or no value of it. Whether values go together is for manifolddb_open. */
MANIFOLDDB_C_API int manifolddb_options_set(manifolddb_options* options, int option, uint64_t value,
                                            manifolddb_error** error);
MANIFOLDDB_C_API void manifolddb_options_free(manifolddb_options* options);
/* Changes an open database, amid its transactions: all that was set of LOG_BYTES_MAX, CACHE_BYTES,
 * DIRTY_BYTES_MAX and CHECKPOINT_INTERVAL_MS, or nothing. INVALID_ARGUMENT: every value that is wrong is
 * named; or another option was set, which counts when a database is opened, or made. */
MANIFOLDDB_C_API int manifolddb_set_options(manifolddb_database* database, const manifolddb_options* options,
                                            manifolddb_error** error);
/* What the database runs with. */
MANIFOLDDB_C_API int manifolddb_current_option(manifolddb_database* database, int option, uint64_t* value,
                                               manifolddb_error** error);

/* ---- Databases: manifolddb/database.h ---- */

/* Null options: the defaults. */
MANIFOLDDB_C_API int manifolddb_open(const char* path, const manifolddb_options* options,
                                     manifolddb_database** database, manifolddb_error** error);
/* Writes a checkpoint and gives up the files, for all who have the database. The handle is to be freed. */
MANIFOLDDB_C_API int manifolddb_close(manifolddb_database* database, manifolddb_error** error);
/* Without manifolddb_close the database is closed when its last handle goes, and errors are not told. */
MANIFOLDDB_C_API void manifolddb_database_free(manifolddb_database* database);
MANIFOLDDB_C_API int manifolddb_checkpoint(manifolddb_database* database, manifolddb_error** error);
/* Makes the data file shorter: its length in bytes before and after, either of which may be null. Reads every
 * leaf; readers and writers go on. What holds the file's end, and errors: Database::ShrinkFile. */
MANIFOLDDB_C_API int manifolddb_shrink_file(manifolddb_database* database, uint64_t* bytes_before,
                                            uint64_t* bytes_after, manifolddb_error** error);
/* Reads and checks everything in use; how many problems there are, and where: a text of a line each, or null
 * if `text` is. */
MANIFOLDDB_C_API int manifolddb_verify(manifolddb_database* database, uint64_t* problems, char** text,
                                       manifolddb_error** error);
/* Figures since opening: one JSON object; or the text that Prometheus reads, whose samples have the label
 * database="`label`", if that is neither null nor "". */
MANIFOLDDB_C_API int manifolddb_stats_json(manifolddb_database* database, char** json,
                                           manifolddb_error** error);
MANIFOLDDB_C_API int manifolddb_stats_prometheus(manifolddb_database* database, const char* label,
                                                 char** text, manifolddb_error** error);
/* The same of each column family and table of the newest published commit: a JSON list; or for Prometheus.
 * `with_shape`: how each table lies in its pages as well, for which all of them are read. */
MANIFOLDDB_C_API int manifolddb_family_stats_json(manifolddb_database* database, bool with_shape, char** json,
                                                  manifolddb_error** error);
MANIFOLDDB_C_API int manifolddb_family_stats_prometheus(manifolddb_database* database, bool with_shape,
                                                        const char* label, char** text,
                                                        manifolddb_error** error);
MANIFOLDDB_C_API uint64_t manifolddb_key_bytes_max(const manifolddb_database* database);

/* Column families: a number stands for one, for good. Each of these is a durable commit of its own. */
MANIFOLDDB_C_API int manifolddb_create_family(manifolddb_database* database, manifolddb_bytes name,
                                              uint64_t* family, manifolddb_error** error);
MANIFOLDDB_C_API int manifolddb_open_or_create_family(manifolddb_database* database, manifolddb_bytes name,
                                                      uint64_t* family, manifolddb_error** error);
MANIFOLDDB_C_API int manifolddb_drop_family(manifolddb_database* database, manifolddb_bytes name,
                                            manifolddb_error** error);
MANIFOLDDB_C_API int manifolddb_rename_family(manifolddb_database* database, manifolddb_bytes from,
                                              manifolddb_bytes to, manifolddb_error** error);
/* These two change nothing. */
MANIFOLDDB_C_API int manifolddb_open_family(manifolddb_database* database, manifolddb_bytes name,
                                            uint64_t* family, manifolddb_error** error);
MANIFOLDDB_C_API int manifolddb_list_families(manifolddb_database* database, manifolddb_name_call call,
                                              void* user, manifolddb_error** error);

/* Persistent savepoints: states of the whole database that stay under a name, across closing and crashes,
 * until they are deleted. Each of the first three is durable when it returns. The commit whose state it is;
 * ALREADY_EXISTS, LIMIT: there are 16. */
MANIFOLDDB_C_API int manifolddb_savepoint_create(manifolddb_database* database, manifolddb_bytes name,
                                                 uint64_t* commit_number, manifolddb_error** error);
/* Makes the whole database what it was; the commit that does it. NO_SUCH_SAVEPOINT. Waits until nobody writes
 * any family. */
MANIFOLDDB_C_API int manifolddb_savepoint_restore(manifolddb_database* database, manifolddb_bytes name,
                                                  uint64_t* commit_number, manifolddb_error** error);
MANIFOLDDB_C_API int manifolddb_savepoint_delete(manifolddb_database* database, manifolddb_bytes name,
                                                 manifolddb_error** error);
/* In the order of their bytes. */
MANIFOLDDB_C_API int manifolddb_savepoint_list(manifolddb_database* database, manifolddb_name_call call,
                                               void* user, manifolddb_error** error);

/* ---- Read transactions: one snapshot ---- */

/* The snapshot of now; waits for nobody. */
MANIFOLDDB_C_API int manifolddb_begin_read(manifolddb_database* database, manifolddb_read** read,
                                           manifolddb_error** error);
/* Of a persistent savepoint instead; families are opened anew from it. */
MANIFOLDDB_C_API int manifolddb_savepoint_read(manifolddb_database* database, manifolddb_bytes name,
                                               manifolddb_read** read, manifolddb_error** error);
/* Its place in the order of commits: those up to this number are seen. */
MANIFOLDDB_C_API uint64_t manifolddb_read_commit_number(const manifolddb_read* read);
/* As of the snapshot: NO_SUCH_COLUMN_FAMILY also for one that was created since. */
MANIFOLDDB_C_API int manifolddb_read_open_family(manifolddb_read* read, manifolddb_bytes name,
                                                 uint64_t* family, manifolddb_error** error);
/* In the order of their bytes. */
MANIFOLDDB_C_API int manifolddb_read_list_tables(manifolddb_read* read, uint64_t family,
                                                 manifolddb_name_call call, void* user,
                                                 manifolddb_error** error);
/* `key_type`, `value_type`: what the table has to hold, "" for raw bytes; both null: whatever it holds. */
MANIFOLDDB_C_API int manifolddb_read_open_table(manifolddb_read* read, uint64_t family, manifolddb_bytes name,
                                                const char* key_type, const char* value_type,
                                                manifolddb_table** table, manifolddb_error** error);
/* Ends it. */
MANIFOLDDB_C_API void manifolddb_read_free(manifolddb_read* read);

/* ---- Write transactions ---- */

/* Waits at most `wait_ms_max` for families that others hold: then BUSY. MANIFOLDDB_NO_LIMIT: as long as it
 * takes. */
MANIFOLDDB_C_API int manifolddb_begin_write(manifolddb_database* database, const uint64_t* families,
                                            size_t count, uint64_t wait_ms_max, manifolddb_write** write,
                                            manifolddb_error** error);
/* Which option of a transaction; what each means, and its default: WriteOptions. */
typedef enum manifolddb_write_option {
  MANIFOLDDB_WRITE_OPTION_WAIT_MS_MAX = 1, /* for families that others hold */
  MANIFOLDDB_WRITE_OPTION_RUN_MS_MAX = 2,  /* the transaction, once it has them */
  MANIFOLDDB_WRITE_OPTION_LOG = 3          /* 0: nothing of it goes to the log; else 1 */
} manifolddb_write_option;

/* The defaults; null if there is no memory. */
MANIFOLDDB_C_API manifolddb_write_options* manifolddb_write_options_new(void);
/* INVALID_ARGUMENT: no such option, or no value of it. */
MANIFOLDDB_C_API int manifolddb_write_options_set(manifolddb_write_options* options, int option,
                                                  uint64_t value, manifolddb_error** error);
MANIFOLDDB_C_API void manifolddb_write_options_free(manifolddb_write_options* options);
/* Null options: the defaults. */
MANIFOLDDB_C_API int manifolddb_begin_write_with(manifolddb_database* database, const uint64_t* families,
                                                 size_t count, const manifolddb_write_options* options,
                                                 manifolddb_write** write, manifolddb_error** error);
/* Takes one more, without waiting: BUSY if another transaction holds it. */
MANIFOLDDB_C_API int manifolddb_add_family(manifolddb_write* write, uint64_t family,
                                           manifolddb_error** error);
/* As of a read transaction. `create`: it is made if there is none; of raw bytes, if no types are given. */
MANIFOLDDB_C_API int manifolddb_write_open_table(manifolddb_write* write, uint64_t family,
                                                 manifolddb_bytes name, const char* key_type,
                                                 const char* value_type, bool create,
                                                 manifolddb_table** table, manifolddb_error** error);
MANIFOLDDB_C_API int manifolddb_drop_table(manifolddb_write* write, uint64_t family, manifolddb_bytes name,
                                           manifolddb_error** error);
MANIFOLDDB_C_API int manifolddb_rename_table(manifolddb_write* write, uint64_t family, manifolddb_bytes from,
                                             manifolddb_bytes to, manifolddb_error** error);
MANIFOLDDB_C_API int manifolddb_write_list_tables(manifolddb_write* write, uint64_t family,
                                                  manifolddb_name_call call, void* user,
                                                  manifolddb_error** error);
/* Savepoints are numbered by this library, from 1; those set after the one that is rolled back to or released
 * are gone. */
MANIFOLDDB_C_API int manifolddb_set_savepoint(manifolddb_write* write, uint64_t* savepoint,
                                              manifolddb_error** error);
MANIFOLDDB_C_API int manifolddb_roll_back_to(manifolddb_write* write, uint64_t savepoint,
                                             manifolddb_error** error);
MANIFOLDDB_C_API int manifolddb_release(manifolddb_write* write, uint64_t savepoint,
                                        manifolddb_error** error);
/* How many there are: those numbered 1 to `count`. */
MANIFOLDDB_C_API int manifolddb_list_savepoints(manifolddb_write* write, uint64_t* count,
                                                manifolddb_error** error);
/* Ends the transaction. `durable` false: a crash may take it, and all that come behind it, until somebody has
 * waited for its number. `commit_number` may be null. */
MANIFOLDDB_C_API int manifolddb_commit(manifolddb_write* write, bool durable, uint64_t* commit_number,
                                       manifolddb_error** error);
/* The same by writing pages instead of the log, for loads of megabytes; durable. */
MANIFOLDDB_C_API int manifolddb_commit_through_checkpoint(manifolddb_write* write, uint64_t* commit_number,
                                                          manifolddb_error** error);
/* Returns when the commit of this number, and all before it, are durable; and whether they are by now. */
MANIFOLDDB_C_API int manifolddb_await_durable(manifolddb_database* database, uint64_t commit_number,
                                              manifolddb_error** error);
MANIFOLDDB_C_API int manifolddb_is_durable(manifolddb_database* database, uint64_t commit_number,
                                           bool* durable, manifolddb_error** error);
MANIFOLDDB_C_API void manifolddb_abort(manifolddb_write* write);
/* Ends it: aborts, if nothing has ended the transaction before. */
MANIFOLDDB_C_API void manifolddb_write_free(manifolddb_write* write);

/* ---- Tables, of either kind of transaction ---- */

/* *value is null if there is no entry. */
MANIFOLDDB_C_API int manifolddb_get(manifolddb_table* table, manifolddb_bytes key, manifolddb_value** value,
                                    manifolddb_error** error);
/* O(1); and of a range as Count of manifolddb/table_reading.h. */
MANIFOLDDB_C_API int manifolddb_length(manifolddb_table* table, uint64_t* entries, manifolddb_error** error);
MANIFOLDDB_C_API int manifolddb_count(manifolddb_table* table, const manifolddb_range* range,
                                      uint64_t* entries, manifolddb_error** error);
/* Calls `call` for `keys` different keys of the range, drawn at random, in their order; for all where there
 * are no more. As SampleKeys of manifolddb/table_reading.h: without bias, the same for the same seed and
 * snapshot. */
MANIFOLDDB_C_API int manifolddb_sample_keys(manifolddb_table* table, const manifolddb_range* range,
                                            uint64_t keys, uint64_t seed, manifolddb_name_call call,
                                            void* user, manifolddb_error** error);
MANIFOLDDB_C_API const char* manifolddb_key_type(const manifolddb_table* table);
MANIFOLDDB_C_API const char* manifolddb_value_type(const manifolddb_table* table);
/* The rest is READ_ONLY for a table of a read transaction. */
MANIFOLDDB_C_API int manifolddb_put(manifolddb_table* table, manifolddb_bytes key, manifolddb_bytes value,
                                    manifolddb_error** error);
/* `found` may be null. */
MANIFOLDDB_C_API int manifolddb_delete(manifolddb_table* table, manifolddb_bytes key, bool* found,
                                       manifolddb_error** error);
MANIFOLDDB_C_API int manifolddb_delete_range(manifolddb_table* table, const manifolddb_range* range,
                                             uint64_t* entries, manifolddb_error** error);
/* Null for `expected`: there is no entry; for `desired`: it is deleted. */
MANIFOLDDB_C_API int manifolddb_compare_and_swap(manifolddb_table* table, manifolddb_bytes key,
                                                 const manifolddb_bytes* expected,
                                                 const manifolddb_bytes* desired, bool* swapped,
                                                 manifolddb_error** error);
MANIFOLDDB_C_API int manifolddb_add_to_counter(manifolddb_table* table, manifolddb_bytes key, int64_t delta,
                                               int64_t* now, manifolddb_error** error);
MANIFOLDDB_C_API void manifolddb_table_free(manifolddb_table* table);

/* A value keeps its bytes, whatever becomes of entry and transaction. */
MANIFOLDDB_C_API manifolddb_bytes manifolddb_value_bytes(const manifolddb_value* value);
MANIFOLDDB_C_API void manifolddb_value_free(manifolddb_value* value);

/* ---- Cursors ---- */

/* Over the entries of a range, at none of them yet. `range` is used until the call returns. */
MANIFOLDDB_C_API int manifolddb_cursor_new(manifolddb_table* table, const manifolddb_range* range,
                                           manifolddb_cursor** cursor, manifolddb_error** error);
/* Each moves; `found`: whether there is an entry at the new place. */
MANIFOLDDB_C_API int manifolddb_first(manifolddb_cursor* cursor, bool* found, manifolddb_error** error);
MANIFOLDDB_C_API int manifolddb_last(manifolddb_cursor* cursor, bool* found, manifolddb_error** error);
MANIFOLDDB_C_API int manifolddb_next(manifolddb_cursor* cursor, bool* found, manifolddb_error** error);
MANIFOLDDB_C_API int manifolddb_prev(manifolddb_cursor* cursor, bool* found, manifolddb_error** error);
MANIFOLDDB_C_API int manifolddb_seek(manifolddb_cursor* cursor, manifolddb_bytes key, bool* found,
                                     manifolddb_error** error);
MANIFOLDDB_C_API int manifolddb_seek_for_prev(manifolddb_cursor* cursor, manifolddb_bytes key, bool* found,
                                              manifolddb_error** error);
/* Of the entry under the cursor, until it moves or its transaction writes. INVALID_ARGUMENT if there is
 * none. */
MANIFOLDDB_C_API int manifolddb_cursor_key(manifolddb_cursor* cursor, manifolddb_bytes* key,
                                           manifolddb_error** error);
MANIFOLDDB_C_API int manifolddb_cursor_value(manifolddb_cursor* cursor, manifolddb_bytes* value,
                                             manifolddb_error** error);
MANIFOLDDB_C_API void manifolddb_cursor_free(manifolddb_cursor* cursor);

/* ---- Multimaps: many values for one key, manifolddb/multimap.h ---- */

/* A multimap is a table whose type of keys is "multimap<K, V>" and whose type of values is "tuple<>"; of byte
 * strings "multimap<bytes, bytes>". It is opened like any, and its pairs are in the order of keys, then of
 * values. Keys and values are given and read as their types encode them (docs/types.md). INVALID_ARGUMENT:
 * the table is no multimap; or K is none of bytes, string, bool, u8 to i64, f32, f64, uuid and bytes[N]: then
 * only the calls above this line can be used. */

/* `inserted`: it was not there; may be null. */
MANIFOLDDB_C_API int manifolddb_insert(manifolddb_table* table, manifolddb_bytes key, manifolddb_bytes value,
                                       bool* inserted, manifolddb_error** error);
/* `found`, `values` may be null. */
MANIFOLDDB_C_API int manifolddb_remove(manifolddb_table* table, manifolddb_bytes key, manifolddb_bytes value,
                                       bool* found, manifolddb_error** error);
/* All values of the key: how many there were. */
MANIFOLDDB_C_API int manifolddb_remove_all(manifolddb_table* table, manifolddb_bytes key, uint64_t* values,
                                           manifolddb_error** error);
MANIFOLDDB_C_API int manifolddb_contains(manifolddb_table* table, manifolddb_bytes key,
                                         manifolddb_bytes value, bool* found, manifolddb_error** error);
/* How many values the key has. Of all pairs: manifolddb_length. */
MANIFOLDDB_C_API int manifolddb_count_of(manifolddb_table* table, manifolddb_bytes key, uint64_t* values,
                                         manifolddb_error** error);
/* Over the values of one key; over all pairs: manifolddb_cursor_new without a range. Moves as any cursor. */
MANIFOLDDB_C_API int manifolddb_cursor_of(manifolddb_table* table, manifolddb_bytes key,
                                          manifolddb_cursor** cursor, manifolddb_error** error);
/* To the first pair at or after this one; null `value`: to the first of this key, or of one behind it. */
MANIFOLDDB_C_API int manifolddb_seek_pair(manifolddb_cursor* cursor, manifolddb_bytes key,
                                          const manifolddb_bytes* value, bool* found,
                                          manifolddb_error** error);
/* Past the other values of this key: to the first pair of the next key; to the last one of the key before. */
MANIFOLDDB_C_API int manifolddb_next_key(manifolddb_cursor* cursor, bool* found, manifolddb_error** error);
MANIFOLDDB_C_API int manifolddb_prev_key(manifolddb_cursor* cursor, bool* found, manifolddb_error** error);
/* Of the pair under the cursor, as manifolddb_cursor_key. */
MANIFOLDDB_C_API int manifolddb_pair_key(manifolddb_cursor* cursor, manifolddb_bytes* key,
                                         manifolddb_error** error);
MANIFOLDDB_C_API int manifolddb_pair_value(manifolddb_cursor* cursor, manifolddb_bytes* value,
                                           manifolddb_error** error);

/* ---- Batches ---- */

/* An empty one; null if there is no memory. */
MANIFOLDDB_C_API manifolddb_batch* manifolddb_batch_new(void);
/* Each adds a change, whose bytes are copied. Table and key are looked at when the batch is applied. */
MANIFOLDDB_C_API int manifolddb_batch_put(manifolddb_batch* batch, uint64_t family, manifolddb_bytes table,
                                          manifolddb_bytes key, manifolddb_bytes value,
                                          manifolddb_error** error);
MANIFOLDDB_C_API int manifolddb_batch_delete(manifolddb_batch* batch, uint64_t family, manifolddb_bytes table,
                                             manifolddb_bytes key, manifolddb_error** error);
/* How many there are in it; and takes them out, so that it can be filled anew. */
MANIFOLDDB_C_API uint64_t manifolddb_batch_changes(const manifolddb_batch* batch);
MANIFOLDDB_C_API void manifolddb_batch_clear(manifolddb_batch* batch);
/* Makes all of them in one durable transaction, or none; the batch stays as it is. `commit_number` may be
 * null. */
MANIFOLDDB_C_API int manifolddb_apply(manifolddb_database* database, const manifolddb_batch* batch,
                                      uint64_t* commit_number, manifolddb_error** error);
MANIFOLDDB_C_API void manifolddb_batch_free(manifolddb_batch* batch);

#ifdef __cplusplus
}
#endif
