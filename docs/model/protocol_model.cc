// The protocol of design.md (3.2 to 3.7, 3.10) as an explicit-state model. Every state that its steps and the
// failures of disk and process can reach is visited, breadth first: a counterexample is a shortest one.
// README.md: what is modelled, what is left out, the figures. Reading order: Content, State, Read (what
// recovery makes of a disk), Judge and CheckReaders (properties), Resolve (what a crash leaves), the steps.
#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <map>
#include <string_view>
#include <vector>

namespace {
using u8 = uint8_t;
using Id = uint16_t;  // of a Content
using Set = u8;       // of commits: bit n + 1 is commit cn; bits 0 and 1 made the initial version
using Text = const char*;
// ---- What lies on the disk: the copies of meta slots A and B, the ring of log groups, the pages.
constexpr int kMetas = 4, kPages = 7, kUnits = 13;  // the first unit after those of meta, log, pages
constexpr unsigned kLogFile = (1 << kPages) - (1 << kMetas), kDataFile = ~kLogFile, kPowerCut = ~0u;
constexpr Text kNames[] = {"meta A1", "meta A2", "meta B1", "meta B2", "log 0", "log 1", "log 2",
                           "page 0", "page 1", "page 2", "page 3", "page 4", "page 5"};
enum Kind : u8 { kTorn, kMeta, kGroup, kPage };
struct Content {  // of one unit; which fields count depends on the kind, all others are 0
  Kind kind = kTorn;
  u8 life = 0;                             // meta: this life; group: which wrote it; page: of its birth
  u8 number = 0;                           // meta: number; group: its LSN; page: its PageId
  u8 txn = 0;                              // meta: TxnId of the checkpoint; group: the first; page: of birth
  Set commits = 0;                         // meta: all (for the verdict only); group: its; page: the one
  u8 lsn = 0, meta = 0;                    // meta: log position; group: LSN and meta known to be durable
  u8 log_life = 0, clean = 0, second = 0;  // meta: the life whose log follows; flags: clean, written second
  u8 zero[2] = {};                         // (no padding: contents and states are compared as bytes)
  std::array<Id, 2> root = {};             // meta: references, as ids of the pages that ought to be there
};
std::vector<Content> contents(1);  // each distinct content once; states hold the index; 0 is a torn unit
Id Intern(const Content& content) {
  static std::map<std::array<uint64_t, 2>, Id> ids;
  const auto [at, fresh] = ids.try_emplace(std::bit_cast<std::array<uint64_t, 2>>(content), contents.size());
  if (fresh) contents.push_back(content);
  if (contents.size() > 65535) __builtin_trap();  // Id is too small
  return at->second;
}
// ---- The state. A version is named by its newest TxnId; 0 is none, 1 is the initial one.
enum Phase : u8 { kOff, kStep1, kRecovering, kOpen };
enum Progress : u8 { kIdle, kCaptured, kPagesWritten, kDataSynced, kFirstCopy, kOtherCopy };
struct Process {                                        // what dies with it
  std::array<Id, 8> page = {};                          // page[t]: what transaction t introduced, if needed
  u8 unwritten = 0;                                     // bit t: page[t] has not yet been handed to write-out
  u8 phase = kOff, life = 0, snapshot = 0;
  u8 appended = 0, published = 0;                       // versions; the newest ordered one: Newest()
  u8 log_end = 0, published_lsn = 0;                    // LSNs, counted in groups
  u8 base = 0, base_lsn = 0;                            // the durable checkpoint; its LSN is the log's tail
  u8 progress = kIdle, captured = 0, captured_lsn = 0;  // the checkpoint being written (or step 1)
  u8 through = 0, closing = 0;                          // it carries a commit; it has the clean flag
  u8 first = 0, todo = 0, lone = 0, raise = 0, zero[3] = {};  // copies to write first; now; after a sync
};
struct Chances { u8 crashes = 2, failed_syncs = 0, closes = 0, snapshots = 0, lost = 0, zero = 0; };
struct State {
  std::array<Id, kUnits> cache = {}, disk = {};         // what a read returns; what a power cut leaves
  uint16_t dirty = 0;                                   // to be synced. Clean but different: its sync failed
  u8 meta = 0;                                          // newest meta number of which all copies were synced
  u8 next = 2;                                          // bit of the next commit; never used again
  Set order = 3, shown = 3, none = 0;                   // commits: as ordered; acknowledged or seen; None
  u8 harmed = 0;                                        // the disk has lied: corruption may be reported
  Chances left;                                         // what may still happen
  Process p;
};
static_assert(sizeof(State) % 8 == 0 && std::has_unique_object_representations_v<State>);  // hashed as words
constexpr bool Has(unsigned set, int bit) { return (set >> bit & 1) != 0; }
int Newest(const State& s) { return std::popcount(s.order) - 1; }
Set Prefix(Set order, int txn) {  // the commits of version txn
  while (std::popcount(order) > txn + 1) order -= std::bit_floor(order);
  return order;
}
// ---- Planted faults and scenarios.
struct Bounds {
  u8 commits = 2, ring = 3, sides = 1;  // sides: pages of a version; transaction t writes side t % sides
  Chances left = {};
  bool parallel = false, none = false;     // several groups in flight, each with its sync; Durability::None
  bool through = false, spills = false;    // commits through a checkpoint; pages written before a checkpoint
  bool ranged = false; u8 torn_kills = 1;  // a meta copy's sync covers it alone; a kill may tear in the cache
};
constexpr Text kCi = "CI", kNightly = "nightly";
struct Run { Text name, design; Bounds bounds; };
constexpr Run kRuns[] = {  // planted faults, with the steps in design.md 3.10; scenarios without a fault
    {"shown-from-cache", "9", {}}, {"no-life-checkpoint", "9", {}}, {"capture-ordered", "7", {}},
    {"inside-group", "9", {}}, {"meta-before-data", "5", {.through = true}},
    {"append-in-through", "5", {.through = true}}, {"reuse-durable", "5", {.none = true, .spills = true}},
    {"reuse-snapshot", "6", {.commits = 3, .left = {.snapshots = 1}, .none = true}},
    {"reuse-unpublished", "4", {.commits = 3}}, {"reuse-early", "7", {.through = true, .spills = true}},
    {"step1-fixed-order", "10-13", {}}, {"step1-one-sync", "6", {}},
    {"step1-keeps-clean", "13", {.left = {.closes = 1}}}, {"meta-one-sync", "6-8", {.through = true}},
    {"meta-step-back", "6-8", {.through = true}}, {"ack-out-of-order", "7", {.parallel = true}},
    {"no-log-life", "7", {}}, {"tail-early", "11", {.commits = 3, .ring = 2}},
    {"birth-twice", "17", {.left = {.lost = 1}, .spills = true}}, {"step1-one-slot", "-", {.left = {4}}},
    {"step1-stale-first", "-", {.left = {.failed_syncs = 1}}}, {"names-unsynced", "-", {.parallel = true}},
    {"reuse-captured", "-", {.commits = 3, .none = true}}, {"step1-lone-first", "-", {.through = true}},
    {"step1-one-life", "-", {.left = {.failed_syncs = 1}, .through = true}},
    {"step1-last-unsynced", "-", {.left = {.failed_syncs = 1, .closes = 1}}},
    {"log", kCi, {.commits = 3, .parallel = true, .none = true}},
    {"ring2", kCi, {.commits = 3, .ring = 2, .left = {.failed_syncs = 1}}},
    {"pages", kCi, {.commits = 4, .sides = 2, .left = {.snapshots = 1}, .spills = true}},
    {"through", kCi, {.commits = 3, .left = {.failed_syncs = 1}, .through = true, .spills = true}},
    {"close", kCi, {.left = {.failed_syncs = 1, .closes = 1}, .through = true, .spills = true}},
    {"lives", kCi, {.commits = 1, .left = {.crashes = 4, .failed_syncs = 1}}},
    {"lies", kCi, {.left = {.lost = 1}, .through = true, .spills = true}},
    {"deep-all", kNightly, {3, 3, 1, {.failed_syncs = 1}, true, true, true, true}},
    {"deep-ring2", kNightly, {.commits = 3, .ring = 2, .left = {2, 1}, .none = true, .through = true}},
    {"deep-pages", kNightly, {.commits = 3, .sides = 2, .left = {2, 1, 0, 1}, .none = true, .spills = true}},
    {"deep-close", kNightly, {.left = {3, 1, 1}, .none = true, .through = true}},
    {"deep-lives", kNightly, {.commits = 1, .left = {4, 2, 1}, .ranged = true}},
};
struct Model {
  const Bounds bounds;
  const std::string_view fault;    // planted; empty: none
  std::deque<State> states = {};   // in the order of discovery
  std::vector<uint32_t> parents = {}, marks = std::vector<uint32_t>(65536);
  std::vector<uint64_t> table = std::vector<uint64_t>(1 << 16);  // open addressing: half a hash, index + 1
  uint32_t expanding = 0, mark = 0, steps = 0;
  Text violation = nullptr;
  const State* target = nullptr;   // while a trace is printed: the next state; taken becomes the step to it
  struct Step { Text text; int number = -1; Text end = ""; } taken = {""};
  bool Is(std::string_view name) const { return fault == name; }
  const Content& In(const State& s, int unit) const { return contents[s.cache[unit]]; }
  int LogUnit(int lsn) const { return kMetas + lsn % bounds.ring; }
  // A copy of a meta page, by time of writing; 0 is unreadable.
  static int Rank(const Content& m) { return m.kind == kMeta ? m.number << 16 | m.life << 8 | m.second : 0; }
  // ---- What recovery makes of the files; pure.
  struct Found {
    Text wrong = nullptr, corrupt = nullptr;  // what must not be; what the engine reports as corruption
    Content meta = {}; int txn = 0, lsn = 0, commits = 0;  // the newest; the end of the log
  };
  Found Read(const State& s) const {
    Found f;
    for (int unit = 0; unit < kMetas; ++unit) {
      if (Rank(In(s, unit)) > Rank(f.meta)) f.meta = In(s, unit);
      if (!Rank(In(s, unit)) && !Rank(In(s, unit ^ 1)))
        (Is("meta-step-back") ? f.wrong : f.corrupt) = "a meta slot without a readable copy";
    }
    f.txn = f.meta.txn, f.lsn = f.meta.lsn, f.commits = f.meta.commits;
    const int life = Is("no-log-life") ? f.meta.life : f.meta.log_life;
    for (const int end = f.lsn + (f.meta.clean ? 0 : bounds.ring); f.lsn < end; ++f.lsn) {
      const Content& g = In(s, LogUnit(f.lsn));
      if (g.kind != kGroup || g.life != life || g.number != f.lsn) break;
      if (g.txn != f.txn + 1) f.corrupt = "TxnIds have a gap or come twice";
      f.commits |= g.commits, f.txn += std::popcount(g.commits);
    }
    for (int unit = kMetas; unit < kPages; ++unit) {  // after the first invalid group: look on
      const Content& g = In(s, unit);
      if (g.meta > f.meta.number) f.corrupt = "a group names a newer meta page";
      if (g.life == life && g.number > f.lsn && g.lsn > f.lsn && !f.meta.clean)
        f.corrupt = "a later group names the invalid one as durable";
    }
    for (int side = 0; side < bounds.sides; ++side) {
      const Content &want = contents[f.meta.root[side]], &have = In(s, kPages + want.number);
      if (have.kind != kPage || have.life != want.life || have.txn != want.txn)
        f.corrupt = "a reference does not find its page (G5)";
      else if (have.commits != want.commits)
        f.wrong = "a reference finds other content, with the right birth (G7)";
    }
    return f;
  }
  // ---- Properties.
  Text Judge(const State& s) const {  // after each crash, and in each state of step 1
    const Found f = Read(s);
    if (f.corrupt || f.wrong) return !f.corrupt ? f.wrong : s.harmed ? nullptr : f.corrupt;
    if (f.meta.number < s.meta) return "silent step back to an older meta page";
    if (f.commits & ~s.order) return "a commit that recovery had given up is back (G6)";
    if (f.commits != Prefix(s.order, f.txn)) return "what is recovered is no prefix (G3)";
    return s.shown & ~f.commits ? "a commit that was acknowledged or seen is lost (G1, G4)" : nullptr;
  }
  Text CheckReaders(const State& s) const {  // the newest published version and the snapshot are whole
    for (int version : {s.p.published, s.p.snapshot})
      for (int t = version; version && t > version - bounds.sides; --t) {
        const int page = contents[s.p.page[t]].number;
        bool lost = !s.p.page[t] || (!Has(s.p.unwritten, t) && s.cache[kPages + page] != s.p.page[t]);
        for (int later = t + 1; later < 8; ++later)  // has the page another owner, hence another frame?
          lost |= s.p.page[later] && contents[s.p.page[later]].number == page;
        if (lost) return "a reader finds its page overwritten (G4, G5)";
      }
    return nullptr;
  }
  // ---- Every step ends in Emit, through Write, Sync or Die where the disk has a say.
  void Emit(State s, Step step) {
    Normalise(s);
    if (target && !std::memcmp(&s, target, sizeof s)) taken = step, target = nullptr;
    if (violation || !Insert(s)) return;
    violation = s.p.phase <= kStep1 ? Judge(s) : s.p.phase == kOpen ? CheckReaders(s) : nullptr;
  }
  // Overwrites a unit in the cache. What stood there unsynced may have reached the disk; a kill may tear it.
  void Write(const State& s, int unit, const Content& content, Step step, auto change) {
    for (int reached = 0; reached <= Has(s.dirty, unit); ++reached) {
      State n = s;
      if (reached) n.disk[unit] = n.cache[unit];
      n.dirty |= 1 << unit, n.cache[unit] = kTorn;
      if (bounds.torn_kills) Kill(n, {step.text, step.number, ": KILLED amid the write"});
      n.cache[unit] = Intern(content);
      change(n), Emit(n, step);
    }
  }
  void Sync(State n, unsigned units, Step step, auto change) {
    State failed = n;
    if (failed.left.failed_syncs--) Die(failed, units, {step.text, step.number, ": FAILS, the process ends"});
    for (int unit = 0; unit < kUnits; ++unit)
      if (Has(units & n.dirty, unit)) n.disk[unit] = n.cache[unit];
    n.dirty &= ~units;
    change(n), Emit(n, step);
  }
  void Kill(State s, Step step) { if (s.left.crashes--) Die(s, 0, step); }
  void Die(State s, unsigned units, Step step) { s.p = {}, Normalise(s), Resolve(s, 0, units, step); }
  // Each unit that differs between cache and disk meets each fate. units: whose sync failed; 0 for a kill.
  void Resolve(const State& s, int unit, unsigned units, Step step) {
    while (unit < kUnits && s.cache[unit] == s.disk[unit]) ++unit;
    if (unit == kUnits) return Emit(s, step);
    const Id old = s.disk[unit], now = s.cache[unit], torn = kTorn;
    const bool dirty = Has(s.dirty, unit), cut = units == kPowerCut;
    if (dirty && !Has(units, unit)) return Resolve(s, unit + 1, units, step);
    auto fate = [&](Id disk, Id cache) {
      State n = s;
      n.disk[unit] = disk, n.cache[unit] = cache, n.dirty &= ~(1 << unit);
      Resolve(n, unit + 1, units, step);
    };
    fate(old, old);  // lost; or left clean in the cache by a failed sync, and now evicted
    if (!cut) fate(old, now);
    if (dirty) fate(now, now), fate(torn, torn);
    if (dirty && !cut) fate(torn, now);
  }
  // One form for states that nothing can tell apart. Births are unique, so a page to which no meta page and
  // no version in memory refers is as good as torn; and without a crash to come, the disk is never read.
  void Normalise(State& s) {
    for (int t = 0; t < 8; ++t)
      if (s.p.page[t] && !Needed(s, t, false)) s.p.page[t] = 0, s.p.unwritten &= ~(1 << t);
    ++mark;
    for (int unit = 0; unit < kMetas; ++unit)
      for (Id id : {s.cache[unit], s.disk[unit]})
        for (Id root : contents[id].root) marks[root] = mark;
    for (Id id : s.p.page) marks[id] = mark;
    const bool last = !s.left.crashes && !s.left.failed_syncs && s.p.phase != kOff;
    for (int unit = 0; unit < kUnits; ++unit) {
      for (Id* id : {&s.cache[unit], &s.disk[unit]})
        if (unit >= kPages && marks[*id] != mark && !Is("birth-twice")) *id = kTorn;
      if (last) s.disk[unit] = Has(s.dirty, unit) ? Id{kTorn} : s.cache[unit];
      if (s.cache[unit] == s.disk[unit]) s.dirty &= ~(1 << unit);
    }
  }
  // ---- Pages. Transaction b introduced page[b]; the next one on that side, f, removed it (3.7).
  bool Needed(const State& s, int b, bool faulty) const {
    const int f = b + bounds.sides;
    auto reached_by = [&](int c) { return c && b <= c && c < f; };
    auto heeds = [&](Text rule) { return !faulty || !Is(rule); };
    if (f > (heeds("reuse-unpublished") ? s.p.published - Is("inside-group") : Newest(s))) return true;
    if (reached_by(s.p.captured) && heeds("reuse-captured")) return true;
    if (reached_by(s.p.snapshot) && heeds("reuse-snapshot")) return true;
    return reached_by(s.p.base) && heeds("reuse-durable") && (heeds("reuse-early") || !s.p.captured);
  }
  bool Allocate(State& s, int txn) const {  // the lowest free page, with a new birth
    Content c{.kind = kPage, .life = s.p.life, .txn = static_cast<u8>(txn)};
    for (int t = 0; t < txn; ++t)
      if (s.p.page[t] && contents[s.p.page[t]].number == c.number && Needed(s, t, true)) ++c.number, t = -1;
    c.commits = Prefix(s.order, txn) & ~Prefix(s.order, txn - 1);
    if (Is("birth-twice")) c.life = 0;
    s.p.page[txn] = Intern(c), s.p.unwritten |= 1 << txn;
    return c.number < kUnits - kPages;
  }
  void PutPage(State& s, int txn, bool lost) const {  // lost: acknowledged, and never arrives
    const int unit = kPages + contents[s.p.page[txn]].number;
    s.cache[unit] = s.p.page[txn], s.p.unwritten &= ~(1 << txn), s.dirty |= 1 << unit;
    if (lost) s.dirty &= ~(1 << unit), s.harmed = 1, --s.left.lost;
  }
  // ---- Steps of an open database.
  void Order(State n, bool none, bool through) {  // through: when all that is ordered is appended
    if (n.next == bounds.commits + 2 || none > bounds.none || through > bounds.through) return;
    if (through && (n.p.progress || n.p.appended != Newest(n))) return;
    n.order |= 1 << n.next, n.none |= none << n.next, ++n.next;
    if (through) n.p.progress = kCaptured, n.p.appended = n.p.captured = Newest(n);
    if (through) n.p.captured_lsn = n.p.log_end, n.p.through = 1;
    if (!Allocate(n, Newest(n))) return;
    Emit(n, {"order c", n.next - 2, none ? ", Durability::None" : through ? ", through a checkpoint" : ""});
  }
  void Append(const State& s) {  // one group of all that wait
    const int lsn = s.p.log_end;
    const int tail = Is("tail-early") && s.p.progress >= kDataSynced ? s.p.captured_lsn : s.p.base_lsn;
    if (s.p.appended == Newest(s) || lsn - tail >= bounds.ring) return;
    if ((s.p.through && !Is("append-in-through")) || (!bounds.parallel && s.p.published_lsn != lsn)) return;
    Content g{.kind = kGroup, .life = s.p.life, .number = s.p.log_end, .meta = s.meta};
    g.txn = s.p.appended + 1, g.commits = s.order & ~Prefix(s.order, s.p.appended);
    g.lsn = Is("names-unsynced") ? lsn : DurableLsn(s);
    Write(s, LogUnit(lsn), g, {"append a group at LSN ", lsn},
          [&](State& n) { ++n.p.log_end, n.p.appended = Newest(n), Publish(n); });
  }
  void SyncLog(const State& s) {  // the file, or each group in flight by itself
    for (int lsn = s.p.base_lsn; s.p.published_lsn < s.p.log_end && lsn < s.p.log_end; ++lsn) {
      const int unit = LogUnit(lsn);
      if (!Has(s.dirty, unit) || In(s, unit).number != lsn) continue;
      const Set acked = Is("ack-out-of-order") ? In(s, unit).commits & ~s.none : 0;
      Sync(s, bounds.parallel ? 1u << unit : kLogFile, {"sync the log: group at LSN ", lsn},
           [&](State& n) { n.shown |= acked, Publish(n); });
      if (!bounds.parallel) return;
    }
  }
  int DurableLsn(const State& s) const {  // end of the prefix whose syncs have succeeded
    int lsn = s.p.base_lsn;
    while (lsn < s.p.log_end && !Has(s.dirty, LogUnit(lsn))) ++lsn;
    return lsn;
  }
  void Publish(State& s) const {  // in order, by whole groups; to publish is to acknowledge and to show
    for (const int durable = DurableLsn(s); s.p.published_lsn < s.p.log_end; ++s.p.published_lsn) {
      const Content& g = In(s, LogUnit(s.p.published_lsn));
      if (s.p.published_lsn >= durable && (g.commits & ~s.none)) return;
      s.p.published = g.txn + std::popcount(g.commits) - 1;
      s.shown |= g.commits & ~s.none;
    }
  }
  void Snapshot(State n) {
    if (!n.p.snapshot && !n.left.snapshots--) return;
    n.p.snapshot = n.p.snapshot ? 0 : n.p.published, Emit(n, {n.p.snapshot ? "snapshot" : "end of snapshot"});
  }
  void Spill(State n, int t, bool lost) {
    if (!Has(n.p.unwritten, t) || (lost && !n.left.lost)) return;
    PutPage(n, t, lost), Emit(n, {"spill the page of TxnId ", t, lost ? ": LOST" : ""});
  }
  // ---- A checkpoint.
  void Capture(State n, bool closing) {
    Process& p = n.p;
    if (closing && (!n.left.closes-- || p.published != Newest(n) || p.snapshot)) return;
    p.progress = kCaptured, p.captured = p.published, p.captured_lsn = p.published_lsn, p.closing = closing;
    if (Is("capture-ordered")) p.captured = Newest(n), p.captured_lsn = p.log_end;
    const Content& last_group = In(n, LogUnit(p.captured_lsn + bounds.ring - 1));
    if (Is("inside-group") && std::popcount(last_group.commits) > 1) --p.captured;
    if (!closing && p.captured == p.base && p.captured_lsn == p.base_lsn) return;
    Emit(n, {closing ? "close: capture TxnId " : "checkpoint: capture TxnId ", p.captured});
  }
  void Checkpoint(State n) {
    Process& p = n.p;
    if (p.progress > kDataSynced) return MetaSteps(n, Is("meta-one-sync") || Is("meta-step-back"));
    if (p.progress == kPagesWritten && !Is("meta-before-data"))
      return Sync(n, kDataFile, {"checkpoint: sync data"}, [](State& m) { m.p.progress = kDataSynced; });
    if (p.progress == kCaptured) {
      for (int t = p.captured; t > p.captured - bounds.sides; --t)
        if (Has(p.unwritten, t)) PutPage(n, t, false);
      return p.progress = kPagesWritten, Emit(n, {"checkpoint: write pages"});
    }
    Content m{.kind = kMeta, .life = p.life, .txn = p.captured, .log_life = p.life, .clean = p.closing};
    m.number = n.meta + 1, m.commits = Prefix(n.order, p.captured), m.lsn = p.captured_lsn;
    for (int side = 0; side < bounds.sides; ++side) m.root[side] = p.page[p.captured - side];
    p.progress = kFirstCopy, p.first = p.todo = m.number % 2 ? 4 : 1, WriteCopy(n, m);
  }
  void WriteCopy(const State& s, Content m) {
    const int unit = std::countr_zero(s.p.todo);
    m.second = s.p.progress == kOtherCopy;
    Write(s, unit, m, {"write ", -1, kNames[unit]},
          [](State& n) { n.p.todo &= n.p.todo - 1, n.p.raise = 0; });
  }
  void MetaSteps(State n, bool one_sync) {  // the copies that go first, a sync, the others, a sync
    const unsigned first = n.p.first, other = (first & 5) << 1 | (first & 10) >> 1;
    if (!n.p.todo && n.p.progress == kFirstCopy && one_sync)
      n.p.progress = kOtherCopy, n.p.todo = other | n.p.lone, n.p.lone = 0;
    Content next = Read(n).meta;  // as written just before
    if (n.p.raise && !Is("step1-one-life"))  // the life before this one is the guard's
      next.log_life += next.log_life == next.life, ++next.life;
    if (n.p.todo) return WriteCopy(n, next);
    const bool done = n.p.progress == kOtherCopy, step1 = n.p.phase == kStep1;
    if (done && step1 && Is("step1-last-unsynced")) return BeginLife(n), Emit(n, {"step 1 is done"});
    const unsigned units = !bounds.ranged ? kDataFile : done ? other : first;
    Sync(n, units, {done ? "sync: the meta page is durable" : "sync the first copies"}, [&](State& m) {
      if (done) return step1 ? BeginLife(m) : Complete(m);
      if (m.p.lone) return m.p.todo = m.p.lone, m.p.lone = 0, m.p.raise = 1, void();
      m.p.progress = kOtherCopy, m.p.todo = other;
    });
  }
  void Complete(State& n) const {  // only now: the tail moves up, pages are given back, who waited goes on
    Process& p = n.p;
    p.base = p.captured, p.base_lsn = p.captured_lsn, ++n.meta;
    if (p.through) n.shown |= Prefix(n.order, p.base) & ~n.none;
    if (p.through) p.published = p.base, p.published_lsn = p.base_lsn;
    if (p.phase == kRecovering) HandOut(n);
    p.progress = kIdle, p.captured = p.captured_lsn = p.through = p.first = 0;
    Publish(n);
    if (p.closing) p = {};
  }
  // ---- A life begins (3.6).
  void Open(State n) {
    const Found f = Read(n);
    if (f.corrupt || f.wrong) return;
    if (n.cache == n.disk) n.shown |= f.commits, n.none &= ~f.commits;  // to be found again, always (G6)
    Content m = f.meta;
    if (++m.life, m.clean) m.log_life = m.life;
    m.clean = m.clean && Is("step1-keeps-clean");
    int lone_life = 255, guarded = 0;  // else the only copy of this number waits until the other slot has it
    for (int unit = 0; unit < kMetas; unit += 2) {  // of each slot first: the unreadable, or written last
      const int a = Rank(In(n, unit)), b = Rank(In(n, unit + 1));
      bool second = a && (!b || b > a) && !Is("step1-fixed-order");
      if (Is("step1-stale-first") && a >> 16 != b >> 16) second = b < a;
      if (Is("step1-one-slot") && (a > b ? a : b) != Rank(f.meta)) continue;
      n.p.first |= 1 << (unit + second);
      const Content& mine = In(n, unit + second);
      guarded |= In(n, unit + !second).number == m.number;  // stays whole meanwhile
      if (mine.number != m.number || mine.life >= lone_life) continue;
      n.p.lone = 1 << (unit + second), lone_life = mine.life;
    }
    if (guarded || Is("step1-lone-first") || n.p.lone == n.p.first) n.p.lone = 0;
    n.p.phase = kStep1, n.p.progress = kFirstCopy, n.p.todo = n.p.first & ~n.p.lone, WriteCopy(n, m);
  }
  void BeginLife(State& n) const {
    const Found f = Read(n);
    n.meta = f.meta.number, n.order = f.commits;
    Process& p = n.p = {};
    p.life = f.meta.life, p.base = p.published = f.meta.txn, p.base_lsn = f.meta.lsn;
    for (int side = 0; side < bounds.sides; ++side) p.page[p.base - side] = f.meta.root[side];
    for (int t = p.base + 1; t <= f.txn && Allocate(n, t); ++t) p.published = t;  // step 2: replay
    p.appended = p.published, p.log_end = p.published_lsn = f.lsn;
    if (f.meta.log_life == p.life || Is("no-life-checkpoint")) return HandOut(n);  // it was clean
    p.phase = kRecovering, p.progress = kCaptured, p.captured = p.published, p.captured_lsn = p.log_end;
    if (Is("shown-from-cache")) n.shown |= n.order;
  }
  void HandOut(State& s) const { s.p.phase = kOpen, s.shown |= s.order, s.none = 0; }
  // ---- The search.
  void Expand(State s) {
    if (s.p.phase == kOff) Open(s);
    if (s.p.phase == kStep1) MetaSteps(s, Is("step1-one-sync"));
    if (s.p.phase == kOpen && !s.p.closing) {
      Order(s, 0, 0), Order(s, 1, 0), Order(s, 0, 1), Append(s), SyncLog(s), Snapshot(s);
      if (!s.p.progress) Capture(s, false), Capture(s, true);
    }
    if (s.p.phase >= kRecovering && s.p.progress) Checkpoint(s);
    for (int t = 0; bounds.spills && t < 8; ++t) Spill(s, t, false), Spill(s, t, true);
    if (s.p.phase != kOff) Kill(s, {"KILL"});
    if ((s.p.phase != kOff || s.cache != s.disk) && s.left.crashes--) Die(s, kPowerCut, {"POWER CUT"});
  }
  State Initial() const {  // just created and opened: life 1; meta 1 in slot B follows meta 0 in slot A
    State s;
    s.left = bounds.left, s.p.phase = kOpen, s.meta = s.p.life = s.p.appended = s.p.published = s.p.base = 1;
    Content m{.kind = kMeta, .life = 1, .txn = 1, .commits = 3, .log_life = 1};
    for (u8 side = 0, txn = 1; side < bounds.sides; ++side, --txn)
      s.cache[kPages + side] = m.root[side] = s.p.page[txn] = Intern({kPage, 0, side, txn, Set(1 << txn)});
    for (int u = 0; u < kMetas; ++u) m.number = u / 2, m.second = u % 2, s.cache[u] = Intern(m);
    return s.disk = s.cache, s;
  }
  bool Insert(const State& s) {  // false: it is there
    auto put = [&](const State& state, uint64_t index) {
      uint64_t hash = 0;
      for (uint64_t word : std::bit_cast<std::array<uint64_t, sizeof s / 8>>(state))
        hash = (hash ^ word) * 0x9e3779b97f4a7c15, hash ^= hash >> 29;
      size_t at = hash & (table.size() - 1);
      for (uint64_t e; (e = table[at]); at = (at + 1) & (table.size() - 1))
        if (e >> 32 == hash >> 32 && !std::memcmp(&states[uint32_t(e) - 1], &state, sizeof s)) return false;
      return table[at] = (hash >> 32 << 32) | (index + 1), true;
    };
    if (!put(s, states.size())) return false;
    states.push_back(s), parents.push_back(expanding);
    if (table.size() > states.size() * 3 / 2) return true;
    table.assign(table.size() * 2, 0);
    for (size_t i = 0; i < states.size(); ++i) put(states[i], i);
    return true;
  }
  bool Explore() {  // everything, or to the first violation
    for (Insert(Initial()); expanding < states.size() && !violation; ++expanding) Expand(states[expanding]);
    for (size_t i = states.size() - 1; i; i = parents[i]) ++steps;
    return !violation;
  }
  void Print(Text where, int unit, Id was, Id now) const {
    static constexpr Text kKinds[] = {"torn", "meta", "group at LSN", "page"};
    if (was == now || (!now && unit >= kPages)) return;  // the same, or a page to which nothing refers
    const Content& c = contents[now];
    std::printf("\n        %s, %s: %s", where, kNames[unit], kKinds[c.kind]);
    if (now) std::printf(" %d, life %d, TxnId %d", c.number, c.life, c.txn);
    if (c.kind == kMeta) std::printf(", log: life %d, LSN %d%s", c.log_life, c.lsn, c.clean ? ", clean" : "");
    if (c.kind == kGroup) std::printf(", knows durable: LSN %d, meta %d", c.lsn, c.meta);
    for (int bit = 2; bit < 8; ++bit) Has(c.commits, bit) ? std::printf(" c%d", bit - 1) : 0;
  }
  void PrintTrace(size_t index, uint32_t step) {
    if (step > 1) PrintTrace(parents[index], step - 1);
    const State a = states[parents[index]], b = states[index];
    target = &b, Expand(a);
    std::printf("\n  %2u. %s", step, taken.text), taken.number < 0 ? 0 : std::printf("%d", taken.number);
    std::printf("%s", taken.end);
    for (int u = 0; u < kUnits; ++u) Print("cache", u, a.cache[u], b.cache[u]);
    for (int u = 0; u < kUnits; ++u) Print("disk", u, a.disk[u], b.disk[u]);
  }
};
}  // namespace

