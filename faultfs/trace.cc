#include "faultfs/trace.h"

#include <algorithm>

#include "engine/base/assert.h"
#include "engine/base/checksum.h"
#include "faultfs/random.h"

namespace manifolddb::faultfs {
namespace {

std::string Range(const Effect& effect) {
  return effect.name + " @" + std::to_string(effect.offset) + " +" + std::to_string(effect.size);
}

// Empty for effects that are not mentioned.
std::string Line(const Effect& effect) {
  switch (effect.kind) {
    case EffectKind::kWrite: return "write " + Range(effect);
    case EffectKind::kSize:
      return effect.by_write ? "" : "allocate " + effect.name + " " + std::to_string(effect.size);
    case EffectKind::kTruncate: return "truncate " + effect.name + " " + std::to_string(effect.size);
    case EffectKind::kCreate: return "create " + effect.name;
    case EffectKind::kRemove: return "remove " + effect.name;
    case EffectKind::kRename: return "rename " + effect.name + " " + effect.name2;
    case EffectKind::kSync: return "sync " + effect.name;
    case EffectKind::kSyncRange: return "sync " + Range(effect);
    case EffectKind::kSyncDirectory: return "syncdir";
    case EffectKind::kSyncFailed: return "failed: sync " + (effect.size == 0 ? effect.name : Range(effect));
    case EffectKind::kSyncReverted: return "failed: sync " + effect.name;
    case EffectKind::kSyncDirectoryFailed: return "failed: syncdir";
    case EffectKind::kEvict: return "";
  }
  return "";
}

}  // namespace

void EffectList::Replace(size_t index, Effect effect) {
  MANIFOLDDB_ASSERT(index < effects_.size());
  effects_[index] = std::make_shared<const Effect>(std::move(effect));
}

EffectList EffectList::First(size_t count) const {
  MANIFOLDDB_ASSERT(count <= effects_.size());
  EffectList first;
  first.effects_.assign(effects_.begin(), effects_.begin() + static_cast<ptrdiff_t>(count));
  return first;
}

uint64_t Trace::Hash(uint64_t first, uint64_t last) const {
  uint64_t hash = Mix(last - first);
  const auto add = [&hash](uint64_t word) { hash = Mix(hash ^ Mix(word)); };
  for (uint64_t i = first; i < last; ++i) {
    const Effect& effect = effects[i];
    add(static_cast<uint64_t>(effect.kind));
    add(base::Checksum64(AsBytes(effect.name)));
    add(base::Checksum64(AsBytes(effect.name2)));
    add(effect.inode);
    add(effect.offset);
    add(effect.size);
    for (const Sector& sector : effect.sectors) add(sector.hash());
  }
  return hash;
}

Trace Trace::WithoutFault(uint64_t index) const {
  Trace result = *this;
  Effect effect = effects[index];
  effect.fault = WriteFault::kNone;
  effect.shift_sectors = 0;
  result.effects.Replace(index, std::move(effect));
  return result;
}

std::vector<std::string> TraceLines(const Trace& trace, uint64_t first, uint64_t last) {
  std::vector<std::string> lines;
  last = std::min<uint64_t>(last, trace.effects.size());
  for (uint64_t i = first; i < last; ++i) {
    const Effect& effect = trace.effects[i];
    // The removal within a create is part of that line.
    const bool replaced = effect.kind == EffectKind::kRemove && i + 1 < trace.effects.size() &&
                          trace.effects[i + 1].operation == effect.operation;
    std::string line = Line(effect);
    if (!line.empty() && !replaced) lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace manifolddb::faultfs
