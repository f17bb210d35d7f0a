#pragma once
// The commands that read and write entries: get, put, delete, scan, count, load.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/commands.h"

namespace manifolddb::tools {

// Which table, by names as they are printed. What is not given is the only one that there is.
struct TableGiven {
  std::string path;
  std::optional<std::string> family = std::nullopt;
  std::optional<std::string> table = std::nullopt;
};

// A range as the command line has it: keys as text with escapes, or in hexadecimal.
struct RangeGiven {
  std::optional<std::string> from = std::nullopt;
  std::optional<std::string> after = std::nullopt;
  std::optional<std::string> before = std::nullopt;
  std::optional<std::string> through = std::nullopt;
  std::optional<std::string> prefix = std::nullopt;
  bool any() const { return from || after || before || through || prefix; }
};

struct GetArguments {
  TableGiven at;
  std::string key;
  bool hex = false;
  bool raw = false;  // the value's bytes, and nothing else
  bool json = false;
};
// kNoEntry: there is none.
int Get(const GetArguments& arguments, Streams streams);

struct ScanArguments {
  TableGiven at;
  RangeGiven range;
  uint64_t limit = kNoLimit;
  bool reverse = false;
  bool keys = false;  // no values
  bool hex = false;
  bool json = false;
};
// A line for each entry, as load reads them.
int Scan(const ScanArguments& arguments, Streams streams);

struct CountArguments {
  TableGiven at;
  RangeGiven range;
  bool hex = false;
  bool json = false;
};
int Count(const CountArguments& arguments, Streams streams);

struct PutArguments {
  TableGiven at;
  std::string key;
  std::optional<std::string> value = std::nullopt;  // none: the bytes of the standard input
  bool create = false;
  bool hex = false;
  bool json = false;
};
int Put(const PutArguments& arguments, Streams streams);

struct DeleteArguments {
  TableGiven at;
  std::vector<std::string> keys;
  RangeGiven range;
  bool all = false;
  bool hex = false;
  bool json = false;
};
// Keys, or what is in a range; one transaction. kNoEntry: there was nothing to delete.
int Delete(const DeleteArguments& arguments, Streams streams);

enum class LoadFormat : uint8_t { kDetect, kTsv, kJson };

struct LoadArguments {
  TableGiven at;  // for lines that name none
  std::string input = "-";
  LoadFormat format = LoadFormat::kDetect;
  uint64_t batch = 10'000;  // entries in a commit
  bool hex = false;
  bool json = false;
};
// What scan and dump print, into tables that are created if they are missing.
int Load(const LoadArguments& arguments, Streams streams);

// For the commands.

// The bytes that `text` stands for. `what`: "key", for the message. kInvalidArgument.
Result<std::string> BytesGiven(const std::string& text, bool hex, const char* what);
// A name as the tool prints it, back into bytes.
Result<std::string> NameGiven(const std::string& text);
// As OpenForReading, for changing it.
Result<std::unique_ptr<Database>> OpenForWriting(const std::string& path, bool create);

}  // namespace manifolddb::tools
