// Any text as a crash certificate: what certcheck/ is handed by whoever says that the engine is broken.
//
// Held: nothing ends the process; what is no certificate is refused with a reason, and what is JSON but no
// certificate with the name or the place of what is wrong; what is played breaks no rule, wherever its last
// life ends, for the engine is sound: sites that a certificate names are read, and not broken.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "certcheck/check.h"
#include "certcheck/faults/check.h"
#include "fuzz/input.h"
#include "fuzz/target.h"

namespace manifolddb::fuzz {
namespace {

using certcheck::Json;

// Nothing if it is none, and why.
std::optional<Json> Parsed(std::string_view text, std::string& why) {
  try {
    return Json::parse(text);
  } catch (const Json::exception& error) {
    why = error.what();
    return std::nullopt;
  }
}

// A reason names what it is about: "bad sector: ...", "... (/lives/0/steps) ...", "key 'format' not found",
// or the engine's operation that refused, "kInvalidArgument in database.open: ...". The whole text may be of
// another kind, and then its kind is all there is to name.
bool NamesSomething(std::string_view why) {
  const auto has = [why](std::string_view part) { return why.find(part) != why.npos; };
  return why.starts_with("bad ") || (why.starts_with("k") && has(" in ")) || has("(/") || has("key '") ||
         (why.starts_with("[json.exception") && has(" with "));
}

// `play`, and whatever it refuses: with a reason that names something.
template <class Play>
void Refusing(Play play) {
  try {
    play();
  } catch (const certcheck::Wrong& wrong) {
    Violation("a certificate accuses the sound engine: " + wrong.rule + ": " + wrong.why);
  } catch (const std::exception& refused) {
    Expect(NamesSomething(refused.what()), "a certificate was refused, and nobody knows why");
  }
}

// As it says; then, as the checker does with the sound engine, ended elsewhere, and losing what is there.
void Play(const Json& certificate) {
  Refusing([&] {
    Expect(certcheck::Check(certificate) == certcheck::kHolds, "a certificate accuses the sound engine");
  });
  Refusing([&] {
    const Json& lives = certificate.at("lives");
    if (!lives.is_array() || lives.empty() || lives.size() > 16) return;
    certcheck::Player elsewhere(certificate, true);
    elsewhere.Play(lives);
    certcheck::Player earlier(certificate, true);
    if (!lives.back().contains("damage")) earlier.Play(lives, elsewhere.effects / 2);
  });
}

// Of what storage that errs does nothing is asked but that it is refused, or judged: whoever may damage any
// file may put back all of them as they were, and nothing tells. Calls that fail never make a rule break.
void PlayErring(const Json& certificate) {
  Refusing([&] {
    const std::string said = certcheck::faults::Check(certificate);
    const Json& lives = certificate.at("lives");
    const bool harmed = std::ranges::any_of(lives, [](const Json& life) { return life.contains("harm"); });
    Expect(harmed || said == certcheck::faults::kHolds, "a certificate accuses the sound engine");
  });
}

void Check(std::string_view text) {
  std::string why;
  std::optional<Json> certificate = Parsed(text, why);
  Expect(certificate.has_value() || !why.empty(), "a text was refused without a reason");
  if (!certificate) return;
  if (certificate->is_object() && certificate->contains("broken")) {
    Refusing([&] { certcheck::Break(certificate->at("broken")); });
    certcheck::Break(Json::array());
    certificate->at("broken") = Json::array();
  }
  Play(*certificate);
  PlayErring(*certificate);
}

// ---- Changes to the tree, not to its text.

std::vector<Json*> PlacesIn(Json& json) {
  std::vector<Json*> places = {&json};
  for (size_t i = 0; i < places.size(); ++i) {
    if (!places[i]->is_structured()) continue;
    for (Json& inner : *places[i]) places.push_back(&inner);
  }
  return places;
}

Json Hostile(Input& choice, const Json& before) {
  if (before.is_number_unsigned() && choice.Below(4) != 0) {
    const auto number = before.get<uint64_t>();
    const uint64_t numbers[] = {number + 1, number - 1, number * 2, number / 2, number ^ 1, 0, 512, 1u << 16};
    return numbers[choice.Below(std::size(numbers))];
  }
  if (before.is_boolean()) return !before.get<bool>();
  switch (choice.Below(8)) {
    case 0: return nullptr;
    case 1: return choice.Word();
    case 2: return ~uint64_t{0};
    case 3: return -1;
    case 4: return 1.5;
    case 5: return std::string(choice.Byte(), '\\');
    case 6: return Json::array();
    default: return Json::object();
  }
}

// What steps, changes, ends and losses there are: a value that was learnt of none of them.
constexpr std::string_view kWords[] = {"put",        "delete", "transaction",   "create_family",
                                       "checkpoint", "verify", "open_snapshot", "read_snapshot",
                                       "read",       "abort",  "commit",        "kill",
                                       "power cut",  "flip",   "remove",        "commit, not durable",
                                       "sector",     "size",   "name",          "f",
                                       "db",         "db-wal", "db-new",        "commit through a checkpoint",
                                       "get",        "scan",   "delete_range",  "close_snapshot",
                                       "write",      "sync",   "allocate",      "directory",
                                       "error",      "short",  "no space",      "drop_family",
                                       "keeps",      "older",  "reverts",       "twin"};

void Change(Json& json, Input& choice) {
  const std::vector<Json*> places = PlacesIn(json);
  Json& at = *places[choice.Word() % places.size()];
  // By value: what is assigned may lie in what it replaces.
  const Json other = *places[choice.Word() % places.size()];
  const size_t inner = at.is_structured() && !at.empty() ? choice.Below(at.size()) : 0;
  switch (choice.Below(7)) {
    case 0: at = Hostile(choice, at); break;
    case 1: at = other; break;
    case 2: at = kWords[choice.Below(std::size(kWords))]; break;
    case 3:
      if (at.is_array() && !at.empty()) at.insert(at.begin() + static_cast<ptrdiff_t>(inner), at[inner]);
      break;
    case 4:
      if (at.is_array()) at.push_back(other);
      break;
    case 5:
      if (at.is_array() && !at.empty()) at.erase(inner);
      break;
    default:
      if (at.is_object() && !at.empty()) at.erase(std::next(at.begin(), static_cast<ptrdiff_t>(inner)));
  }
}

}  // namespace
}  // namespace manifolddb::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace manifolddb::fuzz;
  constexpr size_t kBytesMax = size_t{1} << 14;
  if (size <= kBytesMax) Check(std::string_view(reinterpret_cast<const char*>(data), size));
  CountMarks();
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  using namespace manifolddb::fuzz;
  std::string why;
  auto json = Parsed(std::string_view(reinterpret_cast<const char*>(data), size), why);
  if (!json || seed % 8 == 0) return LLVMFuzzerMutate(data, size, max_size);
  // The choices: libFuzzer's own changes to a few bytes would learn nothing.
  uint8_t choices[16];
  for (uint8_t& byte : choices) byte = static_cast<uint8_t>((seed = seed * 1664525 + 1013904223) >> 24);
  Input input(InputBytes(choices, sizeof choices));
  Change(*json, input);
  const std::string text = json->dump();
  if (text.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::ranges::copy(text, data);
  return text.size();
}
