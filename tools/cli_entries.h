#pragma once
// The commands over entries, as the command line has them.

#include <CLI/CLI.hpp>

#include "tools/entries.h"

namespace manifolddb::tools {

struct EntryArguments {
  GetArguments get;
  PutArguments put;
  DeleteArguments del;
  ScanArguments scan;
  CountArguments count;
  LoadArguments load;
};

// Declares them; each, when it is chosen, sets `exit_code`. `arguments` outlives `app`.
void DeclareEntries(CLI::App& app, EntryArguments& arguments, const Streams& streams, int& exit_code);

// For an option that is a number: refuses what CLI11 would take for one, as -1.
std::string NotANumber(const std::string& text);

}  // namespace manifolddb::tools
