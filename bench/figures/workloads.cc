// The workloads behind the README's figures.
//
// (1) Options are the defaults, unless a comment says why not.
// (2) Time is taken around what is named, not around making, closing or checking databases.
// (3) What was acknowledged is counted and compared after reopening: every commit that was measured is there.

#include "bench/figures/workloads.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "bench/figures/data.h"

namespace manifolddb::bench {
namespace {

constexpr uint64_t kNanosPerSecond = 1'000'000'000;
constexpr double kSecondsPerRun = 1;  // of the workloads that go by time
constexpr size_t kSmallBytes = 100;
constexpr size_t kLargeBytes = 1024;
constexpr uint64_t kBatchPuts = 1000;

uint64_t Scaled(uint64_t count, const Config& config, uint64_t least) {
  return std::max(least, static_cast<uint64_t>(static_cast<double>(count) * config.scale));
}

std::unique_ptr<Database> OpenDatabase(const std::string& path, const Options& options = {}) {
  return Must(Database::Open(path, options), "open");
}

// Runs `work` on `threads` threads that begin at the same time; the seconds until the last one is done.
double Together(int threads, const std::function<void(int)>& work) {
  std::atomic<int> ready{0};
  std::atomic<bool> go{false};
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&, i] {
      ready.fetch_add(1);
      go.wait(false);
      work(i);
    });
  }
  while (ready.load() < threads) std::this_thread::yield();
  const uint64_t begin = NowNanos();
  go.store(true);
  go.notify_all();
  for (std::thread& thread : running) thread.join();
  return static_cast<double>(NowNanos() - begin) / kNanosPerSecond;
}

double Percentile(std::vector<uint32_t>& nanos, double fraction) {
  if (nanos.empty()) return 0;
  const auto at =
      nanos.begin() + static_cast<std::ptrdiff_t>(fraction * static_cast<double>(nanos.size() - 1));
  std::nth_element(nanos.begin(), at, nanos.end());
  return *at / 1000.0;
}

void AddLatencies(Measured& measured, std::vector<uint32_t> nanos) {
  measured.latency_p50_us = Percentile(nanos, 0.50);
  measured.latency_p99_us = Percentile(nanos, 0.99);
}

// ---- Commits ----------------------------------------------------------------------------------------------

// One thread's part of DurableCommits.
struct Committer {
  ColumnFamily family;
  uint64_t first_key = 0;
  std::vector<uint32_t> nanos;  // of each acknowledged commit
};

void CommitUntil(Database& database, Committer& committer, uint64_t end) {
  std::array<std::byte, kSmallBytes> value;
  for (uint64_t before = NowNanos(); before < end;) {
    const uint64_t number = committer.first_key + committer.nanos.size();
    FillValue(number, value);
    WriteTransaction transaction = Must(database.BeginWrite(committer.family), "begin");
    WriteTable table = Must(transaction.OpenTable(committer.family, "t"), "open table");
    Must(table.Put(Key(number).view(), value), "put");
    Must(transaction.Commit(), "commit");
    const uint64_t after = NowNanos();
    committer.nanos.push_back(static_cast<uint32_t>(std::min<uint64_t>(after - before, UINT32_MAX)));
    before = after;
  }
}

// Every acknowledged commit is there, and nothing else.
void CheckCommits(Database& database, const std::vector<Committer>& committers) {
  ReadTransaction snapshot = Must(database.BeginRead(), "begin");
  uint64_t entries = 0;
  for (const std::string& name : Must(snapshot.ListColumnFamilies(), "list")) {
    const ColumnFamily family = Must(snapshot.OpenColumnFamily(name), "open family");
    entries += Must(Must(snapshot.OpenTable(family, "t"), "open table").Length(), "length");
  }
  uint64_t acknowledged = 0;
  for (const Committer& committer : committers) {
    const ReadTable table = Must(snapshot.OpenTable(committer.family, "t"), "open table");
    for (uint64_t i = 0; i < committer.nanos.size(); ++i) {
      const auto value = Must(table.Get(Key(committer.first_key + i).view()), "get");
      if (!value || !IsValueOf(value->bytes(), committer.first_key + i, kSmallBytes))
        Die("an acknowledged put is lost");
    }
    acknowledged += committer.nanos.size();
  }
  if (entries != acknowledged) Die("there are entries that nobody put");
}

