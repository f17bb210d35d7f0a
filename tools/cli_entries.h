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

// An option that is a whole number, in decimal; CLI11 takes 010 for eight, and -1 for a large one.
CLI::Option* AddNumber(CLI::App& command, const std::string& name, uint64_t& number, const std::string& help);

}  // namespace manifolddb::tools
