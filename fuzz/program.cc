// (1) Any bytes are a program; each step does something, or nothing.
// (2) Names, keys and lengths come from few: steps meet.
// (3) Steps and bytes written are bounded: no input takes long.
#include "fuzz/program.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "fuzz/edits.h"
#include "fuzz/input.h"
#include "fuzz/session.h"

namespace manifolddb::fuzz {
namespace {

constexpr int kStepsMax = 250;
constexpr size_t kBytesWrittenMax = size_t{128} << 10;
constexpr size_t kKeys = 40;
// Programs that begin with one of these have a disk of so many pages, and as many more as the next byte says,
constexpr uint8_t kFullFrom = 192;
constexpr uint64_t kPagesMin = 64;
// or one on which a read fails: the one that the next byte says;
constexpr uint8_t kFailingFrom = 128;
constexpr uint64_t kReads = 64;
// or pages of 1 to 8 KiB, all others of 512 bytes; or savepoints.
constexpr uint8_t kLargerFrom = 96;
constexpr uint8_t kLargerSizes = 4;
constexpr uint8_t kSavepointsFrom = 64;

std::string Family(Input& input) { return "f" + std::to_string(input.Byte() % 3); }
std::string Table(Input& input) { return "t" + std::to_string(input.Byte() % 3); }

// Short ones, and long ones that share a prefix; the empty one.
std::string KeyAt(size_t index) {
  index %= kKeys;
  const std::string number = std::to_string(100 + index).substr(1);
  if (index == kKeys - 1) return "";
  return index < 26 ? "k" + number : std::string(110, 'p') + number;
}
std::string Key(Input& input) { return KeyAt(input.Byte()); }
std::string BulkKey(size_t index) { return "m" + std::to_string(1000 + index).substr(1); }

class Program {
 public:
  Program(ByteView bytes, Steps steps)
      : input_(bytes),
        steps_(steps),
        head_(input_.Byte()),
        editor_(head_ % 2 == 1),
        talks_(std::getenv("FUZZ_STEPS") != nullptr),
        session_(1, TroubleOf(head_)) {}

  void Run() {
    for (int step = 0; step < kStepsMax && !input_.done(); ++step) Step(input_.Byte());
    Say("end", "");
    if (session_.open()) {
      session_.CheckSnapshot();
      session_.CheckAll();
      session_.Verify();
      session_.Close();
    }
    // What was written is there, also for another process.
    if (session_.Open()) session_.CheckAll();
    session_.Verify();
    session_.Close();
  }

 private:
  Session::Trouble TroubleOf(uint8_t head) {
    Session::Trouble trouble;
    if (head >= kFullFrom) {
      trouble.pages_max = kPagesMin + input_.Byte();
    } else if (head >= kFailingFrom) {
      trouble.read_that_fails = 1 + input_.Byte() % kReads;
    } else if (head >= kLargerFrom) {
      trouble.page_size = uint32_t{2 * kSector} << (head / 2 % kLargerSizes);
    } else {
      trouble.keeps_savepoints = head >= kSavepointsFrom;
    }
    return trouble;
  }

  void Step(uint8_t byte) {
    const int what = byte % 36;
    if (what >= 26) {
      if (steps_ == Steps::kDamage) return Damage(byte);
      return Step(static_cast<uint8_t>(what - 26));
    }
    if (what < 12) return Change(what);
    switch (what) {
      case 12: return Commit();
      case 13: return Commit();
      case 14: return Say("abort", ""), session_.Abort();
      case 15: return OnFamily(0);
      case 16: return OnFamily(input_.Byte() % 3);
      case 17: return Say("checkpoint", ""), session_.Checkpoint();
      case 18: return Say("snapshot", ""), session_.TakeSnapshot();
      case 19: return Say("look at the snapshot", ""), session_.CheckSnapshot();
      case 20: return Say("close", ""), session_.Close();
      case 21: return Say("abandon", ""), session_.Abandon();
      case 22: return Say("look read-only, and salvage", ""), session_.LookReadOnly(), session_.TrySalvage();
      case 23: return Say("verify", ""), static_cast<void>(session_.Verify());
      case 24: return Say("look at all", ""), session_.CheckAll();
      default: return Say("open", ""), static_cast<void>(session_.Open());
    }
  }

  void Change(int what) {
    const std::string family = Family(input_);
    const std::string table = Table(input_);
    const std::string at = family + "/" + table;
    switch (what) {
      case 0:
      case 1:
      case 2: {
        const std::string key = Key(input_);
        return Put(family, table, key, input_.Byte());
      }
      case 3: return Bulk(family, table);
      case 4: {
        const std::string key = input_.Byte() % 2 == 0 ? Key(input_) : BulkKey(input_.Byte());
        return Say("delete", at + " " + key), session_.Delete(family, table, key);
      }
      case 5: return DeleteRange(family, table);
      case 6: {
        const std::string key = Key(input_);
        return Say("get", at + " " + key), session_.Get(family, table, key);
      }
      case 7:
      case 8: {
        const std::string key = Key(input_);
        const size_t steps = input_.Byte();
        Say(what == 7 ? "walk" : "walk back", at + " " + key + " " + std::to_string(steps));
        return session_.Walk(family, table, key, what == 7, steps);
      }
      case 9: return Say("create table", at), session_.CreateTable(family, table);
      case 10: return Say("drop table", at), session_.DropTable(family, table);
      default: {
        const std::string to = Table(input_);
        return Say("rename table", at + " " + to), session_.RenameTable(family, table, to);
      }
    }
  }

