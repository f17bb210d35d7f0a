// Completion, manual page, progress: what shells, man and a terminal make of what the tool prints.

#include <fcntl.h>
#include <pty.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "tools/tool_runner.h"

namespace manifolddb::tools {
namespace {

class TextsTest : public ToolsTest {
 protected:
  static std::set<std::string> Found(const std::string& text, const std::string& pattern) {
    const std::regex expression(pattern);
    std::set<std::string> found;
    for (std::sregex_iterator at(text.begin(), text.end(), expression), end; at != end; ++at)
      found.insert((*at)[1].str());
    return found;
  }
  // As --help lists them.
  std::set<std::string> Commands() { return Found(Run({"--help"}).out, "\n  ([a-z]+) "); }
  std::set<std::string> Options(const std::string& command) {
    return Found(Run({command, "--help"}).out, "\n  (?:-h,)?(--[a-z-]+)");
  }

  // Runs `script` in `shell`, and gives what it prints.
  Ran Shell(const std::string& shell, const std::string& script) {
    const std::string file = directory_ / "script";
    WriteBytes(file, script);
    const std::string out = directory_ / "shell-out";
    const int status =
        std::system((shell + " " + ShellQuoted(file) + " >" + ShellQuoted(out) + " 2>&1").c_str());
    return {WEXITSTATUS(status), ReadBytes(out), ""};
  }
  // What a terminal gets of a run that succeeds; without its output, if that goes to a file.
  std::string SeenInTerminal(const std::vector<std::string>& words, const char* output = nullptr) {
    int terminal = -1;
    const pid_t child = ::forkpty(&terminal, nullptr, nullptr, nullptr);
    if (child == 0) {
      std::vector<char*> arguments = {const_cast<char*>(MANIFOLDDB_CLI)};
      for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
      arguments.push_back(nullptr);
      if (output != nullptr && std::freopen(output, "w", stdout) == nullptr) ::_exit(126);
      ::execv(MANIFOLDDB_CLI, arguments.data());
      ::_exit(127);
    }
    std::string seen;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::read(terminal, buffer, sizeof buffer)) > 0;)
      seen.append(buffer, static_cast<size_t>(got));
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    ::close(terminal);
    EXPECT_EQ(WEXITSTATUS(status), 0) << seen;
    return seen;
  }
  // What bash offers for the last of `words`.
  std::set<std::string> Offered(const std::vector<std::string>& words) {
    std::string script = Run({"completion", "bash"}).out + "COMP_WORDS=(manifolddb";
    for (const std::string& word : words) script += " " + ShellQuoted(word);
    script += ")\nCOMP_CWORD=" + std::to_string(words.size());
    script += "\ncd " + ShellQuoted(directory_ / "") + "\n_manifolddb\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n";
    const Ran ran = Shell("bash", script);
    EXPECT_EQ(ran.exit_code, 0) << ran.out;
    return Found("\n" + ran.out, "([^\n]+)\n");
  }
};

TEST_F(TextsTest, BashCompletesCommandsOptionsValuesAndFiles) {
  std::set<std::string> commands = Commands();
  EXPECT_TRUE(commands.contains("scan") && commands.contains("completion"));
  std::set<std::string> first = commands;
  first.insert({"--help", "--version"});
  EXPECT_EQ(Offered({""}), first);
  EXPECT_EQ(Offered({"co"}), (std::set<std::string>{"compact", "completion", "count"}));
  for (const std::string& command : commands)
    EXPECT_EQ(Offered({command, "--"}), Options(command)) << command;
  EXPECT_EQ(Offered({"load", "--format", ""}), (std::set<std::string>{"json", "tsv"}));
  EXPECT_EQ(Offered({"completion", ""}), (std::set<std::string>{"bash", "zsh"}));
  EXPECT_EQ(Offered({"scan", "--family", ""}), std::set<std::string>());
  WriteBytes(directory_ / "shop.db", "");
  EXPECT_EQ(Offered({"scan", "sho"}), std::set<std::string>{"shop.db"});
  EXPECT_EQ(Offered({"backup", "--since", "sho"}), std::set<std::string>{"shop.db"});
}

TEST_F(TextsTest, ZshKnowsEveryCommandAndOption) {
  const std::string script = Run({"completion", "zsh"}).out;
  EXPECT_EQ(script.substr(0, 19), "#compdef manifolddb");
  EXPECT_EQ(Found(script, "\n    '([a-z]+):"), Commands());
  for (const std::string& command : Commands()) {
    const size_t begin = script.find("\n    " + command + ")\n");
    ASSERT_NE(begin, std::string::npos) << command;
    const std::string part = script.substr(begin, script.find("\n      ;;", begin) - begin);
    EXPECT_EQ(Found(part, "'(--[a-z-]+)\\["), Options(command)) << command;
  }
  EXPECT_TRUE(Contains(script, ":(tsv json)'")) << script;
  if (std::system("command -v zsh >/dev/null") != 0) GTEST_SKIP() << "no zsh to let it parse the script";
  const Ran parsed = Shell("zsh -n", script);
  EXPECT_EQ(parsed.exit_code, 0) << parsed.out;
}