ColumnFamily MakeFamily(Database& database, const std::string& name) {
  const ColumnFamily family = Must(database.CreateColumnFamily(name), "create family");
  WriteTransaction transaction = Must(database.BeginWrite(family), "begin");
  Must(transaction.CreateTable(family, "t"), "create table");
  Must(transaction.Commit(), "commit");
  return family;
}

}  // namespace

Measured DurableCommits(const Config& config, int threads, Families families) {
  const Scratch scratch(config.directory, "commits");
  auto database = OpenDatabase(scratch / "db");
  std::vector<Committer> committers(static_cast<size_t>(threads));
  for (size_t i = 0; i < committers.size(); ++i) {
    const bool makes = i == 0 || families == Families::kOwn;
    committers[i].family =
        makes ? MakeFamily(*database, "family " + std::to_string(i)) : committers[0].family;
    committers[i].first_key = i << 40;
    committers[i].nanos.reserve(1 << 18);
  }
  const DatabaseStats before = database->Stats();
  Measured measured;
  const auto nanos = static_cast<uint64_t>(kSecondsPerRun * config.scale * kNanosPerSecond);
  const uint64_t end = NowNanos() + nanos;
  measured.seconds =
      Together(threads, [&](int i) { CommitUntil(*database, committers[static_cast<size_t>(i)], end); });
  const DatabaseStats after = database->Stats();
  std::vector<uint32_t> latencies;
  for (const Committer& committer : committers) {
    latencies.insert(latencies.end(), committer.nanos.begin(), committer.nanos.end());
  }
  measured.count = static_cast<double>(latencies.size());
  measured.group_size = static_cast<double>(after.commits - before.commits) /
                        static_cast<double>(std::max<uint64_t>(1, after.log_groups - before.log_groups));
  AddLatencies(measured, std::move(latencies));
  Must(database->Close(), "close");
  database = OpenDatabase(scratch / "db");
  CheckCommits(*database, committers);
  return measured;
}

namespace {

// Puts kBatchPuts values of 1 KiB, ascending.
void CommitBatch(Database& database, ColumnFamily family, uint64_t batch) {
  std::array<std::byte, kLargeBytes> value;
  WriteTransaction transaction = Must(database.BeginWrite(family), "begin");
  WriteTable table = Must(transaction.OpenTable(family, "t"), "open table");
  for (uint64_t i = 0; i < kBatchPuts; ++i) {
    const uint64_t number = batch * kBatchPuts + i;
    FillValue(number, value);
    Must(table.Put(Key(number).view(), value), "put");
  }
  Must(transaction.Commit(), "commit");
}

void CheckBatches(Database& database, uint64_t batches) {
  ReadTransaction snapshot = Must(database.BeginRead(), "begin");
  const ReadTable table =
      Must(snapshot.OpenTable(Must(snapshot.OpenColumnFamily("f"), "open"), "t"), "open table");
  Cursor cursor = Must(table.NewCursor(), "cursor");
  uint64_t number = 0;
  for (bool more = Must(cursor.First(), "first"); more; more = Must(cursor.Next(), "next"), ++number) {
    const ByteView value = Must(cursor.value(), "value");
    if (!Equal(cursor.key(), Key(number).view()) || !IsValueOf(value, number, kLargeBytes))
      Die("a wrong entry");
  }
  if (number != batches * kBatchPuts) Die("entries are missing");
}

}  // namespace

Measured DurableBatches(const Config& config) {
  const Scratch scratch(config.directory, "batches");
  auto database = OpenDatabase(scratch / "db");
  const ColumnFamily family = MakeFamily(*database, "f");
  const uint64_t batches = Scaled(100, config, 2);
  Measured measured;
  measured.seconds = Together(1, [&](int) {
    for (uint64_t batch = 0; batch < batches; ++batch) CommitBatch(*database, family, batch);
  });
  measured.count = static_cast<double>(batches * kBatchPuts);
  measured.bytes = measured.count * (kLargeBytes + 8);
  Must(database->Close(), "close");
  database = OpenDatabase(scratch / "db");
  CheckBatches(*database, batches);
  return measured;
}

