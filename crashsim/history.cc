// A run as text, for who plays a failure again.
#include "crashsim/history.h"

#include <algorithm>

#include "crashsim/oracle.h"

namespace manifolddb::crashsim {
namespace {

constexpr const char* kEnds[] = {"still running", "never returned",  "acknowledged",
                                 "refused",       "outcome unknown", "aborted"};

std::string Times(const Stamp& began, const Stamp& ended) {
  return "effects " + std::to_string(began.effects) + " to " + std::to_string(ended.effects) + ", events " +
         std::to_string(began.event) + " to " + std::to_string(ended.event) + ": ";
}

}  // namespace

std::vector<std::string> Lines(const History& history) {
  std::vector<std::pair<uint64_t, std::string>> lines;
  for (const Transaction& one : history.transactions) {
    std::string text = Times(one.began, one.ended) + Describe(one) + " " + kEnds[static_cast<int>(one.end)];
    if (one.outcome.error) text += " (" + std::string(Name(*one.outcome.error)) + ")";
    for (const std::string& name : one.names) text += " '" + name + "'";
    if (one.kind == StepKind::kTransaction) text += ", called at event " + std::to_string(one.called.event);
    for (const FamilyUid family : one.families) text += " f" + std::to_string(family);
    text += one.changed ? "" : ", changed nothing";
    lines.emplace_back(one.began.event, std::move(text));
  }
  for (const Reading& one : history.readings) {
    const std::string what = "read commit " + std::to_string(one.number);
    lines.emplace_back(one.began.event, Times(one.began, one.read) + what);
  }
  for (const Settled& one : history.settled) {
    lines.emplace_back(one.called.event, Times(one.called, one.ended) + one.what);
  }
  std::ranges::sort(lines);
  std::vector<std::string> all;
  for (auto& [event, text] : lines) all.push_back(std::move(text));
  return all;
}

}  // namespace manifolddb::crashsim
