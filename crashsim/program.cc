// Values with tags: what a transaction wrote can be told from the bytes alone.
#include "crashsim/program.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "crashsim/random.h"

namespace manifolddb::crashsim {

std::string MakeValue(Serial serial, uint32_t op, size_t bytes) {
  std::string value(bytes, '\0');
  const uint64_t stream = Mix(serial, op);
  for (size_t at = 0; at < bytes; at += 8) {
    const uint64_t word = Mix(stream, at);
    std::memcpy(value.data() + at, &word, std::min<size_t>(8, bytes - at));
  }
  if (bytes >= 8) {
    std::memcpy(value.data(), &serial, 4);
    std::memcpy(value.data() + 4, &op, 4);
  }
  return value;
}

ValueTag TagOf(ByteView value) {
  ValueTag tag;
  if (value.size() < 8) return tag;
  std::memcpy(&tag.serial, value.data(), 4);
  std::memcpy(&tag.op, value.data() + 4, 4);
  return tag;
}

std::string LedgerKey(Serial serial) {
  std::string key(4, '\0');
  for (int i = 0; i < 4; ++i) key[i] = static_cast<char>(serial >> (24 - 8 * i));
  return key;
}

Step DeletionOfAll(const Program& program, HeldTables held, Serial serial) {
  for (const Round& round : program.rounds) {
    for (const std::vector<Step>& steps : round.actors) {
      for (const Step& step : steps) {
        for (const Op& op : step.ops) {
          if (op.kind == OpKind::kPut) held.emplace(step.families[op.family], op.table);
        }
      }
    }
  }
  Step deletion{.serial = serial};
  for (const auto& [family, table] : held) {
    if (deletion.families.empty() || deletion.families.back() != family) deletion.families.push_back(family);
    deletion.ops.push_back({.kind = OpKind::kDeleteRange,
                            .family = static_cast<uint8_t>(deletion.families.size() - 1),
                            .table = table,
                            .has_key = false});
  }
  return deletion;
}

Serial LastSerial(const Program& program, Serial before) {
  for (const Round& round : program.rounds) {
    for (const auto& steps : round.actors) {
      for (const Step& step : steps) before = std::max(before, step.serial);
    }
  }
  return before;
}

bool FitsTheLog(const Step& step, const Options& options) {
  constexpr uint64_t kHeadersMax = 256;   // of the group and the record
  constexpr uint64_t kPerOperation = 64;  // kinds, ids, lengths
  uint64_t bytes = kHeadersMax;
  for (const Op& op : step.ops) {
    bytes += kPerOperation + op.table.size() + op.key.size() + op.upper.size() + op.value.size();
  }
  return bytes <= options.log_bytes_initial / 4 / options.write_unit * options.write_unit;
}

}  // namespace manifolddb::crashsim