Measured OverwriteAndSync(const Config& config) {
  constexpr size_t kBlock = 4096;
  constexpr size_t kFileBytes = size_t{4} << 20;
  const Scratch scratch(config.directory, "raw");
  const int file = ::open((scratch / "file").c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file < 0) Die("cannot create a file in " + config.directory);
  std::vector<std::byte> bytes(kFileBytes, std::byte{1});
  if (::pwrite(file, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()) ||
      ::fsync(file) != 0) {
    Die("cannot write in " + config.directory);
  }
  std::vector<uint32_t> latencies;
  Measured measured;
  const auto nanos = static_cast<uint64_t>(kSecondsPerRun * config.scale * kNanosPerSecond);
  measured.seconds = Together(1, [&](int) {
    const uint64_t end = NowNanos() + nanos;
    for (uint64_t before = NowNanos(); before < end;) {
      bytes[0] = static_cast<std::byte>(latencies.size());
      if (::pwrite(file, bytes.data(), kBlock, kBlock) != kBlock || ::fdatasync(file) != 0)
        Die("a sync failed");
      const uint64_t after = NowNanos();
      latencies.push_back(static_cast<uint32_t>(std::min<uint64_t>(after - before, UINT32_MAX)));
      before = after;
    }
  });
  ::close(file);
  measured.count = static_cast<double>(latencies.size());
  AddLatencies(measured, std::move(latencies));
  return measured;
}

// ---- Reads ------------------------------------------------------------------------------------------------

struct ReadDatabase::Open {
  explicit Open(const Config& config) : scratch(config.directory, "reads") {}
  const Scratch scratch;
  std::unique_ptr<Database> database;
  ColumnFamily family;
  uint64_t entries = 0;
};

ReadDatabase::ReadDatabase(const Config& config) : config_(config) {}
ReadDatabase::~ReadDatabase() = default;

ReadDatabase::Open& ReadDatabase::Prepared() {
  if (open_ != nullptr) return *open_;
  open_ = std::make_unique<Open>(config_);
  open_->entries = Scaled(1'000'000, config_, 2000);
  {
    const auto database = OpenDatabase(open_->scratch / "db");
    const ColumnFamily family = MakeFamily(*database, "f");
    std::array<std::byte, kSmallBytes> value;
    for (uint64_t number = 0; number < open_->entries;) {
      WriteTransaction transaction = Must(database->BeginWrite(family), "begin");
      WriteTable table = Must(transaction.OpenTable(family, "t"), "open table");
      for (uint64_t i = 0; i < 10 * kBatchPuts && number < open_->entries; ++i, ++number) {
        FillValue(number, value);
        Must(table.Put(Key(number).view(), value), "put");
      }
      Must(transaction.Commit({.durability = Durability::kNone}), "commit");
    }
    Must(database->Close(), "close");
  }
  open_->database = OpenDatabase(open_->scratch / "db");
  open_->family = Must(open_->database->OpenColumnFamily("f"), "open family");
  Scan();  // fills the cache
  return *open_;
}

Measured ReadDatabase::PointReads(int threads) {
  Open& open = Prepared();
  std::vector<uint64_t> counts(static_cast<size_t>(threads));
  const auto nanos = static_cast<uint64_t>(kSecondsPerRun * config_.scale * kNanosPerSecond);
  const uint64_t end = NowNanos() + nanos;
  Measured measured;
  measured.seconds = Together(threads, [&](int thread) {
    uint64_t count = 0;
    uint64_t random = Mix(static_cast<uint64_t>(thread));
    while (NowNanos() < end) {
      ReadTransaction snapshot = Must(open.database->BeginRead(), "begin");
      const ReadTable table = Must(snapshot.OpenTable(open.family, "t"), "open table");
      for (int i = 0; i < 1000; ++i, ++count) {
        random = Mix(random);
        const uint64_t number = random % open.entries;
        const auto value = Must(table.Get(Key(number).view()), "get");
        if (!value || !HasTag(value->bytes(), number)) Die("a wrong value was read");
      }
    }
    counts[static_cast<size_t>(thread)] = count;
  });
  for (const uint64_t count : counts) measured.count += static_cast<double>(count);
  return measured;
}

