// (1) What is measured is in functions with C names, which are not inlined.
// (2) The loops do what a caller has to do, and a check that costs a few instructions; nothing else.

#include "bench/exact/hot_paths.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <vector>

#include "bench/exact/data.h"
#include "bench/exact/world.h"
#include "engine/btree/node_edit.h"
#include "engine/btree/node_view.h"
#include "engine/format/page_header.h"

namespace manifolddb::bench::exact {
namespace {

constexpr size_t kValueBytes = 100;
constexpr uint64_t kEntries = 50'000;  // three levels of nodes
constexpr uint64_t kBatch = 1000;
constexpr uint32_t kPageBytes = 8192;

// A database in memory with kEntries entries, all of them in the cache.
class Hot {
 public:
  Hot() {
    Options options;
    options.executor = MakeInlineExecutor();
    options.clock = std::make_shared<TimelineClock>(std::make_shared<SoloTimeline>());
    // Checkpoints would run inside of what is measured: room for 16,000 commits before the first.
    options.log_bytes_initial = options.log_bytes_max = uint64_t{128} << 20;
    database_ = Must(Database::Open(MakeMemoryStorage(), "db", options), "open");
    family_ = MakeFamily(*database_, "f");
    std::array<std::byte, kValueBytes> value;
    for (uint64_t number = 0; number < kEntries;) {
      WriteTransaction transaction = Must(database_->BeginWrite(family_), "begin");
      WriteTable table = Must(transaction.OpenTable(family_, kTable), "open table");
      for (uint64_t i = 0; i < kBatch; ++i, ++number) {
        FillValue(number, value);
        Must(table.Put(Key(number).view(), value), "put");
      }
      Must(transaction.Commit({.durability = Durability::kNone}), "commit");
    }
    Must(database_->Checkpoint(), "checkpoint");
    checkpoints_ = database_->Stats().checkpoints;
  }
  ~Hot() {
    if (database_->Stats().checkpoints != checkpoints_) Die("a checkpoint ran among what was measured");
  }
  Hot(const Hot&) = delete;
  Hot& operator=(const Hot&) = delete;
  Database& database() const { return *database_; }
  ColumnFamily family() const { return family_; }

 private:
  std::unique_ptr<Database> database_;
  ColumnFamily family_;
  uint64_t checkpoints_ = 0;
};

uint64_t NextRandom(uint64_t& random) { return (random = Mix(random)); }

// A node as it lies in a page: `cells` of them, as many as fit.
class OneNode {
 public:
  explicit OneNode(bool leaf) : page_(AlignedBytes(kPageBytes)) {
    std::memset(page_.get(), 0, kPageBytes);
    auto& header = *reinterpret_cast<format::NodeHeader*>(page_.get());
    header.kind = static_cast<uint8_t>(leaf ? format::PageKind::kLeaf : format::PageKind::kBranch);
    header.level = leaf ? 0 : 1;
    header.heap_begin = kPageBytes;
    std::array<std::byte, kValueBytes> value;
    for (;; ++cells_) {
      FillValue(cells_, value);
      const Key key(KeyOf(cells_));
      const btree::LeafLead leaf_lead({.bytes = value});
      const btree::BranchLead branch_lead(format::PageRef{format::PageId{cells_ + 1}, format::Birth{1}});
      if (!leaf && cells_ == 0) {  // its separator is none
        btree::CellSequence first(/*leaf=*/false);
        first.AddCell(branch_lead.Parts({}));
        btree::Build({page_.get(), kPageBytes}, first, 0, 1);
        continue;
      }
      const btree::CellParts cell = leaf ? leaf_lead.Parts(key.view()) : branch_lead.Parts(key.view());
      if (!btree::InsertCell({page_.get(), kPageBytes}, cells_, cell)) break;
    }
  }
  // Ascending, and different in their first bytes, as random keys are.
  static uint64_t KeyOf(uint64_t index) { return (index + 1) << 48 | Mix(index) >> 16; }
  btree::NodeView view() const { return btree::NodeView(page_.get()); }
  uint32_t cells() const { return cells_; }

