#include "crashsim/harms.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>

namespace manifolddb::crashsim {
namespace {

using faultfs::Effect;
using faultfs::EffectKind;
using How = Harm::How;

constexpr size_t kNewestWrites = 24;   // of the newest ones
constexpr uint64_t kMetaFields = 200;  // bytes that say something
constexpr uint64_t kLogFields = 64;
constexpr uint64_t kAll = uint64_t{1} << 30;

class Harmer {
 public:
  Harmer(const Played& played, uint64_t effects, const Setup& setup)
      : trace_(*played.session.trace), effects_(effects), setup_(setup) {
    for (uint64_t i = effects; i > 0; --i) {
      if (trace_.effects[i - 1].kind == EffectKind::kWrite) writes_.push_back(i - 1);
    }
  }

  std::vector<Harms> All() {
    for (const char* file : {kDatabase, kLogFile}) Add({{.how = How::kRemove, .file = file}});
    AddMeta();
    AddLogFront();
    AddFiles();
    for (size_t i = 0; i < std::min(kNewestWrites, writes_.size()); ++i) AddWrite(writes_[i]);
    AddForeignGroups();
    return std::move(all_);
  }

 private:
  void Add(Harms harms) { all_.push_back(std::move(harms)); }
  uint64_t unit() const { return setup_.options.write_unit; }

  // The bytes of a copy or of both; both as they were before; the other database's.
  void AddMeta() {
    const auto newest =
        std::ranges::find_if(writes_, [&](uint64_t i) { return IsMetaWrite(trace_.effects[i], setup_); });
    if (newest == writes_.end()) return;
    const uint64_t slot = trace_.effects[*newest].offset / (2 * unit()) * (2 * unit());
    uint64_t first = *newest;  // of those that wrote into this slot one after the other
    for (auto at = newest; at != writes_.end() && IsMetaWrite(trace_.effects[*at], setup_); ++at) {
      if (trace_.effects[*at].offset / (2 * unit()) * (2 * unit()) == slot) first = *at;
    }
    for (uint64_t byte = 0; byte < kMetaFields; byte += 1 + byte % 3) {
      const auto bit = static_cast<uint32_t>(byte * 5 % 8);
      const Harm one{.file = kDatabase, .offset = slot + byte, .bit = bit};
      const Harm other{.file = kDatabase, .offset = slot + unit() + byte, .bit = bit};
      Add({one, other});
      Add({one});
      Add({other});
    }
    Add({Range(How::kOlder, kDatabase, slot, 2 * unit(), slot, first)});
    for (const uint64_t from : {uint64_t{0}, 2 * unit()}) {
      Add({Range(How::kTwin, kDatabase, from, 2 * unit(), slot, 0)});
      for (const uint64_t copy : {slot, slot + unit()}) {
        Add({Range(How::kTwin, kDatabase, from, unit(), copy, 0)});
      }
    }
  }

  // The log's header and its marker, with an older data file and without.
  void AddLogFront() {
    for (uint64_t byte = 0; byte < kLogFields; ++byte) {
      for (const uint32_t bit : {0u, static_cast<uint32_t>(1 + byte % 7)}) {
        Add({{.file = kLogFile, .offset = byte, .bit = bit}});
        Add({{.file = kLogFile, .offset = unit() + byte, .bit = bit}});
      }
    }
  }

  // As they were behind a sync of the directory or of themselves; the other database's.
  void AddFiles() {
    constexpr size_t kOlderFiles = 30;
    size_t added = 0;
    for (uint64_t i = effects_; i > 0 && added < kOlderFiles; --i) {
      const Effect& effect = trace_.effects[i - 1];
      const bool settles = effect.kind == EffectKind::kSyncDirectory || effect.kind == EffectKind::kRename ||
                           (effect.kind == EffectKind::kSync && effect.name == kDatabase);
      if (!settles) continue;
      ++added;
      const Harm older{.how = How::kOlder, .file = kDatabase, .effects = i};
      Add({older});
      Add({older, {.file = kLogFile, .offset = unit() + 32}});
      Add({older, {.file = kLogFile, .offset = unit() + 9}});
    }
    for (const char* file : {kDatabase, kLogFile}) Add({{.how = How::kTwin, .file = file}});
  }

  void AddWrite(uint64_t effect) {
    constexpr std::array<uint64_t, 4> kFurther = {1, 2, 3, 5};
    const Effect& write = trace_.effects[effect];
    const std::string& file = write.name;
    const uint64_t offset = write.offset;
    const uint64_t size = write.size;
    for (const uint64_t byte : {uint64_t{9}, uint64_t{60}, size / 2, size - 1}) {
      if (byte < size) Add({{.file = file, .offset = offset + byte}});
    }
    const Harm lost = Range(How::kOlder, file, offset, size, offset, effect);
    Add({lost});
    for (const uint64_t sectors : kFurther) {
      const uint64_t to = offset + sectors * setup_.traits.atomic_unit;
      Add({lost, Range(How::kOlder, file, offset, size, to, effect + 1)});
    }
    if (file != kDatabase) return;
    const uint64_t page = setup_.options.page_size;
    Add({Range(How::kTwin, file, offset, size, offset, 0)});
    for (const uint64_t pages : {1, 2}) {
      Add({Range(How::kOlder, file, offset, page, offset + pages * page, effects_)});
      Add({Range(How::kTwin, file, offset, page, offset + pages * page, 0)});
      if (offset >= pages * page) {
        Add({Range(How::kOlder, file, offset - pages * page, page, offset, effects_)});
        Add({Range(How::kTwin, file, offset - pages * page, page, offset, 0)});
      }
    }
  }

  // Where the log goes on.
  void AddForeignGroups() {
    for (uint64_t i = effects_; i < trace_.effects.size(); ++i) {
      const Effect& effect = trace_.effects[i];
      if (effect.kind != EffectKind::kWrite || effect.name != kLogFile || effect.offset < 2 * unit())
        continue;
      Add({Range(How::kTwin, kLogFile, effect.offset, kAll, effect.offset, 0)});
      return;
    }
  }

  static Harm Range(How how, const std::string& file, uint64_t offset, uint64_t bytes, uint64_t to,
                    uint64_t effects) {
    return {.how = how, .file = file, .offset = offset, .bytes = bytes, .to = to, .effects = effects};
  }

  const faultfs::Trace& trace_;
  const uint64_t effects_;
  const Setup& setup_;
  std::vector<uint64_t> writes_;  // newest first
  std::vector<Harms> all_;
};

}  // namespace

std::vector<Harms> HarmsAt(const Played& played, uint64_t effects, const Setup& setup) {
  return Harmer(played, effects, setup).All();
}

}  // namespace manifolddb::crashsim