Measured ReadDatabase::Scan() {
  Open& open = Prepared();
  Measured measured;
  uint64_t number = 0;
  measured.seconds = Together(1, [&](int) {
    ReadTransaction snapshot = Must(open.database->BeginRead(), "begin");
    const ReadTable table = Must(snapshot.OpenTable(open.family, "t"), "open table");
    Cursor cursor = Must(table.NewCursor(), "cursor");
    for (bool more = Must(cursor.First(), "first"); more; more = Must(cursor.Next(), "next"), ++number) {
      if (!HasTag(Must(cursor.value(), "value"), number)) Die("a wrong value was read");
    }
  });
  if (number != open.entries) Die("entries are missing");
  measured.count = static_cast<double>(number);
  return measured;
}

// ---- Recovery ---------------------------------------------------------------------------------------------

namespace {

// Takes work and does it when told to: no checkpoint runs before the files were copied.
class HoldingExecutor final : public Executor {
 public:
  void Submit(std::function<void()> work) override {
    {
      const std::lock_guard lock(mutex_);
      if (!released_) {
        held_.push_back(std::move(work));
        return;
      }
    }
    work();
  }
  void Release() {
    std::vector<std::function<void()>> held;
    {
      const std::lock_guard lock(mutex_);
      released_ = true;
      held.swap(held_);
    }
    for (const auto& work : held) work();
  }

 private:
  std::mutex mutex_;
  bool released_ = false;
  std::vector<std::function<void()>> held_;
};

void CopyAndSync(const std::string& from, const std::string& to) {
  std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
  const int file = ::open(to.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0 || ::fsync(file) != 0) Die("cannot copy to " + to);
  ::close(file);
}

}  // namespace

struct CrashedDatabase::Files {
  explicit Files(const Config& config) : scratch(config.directory, "crashed") {}
  const Scratch scratch;
  uint64_t batches = 0;
};

CrashedDatabase::CrashedDatabase(const Config& config) : config_(config) {}
CrashedDatabase::~CrashedDatabase() = default;

CrashedDatabase::Files& CrashedDatabase::Prepared() {
  if (files_ != nullptr) return *files_;
  files_ = std::make_unique<Files>(config_);
  files_->batches = Scaled(90, config_, 2);  // fit into the largest log
  // Whoever writes has all of the log to fill before a checkpoint; whoever recovers has the defaults.
  const auto executor = std::make_shared<HoldingExecutor>();
  Options options;
  options.log_bytes_initial = options.log_bytes_max;
  options.cache_bytes = uint64_t{1} << 30;
  options.dirty_bytes_max = uint64_t{1} << 29;
  options.executor = executor;
  const auto database = OpenDatabase(files_->scratch / "alive", options);
  const ColumnFamily family = MakeFamily(*database, "f");
  for (uint64_t batch = 0; batch < files_->batches; ++batch) CommitBatch(*database, family, batch);
  if (database->Stats().checkpoints != 0) Die("a checkpoint ran before the crash");
  for (const char* suffix : {"", "-wal"}) {
    CopyAndSync((files_->scratch / "alive") + suffix, (files_->scratch / "crashed") + suffix);
  }
  executor->Release();
  Must(database->Close(), "close");
  return *files_;
}

Measured CrashedDatabase::Recover() {
  Files& files = Prepared();
  const std::string path = files.scratch / "recovered";
  for (const char* suffix : {"", "-wal"}) CopyAndSync((files.scratch / "crashed") + suffix, path + suffix);
  const uint64_t entries = files.batches * kBatchPuts;
  Measured measured;
  std::unique_ptr<Database> database;
  measured.seconds = Together(1, [&](int) {
    database = OpenDatabase(path);
    ReadTransaction snapshot = Must(database->BeginRead(), "begin");
    const ReadTable table =
        Must(snapshot.OpenTable(Must(snapshot.OpenColumnFamily("f"), "open"), "t"), "open table");
    const auto value = Must(table.Get(Key(entries - 1).view()), "get");
    if (!value || !IsValueOf(value->bytes(), entries - 1, kLargeBytes)) Die("the last commit is lost");
  });
  // Creating the family and its table are two more commits.
  if (database->Stats().recovered_commits != files.batches + 2) Die("not everything came from the log");
  CheckBatches(*database, files.batches);
  measured.count = static_cast<double>(entries);
  measured.bytes = measured.count * (kLargeBytes + 8);
  return measured;
}

}  // namespace manifolddb::bench
