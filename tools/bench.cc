// manifolddb bench: how long this database, on this disk, takes for entries of the user's shape.
//
// (1) Every answer is checked: each key that is read is there with its value's length, each scan meets all
//     entries. A database that answers fast and wrong is an error, not a figure.
// (2) What is measured is one run on a machine that may have other things to do, and is told as nothing else.
// (3) Only files that were made here are removed, and only once the measurement holds all of them.

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>
#include <system_error>
#include <thread>

#include "engine/base/memory.h"
#include "engine/base/try.h"
#include "manifolddb/write_batch.h"
#include "tools/commands.h"
#include "tools/program.h"
#include "tools/progress.h"
#include "tools/text.h"

namespace manifolddb::tools {
namespace {

using SteadyClock = std::chrono::steady_clock;
using Nanos = std::chrono::nanoseconds;

constexpr uint64_t kProbeBytes = uint64_t{4} << 20;  // overwritten in turn
constexpr uint64_t kKeyBytesMin = 8;
constexpr char kFamily[] = "bench";
constexpr char kTable[] = "entries";

// What one kind of work has taken.
struct Phase {
  std::string name;
  std::string unit;
  uint64_t operations = 0;
  uint64_t bytes = 0;
  Nanos took{0};
  std::vector<uint64_t> nanos = {};  // of each operation, sorted; empty: they were not timed one by one

