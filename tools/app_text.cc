#include "tools/app_text.h"

#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

namespace manifolddb::tools {
namespace {

std::vector<const CLI::App*> CommandsOf(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::string LongName(const CLI::Option& option) { return "--" + option.get_lnames().front(); }
bool IsFlag(const CLI::Option& option) { return option.get_items_expected_max() == 0; }

std::vector<const CLI::Option*> NamedOptions(const CLI::App& command) {
  return command.get_options([](const CLI::Option* option) { return !option->get_lnames().empty(); });
}
std::vector<const CLI::Option*> Positionals(const CLI::App& command) {
  return command.get_options([](const CLI::Option* option) { return option->get_positional(); });
}

// The words that CLI::IsMember allows, which only its description tells: TEXT:{tsv,json}.
std::vector<std::string> ValuesOf(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const size_t begin = type.find('{');
  const size_t end = type.find('}');
  std::vector<std::string> values;
  if (begin == std::string::npos || end == std::string::npos) return values;
  std::istringstream list(type.substr(begin + 1, end - begin - 1));
  for (std::string value; std::getline(list, value, ',');) values.push_back(value);
  return values;
}

std::string Joined(const std::vector<std::string>& words, const char* between) {
  std::string joined;
  for (const std::string& word : words) joined += (joined.empty() ? "" : between) + word;
  return joined;
}

std::string NameOf(const CLI::Option& option) {
  return option.get_positional() ? option.get_name(true) : LongName(option);
}

bool TakesFile(const CLI::Option& option) {
  if (!option.get_positional()) return option.get_type_name() == "FILE";
  const std::string name = option.get_name(true);
  return name == "PATH" || name == "OUT" || name == "IN" || name == "FILES" || name == "FILE";
}

// What stands for an option's argument in texts: NAME, {tsv,json}.
std::string ArgumentOf(const CLI::Option& option) {
  const std::vector<std::string> values = ValuesOf(option);
  if (!values.empty()) return "{" + Joined(values, ",") + "}";
  const std::string type = option.get_type_name();
  return type.substr(0, type.find(':'));  // behind it stand the checks
}

std::vector<std::string> Words(const CLI::App& command) {
  std::vector<std::string> words;
  for (const CLI::Option* option : NamedOptions(command)) words.push_back(LongName(*option));
  return words;
}

constexpr const char* kBashHead = R"(# bash completion of manifolddb, printed by: manifolddb completion bash
_manifolddb_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2"); }
_manifolddb_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f -- "$1")
}
_manifolddb() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command="" i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; ++i)); do
    [[ ${COMP_WORDS[i]} == -* ]] || { command=${COMP_WORDS[i]}; break; }
  done
  case $command in
)";

// What may follow the options that take an argument.
void BashArguments(const CLI::App& command, std::ostream& out) {
  for (const CLI::Option* option : NamedOptions(command)) {
    if (IsFlag(*option)) continue;
    const std::vector<std::string> values = ValuesOf(*option);
    out << "        " << LongName(*option) << ") ";
    if (!values.empty()) out << "_manifolddb_words '" << Joined(values, " ") << "' \"$current\"; ";
    if (TakesFile(*option)) out << "_manifolddb_files \"$current\"; ";
    out << "return ;;\n";
  }
}

// What may stand without an option before it.
void BashPositionals(const CLI::App& command, std::ostream& out) {
  bool files = false;
  std::vector<std::string> values;
  for (const CLI::Option* positional : Positionals(command)) {
    files |= TakesFile(*positional);
    for (const std::string& value : ValuesOf(*positional)) values.push_back(value);
  }
  if (!values.empty()) out << "      _manifolddb_words '" << Joined(values, " ") << "' \"$current\"\n";
  if (files) out << "      _manifolddb_files \"$current\"\n";
}

// In single quotes of a shell.
std::string InQuotes(const std::string& text) {
  std::string quoted;
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted;
}
// In brackets of a specification of zsh's _arguments, in single quotes.
std::string InSpecification(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return InQuotes(escaped);
}

std::string ZshAction(const CLI::Option& option) {
  const std::vector<std::string> values = ValuesOf(option);
  if (!values.empty()) return "(" + Joined(values, " ") + ")";
  return TakesFile(option) ? "_files" : " ";
}

// Text of roff: no line begins with a request, no hyphen is broken, no escape is one.
std::string Roff(const std::string& text) {
  std::string escaped;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool line_begins = i == 0 || text[i - 1] == '\n';
    if (line_begins && (text[i] == '.' || text[i] == '\'')) escaped += "\\&";
    if (text[i] == '\\') {
      escaped += "\\e";
    } else if (text[i] == '-') {
      escaped += "\\-";
    } else {
      escaped += text[i];
    }
  }
  return escaped;
}

nlohmann::ordered_json JsonOf(const CLI::Option& option) {
  nlohmann::ordered_json json = {{"name", NameOf(option)}, {"description", option.get_description()}};
  if (option.get_positional()) {
    json["required"] = option.get_required();
    json["many"] = option.get_items_expected_max() > 1;
  } else if (!IsFlag(option)) {
    json["argument"] = ArgumentOf(option);
  }
  if (const auto values = ValuesOf(option); !values.empty()) json["values"] = values;
  return json;
}

