// Verify: everything that the durable checkpoint and the newest published version own is read and checked
// (G5, G7).
//
// (1) Both versions are held while the walk lasts: the checkpoint by the checkpointer's turn, the other by
//     a pin.
// (2) Each is walked by itself: all its trees, its free map, its dropped subtrees. No page may come up
//     twice.
// (3) So is each savepoint, which no checkpoint changes meanwhile.
// (4) What came up must be what the bookkeeping calls used; the free map on disk must be its complement. So
//     nothing that is owned can be handed out, and nothing is lost (G9).

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "engine/base/assert.h"
#include "engine/base/try.h"
#include "engine/btree/tree_check.h"
#include "engine/db/database_impl.h"
#include "engine/format/catalog_record.h"
#include "engine/recovery/load.h"
#include "engine/txn/savepoint_version.h"

namespace manifolddb::db {

using format::PageBitmap;
using format::PageRun;
using format::TreeRoot;

namespace {

using Affected = VerifyReport::Affected;

// What `damage` hides of a tree of the published version; `of` names the tree.
std::optional<Affected> WhatIsHidden(const btree::TreeDamage& damage, Affected of) {
  if (!damage.hides_keys) return std::nullopt;
  of.lower = damage.lower;
  of.upper = damage.upper;
  if (!of.family.empty()) return of;
  auto names = format::FamilyNamesIn(damage.lower, damage.upper);
  if (!names) return std::nullopt;
  of.lower = std::move(names->lower);
  of.upper = std::move(names->upper);
  return of;
}

// What is wrong, where, and each place at which it was met: most pages are in both versions.
class Findings {
 public:
  void Add(uint64_t offset, const std::string& place, const std::string& what,
           std::optional<Affected> affected = {}) {
    const auto [at, is_new] = index_.emplace(std::make_pair(offset, what), all_.size());
    if (is_new) all_.push_back({offset, {}, what, {}});
    Finding& finding = all_[at->second];
    if (!place.empty()) AddOnce(finding.places, place);
    if (affected) AddOnce(finding.affected, *std::move(affected));
  }
  void AddTo(VerifyReport& report, const std::string& file) const {
    for (const Finding& finding : all_) {
      std::string text;
      for (const std::string& place : finding.places) text += (text.empty() ? "" : "; ") + place;
      if (!text.empty()) text += ": ";
      report.problems.push_back({file, finding.offset, text + finding.what, finding.affected});
    }
  }

 private:
  struct Finding {
    uint64_t offset;
    std::vector<std::string> places;
    std::string what;
    std::vector<Affected> affected;
  };
  template <class T>
  static void AddOnce(std::vector<T>& all, T one) {
    if (std::ranges::find(all, one) == all.end()) all.push_back(std::move(one));
  }
  std::vector<Finding> all_;
  std::map<std::pair<uint64_t, std::string>, size_t> index_;
};

// Tells how far it is.
class Teller {
 public:
  Teller(const VerifyProgressCall& call, const VerifyReport& report, uint64_t pages_total)
      : call_(call), report_(report), at_{.pages_total = pages_total} {}

  void Met(uint64_t pages) {
    constexpr uint64_t kPagesEach = 256;
    const uint64_t before = at_.pages / kPagesEach;
    at_.pages += pages;
    MANIFOLDDB_ASSERT(at_.pages <= at_.pages_total);
    if (at_.pages / kPagesEach != before) Tell();
  }

  void Tell() {
    if (!call_) return;
    at_.entries = report_.entries;
    call_(at_);
  }

 private:
  const VerifyProgressCall& call_;
  const VerifyReport& report_;
  VerifyProgress at_;
};

// The walk over one version.
class Walk {
 public:
  // `used`: the pages that the version is counted to own.
  Walk(txn::Core& core, mvcc::ReaderSlot* slot, const PageBitmap& used, VerifyReport& report,
       Findings& findings, Teller& teller)
      : core_(core),
        slot_(slot),
        used_(used),
        owned_(used.size()),
        report_(report),
        findings_(findings),
        teller_(teller) {}