  double seconds() const { return std::chrono::duration<double>(took).count(); }
  double per_second() const { return static_cast<double>(operations) / std::max(seconds(), 1e-9); }
  double bytes_per_second() const { return static_cast<double>(bytes) / std::max(seconds(), 1e-9); }
  uint64_t Percentile(double share) const {
    const auto rank = static_cast<size_t>(share * static_cast<double>(nanos.size() - 1) + 0.5);
    return nanos[rank];
  }
};

// Does `once` until the time is over, at least one time, and times each.
template <class Once>
Result<Phase> Repeat(std::string name, std::string unit, const BenchArguments& arguments, Once once) {
  Phase phase{.name = std::move(name), .unit = std::move(unit)};
  const SteadyClock::time_point began = SteadyClock::now();
  const SteadyClock::time_point end = began + std::chrono::milliseconds(arguments.milliseconds);
  SteadyClock::time_point before = began;
  do {
    MANIFOLDDB_ASSIGN(const uint64_t bytes, once(phase.operations));
    const SteadyClock::time_point now = SteadyClock::now();
    phase.nanos.push_back(static_cast<uint64_t>(Nanos(now - before).count()));
    phase.bytes += bytes;
    ++phase.operations;
    before = now;
  } while (before < end);
  phase.took = before - began;
  std::sort(phase.nanos.begin(), phase.nanos.end());
  return phase;
}

// Different numbers for different ones, in no order that anybody sees.
uint64_t Scrambled(uint64_t number) {
  number += 0x9e3779b97f4a7c15;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

class Shape {
 public:
  explicit Shape(const BenchArguments& arguments)
      : key_(arguments.key_bytes, 'k'), value_(arguments.value_bytes, '\0') {
    for (size_t i = 0; i < value_.size(); ++i) value_[i] = static_cast<char>(Scrambled(i) & 0xff);
  }
  // Views until the next call.
  ByteView Key(uint64_t number) {
    const uint64_t scrambled = Scrambled(number);
    std::memcpy(key_.data(), &scrambled, sizeof scrambled);
    return AsBytes(key_);
  }
  ByteView value() const { return AsBytes(value_); }
  uint64_t entry_bytes() const { return key_.size() + value_.size(); }

 private:
  std::string key_;
  std::string value_;
};

Error Wrong(const BenchArguments& arguments, const std::string& what) {
  return Error(Errc::kCorrupt, "tools.bench", {.file = arguments.path, .message = what});
}

// The bare disk: as many bytes as the database writes at once at least, overwritten in place, and synced.
Result<Phase> MeasureDisk(const BenchArguments& arguments, const DatabaseFile& where) {
  const uint64_t unit = Options().write_unit;
  const std::string name = where.name + "-probe";
  MANIFOLDDB_ASSIGN(const bool there, where.storage->Exists(name));
  if (there)
    return Fail(Errc::kAlreadyExists, "tools.bench", {.file = arguments.path + "-probe", .message = ""});
  MANIFOLDDB_ASSIGN(base::Buffer buffer, base::Buffer::Make(kProbeBytes, "tools.bench"));
  std::memset(buffer.data(), 0x5a, buffer.size());
  MANIFOLDDB_ASSIGN(const std::unique_ptr<File> file, where.storage->Open(name, OpenMode::kCreate));
  const auto measure = [&]() -> Result<Phase> {
    MANIFOLDDB_TRY(file->Allocate(kProbeBytes));
    MANIFOLDDB_TRY(file->Write(0, buffer.view()));
    MANIFOLDDB_TRY(file->Sync());
    return Repeat("disk", "overwrites of " + std::to_string(unit) + " bytes, synced", arguments,
                  [&](uint64_t number) -> Result<uint64_t> {
                    const ByteView bytes = buffer.view().first(unit);
                    MANIFOLDDB_TRY(file->WriteDurable(number * unit % kProbeBytes, {&bytes, 1}));
                    return unit;
                  });
  };
  auto phase = measure();
  MANIFOLDDB_TRY(where.storage->Remove(name));
  return phase;
}

class Bench {
 public:
  Bench(const BenchArguments& arguments, Database& database, std::ostream& err)
      : arguments_(arguments), database_(database), err_(err), shape_(arguments) {}

  Result<std::vector<Phase>> Run() {
    std::vector<Phase> phases;
    MANIFOLDDB_ASSIGN(family_, database_.CreateColumnFamily(kFamily));
    for (const auto measure : {&Bench::Fill, &Bench::Get, &Bench::Scan, &Bench::Commit}) {
      MANIFOLDDB_ASSIGN(Phase phase, (this->*measure)());
      phases.push_back(std::move(phase));
    }
    if (arguments_.threads > 1) {
      MANIFOLDDB_ASSIGN(Phase phase, CommitSideBySide());
      phases.push_back(std::move(phase));
    }
    return phases;
  }

 private:
  Status CreateTable(ColumnFamily family) {
    const auto create = [&](WriteTransaction& txn) -> Status {
      MANIFOLDDB_TRY(txn.CreateTable(family, kTable));
      return {};
    };
    MANIFOLDDB_TRY(database_.Write(family, create));
    return {};
  }
  // In no order, so many to a durable commit.
  Result<Phase> Fill() {
    MANIFOLDDB_TRY(CreateTable(family_));
    Phase phase{.name = "fill",
                .unit = "entries, " + std::to_string(arguments_.batch) + " to a durable commit"};
    Progress progress("entries put", err_);
    const SteadyClock::time_point began = SteadyClock::now();
    WriteBatch batch;
    const WriteBatch::Table table = batch.In(family_, kTable, TableTypes{});
    while (phase.operations < arguments_.entries) {
      MANIFOLDDB_TRY(batch.Put(table, shape_.Key(phase.operations), shape_.value()));
      ++phase.operations;
      phase.bytes += shape_.entry_bytes();
      if (batch.changes() < arguments_.batch && phase.operations < arguments_.entries) continue;
      MANIFOLDDB_TRY(database_.Apply(batch));
      batch.Clear();
      progress.Show({.count = phase.operations,
                     .bytes = phase.bytes,
                     .done = phase.operations,
                     .total = arguments_.entries});
    }
    phase.took = SteadyClock::now() - began;
    MANIFOLDDB_TRY(database_.Checkpoint());  // is no part of what comes next
    return phase;
  }
  Result<Phase> Get() {
    MANIFOLDDB_ASSIGN(ReadTransaction snapshot, database_.BeginRead());
    MANIFOLDDB_ASSIGN(const ReadTable table, snapshot.OpenTable(family_, kTable));
    return Repeat("get", "reads of a key, in no order", arguments_, [&](uint64_t number) -> Result<uint64_t> {
      const uint64_t which = Scrambled(~number) % arguments_.entries;
      MANIFOLDDB_ASSIGN(const auto value, table.Get(shape_.Key(which)));
      if (!value || value->bytes().size() != arguments_.value_bytes)
        return std::unexpected(Wrong(arguments_, "an entry that was put is not there"));
      return shape_.entry_bytes();
    });
  }
  Result<Phase> Scan() {
    MANIFOLDDB_ASSIGN(ReadTransaction snapshot, database_.BeginRead());
    MANIFOLDDB_ASSIGN(const ReadTable table, snapshot.OpenTable(family_, kTable));
    MANIFOLDDB_ASSIGN(Phase phase, Repeat("scan", "entries in order", arguments_,
                                          [&](uint64_t) -> Result<uint64_t> { return ScanOnce(table); }));
    phase.nanos.clear();  // of whole scans
    phase.operations *= arguments_.entries;
    return phase;
  }
  Result<uint64_t> ScanOnce(const ReadTable& table) {
    uint64_t entries = 0;
    uint64_t bytes = 0;
    MANIFOLDDB_ASSIGN(Cursor cursor, table.NewCursor());
    MANIFOLDDB_ASSIGN(bool any, cursor.First());
    while (any) {
      MANIFOLDDB_ASSIGN(const ByteView value, cursor.value());
      bytes += cursor.key().size() + value.size();
      ++entries;
      MANIFOLDDB_ASSIGN(any, cursor.Next());
    }
    if (entries == arguments_.entries && bytes == entries * shape_.entry_bytes()) return bytes;
    return std::unexpected(Wrong(arguments_, "a scan met " + std::to_string(entries) + " entries"));
  }
  Result<Phase> Commit() {
    MANIFOLDDB_ASSIGN(const ColumnFamily family, database_.CreateColumnFamily("commit"));
    return CommitInto(family, "commit");
  }
  // Each puts one entry.
  Result<Phase> CommitInto(ColumnFamily family, std::string name) {
    MANIFOLDDB_TRY(CreateTable(family));
    Shape shape(arguments_);
    return Repeat(std::move(name), "durable commits of one entry", arguments_,
                  [&](uint64_t number) -> Result<uint64_t> {
                    MANIFOLDDB_ASSIGN(WriteTransaction txn, database_.BeginWrite(family));
                    MANIFOLDDB_ASSIGN(WriteTable table, txn.OpenTable(family, kTable));
                    MANIFOLDDB_TRY(table.Put(shape.Key(number), shape.value()));
                    MANIFOLDDB_TRY(txn.Commit());
                    return shape.entry_bytes();
                  });
  }
  // By several threads, each into a family of its own: they share syncs.
  Result<Phase> CommitSideBySide() {
    std::vector<ColumnFamily> families;
    for (uint64_t i = 0; i < arguments_.threads; ++i) {
      MANIFOLDDB_ASSIGN(const ColumnFamily family,
                        database_.CreateColumnFamily("thread" + std::to_string(i)));
      families.push_back(family);
    }
    std::vector<Result<Phase>> parts(families.size(), Phase());
    const SteadyClock::time_point began = SteadyClock::now();
    {
      std::vector<std::thread> threads;
      for (size_t i = 0; i < families.size(); ++i)
        threads.emplace_back([&, i] { parts[i] = CommitInto(families[i], "part"); });
      for (std::thread& thread : threads) thread.join();
    }
    Phase whole{.name = "commits",
                .unit = "the same by " + std::to_string(arguments_.threads) + " threads, a family each",
                .took = SteadyClock::now() - began};
    for (Result<Phase>& part : parts) {
      if (!part) return part;
      whole.operations += part->operations;
      whole.bytes += part->bytes;
      whole.nanos.insert(whole.nanos.end(), part->nanos.begin(), part->nanos.end());
    }
    std::sort(whole.nanos.begin(), whole.nanos.end());
    return whole;
  }

  const BenchArguments& arguments_;
  Database& database_;
  std::ostream& err_;
  Shape shape_;
  ColumnFamily family_;
};

std::unexpected<Error> AlreadyThere(const std::string& file) {
  return Fail(Errc::kAlreadyExists, "tools.bench",
              {.file = file, .message = "bench makes a new database, to measure it"});
}

Status CheckBench(const BenchArguments& arguments) {
  const auto refuse = [&](const std::string& what) {
    return Fail(Errc::kInvalidArgument, "tools.bench", {.file = arguments.path, .message = what});
  };
  if (arguments.key_bytes < kKeyBytesMin)
    return refuse("--key-bytes: at least " + std::to_string(kKeyBytesMin) + ", for keys that differ");
  if (arguments.key_bytes > kBenchKeyBytesMax) return refuse("--key-bytes: no key is as long");
  if (arguments.value_bytes > kValueBytesMax) return refuse("--value-bytes: no value is as long");
  if (arguments.threads > kBenchThreadsMax)
    return refuse("--threads: at most " + std::to_string(kBenchThreadsMax));
  for (const char* const suffix : {"", "-wal", "-new", "-wal-new", "-probe"}) {
    std::error_code ignored;
    if (!std::filesystem::exists(std::filesystem::symlink_status(arguments.path + suffix, ignored))) continue;
    return AlreadyThere(arguments.path + suffix);
  }
  return {};
}

struct Measured {
  std::vector<Phase> phases;
  DatabaseStats stats;
};

Result<Measured> RunBench(const BenchArguments& arguments, std::ostream& err) {
  MANIFOLDDB_TRY(CheckBench(arguments));
  MANIFOLDDB_ASSIGN(const DatabaseFile where, DatabaseAt(arguments.path));
  Measured measured;
  MANIFOLDDB_ASSIGN(Phase disk, MeasureDisk(arguments, where));
  measured.phases.push_back(std::move(disk));
  Options options;
  options.page_size = static_cast<uint32_t>(std::min<uint64_t>(arguments.page_size, UINT32_MAX));
  if (arguments.cache_bytes > 0) options.cache_bytes = arguments.cache_bytes;
  // Once more: the disk has taken its time. Whoever is still quicker to make one of that name has the lock,
  // or has put something into it.
  MANIFOLDDB_TRY(CheckBench(arguments));
  MANIFOLDDB_ASSIGN(auto database, Database::Open(where.storage, where.name, options));
  MANIFOLDDB_ASSIGN(const auto families, database->ListColumnFamilies());
  if (!families.empty()) return AlreadyThere(arguments.path);
  auto phases = Bench(arguments, *database, err).Run();
  measured.stats = database->Stats();
  const Status closed = database->Close();
  if (!arguments.keep) {
    database.reset();
    // The data file last: what is left of a removal that was cut short is still one to be removed.
    for (const std::string& name : {where.name + "-wal", where.name})
      MANIFOLDDB_TRY(where.storage->Remove(name));
  }
  if (!phases) return std::unexpected(phases.error());
  MANIFOLDDB_TRY(closed);
  for (Phase& phase : *phases) measured.phases.push_back(std::move(phase));
  return measured;
}

void PrintBenchJson(const BenchArguments& arguments, const Measured& measured, std::ostream& out) {
  nlohmann::ordered_json json = {{"path", Printable(arguments.path)},
                                 {"entries", arguments.entries},
                                 {"key_bytes", arguments.key_bytes},
                                 {"value_bytes", arguments.value_bytes},
                                 {"batch", arguments.batch},
                                 {"threads", arguments.threads},
                                 {"page_size", measured.stats.page_size},
                                 {"file_bytes", measured.stats.pages_total * measured.stats.page_size},
                                 {"phases", nlohmann::ordered_json::array()}};
  for (const Phase& phase : measured.phases) {
    nlohmann::ordered_json one = {{"name", phase.name},
                                  {"what", phase.unit},
                                  {"operations", phase.operations},
                                  {"bytes", phase.bytes},
                                  {"seconds", phase.seconds()},
                                  {"per_second", phase.per_second()},
                                  {"bytes_per_second", phase.bytes_per_second()}};
    if (!phase.nanos.empty()) {
      one["p50_ns"] = phase.Percentile(0.5);
      one["p99_ns"] = phase.Percentile(0.99);
      one["max_ns"] = phase.nanos.back();
    }
    json["phases"].push_back(std::move(one));
  }
  out << json.dump(2) << "\n";
}

void PrintBenchText(const BenchArguments& arguments, const Measured& measured, std::ostream& out) {
  out << Printable(arguments.path) << ": " << arguments.entries << " entries, keys of " << arguments.key_bytes
      << " bytes, values of " << arguments.value_bytes << ", pages of " << measured.stats.page_size
      << "; one run, and whatever else this machine did meanwhile\n";
  for (const Phase& phase : measured.phases) {
    std::ostringstream line;
    line << "  " << std::left << std::setw(8) << phase.name << std::right << std::fixed
         << std::setprecision(0) << std::setw(12) << phase.per_second() << " /s " << std::setprecision(1)
         << std::setw(8) << phase.bytes_per_second() / 1e6 << " MB/s";
    if (!phase.nanos.empty()) {
      line << "  p50 " << static_cast<double>(phase.Percentile(0.5)) / 1e3 << " us, p99 "
           << static_cast<double>(phase.Percentile(0.99)) / 1e3 << " us, max "
           << static_cast<double>(phase.nanos.back()) / 1e3 << " us";
    }
    out << line.str() << "  " << phase.unit << "\n";
  }
}

}  // namespace

int BenchDisk(const BenchArguments& arguments, Streams streams) {
  const auto measured = RunBench(arguments, streams.err);
  if (!measured) return Report(measured.error(), streams.err);
  if (arguments.json) {
    PrintBenchJson(arguments, *measured, streams.out);
  } else {
    PrintBenchText(arguments, *measured, streams.out);
  }
  return kDone;
}

}  // namespace manifolddb::tools
