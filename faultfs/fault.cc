// Which call fails: every armed fault counts the calls it is meant for.

#include "faultfs/fault.h"

#include <algorithm>
#include <charconv>

#include "engine/base/assert.h"

namespace manifolddb::faultfs {
namespace {

struct KindText {
  FaultKind kind;
  std::string_view name;
  Operations operations;
};

constexpr Operations kWrites = Only(Operation::kWrite);
constexpr Operations kReads = Only(Operation::kRead);
constexpr Operations kSyncs = Only(Operation::kSync);

constexpr std::array<KindText, kFaultKinds> kKinds = {{
    {FaultKind::kIoError, "io_error", kAllOperations},
    {FaultKind::kNoSpace, "no_space", kWrites | Only(Operation::kAllocate) | Only(Operation::kDirectory)},
    {FaultKind::kShortRead, "short_read", kReads},
    {FaultKind::kCorruptRead, "corrupt_read", kReads},
    {FaultKind::kShortWrite, "short_write", kWrites},
    {FaultKind::kLostWrite, "lost_write", kWrites},
    {FaultKind::kMisdirectedWrite, "misdirected_write", kWrites},
    {FaultKind::kSyncKeepsClean, "sync_keeps_clean", kSyncs},
    {FaultKind::kSyncFailsLater, "sync_fails_later", kSyncs},
    {FaultKind::kSyncReverts, "sync_reverts", kSyncs},
    {FaultKind::kLostSync, "lost_sync", kSyncs},
}};

const KindText& TextOf(FaultKind kind) {
  const KindText& text = kKinds[static_cast<size_t>(kind)];
  MANIFOLDDB_ASSERT(text.kind == kind);
  return text;
}

// Takes a decimal number off the front of `text`.
std::optional<uint64_t> TakeNumber(std::string_view& text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

bool TakePrefix(std::string_view& text, char prefix) {
  if (text.empty() || text.front() != prefix) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string_view Name(FaultKind kind) { return TextOf(kind).name; }
Operations OperationsOf(FaultKind kind) { return TextOf(kind).operations; }

std::optional<FaultKind> ParseFaultKind(std::string_view name) {
  for (const KindText& text : kKinds) {
    if (text.name == name) return text.kind;
  }
  return std::nullopt;
}

std::string Fault::ToString() const {
  std::string text(Name(kind));
  text += "@" + std::to_string(at);
  if (lasting) text += "+";
  if (counted != kAllOperations) text += "/" + std::to_string(counted);
  if (parameter != 0) text += "=" + std::to_string(parameter);
  if (!file.empty()) text += ":" + file;
  return text;
}

std::optional<Fault> Fault::Parse(std::string_view text) {
  Fault fault;
  const size_t sign = text.find('@');
  if (sign == std::string_view::npos) return std::nullopt;
  const auto kind = ParseFaultKind(text.substr(0, sign));
  text.remove_prefix(sign + 1);
  const auto at = TakeNumber(text);
  if (!kind || !at || *at == 0) return std::nullopt;
  fault.kind = *kind;
  fault.at = *at;
  fault.lasting = TakePrefix(text, '+');
  if (TakePrefix(text, '/')) {
    const auto counted = TakeNumber(text);
    if (!counted || *counted > kAllOperations) return std::nullopt;
    fault.counted = static_cast<Operations>(*counted);
  }
  if (TakePrefix(text, '=')) {
    const auto parameter = TakeNumber(text);
    if (!parameter) return std::nullopt;
    fault.parameter = *parameter;
  }
  if (TakePrefix(text, ':')) {
    fault.file = text;
  } else if (!text.empty()) {
    return std::nullopt;
  }
  return fault;
}

uint32_t FaultPlan::Arm(Fault fault) {
  MANIFOLDDB_ASSERT(fault.at > 0);
  fault.counted &= OperationsOf(fault.kind);
  ++counts_.armed[static_cast<size_t>(fault.kind)];
  armed_.push_back({.number = ++last_number_, .fault = std::move(fault)});
  return last_number_;
}

void FaultPlan::Disarm(uint32_t number) {
  std::erase_if(armed_, [number](const Armed& armed) { return armed.number == number; });
}

std::optional<Fault> FaultPlan::Next(const Call& call) {
  const Armed* strikes = nullptr;
  for (Armed& armed : armed_) {
    const Fault& fault = armed.fault;
    if ((fault.counted & Only(call.operation)) == 0) continue;
    if (!fault.file.empty() && fault.file != call.file) continue;
    ++armed.counted;
    const bool due = fault.lasting ? armed.counted >= fault.at : armed.counted == fault.at;
    if (due && strikes == nullptr) strikes = &armed;
  }
  if (strikes == nullptr) return std::nullopt;
  const Fault& fault = strikes->fault;
  ++counts_.fired[static_cast<size_t>(fault.kind)];
  fired_.push_back({.operation = call.number,
                    .effects = call.effects,
                    .offset = call.offset,
                    .bytes = call.bytes,
                    .fault = strikes->number,
                    .inode = call.inode,
                    .kind = fault.kind,
                    .befell = call.operation});
  return fault;
}

}  // namespace manifolddb::faultfs