  void Own(PageRun run, const std::string& owner) {
    if (!owned_.Holds(run)) {
      Problem(run.first, owner, "owns a page beyond the end of the file");
      return;
    }
    // The total counts these alone: trees of a damaged file may own more, or a page several times.
    const bool counted = owned_.TestNone(run) && used_.TestAll(run);
    if (!owned_.TestNone(run)) Problem(run.first, owner, "owns a page that is owned already");
    owned_.Set(run);
    if (counted) teller_.Met(run.pages);
  }

  // `of`: in the published version, whose keys these are; none if nobody's.
  Status Tree(const TreeRoot& root, const std::string& owner, const std::optional<Affected>& of) {
    btree::CheckVisitor visitor;
    visitor.owns = [&](PageRun run) {
      const bool once = owned_.Holds(run) && owned_.TestNone(run);
      Own(run, owner);
      return once;
    };
    visitor.problem = [&](const btree::TreeDamage& damage) {
      findings_.Add(damage.offset, owner, damage.what, of ? WhatIsHidden(damage, *of) : std::nullopt);
    };
    if (of && !of->table.empty()) {
      visitor.entry = [&](ByteView, ByteView, const format::ExtentRef&) { ++report_.entries; };
    }
    return btree::CheckTree(*core_.cache, root, slot_, visitor);
  }

  // Exactly the pages of `used` came up.
  void Compare(const std::string& version) {
    for (const format::PageId page : PageBitmap::Difference(owned_, used_)) {
      Problem(page, version, "the page is owned, but counted as free");
    }
    for (const format::PageId page : PageBitmap::Difference(used_, owned_)) {
      Problem(page, version, "the page is counted as used, but nobody owns it");
    }
  }

 private:
  void Problem(format::PageId page, const std::string& place, const char* what) {
    findings_.Add(core_.file->OffsetOf(page), place, what);
  }

  txn::Core& core_;
  mvcc::ReaderSlot* const slot_;
  const PageBitmap& used_;
  PageBitmap owned_;
  VerifyReport& report_;
  Findings& findings_;
  Teller& teller_;
};

class Verifier {
 public:
  Verifier(txn::Core& core, const format::MetaPage& meta, const checkpoint::CatalogState& catalog,
           const PageBitmap& durable_used, VerifyReport& report, const VerifyProgressCall& progress)
      : core_(core),
        meta_(meta),
        catalog_(catalog),
        durable_used_(durable_used),
        report_(report),
        slot_(core.slots->Acquire()),
        capture_(core.versions->CaptureNewest(slot_)),
        savepoints_(core.versions->Savepoints()),
        teller_(progress, report, PagesToWalk()) {}
  ~Verifier() {
    core_.versions->EndCapture(std::move(capture_.dropped));
    core_.slots->Unpin(slot_);
    core_.slots->Release(slot_);
  }
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;

  Status Run() {
    const bool quiet = core_.open_writers.load(std::memory_order_acquire) == 0;
    MANIFOLDDB_TRY(WalkDurable());
    MANIFOLDDB_TRY(WalkPublished());
    for (const mvcc::Savepoint& savepoint : savepoints_) MANIFOLDDB_TRY(WalkSavepoint(savepoint));
    MANIFOLDDB_TRY(CheckFreeMap());
    CheckAllocator(quiet);
    teller_.Tell();
    findings_.AddTo(report_, core_.config.name);
    report_.pages_owned = capture_.used.CountSet();
    report_.pages_free = core_.allocator->pages_free();
    return {};
  }

 private:
  Status WalkDurable() {
    Walk walk(core_, slot_, durable_used_, report_, findings_, teller_);
    MANIFOLDDB_TRY(WalkShared(walk, "checkpoint", false));
    for (txn::Family* const family : core_.families->AllAt(txn::kEver)) {
      const std::string name = core_.families->NameAt(*family, catalog_.at);
      if (name.empty()) continue;
      MANIFOLDDB_ASSIGN(const bool loaded, Load(family));
      if (!loaded) continue;
      const std::string owner = "checkpoint, family '" + name + "'";
      for (const mvcc::TableVersion& table : *family->durable.tables) {
        MANIFOLDDB_TRY(walk.Tree(table.tree, owner + ", table '" + *table.name + "'", {}));
      }
    }
    walk.Compare("checkpoint");
    return {};
  }

