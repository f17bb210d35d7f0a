// (1) The process that recovers is killed when it has been looked at: closing would cost a checkpoint and
//     prove nothing about the crash.
// (2) A read-only opening must leave no effect on the disk.
#include "crashsim/recovery.h"

#include <ctime>
#include <utility>

#include "crashsim/beat.h"
#include "crashsim/registry.h"
#include "faultfs/crash_point.h"

namespace manifolddb::crashsim {
namespace {

uint64_t CpuNanos() {
  timespec now = {};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

constexpr char kProbeFamily[] = "after the crash";

StateSum SumOfProbe() {
  const StateSum entry = SumOfEntry(Digest("1"), Digest("v"));
  const StateSum table = SumOfTable("t", 1, entry);
  return SumOfFamily(kProbeFamily, 1, table);
}

Status WriteProbe(Database& database, uint64_t key) {
  const auto family = database.OpenOrCreateColumnFamily(kProbeFamily);
  if (!family) return std::unexpected<Error>(family.error());
  auto transaction = database.BeginWrite(*family);
  if (!transaction) return std::unexpected<Error>(transaction.error());
  auto table = transaction->OpenOrCreateTable(*family, "t");
  if (!table) return std::unexpected<Error>(table.error());
  if (Status put = table->Put(AsBytes(std::to_string(key)), AsBytes("v")); !put) return put;
  const auto number = transaction->Commit();
  if (!number) return std::unexpected<Error>(number.error());
  return {};
}

void Look(Database& database, const Invariant& invariant, const RecoveryWish& wish, Recovered& found) {
  const DatabaseStats stats = database.Stats();
  found.replayed = stats.recovered_commits;
  found.pages_total = stats.pages_total;
  auto transaction = database.BeginRead();
  if (!transaction) {
    found.error = transaction.error();
    return;
  }
  auto seen = Observe(*transaction, Detail::kSums);
  if (!seen) {
    found.error = seen.error();
    return;
  }
  found.seen = seen->Summarize();
  if (invariant) found.invariant = invariant(*transaction);
  if (!wish.verify) return;
  const auto report = database.Verify();
  if (!report) {
    found.error = report.error();
    return;
  }
  for (const auto& problem : report->problems) {
    found.verify.push_back(problem.file + " @" + std::to_string(problem.offset) + ": " + problem.what);
  }
}

void Write(Database& database, const RecoveryWish& wish, Recovered& found) {
  if (Status written = WriteProbe(database, wish.write); !written) {
    found.error = written.error();
    return;
  }
  Recovered after;
  Look(database, {}, {.verify = false}, after);
  found.error = after.error;
  found.written = after.seen;
}

}  // namespace

Recovered Recover(const std::shared_ptr<faultfs::Disk>& disk, const Setup& setup, const Invariant& invariant,
                  const RecoveryWish& wish) {
  Recovered found;
  Options options = InlineOptions(setup);
  options.dirty_bytes_max = setup.recovery_dirty_bytes_max;
  options.read_only = wish.read_only;
  if (wish.read_only) options.create_if_missing = false;
  Beat();
  const uint64_t before = disk->effects();
  const MarksSince marks;
  const uint64_t begun = CpuNanos();
  auto database = Database::Open(disk->NewProcess(), kDatabase, options);
  found.behaviour = Mix(marks.Signature(), database ? 0 : 1 + static_cast<uint64_t>(database.error().code()));
  if (database) {
    Look(**database, invariant, wish, found);
    if (!found.error && wish.write != 0) Write(**database, wish, found);
  } else {
    found.error = database.error();
    found.refused = true;
  }
  found.cpu_nanos = CpuNanos() - begun;
  found.effects = disk->effects() - before;
  if (wish.keep_trace) found.trace = disk->trace();
  disk->Kill();
  return found;
}

Recovered Recover(const faultfs::Image& image, const Setup& setup, const Invariant& invariant,
                  const RecoveryWish& wish) {
  return Recover(std::make_shared<faultfs::Disk>(image, setup.traits), setup, invariant, wish);
}

Observation ContentsOf(const faultfs::Image& image, const Setup& setup) {
  return ContentsOf(std::make_shared<faultfs::Disk>(image, setup.traits), setup);
}

Observation ContentsOf(const std::shared_ptr<faultfs::Disk>& disk, const Setup& setup) {
  auto database = Database::Open(disk->NewProcess(), kDatabase, InlineOptions(setup));
  if (!database) return {};
  auto seen = Observe(**database, Detail::kContents);
  disk->Kill();
  return seen ? std::move(*seen) : Observation{};
}

std::vector<std::string> GoOn(const faultfs::Image& image, const Setup& setup, const Recovered& before) {
  auto disk = std::make_shared<faultfs::Disk>(image, setup.traits);
  StateSum expected = before.seen.sum;
  expected += SumOfProbe();
  const auto compare = [&](const Recovered& found, const char* when) -> std::vector<std::string> {
    if (found.error) return {std::string(when) + ": " + Describe(*found.error)};
    if (!found.sound()) return {std::string(when) + ": not whole"};
    if (found.seen.sum != expected) return {std::string(when) + ": other contents than were written"};
    return {};
  };
  {
    auto database = Database::Open(disk->NewProcess(), kDatabase, InlineOptions(setup));
    if (!database) return {"second recovery of the same image: " + Describe(database.error())};
    if (Status written = WriteProbe(**database, 1); !written)
      return {"writing: " + Describe(written.error())};
    const faultfs::CrashPoint cut(disk->trace(), disk->effects());
    auto wrong = compare(Recover(cut.Draw({faultfs::Policy::kNone, 0}), setup, {}), "a cut after a commit");
    if (!wrong.empty()) return wrong;
    if (Status closed = (*database)->Close(); !closed) return {"closing: " + Describe(closed.error())};
  }
  const Recovered again = Recover(disk, setup, {});
  auto wrong = compare(again, "reopened");
  if (wrong.empty() && again.replayed != 0)
    wrong = {"replayed " + std::to_string(again.replayed) + " after a close"};
  return wrong;
}

}  // namespace manifolddb::crashsim