 private:
  const std::unique_ptr<std::byte[], AlignedFree> page_;
  uint32_t cells_ = 0;
};

}  // namespace

#define MEASURED extern "C" __attribute__((noinline, used))

MEASURED void measured_get(const ReadTable& table, uint64_t operations, uint64_t& random) {
  for (uint64_t i = 0; i < operations; ++i) {
    const uint64_t number = NextRandom(random) % kEntries;
    const auto value = Must(table.Get(Key(number).view()), "get");
    if (!value || !HasTag(value->bytes(), number)) Die("a wrong value was read");
  }
}

MEASURED void measured_read_transaction(Database& database, ColumnFamily family, uint64_t operations) {
  for (uint64_t i = 0; i < operations; ++i) {
    ReadTransaction snapshot = Must(database.BeginRead(), "begin");
    const ReadTable table = Must(snapshot.OpenTable(family, kTable), "open table");
    if (Must(table.Length(), "length") != kEntries) Die("a wrong length");
  }
}

MEASURED void measured_put(WriteTable& table, const uint64_t* numbers, uint64_t count, ByteView value) {
  for (uint64_t i = 0; i < count; ++i) Must(table.Put(Key(numbers[i]).view(), value), "put");
}

MEASURED void measured_begin(Database& database, ColumnFamily family, std::vector<WriteTransaction>& begun) {
  begun.push_back(Must(database.BeginWrite(family), "begin"));
}

MEASURED void measured_commit(WriteTransaction& transaction) { Must(transaction.Commit(), "commit"); }

MEASURED void measured_durable_put(Database& database, ColumnFamily family, uint64_t number, ByteView value) {
  WriteTransaction transaction = Must(database.BeginWrite(family), "begin");
  WriteTable table = Must(transaction.OpenTable(family, kTable), "open table");
  Must(table.Put(Key(number).view(), value), "put");
  Must(transaction.Commit(), "commit");
}

MEASURED void measured_next(Cursor& cursor, uint64_t operations, uint64_t number) {
  for (uint64_t i = 0; i < operations; ++i) {
    if (!HasTag(Must(cursor.value(), "value"), number)) Die("a wrong value was read");
    if (!Must(cursor.Next(), "next")) {
      Must(cursor.First(), "first");
      number = 0;
    } else {
      ++number;
    }
  }
}

MEASURED void measured_leaf_search(const OneNode& node, uint64_t operations, uint64_t& random) {
  const btree::NodeView view = node.view();
  for (uint64_t i = 0; i < operations; ++i) {
    const uint64_t index = NextRandom(random) % node.cells();
    const btree::NodeView::Position at = view.Find(Key(OneNode::KeyOf(index)).view());
    if (!at.equal || at.index != index) Die("a wrong position");
  }
}

MEASURED void measured_branch_search(const OneNode& node, uint64_t operations, uint64_t& random) {
  const btree::NodeView view = node.view();
  for (uint64_t i = 0; i < operations; ++i) {
    const uint64_t index = NextRandom(random) % node.cells();
    if (view.ChildIndex(Key(OneNode::KeyOf(index)).view()) != index) Die("a wrong child");
  }
}

#undef MEASURED

namespace {

void Gets(uint64_t operations) {
  const Hot hot;
  ReadTransaction snapshot = Must(hot.database().BeginRead(), "begin");
  const ReadTable table = Must(snapshot.OpenTable(hot.family(), kTable), "open table");
  uint64_t random = 1;
  measured_get(table, operations, random);
}

void ReadTransactions(uint64_t operations) {
  const Hot hot;
  measured_read_transaction(hot.database(), hot.family(), operations);
}

// In transactions of 1,000, committed outside of what is measured.
void Puts(uint64_t operations, bool ascending) {
  const Hot hot;
  std::array<std::byte, kValueBytes> value;
  FillValue(0, value);
  uint64_t random = 1;
  uint64_t next = kEntries;
  std::vector<uint64_t> numbers(kBatch);
  for (uint64_t done = 0; done < operations; done += kBatch) {
    for (uint64_t& number : numbers) number = ascending ? next++ : NextRandom(random) % kEntries;
    WriteTransaction transaction = Must(hot.database().BeginWrite(hot.family()), "begin");
    WriteTable table = Must(transaction.OpenTable(hot.family(), kTable), "open table");
    measured_put(table, numbers.data(), std::min(kBatch, operations - done), value);
    Must(transaction.Commit({.durability = Durability::kNone}), "commit");
  }
}

// Begin, or commit, of transactions of one put.
void Transactions(uint64_t operations, bool commit) {
  const Hot hot;
  std::array<std::byte, kValueBytes> value;
  FillValue(0, value);
  uint64_t random = 1;
  std::vector<WriteTransaction> begun;
  begun.reserve(1);
  for (uint64_t i = 0; i < operations; ++i) {
    if (commit) {
      begun.push_back(Must(hot.database().BeginWrite(hot.family()), "begin"));
    } else {
      measured_begin(hot.database(), hot.family(), begun);
    }
    WriteTable table = Must(begun.front().OpenTable(hot.family(), kTable), "open table");
    Must(table.Put(Key(NextRandom(random) % kEntries).view(), value), "put");
    if (commit) {
      measured_commit(begun.front());
    } else {
      Must(begun.front().Commit(), "commit");
    }
    begun.clear();
  }
}

void DurablePuts(uint64_t operations) {
  const Hot hot;
  std::array<std::byte, kValueBytes> value;
  FillValue(0, value);
  uint64_t random = 1;
  for (uint64_t i = 0; i < operations; ++i) {
    measured_durable_put(hot.database(), hot.family(), NextRandom(random) % kEntries, value);
  }
}

void Nexts(uint64_t operations) {
  const Hot hot;
  ReadTransaction snapshot = Must(hot.database().BeginRead(), "begin");
  const ReadTable table = Must(snapshot.OpenTable(hot.family(), kTable), "open table");
  Cursor cursor = Must(table.NewCursor(), "cursor");
  Must(cursor.First(), "first");
  measured_next(cursor, operations, 0);
}

void Searches(uint64_t operations, bool leaf) {
  const OneNode node(leaf);
  uint64_t random = 1;
  if (leaf) {
    measured_leaf_search(node, operations, random);
  } else {
    measured_branch_search(node, operations, random);
  }
}

struct HotPath {
  const char* name;
  void (*run)(uint64_t operations);
};
constexpr std::array kHotPaths = {
    HotPath{"get", &Gets},
    HotPath{"read_transaction", &ReadTransactions},
    HotPath{"put/random", [](uint64_t operations) { Puts(operations, false); }},
    HotPath{"put/ascending", [](uint64_t operations) { Puts(operations, true); }},
    HotPath{"begin", [](uint64_t operations) { Transactions(operations, false); }},
    HotPath{"commit", [](uint64_t operations) { Transactions(operations, true); }},
    HotPath{"durable_put", &DurablePuts},
    HotPath{"next", &Nexts},
    HotPath{"search/leaf", [](uint64_t operations) { Searches(operations, true); }},
    HotPath{"search/branch", [](uint64_t operations) { Searches(operations, false); }},
};

}  // namespace

int RunHotPath(const std::string& name, uint64_t operations) {
  for (const HotPath& path : kHotPaths) {
    if (name == "list") std::puts(path.name);
    if (name == path.name) {
      path.run(operations);
      return 0;
    }
  }
  if (name == "list") return 0;
  std::fprintf(stderr, "bench_exact: no hot path is called %s; --callgrind list lists them\n", name.c_str());
  return 2;
}

}  // namespace manifolddb::bench::exact