  // What the published version's own tables leave is the same in both: the durable catalog.
  Status WalkPublished() {
    Walk walk(core_, slot_, capture_.used, report_, findings_, teller_);
    MANIFOLDDB_TRY(WalkShared(walk, "published", true));
    for (txn::Family* const family : core_.families->AllAt(capture_.at.txn)) {
      MANIFOLDDB_ASSIGN(const bool loaded, Load(family));
      if (!loaded) continue;
      const std::string name = core_.families->NameAt(*family, capture_.at.txn);
      const std::string owner = "family '" + name + "'";
      const auto tables = TablesAt(*family);
      for (const mvcc::TableVersion& table : *tables) {
        MANIFOLDDB_TRY(walk.Tree(table.tree, owner + ", table '" + *table.name + "'",
                                 Affected{name, *table.name, {}, {}}));
      }
    }
    for (const format::PageRef root : capture_.dropped) {
      MANIFOLDDB_TRY(walk.Tree({root, btree::kUnknownEntries}, "published, dropped tree", {}));
    }
    walk.Compare("published");
    return {};
  }

  Status WalkSavepoint(const mvcc::Savepoint& savepoint) {
    const std::string owner = "savepoint '" + savepoint.name + "'";
    const format::SavepointRecord& record = savepoint.record;
    auto version = txn::SavepointVersion::Open(core_, savepoint.name, slot_, "database.verify");
    if (!version && version.error().code() != Errc::kCorrupt) return std::unexpected<Error>(version.error());
    const PageBitmap pages = core_.versions->PagesOf(savepoint.number);
    const std::optional<Affected> none;
    Walk walk(core_, slot_, pages, report_, findings_, teller_);
    walk.Own({format::PageId{0}, format::FirstPage(meta_.page_size, meta_.write_unit).raw()},
             owner + ", meta area");
    walk.Own({record.free_map.first, format::ExtentPages(record.free_map.bytes, meta_.page_size)},
             owner + ", free map");
    MANIFOLDDB_TRY(walk.Tree(record.catalog, owner + ", catalog", none));
    if (!version) {
      // What lies below is not to be told apart from what nobody owns.
      findings_.Add(version.error().offset(), owner, version.error().message());
      return {};
    }
    for (const txn::CatalogContents::Dropped& subtree : (*version)->dropped()) {
      MANIFOLDDB_TRY(walk.Tree({subtree.root, btree::kUnknownEntries}, owner + ", dropped tree", none));
    }
    for (const auto& family : (*version)->families()) {
      const std::string of = owner + ", family '" + family->name + "'";
      MANIFOLDDB_TRY(walk.Tree(family->record.tables, of + ", list of tables", none));
      for (const mvcc::TableVersion& table : *family->version.tables) {
        MANIFOLDDB_TRY(walk.Tree(table.tree, of + ", table '" + *table.name + "'", none));
      }
    }
    walk.Compare(owner);
    const uint64_t at = core_.file->OffsetOf(record.free_map.first);
    auto stored = recovery::LoadPagesOf(*core_.file, meta_, record);
    if (!stored && stored.error().code() != Errc::kCorrupt) return std::unexpected<Error>(stored.error());
    if (!stored) {
      findings_.Add(stored.error().offset(), owner, stored.error().message());
    } else if (!PageBitmap::Difference(*stored, pages).empty() ||
               !PageBitmap::Difference(pages, *stored).empty()) {
      findings_.Add(at, owner, "the free map is not the complement of what the savepoint owns");
    }
    return {};
  }

  uint64_t PagesToWalk() const {
    uint64_t pages = durable_used_.CountSet() + capture_.used.CountSet();
    for (const mvcc::Savepoint& savepoint : savepoints_) pages += savepoint.pages;
    return pages;
  }

  // False if the list of its tables is damaged: reported, and what they own comes up as nobody's.
  Result<bool> Load(txn::Family* family) {
    const Status loaded = core_.LoadFamily(family, slot_);
    if (loaded) return true;
    if (loaded.error().code() != Errc::kCorrupt) return std::unexpected<Error>(loaded.error());
    findings_.Add(loaded.error().offset(), "", loaded.error().message());
    return false;
  }

  std::shared_ptr<const mvcc::Tables> TablesAt(const txn::Family& family) {
    const mvcc::EpochGuard guard(slot_);
    const mvcc::FamilyVersion* const version = family.versions.At(capture_.at.txn);
    MANIFOLDDB_ASSERT(version != nullptr);
    return version->tables;
  }