std::string Synopsis(const CLI::App& command) {
  std::string line = command.get_name();
  for (const CLI::Option* positional : Positionals(command)) {
    const bool many = positional->get_items_expected_max() > 1;
    const std::string name = positional->get_name(true) + (many ? "..." : "");
    line += positional->get_required() ? " " + name : " [" + name + "]";
  }
  return line + (NamedOptions(command).empty() ? "" : " [OPTIONS]");
}

void ManualOf(const CLI::App& command, std::ostream& out) {
  out << ".SS \"manifolddb " << Roff(Synopsis(command)) << "\"\n" << Roff(command.get_description()) << ".\n";
  const auto entry = [&](const CLI::Option& option, const std::string& argument) {
    out << ".TP\n.B " << Roff(NameOf(option)) << (argument.empty() ? "" : " " + Roff(argument)) << "\n"
        << Roff(option.get_description()) << "\n";
  };
  for (const CLI::Option* positional : Positionals(command)) {
    const std::vector<std::string> values = ValuesOf(*positional);
    entry(*positional, values.empty() ? "" : "{" + Joined(values, ",") + "}");
  }
  for (const CLI::Option* option : NamedOptions(command)) {
    if (option->get_lnames().front() != "help") entry(*option, IsFlag(*option) ? "" : ArgumentOf(*option));
  }
}

}  // namespace

std::string BashCompletion(const CLI::App& app) {
  std::ostringstream out;
  std::vector<std::string> first = Words(app);
  for (const CLI::App* command : CommandsOf(app)) first.push_back(command->get_name());
  out << kBashHead << "    '') _manifolddb_words '" << Joined(first, " ") << "' \"$current\" ;;\n";
  for (const CLI::App* command : CommandsOf(app)) {
    out << "    " << command->get_name() << ")\n      case $previous in\n";
    BashArguments(*command, out);
    out << "      esac\n      if [[ $current == -* ]]; then\n        _manifolddb_words '"
        << Joined(Words(*command), " ") << "' \"$current\"\n        return\n      fi\n";
    BashPositionals(*command, out);
    out << "      ;;\n";
  }
  out << "  esac\n}\ncomplete -F _manifolddb manifolddb\n";
  return out.str();
}

std::string ZshCompletion(const CLI::App& app) {
  std::ostringstream out;
  out << "#compdef manifolddb\n# Printed by: manifolddb completion zsh\n_manifolddb() {\n"
         "  local -a commands=(\n";
  for (const CLI::App* command : CommandsOf(app))
    out << "    '" << command->get_name() << ":" << InSpecification(command->get_description()) << "'\n";
  out << "  )\n  if (( CURRENT == 2 )); then\n    _describe command commands\n    return\n  fi\n"
         "  local command=$words[2]\n  shift words\n  (( CURRENT-- ))\n  case $command in\n";
  for (const CLI::App* command : CommandsOf(app)) {
    out << "    " << command->get_name() << ")\n      _arguments";
    for (const CLI::Option* option : NamedOptions(*command)) {
      out << " \\\n        '" << LongName(*option) << "[" << InSpecification(option->get_description())
          << "]";
      if (!IsFlag(*option)) out << ":" << InSpecification(ArgumentOf(*option)) << ":" << ZshAction(*option);
      out << "'";
    }
    for (const CLI::Option* positional : Positionals(*command)) {
      const bool many = positional->get_items_expected_max() > 1;
      out << " \\\n        '" << (many ? "*" : "") << ":" << InSpecification(positional->get_name(true))
          << ":" << ZshAction(*positional) << "'";
    }
    out << "\n      ;;\n";
  }
  out << "  esac\n}\n[[ $funcstack[1] == _manifolddb ]] && _manifolddb \"$@\" || compdef _manifolddb "
         "manifolddb\n";
  return out.str();
}

std::string ManualJson(const CLI::App& app) {
  nlohmann::ordered_json json = {{"name", app.get_name()},
                                 {"version", app.version()},
                                 {"description", app.get_description()},
                                 {"notes", app.get_footer()},
                                 {"commands", nlohmann::ordered_json::array()}};
  for (const CLI::App* command : CommandsOf(app)) {
    nlohmann::ordered_json listed = {{"name", command->get_name()},
                                     {"description", command->get_description()},
                                     {"arguments", nlohmann::ordered_json::array()},
                                     {"options", nlohmann::ordered_json::array()}};
    for (const CLI::Option* positional : Positionals(*command))
      listed["arguments"].push_back(JsonOf(*positional));
    for (const CLI::Option* option : NamedOptions(*command)) listed["options"].push_back(JsonOf(*option));
    json["commands"].push_back(std::move(listed));
  }
  return json.dump(2) + "\n";
}

std::string CompletionJson(const std::string& shell, const std::string& script) {
  return nlohmann::ordered_json{{"shell", shell}, {"script", script}}.dump() + "\n";
}

std::string ManualPage(const CLI::App& app) {
  std::ostringstream out;
  out << ".\\\" Printed by: manifolddb manual\n.TH MANIFOLDDB 1 \"\" \"" << Roff(app.version())
      << "\" \"manifolddb manual\"\n.SH NAME\nmanifolddb \\- " << Roff(app.get_description())
      << "\n.SH SYNOPSIS\n.B manifolddb\nCOMMAND [ARGUMENTS]\n.SH DESCRIPTION\n"
      << Roff(app.get_footer()) << "\n.SH COMMANDS\n";
  for (const CLI::App* command : CommandsOf(app)) ManualOf(*command, out);
  return out.str();
}

}  // namespace manifolddb::tools