  void Put(const std::string& family, const std::string& table, const std::string& key, uint8_t size) {
    static constexpr size_t kSizes[] = {0, 30, 60, 100, 300, 600, 1500, 5000};
    const size_t bytes = kSizes[size % 8] + size / 8;
    if (written_ + bytes > kBytesWrittenMax) return;
    written_ += bytes + 64;
    Say("put", family + "/" + table + " " + key + " " + std::to_string(bytes));
    if (session_.history().newest() == 0) session_.CreateFamily(family);  // there is none yet
    session_.Put(family, table, key, bytes);
  }

  // Enough for a tree of three levels.
  void Bulk(const std::string& family, const std::string& table) {
    const size_t from = input_.Byte();
    const size_t count = input_.Byte() % 128;
    const uint8_t size = input_.Byte();
    for (size_t i = 0; i < count; ++i) Put(family, table, BulkKey(from + i), size % 4);
  }

  void DeleteRange(const std::string& family, const std::string& table) {
    const uint8_t bounds = input_.Byte();
    std::optional<std::string> lower;
    std::optional<std::string> upper;
    if (bounds % 2 == 1) lower = bounds % 8 < 4 ? Key(input_) : BulkKey(input_.Byte());
    if (bounds / 2 % 2 == 1) upper = bounds % 8 < 4 ? Key(input_) : BulkKey(input_.Byte());
    Say("delete range", family + "/" + table + " " + lower.value_or("-") + " " + upper.value_or("-"));
    session_.DeleteRange(family, table, lower, upper);
  }

  void Commit() {
    const uint8_t how = input_.Byte();
    Say("commit", how % 4 == 0 ? "none" : how % 4 == 1 ? "through a checkpoint" : "immediate");
    session_.Commit({.durability = how % 4 == 0 ? Durability::kNone : Durability::kImmediate,
                     .through_checkpoint = how % 4 == 1});
  }

  void OnFamily(int what) {
    const std::string name = Family(input_);
    if (what == 0) return Say("create family", name), session_.CreateFamily(name);
    if (what == 1) return Say("drop family", name), session_.DropFamily(name);
    const std::string to = Family(input_);
    Say("rename family", name + " " + to);
    session_.RenameFamily(name, to);
  }

  void Damage(uint8_t byte) {
    if (session_.open()) {
      byte % 2 == 0 ? session_.Close() : session_.Abandon();
      if (session_.open()) session_.Abandon();
    }
    if (session_.closed_files().empty()) return;
    editor_.Apply(session_, input_);
    Say("damage:", editor_.last());
  }

  void Say(const char* what, const std::string& arguments) const {
    if (talks_) std::fprintf(stderr, "%s %s\n", what, arguments.c_str());
  }

  Input input_;
  const Steps steps_;
  const uint8_t head_;  // whether it forges, and what is wrong with the disk
  Editor editor_;
  const bool talks_;  // FUZZ_STEPS=1: each step in a line, to understand a finding
  Session session_;
  size_t written_ = 0;
};

}  // namespace

size_t InsertDamage(uint8_t* program, size_t size, uint64_t random) {
  // The change takes some of the random bytes, what is left of them are steps; then a family with an entry.
  static constexpr uint8_t kUse[] = {15, 1, 0, 1, 1, 3, 2, 12, 2, 20, 24};
  constexpr size_t kDrawn = 12;
  constexpr size_t kStepBytes = kDrawn + sizeof kUse;
  if (size < 2) return size;
  program[0] |= 1;
  const size_t at = 1 + random % (size - 1);
  std::memmove(program + at + kStepBytes, program + at, size - at);
  for (size_t i = 0; i < kDrawn; ++i) {
    random = random * 6364136223846793005 + 1442695040888963407;
    program[at + i] = static_cast<uint8_t>(random >> 56);
  }
  program[at] = static_cast<uint8_t>(26 + program[at] % 10);          // closed or abandoned, then changed
  program[at + 1] = static_cast<uint8_t>(program[at + 1] % 24 | 16);  // forged
  std::memcpy(program + at + kDrawn, kUse, sizeof kUse);
  program[at + kDrawn + 1] = static_cast<uint8_t>(random % 3);
  return size + kStepBytes;
}

void RunProgram(ByteView program, Steps steps) { Program(program, steps).Run(); }

}  // namespace manifolddb::fuzz