  Status WalkShared(Walk& walk, const std::string& version, bool published) {
    walk.Own({format::PageId{0}, format::FirstPage(meta_.page_size, meta_.write_unit).raw()},
             version + ", meta area");
    if (!meta_.free_map.null()) {
      walk.Own({meta_.free_map.first, format::ExtentPages(meta_.free_map.bytes, meta_.page_size)},
               version + ", free map");
    }
    const auto none = std::optional<Affected>();
    MANIFOLDDB_TRY(walk.Tree(catalog_.tree, version + ", catalog", published ? Affected() : none));
    for (const checkpoint::DroppedSubtree& subtree : catalog_.dropped) {
      MANIFOLDDB_TRY(walk.Tree({subtree.root, btree::kUnknownEntries}, version + ", dropped tree", none));
    }
    for (txn::Family* const family : core_.families->AllAt(txn::kEver)) {
      const std::string name = core_.families->NameAt(*family, catalog_.at);
      if (name.empty()) continue;
      const std::string owner = version + ", table list of family '" + name + "'";
      const auto of = Affected{name, "", {}, {}};
      MANIFOLDDB_TRY(walk.Tree(family->durable.tables_tree, owner, published ? of : none));
    }
    return {};
  }

  Status CheckFreeMap() {
    if (core_.config.read_only && meta_.free_map.null()) return {};
    auto free = recovery::LoadFreeMap(*core_.file, meta_);
    if (!free) {
      if (free.error().code() != Errc::kCorrupt) return std::unexpected<Error>(free.error());
      findings_.Add(free.error().offset(), "", free.error().message());
      return {};
    }
    free->Complement();
    if (*free == durable_used_) return {};
    findings_.Add(core_.file->OffsetOf(meta_.free_map.first), "",
                  "the free map is not the complement of what the checkpoint owns");
    return {};
  }

  // Whoever is reachable is not free; and if no writer is at work, whoever is not reachable is.
  void CheckAllocator(bool quiet) {
    const uint64_t published = capture_.at.txn.raw();
    PageBitmap reachable = capture_.used;
    for (const format::PageId page : PageBitmap::Difference(durable_used_, reachable))
      reachable.Set({page, 1});
    for (const PageRun& run : capture_.pending) reachable.Set(run);
    // Who reads a savepoint that was deleted may end meanwhile: its pages are free then.
    PageBitmap perhaps_kept = core_.versions->KeptPages();
    const PageBitmap free = core_.allocator->FreePages();
    perhaps_kept.Add(reachable);
    reachable.Add(core_.versions->KeptPages());
    const bool still_quiet = quiet && core_.open_writers.load(std::memory_order_acquire) == 0 &&
                             core_.versions->published_txn().raw() == published;
    PageBitmap taken = free;
    taken.Complement();
    // After a failed write or sync pages are kept that the files may or may not refer to.
    if (!still_quiet || core_.poison->set()) return;
    for (const format::PageId page : PageBitmap::Difference(reachable, taken)) {
      findings_.Add(core_.file->OffsetOf(page), "", "the allocator would hand out a page that is in use");
    }
    for (const format::PageId page : PageBitmap::Difference(taken, perhaps_kept)) {
      findings_.Add(core_.file->OffsetOf(page), "", "the page is lost: neither in use nor free");
    }
  }

  txn::Core& core_;
  const format::MetaPage& meta_;
  const checkpoint::CatalogState& catalog_;
  const PageBitmap& durable_used_;
  VerifyReport& report_;
  Findings findings_;
  mvcc::ReaderSlot* const slot_;
  mvcc::Capture capture_;
  const std::vector<mvcc::Savepoint> savepoints_;
  Teller teller_;
};

}  // namespace

Result<VerifyReport> DatabaseImpl::Verify(const VerifyProgressCall& progress) {
  VerifyReport report;
  const Status walked = checkpointer_->Inspect(
      [&](const format::MetaPage& meta, const checkpoint::CatalogState& catalog, const PageBitmap& used) {
        return Verifier(core_, meta, catalog, used, report, progress).Run();
      });
  MANIFOLDDB_TRY(walked);
  return report;
}

}  // namespace manifolddb::db