int main(int argc, char** argv) {
  bool all = false, deep = false, usage = false, ok = true;
  int commits = -1, crashes = -1, failed_syncs = -1, torn_kills = -1, runs = 0;
  std::string_view name;
  for (const std::string_view arg : std::vector<std::string_view>(argv + 1, argv + argc)) {
    auto number = [&](Text format, int* value) { return std::sscanf(arg.data(), format, value) == 1; };
    if (arg.starts_with("--fault=") || arg.starts_with("--scenario=")) name = arg.substr(arg.find('=') + 1);
    else if (arg == "--all-faults" || arg == "--deep") (arg == "--deep" ? deep : all) = true;
    else usage |= !number("--commits=%d", &commits) && !number("--crashes=%d", &crashes) &&
                  !number("--failed-syncs=%d", &failed_syncs) && !number("--torn-kills=%d", &torn_kills);
  }
  for (const Run& r : kRuns) {
    const bool planted = r.design != kCi && r.design != kNightly;
    if (all ? !planted : !name.empty() ? name != r.name : r.design != (deep ? kNightly : kCi)) continue;
    Bounds b = r.bounds;
    for (auto [field, value] : {std::pair{&b.commits, commits}, {&b.left.crashes, crashes},
                                {&b.left.failed_syncs, failed_syncs}, {&b.torn_kills, torn_kills}})
      if (value >= 0) *field = value;
    if ((usage |= b.commits > 6)) break;
    Model model{b, planted ? r.name : ""};
    const bool holds = model.Explore();
    std::printf("%-18s %-7s %9zu states, %2u steps: %s\n", r.name, r.design, model.states.size(), model.steps,
                holds ? "holds" : model.violation);
    if (!holds && !all) model.PrintTrace(model.states.size() - 1, model.steps), std::puts("");
    ok &= holds != all, ++runs, std::fflush(stdout);
  }
  if (usage || !runs)
    return std::fputs("protocol_model [--all-faults | --deep | --fault=NAME | --scenario=NAME]\n"
                      "  [--commits=0..6] [--crashes=N] [--failed-syncs=N] [--torn-kills=0|1]\n", stderr), 2;
  std::printf("%d runs: %s%s\n", runs, ok ? "" : "NOT ", all ? "every fault was found" : "all hold");
  return ok ? 0 : 1;
}
