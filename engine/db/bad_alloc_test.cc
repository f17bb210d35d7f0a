// A small allocation that fails amid an opening, a change, a commit or a checkpoint ends the process: an
// exception that left it would leave a transaction half done, families taken, a turn never given back.
//
// A program of its own: it replaces operator new. Each position is tried in a child.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <new>
#include <string>

#include "engine/db/test_support.h"
#include "manifolddb/database.h"

namespace {

uint64_t news_left = 0;  // until one fails; 0: none does
bool one_failed = false;

void* New(std::size_t bytes) {
  if (news_left > 0 && --news_left == 0) {
    one_failed = true;
    throw std::bad_alloc();
  }
  void* const memory = std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

// Those of the standard library call these two; the aligned ones, which data takes, may fail otherwise.
void* operator new(std::size_t bytes) { return New(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace manifolddb {
namespace {

enum class End : uint8_t { kDone, kEscaped, kUnarmed, kDied, kOther };

// Runs `call` in a child in which the n-th allocation from there on fails.
End InChild(uint64_t n, const std::function<std::function<void()>()>& prepare) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::freopen("/dev/null", "w", stderr);  // std::terminate says what it does
    const std::function<void()> call = prepare();
    End end = End::kDone;
    news_left = n;
    try {
      call();
    } catch (const std::bad_alloc&) {
      end = End::kEscaped;
    }
    news_left = 0;
    ::_exit(static_cast<int>(!one_failed && end == End::kDone ? End::kUnarmed : end));
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return End::kOther;
  if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGABRT ? End::kDied : End::kOther;
  return static_cast<End>(WEXITSTATUS(status));
}

// In every position the process dies, or the call is done without noticing: nothing escapes. Returns in how
// many it dies.
uint64_t TryEvery(const char* what, const std::function<std::function<void()>()>& prepare) {
  constexpr uint64_t kMax = 2000;
  uint64_t died = 0;
  for (uint64_t n = 1; n < kMax; ++n) {
    const End end = InChild(n, prepare);
    if (end == End::kUnarmed) return died;
    EXPECT_TRUE(end == End::kDied || end == End::kDone)
        << what << ", allocation " << n << ": " << (end == End::kEscaped ? "bad_alloc escaped" : "?");
    died += end == End::kDied ? 1 : 0;
  }
  ADD_FAILURE() << what << " never came to its end";
  return died;
}

// What the calls need, made before allocations fail.
struct World {
  std::shared_ptr<Storage> storage = MakeMemoryStorage();
  Options options = TinyOptions();
  const std::string key = "key120x";
  const std::string small = std::string(100, 'w');
  const std::string large = std::string(kTinyUnit * 3, 'v');
  const std::string long_name = "a name that needs memory of its own";
  const std::string other_name = "another name that needs memory of its own";
  std::unique_ptr<Database> database;
  ColumnFamily family;
  std::optional<WriteTransaction> txn;
  std::optional<WriteTable> table;
};

std::shared_ptr<World> Opened(bool in_transaction) {
  auto world = std::make_shared<World>();
  world->database = std::move(*Database::Open(world->storage, "db", TinyOptions()));
  world->family = *world->database->CreateColumnFamily("a");
  if (!in_transaction) return world;
  world->txn.emplace(std::move(*world->database->BeginWrite(world->family)));
  world->table.emplace(std::move(*world->txn->OpenOrCreateTable(world->family, "t")));
  for (int i = 0; i < 40; ++i) {
    const std::string key = "key" + std::to_string(100 + i);
    static_cast<void>(world->table->Put(AsBytes(key), AsBytes(std::string(60, 'v'))));
  }
  return world;
}

using Call = std::function<void(World&)>;
std::function<std::function<void()>()> In(bool transaction, Call call) {
  return [=] {
    auto world = Opened(transaction);
    return [=] { call(*world); };
  };
}

TEST(BadAlloc, EscapesNoChange) {
  uint64_t died = TryEvery("put", In(true, [](World& world) {
                             static_cast<void>(world.table->Put(AsBytes(world.key), AsBytes(world.small)));
                             static_cast<void>(world.table->Put(AsBytes(world.key), AsBytes(world.large)));
                           }));
  died += TryEvery("delete range", In(true, [](World& world) {
                     static_cast<void>(world.table->DeleteRange({.lower = AsBytes(world.key), .upper = {}}));
                   }));
  died += TryEvery("create and rename table", In(true, [](World& world) {
                     static_cast<void>(world.txn->CreateTable(world.family, world.long_name));
                     static_cast<void>(world.txn->RenameTable(world.family, "t", world.other_name));
                   }));
  died += TryEvery("commit", In(true, [](World& world) { static_cast<void>(world.txn->Commit()); }));
  EXPECT_GT(died, 4u);
}

TEST(BadAlloc, EscapesNeitherOpeningNorBeginningNorCheckpoint) {
  uint64_t died = TryEvery("create and open", [] {
    auto world = std::make_shared<World>();
    return [=] { world->database = std::move(*Database::Open(world->storage, "db", world->options)); };
  });
  died += TryEvery("begin", In(false, [](World& world) {
                     world.txn.emplace(std::move(*world.database->BeginWrite(world.family)));
                   }));
  died += TryEvery("create family", In(false, [](World& world) {
                     static_cast<void>(world.database->CreateColumnFamily(world.long_name));
                   }));
  died += TryEvery("checkpoint",
                   In(false, [](World& world) { static_cast<void>(world.database->Checkpoint()); }));
  died += TryEvery("close", In(false, [](World& world) { static_cast<void>(world.database->Close()); }));
  EXPECT_GT(died, 20u);
}

}  // namespace
}  // namespace manifolddb
