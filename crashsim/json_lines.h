#pragma once
// Results as JSON lines: one record per line, each with its type first. Whoever makes records includes
// crashsim/json.h, which takes long to compile.

#include <fstream>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace manifolddb::crashsim {

using Json = nlohmann::ordered_json;

// Whether every number of it can be read as a count, which a float beyond all of them, or below zero, cannot.
bool NumbersFit(const Json& json);

class JsonLines {
 public:
  JsonLines() = default;  // writes nothing
  explicit JsonLines(const std::string& path) : file_(path, std::ios::trunc), on_(true) {}
  static JsonLines Appending(const std::string& path) {
    JsonLines lines;
    lines.file_.open(path, std::ios::app);
    lines.on_ = true;
    return lines;
  }

  bool good() const { return !on_ || file_.good(); }
  bool on() const { return on_; }
  // Written whole and flushed: a worker that dies leaves no half line.
  void Write(const Json& record);

 private:
  std::ofstream file_;
  bool on_ = false;
};

}  // namespace manifolddb::crashsim
