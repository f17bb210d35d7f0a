// The whole database against a map of maps: random commands over a disk that can kill its process.
//
// Each list of commands runs in a process of its own, so a failed assertion of the engine, a signal or a hang
// is a failure like any other. Every failure is shrunk to a short list, printed one command to a line, and
// followed by the one line that reproduces it. The second half breaks the engine on purpose: the model must
// notice, and shrink what it found.

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/detail/Configuration.h>
#include <rapidcheck/detail/TestListenerAdapter.h>
#include <rapidcheck/state.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/base/sites.h"
#include "proptest/database_commands.h"
#include "proptest/database_model.h"

namespace manifolddb::proptest {
namespace {

constexpr unsigned kHangSeconds = 20;
const char* const kId = "database";
// Without RC_PARAMS every run is the same.
const int kSeeded = setenv("RC_PARAMS", "seed=1 max_success=300", 0);

// ---- A process for each run -------------------------------------------------------------------------------

// In the child: what went wrong, on the way to the parent as everything that it prints.
[[noreturn]] void RunAsChild(const std::function<void()>& body) {
  alarm(kHangSeconds);
  int status = 1;
  try {
    body();
    status = 0;
  } catch (const rc::detail::CaseResult& result) {
    std::cerr << result.description;
  } catch (const std::exception& exception) {
    std::cerr << exception.what();
  }
  std::cerr.flush();
  _exit(status);
}

// Empty if `body` returned; else what it said, and how it ended.
std::string WhatIsWrong(const std::function<void()>& body) {
  int ends[2];
  if (pipe(ends) != 0) RC_FAIL("no pipe");
  const pid_t child = fork();
  if (child < 0) RC_FAIL("no process");
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    RunAsChild(body);
  }
  close(ends[1]);
  std::string said;
  char buffer[4096];
  for (ssize_t bytes = 0; (bytes = read(ends[0], buffer, sizeof(buffer))) > 0;) {
    said.append(buffer, static_cast<size_t>(bytes));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) {
    return said + (WTERMSIG(status) == SIGALRM ? "It hung." : "Ended by signal ") +
           (WTERMSIG(status) == SIGALRM ? "" : std::to_string(WTERMSIG(status)));
  }
  if (WEXITSTATUS(status) == 0) return "";
  return said.empty() ? "Ended with status " + std::to_string(WEXITSTATUS(status)) : said;
}

// ---- The property -----------------------------------------------------------------------------------------

auto AnyCommand() {
  return rc::state::gen::execOneOfWithArgs<
      Put, Put, Put, Put, Put, Put, Put, Put, Delete, Delete, DeleteRange, DeleteRange, Get, Walk, Walk,
      Begin, Begin, Commit, Abort, MakeTable, DropTable, RenameTable, MakeFamily, DropFamily, RenameFamily,
      OpenSnapshot, CheckSnapshot, CloseSnapshot, Reopen, Checkpoint, Verify>();
}

void DatabaseIsAMapOfMaps() {
  const Sizes sizes = *rc::gen::exec([] { return Sizes(); });
  const auto commands = *rc::state::gen::commands(Model(), AnyCommand());
  const std::string wrong = WhatIsWrong([&] {
    System system(sizes);
    rc::state::runAll(commands, Model(), system);
    // However it ended: whole, also after one more recovery; and nothing is kept for those who have gone.
    system.disk->Kill();
    system.Leave();
    system.Open();
    ExpectWhole(system);
    Must(system.db->Close());
  });
  if (!wrong.empty()) RC_FAIL(wrong);
}

// What RapidCheck found, and its own words for it.
struct Found {
  bool held = false;
  std::optional<rc::detail::FailureResult> failure = std::nullopt;
  std::string text = "";
};

Found Check(const rc::detail::TestParams& params,
            const std::unordered_map<std::string, rc::detail::Reproduce>& reproduce) {
  rc::detail::TestListenerAdapter quiet;
  const auto result =
      rc::detail::checkProperty(rc::detail::toProperty(DatabaseIsAMapOfMaps),
                                {kId, "the database is a map of maps"}, params, quiet, reproduce);
  Found found{.held = result.is<rc::detail::SuccessResult>()};
  if (result.is<rc::detail::FailureResult>()) found.failure = result.get<rc::detail::FailureResult>();
  std::ostringstream text;
  rc::detail::printResultMessage(result, text);
  found.text = text.str();
  return found;
}

// The line that plays the shrunk list again, and nothing else.
std::string ReproductionOf(const rc::detail::FailureResult& failure) {
  rc::detail::Configuration configuration;
  configuration.reproduce.emplace(kId, failure.reproduce);
  const std::string parameters =
      rc::detail::configToMinimalString(configuration);  // first the one that counts
  return "REPRO: RC_PARAMS=\"" + parameters.substr(0, parameters.find(' ')) +
         "\" ctest --preset release -R '^proptest[.]database$'";
}

TEST(DatabaseModel, IsAMapOfMapsWhateverIsDoneToIt) {
  const auto& configuration = rc::detail::configuration();
  const Found found = Check(configuration.testParams, configuration.reproduce);
  EXPECT_TRUE(found.held) << found.text << "\n\n"
                          << (found.failure ? ReproductionOf(*found.failure) : std::string());
}

// ---- Teeth ------------------------------------------------------------------------------------------------

struct Planted {
  const char* name;
  const char* site;
  long commands_max;  // of the shrunk list
};

// None of these needs a power cut to show; those that do are crashsim's.
constexpr Planted kPlanted[] = {
    {"AnEntryLostInASplit", "btree.split.lose_last", 4},
    {"AWrongSeparator", "btree.split.wrong_separator", 4},
    {"ACursorBeyondItsBound", "btree.cursor.past_upper", 4},
    {"ARangeThatKeepsItsLastEntry", "btree.range.miss_last", 4},
    {"ALeakedExtent", "btree.delete.keep_extent", 4},
    {"APageGivenOutTwice", "page.allocator.double", 4},
    {"AReuseOfPagesOfTheDurableCheckpoint", "mvcc.reuse.durable_checkpoint", 6},
    {"ALifeOfTheLogNotRecorded", "recovery.log_life.not_recorded", 4},
};

base::Site& SiteOf(const Planted& planted) {
  base::Site* site = base::Site::First();
  while (site != nullptr && site->name() != std::string_view(planted.site)) site = site->next();
  if (site == nullptr) {
    std::cerr << "no such site: " << planted.site << std::endl;
    abort();
  }
  return *site;
}

class TheModelFinds : public testing::TestWithParam<Planted> {
 protected:
  void SetUp() override { SiteOf(GetParam()).Break(true); }
  void TearDown() override { SiteOf(GetParam()).Break(false); }
};

TEST_P(TheModelFinds, AndShrinks) {
  rc::detail::TestParams params;
  params.seed = 1;
  params.maxSuccess = 400;
  const Found found = Check(params, {});
  ASSERT_TRUE(found.failure) << "not found: " << found.text;
  ASSERT_EQ(found.failure->counterExample.size(), 2u) << "sizes and commands";
  const std::string& commands = found.failure->counterExample.back().second;
  EXPECT_LE(std::count(commands.begin(), commands.end(), '\n'), GetParam().commands_max) << found.text;
}

INSTANTIATE_TEST_SUITE_P(Database, TheModelFinds, testing::ValuesIn(kPlanted),
                         [](const auto& planted) { return std::string(planted.param.name); });

}  // namespace
}  // namespace manifolddb::proptest
