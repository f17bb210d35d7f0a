// A program that shows in its terminal what its database does while it works.
//
//   live_view FOLDER          draws the view anew every second, until it is interrupted (Ctrl-C)
//   live_view FOLDER --once   works for a moment, draws it once, ends

#include <manifolddb/database.h>

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <deque>
#include <iostream>
#include <string>
#include <thread>

using manifolddb::AsBytes;
using manifolddb::ColumnFamily;
using manifolddb::Database;
using manifolddb::DatabaseStats;
using manifolddb::Options;
using manifolddb::Status;

namespace {

// A handler may call nothing of a database. So there is none: the signals that end a program wait until it
// asks for them, and then it closes.
class Interruption {
 public:
  // Before any other thread begins, which then leaves them alone as well.
  Interruption() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }
  // Whether it has come; waits for it for so long.
  bool Within(std::chrono::nanoseconds time) const {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
    const timespec wait = {.tv_sec = seconds.count(), .tv_nsec = (time - seconds).count()};
    return sigtimedwait(&signals_, nullptr, &wait) > 0;
  }
  // By the program itself.
  static void Send() { kill(getpid(), SIGTERM); }

 private:
  sigset_t signals_;
};

std::string Text(const char* format, auto... values) {
  char text[160];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

double Mebibytes(uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

// How much of what there may be.
std::string Bar(uint64_t bytes, uint64_t bytes_max) {
  const double share =
      bytes_max == 0 ? 0 : std::min(1.0, static_cast<double>(bytes) / static_cast<double>(bytes_max));
  const auto full = static_cast<size_t>(share * 30);
  return "[" + std::string(full, '#') + std::string(30 - full, '.') + "]" +
         Text(" %3.0f %% of %.1f MiB", share * 100, Mebibytes(bytes_max));
}

// The figures, and how they have moved since the last ones.
class View {
 public:
  explicit View(const Options& options) : options_(options) {}

  std::string Draw(const DatabaseStats& now, double seconds) {
    const auto rate = [&](uint64_t value, uint64_t before) {
      return static_cast<double>(value - before) / seconds;
    };
    const double commits = rate(now.commits, before_.commits);
    history_.push_back(commits);
    if (history_.size() > 40) history_.pop_front();
    const auto& groups = now.group_commits;
    const double shared =
        groups.count() == 0 ? 0 : static_cast<double>(groups.sum()) / static_cast<double>(groups.count());
    std::string text = "commits     " + Text("%10.0f /s  ", commits) + Curve() + "\n";
    text += Text("            %10llu in all, %llu aborted\n", Number(now.commits), Number(now.aborts));
    text +=
        Text("syncs       %10.0f /s  half within %.0f us, 99 %% within %.0f us; %.1f commits to a group\n",
             rate(now.log_syncs, before_.log_syncs), Microseconds(now.sync_nanos.AtMost(0.5)),
             Microseconds(now.sync_nanos.AtMost(0.99)), shared);
    text += Text("disk        %10.1f MiB/s written, %.0f pages/s read\n",
                 Mebibytes(now.log_bytes_written - before_.log_bytes_written +
                           (now.pages_written - before_.pages_written) * now.page_size) /
                     seconds,
                 rate(now.pages_read, before_.pages_read));
    text += "log         " + Bar(now.log_bytes_used, now.log_bytes_capacity) + "\n";
    text += "cache       " + Bar(now.cache_bytes, options_.cache_bytes) + "\n";
    text += "changed     " + Bar(now.dirty_bytes, options_.dirty_bytes_max) + "\n";
    text += Text("file        %10.1f MiB, %llu pages free\n", Mebibytes(now.pages_total * now.page_size),
                 Number(now.pages_free));
    text += Text("checkpoints %10llu", Number(now.checkpoints));
    if (!now.checkpoint_history.empty())
      text += Text(", the last one took %.1f ms", Milliseconds(now.checkpoint_history.back().nanos()));
    text += Text("\nwaits       %10llu for families, %llu for room\n", Number(now.family_waits),
                 Number(now.stalls));
    before_ = now;
    return text;
  }

 private:
  static unsigned long long Number(uint64_t value) { return value; }
  static double Microseconds(uint64_t nanos) { return static_cast<double>(nanos) / 1e3; }
  static double Milliseconds(uint64_t nanos) { return static_cast<double>(nanos) / 1e6; }
  // The last forty rates, the highest one as the highest.
  std::string Curve() const {
    static constexpr char kHeights[] = " .:-=+*#";
    const double highest = *std::max_element(history_.begin(), history_.end());
    std::string curve;
    for (const double rate : history_)
      curve += kHeights[highest > 0 ? static_cast<size_t>(rate / highest * 7) : 0];
    return curve;
  }

  const Options& options_;
  DatabaseStats before_;
  std::deque<double> history_;
};

// Something to look at: orders, ten to a commit, until somebody says that it is enough.
Status Work(Database& db, ColumnFamily shop, const std::atomic<bool>& enough) {
  for (uint64_t number = 0; !enough;) {
    auto commit = db.Write(shop, [&](manifolddb::WriteTransaction& txn) -> Status {
      auto orders = txn.OpenOrCreateTable(shop, "orders");
      if (!orders) return std::unexpected(orders.error());
      for (int i = 0; i < 10; ++i) {
        const std::string key = std::to_string(number++ * 7919 % 1'000'000);
        if (auto put = orders->Put(AsBytes(key), AsBytes("3 x tea")); !put) return put;
      }
      return {};
    });
    if (!commit) return std::unexpected(commit.error());
  }
  return {};
}

void Show(Database& db, const Options& options, const Interruption& interruption, bool once) {
  using Clock = std::chrono::steady_clock;
  View view(options);
  if (!once) std::cout << "\x1b[2J\x1b[?25l";  // an empty screen, no cursor
  for (auto before = Clock::now(); !interruption.Within(std::chrono::milliseconds(once ? 200 : 1000));) {
    const DatabaseStats stats = db.Stats();
    if (once && stats.commits == 0) continue;  // a slow disk
    const auto now = Clock::now();
    const std::string text = view.Draw(stats, std::chrono::duration<double>(now - before).count());
    before = now;
    if (once) {
      std::cout << text << std::flush;
      return;
    }
    std::cout << "\x1b[H";  // over the last one, each line up to its end
    for (const char c : text) std::cout << (c == '\n' ? "\x1b[K\n" : std::string(1, c));
    std::cout << std::flush;
  }
  std::cout << "\x1b[?25h" << std::flush;
}

Status Run(const std::string& folder, bool once) {
  const Interruption interruption;
  Options options;
  options.cache_bytes = uint64_t{32} << 20;
  options.dirty_bytes_max = uint64_t{8} << 20;
  auto db = Database::Open(folder + "/shop", options);
  if (!db) return std::unexpected(db.error());
  auto shop = (*db)->OpenOrCreateColumnFamily("shop");
  if (!shop) return std::unexpected(shop.error());

  std::atomic<bool> enough = false;
  Status worked;
  std::thread worker([&] {
    worked = Work(**db, *shop, enough);
    if (!worked) Interruption::Send();  // there is nothing more to look at
  });
  Show(**db, options, interruption, once);
  enough = true;
  worker.join();
  if (!worked) return worked;
  return (*db)->Close();
}

}  // namespace

int main(int argc, char** argv) {
  const bool once = argc == 3 && std::string(argv[2]) == "--once";
  if (argc != 2 && !once) {
    std::cerr << "usage: live_view FOLDER [--once]\n";
    return 2;
  }
  const Status status = Run(argv[1], once);
  if (!status) std::cerr << "live_view: " << status.error().ToString() << "\n";
  return status ? 0 : 1;
}
