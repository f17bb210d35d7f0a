// With LMDB.

#include <lmdb.h>

#include <iostream>
#include <string>
#include <string_view>

namespace {

MDB_val ValueOf(std::string_view text) { return {text.size(), const_cast<char*>(text.data())}; }
std::string_view TextOf(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

int Write(MDB_env* env) {
  // Two entries, both or none, durable.
  MDB_txn* txn = nullptr;
  if (int error = mdb_txn_begin(env, nullptr, 0, &txn)) return error;
  MDB_dbi prices = 0;
  int error = mdb_dbi_open(txn, "prices", MDB_CREATE, &prices);
  MDB_val lamp = ValueOf("lamp"), lamp_price = ValueOf("19.90");
  if (error == 0) error = mdb_put(txn, prices, &lamp, &lamp_price, 0);
  MDB_val chair = ValueOf("chair"), chair_price = ValueOf("49");
  if (error == 0) error = mdb_put(txn, prices, &chair, &chair_price, 0);
  if (error == 0) return mdb_txn_commit(txn);
  mdb_txn_abort(txn);
  return error;
}

int Read(MDB_env* env) {
  // One of them, and all from "a" to before "m", of one snapshot.
  MDB_txn* txn = nullptr;
  if (int error = mdb_txn_begin(env, nullptr, MDB_RDONLY, &txn)) return error;
  MDB_dbi prices = 0;
  MDB_cursor* cursor = nullptr;
  MDB_val lamp = ValueOf("lamp"), value = {};
  int error = mdb_dbi_open(txn, "prices", 0, &prices);
  if (error == 0) error = mdb_get(txn, prices, &lamp, &value);
  if (error == 0) std::cout << "the lamp costs " << TextOf(value) << "\n";
  if (error == 0) error = mdb_cursor_open(txn, prices, &cursor);
  MDB_val key = ValueOf("a");
  for (MDB_cursor_op op = MDB_SET_RANGE; error == 0; op = MDB_NEXT) {
    error = mdb_cursor_get(cursor, &key, &value, op);
    if (error != 0 || TextOf(key) >= "m") break;
    std::cout << TextOf(key) << " " << TextOf(value) << "\n";
  }
  if (cursor != nullptr) mdb_cursor_close(cursor);
  mdb_txn_abort(txn);
  return error == MDB_NOTFOUND ? 0 : error;
}

int Run(const std::string& folder) {
  MDB_env* env = nullptr;
  if (int error = mdb_env_create(&env)) return error;
  mdb_env_set_maxdbs(env, 8);
  mdb_env_set_mapsize(env, size_t{1} << 30);
  int error = mdb_env_open(env, (folder + "/prices").c_str(), MDB_NOSUBDIR, 0664);
  if (error == 0) error = Write(env);
  if (error == 0) error = Read(env);
  mdb_env_close(env);
  return error;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const int error = Run(argv[1]);
  if (error != 0) std::cerr << "migrating_lmdb: " << mdb_strerror(error) << "\n";
  return error == 0 ? 0 : 1;
}
