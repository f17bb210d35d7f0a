#pragma once
// What is made of the declared command line, so that it cannot say anything else: completion and manual.

#include <CLI/CLI.hpp>
#include <string>

namespace manifolddb::tools {

std::string BashCompletion(const CLI::App& app);
std::string ZshCompletion(const CLI::App& app);
// For man: roff.
std::string ManualPage(const CLI::App& app);
// For programs: the commands, their arguments and options, one JSON object.
std::string ManualJson(const CLI::App& app);
std::string CompletionJson(const std::string& shell, const std::string& script);

}  // namespace manifolddb::tools
