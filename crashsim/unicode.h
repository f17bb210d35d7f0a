#pragma once
// The workload on real data: the Unicode Character Database, code points as the primary table, and secondary
// tables in other column families, all written in one transaction per batch of characters. Index and primary
// must agree in every state that is ever seen, which is checked from the data alone.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "crashsim/iteration.h"
#include "crashsim/program.h"
#include "crashsim/recovery.h"

namespace manifolddb::crashsim {

struct Character {
  uint32_t code = 0;
  std::string line;  // of UnicodeData.txt, without its end
};

// A row of the primary table or of an index.
struct UnicodeRow {
  uint8_t family = 0;  // index into UnicodeFamilies()
  const char* table = "";
  std::string key;
  std::string value;
};

class UnicodeData {
 public:
  // Reads the files in `directory`; `why` says what is missing.
  static std::shared_ptr<const UnicodeData> Load(const std::string& directory, std::string& why);

  const std::vector<Character>& characters() const { return characters_; }
  // The primary row first, then all that the indices must hold for it.
  std::vector<UnicodeRow> RowsOf(const Character& character) const;
  // What is wrong in a state of the tables; empty if they agree.
  std::vector<std::string> Disagreements(ReadTransaction& transaction) const;

 private:
  struct Span {
    uint32_t first;
    uint32_t last;
    std::string name;
  };
  static std::vector<Span> ReadSpans(const std::string& path);
  static const std::string& Lookup(const std::vector<Span>& spans, uint32_t code);

  std::vector<Character> characters_;  // ascending
  std::vector<Span> scripts_;
  std::vector<Span> blocks_;
};

const std::vector<std::string>& UnicodeFamilies();
inline constexpr char kUnicodeDirectory[] = "/usr/share/unicode";

std::unique_ptr<Workload> MakeUnicodeWorkload(const Setup& setup, uint32_t steps, Random& random,
                                              std::string& why);

}  // namespace manifolddb::crashsim
