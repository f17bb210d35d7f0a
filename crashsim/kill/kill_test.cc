// A child process writes to a database on the real disk and is killed with SIGKILL; then the database is
// opened, verified, and compared with what the child had acknowledged through a pipe. Then the next child
// goes on with it.
//
// The moment is chosen by counting acknowledgements: no clock, no sleep. The interleaving of threads is the
// system's, so a reproduction repeats the load and the moments, not the schedule.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "crashsim/kill/checker.h"
#include "crashsim/kill/child.h"

extern char** environ;

namespace manifolddb::crashsim::kill {
namespace {

uint64_t asked_seed = 1;
uint64_t asked_kills = 10;

// ---- The child, from outside
// --------------------------------------------------------------------------------

class Child {
 public:
  Child(const Load& load, const std::string& path) {
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) != 0) std::abort();
    pipe_ = ends[0];
    if (fcntl(ends[1], F_SETFD, 0) != 0) std::abort();  // this end is the child's
    std::vector<std::string> words = {
        "/proc/self/exe",       "--child", std::to_string(load.seed), std::to_string(load.writers), path,
        std::to_string(ends[1])};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const int failed = posix_spawn(&process_, words[0].c_str(), nullptr, nullptr, arguments.data(), environ);
    close(ends[1]);
    if (failed != 0) std::abort();
  }
  ~Child() {
    if (process_ > 0) Kill();
    close(pipe_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // False at the end: the child and what it wrote are gone.
  bool Next(Acknowledgement& record) {
    auto* const to = reinterpret_cast<char*>(&record);
    size_t done = 0;
    while (done < sizeof record) {
      const ssize_t got = read(pipe_, to + done, sizeof record - done);
      if (got <= 0) return false;
      done += static_cast<size_t>(got);
    }
    return true;
  }
  // Returns how it ended, as waitpid says.
  int Kill() {
    ::kill(process_, SIGKILL);
    int status = 0;
    waitpid(process_, &status, 0);
    process_ = 0;
    return status;
  }

 private:
  pid_t process_ = 0;
  int pipe_ = -1;
};

// Records after which the child of a run is killed: soon after its opening, or deep in its work.
uint64_t MomentOf(uint64_t seed, uint64_t run) {
  const uint64_t draw = ((seed * 0x9e3779b97f4a7c15 + run) * 0xbf58476d1ce4e5b9) >> 40;
  return run % 4 == 3 ? 2 + draw % 8 : 20 + draw % 250;
}

// ---- The runs
// -----------------------------------------------------------------------------------------------

class KillTest : public testing::TestWithParam<uint32_t> {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "manifolddb-kill-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override {
    if (HasFailure()) {
      std::cout << "the files are left in " << directory_ << "\n";
    } else {
      std::filesystem::remove_all(directory_);
    }
  }
  std::string path() const { return directory_ + "/db"; }

  // One child, from its start to its end. The first record comes before its opening.
  void RunAndKill(const Load& load, uint64_t moment, Checker& checker) {
    Child child(load, path());
    Acknowledgement record;
    uint64_t records = 0;
    while (records < moment && child.Next(record)) {
      checker.Acknowledge(record);
      ++records;
    }
    const int status = child.Kill();
    // What it had written before it died was acknowledged as well.
    while (child.Next(record)) checker.Acknowledge(record);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        << "the child ended by itself after " << records << " records, status " << status;
  }

  void CheckAll(const Load& load, Checker& checker) {
    auto db = Database::Open(path(), OptionsOf(load));
    ASSERT_TRUE(db) << db.error().ToString();
    const auto report = (*db)->Verify();
    ASSERT_TRUE(report) << report.error().ToString();
    for (const auto& problem : report->problems) ADD_FAILURE() << problem.offset << ": " << problem.what;
    const auto problems = checker.Check(**db);
    ASSERT_TRUE(problems) << problems.error().ToString();
    for (const std::string& problem : *problems) ADD_FAILURE() << problem;
    const Status closed = (*db)->Close();
    ASSERT_TRUE(closed) << closed.error().ToString();
  }

  std::string directory_;
};
INSTANTIATE_TEST_SUITE_P(Writers, KillTest, testing::Values(1u, 4u, 8u), testing::PrintToStringParamName());

TEST_P(KillTest, EveryAcknowledgedCommitOutlivesAKilledProcess) {
  const Load load{.seed = asked_seed * 100 + GetParam(), .writers = GetParam()};
  Checker checker(load);
  for (uint64_t run = 0; run < asked_kills; ++run) {
    const uint64_t moment = MomentOf(load.seed, run);
    SCOPED_TRACE("run " + std::to_string(run) + ", killed after " + std::to_string(moment) +
                 " records; again: " + "crashsim_kill_test --gtest_filter='*Outlives*/" +
                 std::to_string(GetParam()) + "' --seed=" + std::to_string(asked_seed) +
                 " --kills=" + std::to_string(asked_kills));
    RunAndKill(load, moment, checker);
    // Every other time the next one is killed while it recovers.
    if (run % 2 == 1 && !HasFatalFailure()) RunAndKill(load, 1, checker);
    if (!HasFatalFailure()) CheckAll(load, checker);
    if (HasFailure()) return;
  }
  std::cout << GetParam() << " writers, seed " << asked_seed << ": " << asked_kills << " kills, "
            << checker.acknowledged() << " acknowledged, " << checker.lost()
            << " of them lost (Durability::None)\n";
  EXPECT_GT(checker.acknowledged(), asked_kills);
}

}  // namespace
}  // namespace manifolddb::crashsim::kill

int main(int argc, char** argv) {
  using manifolddb::crashsim::kill::Load;
  if (argc == 6 && std::string(argv[1]) == "--child") {
    const Load load{.seed = std::strtoull(argv[2], nullptr, 10),
                    .writers = static_cast<uint32_t>(std::strtoul(argv[3], nullptr, 10))};
    return manifolddb::crashsim::kill::RunChild(load, argv[4], std::atoi(argv[5]));
  }
  testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.starts_with("--seed=")) {
      manifolddb::crashsim::kill::asked_seed = std::strtoull(word.c_str() + 7, nullptr, 10);
    } else if (word.starts_with("--kills=")) {
      manifolddb::crashsim::kill::asked_kills = std::strtoull(word.c_str() + 8, nullptr, 10);
    } else {
      std::cerr << "unknown: " << word << "\n";
      return 2;
    }
  }
  return RUN_ALL_TESTS();
}
