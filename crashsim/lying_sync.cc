// (1) A promised sector that is as it was promised, or as something wrote it later, is not lost.
// (2) One that is neither, although it was written later, is torn by that later write, which an honest disk
//     may do as well; unless it is what it was before the promise.
#include "crashsim/lying_sync.h"

#include <algorithm>

#include "engine/base/assert.h"

namespace manifolddb::crashsim {

using faultfs::Effect;
using faultfs::EffectKind;
using faultfs::FileImage;
using faultfs::Sector;

LyingSync::LyingSync(const faultfs::Trace& trace, uint64_t at) : at_(at), inode_(trace.effects[at].inode) {
  MANIFOLDDB_ASSERT(trace.effects[at].kind == EffectKind::kSyncFailed && !trace.effects[at].reported);
  const FileImage* base = nullptr;
  for (const auto& [name, inode] : trace.names) {
    if (inode != inode_) continue;
    names_.insert(name);
    base = trace.base.Find(name);
    size_ = base->size();
  }
  for (uint64_t i = 0; i < at; ++i) {
    const Effect& effect = trace.effects[i];
    if (effect.inode != inode_) continue;
    if (effect.kind == EffectKind::kSize) size_ = effect.size;
    if (effect.kind != EffectKind::kWrite) continue;
    uint64_t index = effect.offset / trace.traits.atomic_unit;
    for (const Sector& sector : effect.sectors) {
      Promise& promise = promised_[index];
      const bool first = promise.before.empty();
      promise.before.push_back(first ? (base != nullptr ? base->SectorAt(index) : Sector()).hash()
                                     : promise.sector.hash());
      promise.sector = sector;
      ++index;
    }
  }
  followed_ = at;
  Follow(trace, at);
}

void LyingSync::Follow(const faultfs::Trace& trace, uint64_t effects) {
  if (effects < followed_) {
    for (auto& [index, promise] : promised_) promise.afterwards.clear();
    followed_ = at_;
  }
  for (; followed_ < effects; ++followed_) {
    const Effect& effect = trace.effects[followed_];
    if (effect.inode != inode_ || effect.kind != EffectKind::kWrite) continue;
    uint64_t index = effect.offset / trace.traits.atomic_unit;
    for (const Sector& sector : effect.sectors) {
      if (const auto promise = promised_.find(index++); promise != promised_.end()) {
        promise->second.afterwards.push_back(sector.hash());
      }
    }
  }
  for (uint64_t i = 0; i < effects; ++i) {
    const Effect& effect = trace.effects[i];
    if (effect.inode != inode_) continue;
    if (effect.kind == EffectKind::kCreate) names_.insert(effect.name);
    if (effect.kind == EffectKind::kRename) names_.insert(effect.name2);
  }
}

bool LyingSync::LostIn(const faultfs::Image& image, const faultfs::Trace& trace, uint64_t effects) {
  Follow(trace, effects);
  const FileImage* file = nullptr;
  for (const std::string& name : names_) {
    if (file == nullptr) file = image.Find(name);
  }
  if (file == nullptr) return false;  // a matter of the directory, of which it promised nothing
  if (file->size() < size_) return true;
  return std::ranges::any_of(promised_, [&](const auto& entry) {
    const auto& [index, promise] = entry;
    const Sector found = file->SectorAt(index);
    if (found == promise.sector) return false;
    if (std::ranges::find(promise.afterwards, found.hash()) != promise.afterwards.end()) return false;
    return promise.afterwards.empty() ||
           std::ranges::find(promise.before, found.hash()) != promise.before.end();
  });
}

bool LyingSync::ReportedIn(const faultfs::Trace& trace, uint64_t effects) const {
  for (uint64_t i = at_ + 1; i < effects; ++i) {
    const Effect& effect = trace.effects[i];
    if (effect.inode == inode_ && effect.kind == EffectKind::kSyncFailed && effect.reported) return true;
  }
  return false;
}

}  // namespace manifolddb::crashsim
