#include "crashsim/kill/child.h"

#include <unistd.h>

#include <iostream>
#include <thread>
#include <vector>

#include "crashsim/kill/acknowledgement.h"
#include "crashsim/kill/checker.h"
#include "manifolddb/database.h"

namespace manifolddb::crashsim::kill {
namespace {

constexpr int kBroken = 3;
constexpr uint64_t kLookEvery = 8;

// The process ends here: the parent notices, and nothing more can be learnt from it.
[[noreturn]] void Give(const std::string& up) {
  std::cerr << "child: " + up + "\n" << std::flush;
  _exit(kBroken);
}

template <class T>
T Must(Result<T> result) {
  if (!result) Give(result.error().ToString());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

void Tell(int pipe, const Acknowledgement& what) {
  // At most PIPE_BUF bytes: all or nothing. A parent that is gone kills us by SIGPIPE.
  if (write(pipe, &what, sizeof what) != sizeof what) Give("the pipe is broken");
}

struct Families {
  std::vector<ColumnFamily> own;
  std::array<ColumnFamily, kShared> shared;
};

void LookAround(Database& db, const Load& load, uint32_t writer, uint64_t number, uint64_t commit) {
  ReadTransaction txn = Must(db.BeginRead());
  if (txn.commit_number() < commit) Give("a commit returned before it was published");
  if (Must(NumberOf(txn, writer)) != number) Give("a read after a commit does not see it");
  for (const std::string& problem : Must(FindTorn(txn, load))) Give(problem);
}

void Write(Database& db, const Load& load, uint32_t writer, const Families& families, int pipe) {
  uint64_t number = 0;
  {
    ReadTransaction txn = Must(db.BeginRead());
    number = Must(NumberOf(txn, writer));
  }
  for (;;) {
    ++number;
    const Plan plan = PlanOf(load, writer, number);
    std::vector<ColumnFamily> held = {families.own[writer]};
    for (uint32_t i = 0; i < kShared; ++i) {
      if (plan.shared[i]) held.push_back(families.shared[i]);
    }
    WriteTransaction txn = Must(db.BeginWrite(held));
    Must(Apply(plan, writer, number, txn, families.own[writer], families.shared));
    const uint64_t commit = Must(txn.Commit(plan.commit));
    const bool immediate = plan.commit.through_checkpoint || plan.commit.durability == Durability::kImmediate;
    Tell(pipe, {.writer = writer, .immediate = immediate, .number = number, .commit = commit});
    if (number % kLookEvery == 0) LookAround(db, load, writer, number, commit);
  }
}

}  // namespace

int RunChild(const Load& load, const std::string& path, int pipe) {
  Tell(pipe, {.number = 0});
  const std::unique_ptr<Database> db = Must(Database::Open(path, OptionsOf(load)));
  Tell(pipe, {.number = 1});
  Families families;
  for (uint32_t i = 0; i < load.writers; ++i) {
    families.own.push_back(Must(db->OpenOrCreateColumnFamily(OwnName(i))));
  }
  for (uint32_t i = 0; i < kShared; ++i)
    families.shared[i] = Must(db->OpenOrCreateColumnFamily(SharedName(i)));
  std::vector<std::thread> writers;
  for (uint32_t i = 0; i < load.writers; ++i) {
    writers.emplace_back([&, i] { Write(*db, load, i, families, pipe); });
  }
  for (std::thread& writer : writers) writer.join();
  return kBroken;
}

}  // namespace manifolddb::crashsim::kill