TEST_F(TextsTest, TheManualPageHasEveryCommandAndOptionAndManAcceptsIt) {
  const std::string page = Run({"manual"}).out;
  const std::string plain = std::regex_replace(page, std::regex("\\\\-"), "-");
  EXPECT_EQ(Found(plain, "\n\\.SS \"manifolddb ([a-z]+)"), Commands());
  for (const std::string& command : Commands()) {
    const size_t begin = plain.find(".SS \"manifolddb " + command);
    const std::string part = plain.substr(begin, plain.find("\n.SS", begin) - begin);
    std::set<std::string> options = Options(command);
    options.erase("--help");
    EXPECT_EQ(Found(part, "\n\\.B (--[a-z-]+)"), options) << command;
  }
  EXPECT_TRUE(Contains(plain, "Exit codes: 0 done")) << plain;
  if (std::system("command -v groff >/dev/null") != 0) GTEST_SKIP() << "no groff to format it";
  const Ran formatted = Shell("groff -man -Tascii -ww", page);
  EXPECT_EQ(formatted.exit_code, 0);
  EXPECT_FALSE(Contains(formatted.out, "warning")) << formatted.out;
}

TEST_F(TextsTest, EveryCommandHasJsonAndTheManualToo) {
  const auto manual = nlohmann::json::parse(Run({"manual", "--json"}).out);
  std::set<std::string> commands;
  for (const auto& command : manual["commands"]) {
    const std::string name = command["name"];
    commands.insert(name);
    std::set<std::string> options;
    for (const auto& option : command["options"]) options.insert(option["name"].get<std::string>());
    EXPECT_EQ(options, Options(name)) << name;
    EXPECT_TRUE(options.contains("--json")) << name;
    if (name == "completion") {
      EXPECT_EQ(command["arguments"][0]["values"], (std::vector<std::string>{"bash", "zsh"}));
    }
    if (name == "backup") {
      EXPECT_EQ(command["arguments"][1]["name"], "OUT");
    }
  }
  EXPECT_EQ(commands, Commands());
  const auto completion = nlohmann::json::parse(Run({"completion", "zsh", "--json"}).out);
  EXPECT_EQ(completion["script"], Run({"completion", "zsh"}).out);
}

TEST_F(TextsTest, TheVersionIsTold) {
  const Ran ran = Run({"--version"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(Found(ran.out, "^(manifolddb [0-9]+\\.[0-9]+\\.[0-9]+)\n$").size(), 1u) << ran.out;
}

TEST_F(TextsTest, LongWorkShowsABarWhereSomebodyLooksAndNowhereElse) {
  const std::string file = directory_ / "lines";
  std::string lines;
  for (int i = 0; i < 50'000; ++i) lines += "key" + std::to_string(i) + "\tv\n";
  WriteBytes(file, lines);
  const std::vector<std::string> load = {"load", path_, file, "--family", "f", "--table", "t"};
  EXPECT_EQ(RunWriting(load).err, "");

  const std::string seen = SeenInTerminal(load);
  EXPECT_TRUE(Contains(seen, "[#########...............]  38%  20000 entries loaded")) << seen;
  EXPECT_TRUE(Contains(seen, "40000 entries loaded")) << seen;
}

TEST_F(TextsTest, VerifyShowsItsBarToo) {
  const std::string lines = directory_ / "lines";
  std::string text;
  for (int i = 0; i < 10'000; ++i)
    text += "key" + std::to_string(100'000 + i) + "\t" + std::string(900, 'v') + "\n";
  WriteBytes(lines, text);
  ASSERT_EQ(RunWriting({"load", path_, lines, "--family", "f", "--table", "t"}).exit_code, 0);
  EXPECT_EQ(Run({"verify", path_}).err, "");
  const std::string seen = SeenInTerminal({"verify", path_});
  const std::regex bar("\\[#+\\.+\\]  [0-9]{2}%  [12][0-9]{3} pages checked");
  EXPECT_TRUE(std::regex_search(seen, bar)) << seen;
  EXPECT_TRUE(Contains(seen, "whole, 10000 entries")) << seen;
}

TEST_F(TextsTest, DumpShowsItsBarWhereItsOutputIsNotSeen) {
  const std::string lines = directory_ / "lines";
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += "key" + std::to_string(i) + "\tv\n";
  WriteBytes(lines, text);
  ASSERT_EQ(RunWriting({"load", path_, lines, "--family", "f", "--table", "t"}).exit_code, 0);
  const std::string dumped = directory_ / "dumped";
  const std::string seen = SeenInTerminal({"dump", path_}, dumped.c_str());
  EXPECT_TRUE(Contains(seen, "[#########...............]  40%  20000 entries dumped")) << seen;
  EXPECT_EQ(CountOf(ReadBytes(dumped), "\n    \"key"), 50'000u);
  EXPECT_FALSE(Contains(ReadBytes(dumped), "entries dumped"));
  EXPECT_FALSE(Contains(SeenInTerminal({"dump", path_}), "entries dumped"));
}

}  // namespace
}  // namespace manifolddb::tools
