// How a database comes and goes, and what it claims to be when it comes.
#include "fuzz/session.h"

#include <algorithm>
#include <utility>

#include "engine/format/meta_page.h"
#include "manifolddb/salvage.h"

namespace manifolddb::fuzz {
namespace {

constexpr size_t kImagesMax = 6;

class NoClock final : public Clock {
 public:
  uint64_t NowNanos() override { return 0; }
};

// Where bytes changed that no checksum was made to match.
bool BlamesAFile(const Error& error) {
  switch (error.code()) {
    case Errc::kCorrupt:
    case Errc::kTruncated:
    case Errc::kNotADatabase:
    case Errc::kNotFound: return error.file().starts_with(kDataName);
    case Errc::kTransactionEnded: return true;  // a change that failed leaves nothing but to abort
    default: return false;
  }
}

// Whatever forged bytes may say.
bool SaysWhatIsForged(const Error& error) {
  switch (error.code()) {
    case Errc::kNewerFormat:
    case Errc::kLimit:
    case Errc::kNoSuchColumnFamily:
    case Errc::kNoSuchTable:
    case Errc::kAlreadyExists:
    case Errc::kKeyTooLong:
    case Errc::kTypeMismatch:
    case Errc::kNoSpace:
    case Errc::kUnknownOutcome: return true;
    default: return BlamesAFile(error);
  }
}

// Numbers that only grow are believed up to a bound and counted on from there: what was forged to be at it is
// written once more, and then not believed.
bool NearTheBounds(const std::string& data) {
  constexpr uint64_t kFar = uint64_t{1} << 60;
  for (size_t at = 0; at < 4 * kSector; at += kSector) {
    const auto decoded = format::DecodeMetaPage(AsBytes(data).subspan(at, kSector));
    if (decoded.verdict != format::MetaVerdict::kValid) continue;
    const format::MetaPage& meta = decoded.meta;
    if (meta.number.raw() > kFar || meta.txn.raw() > kFar || meta.lsn.raw() > kFar) return true;
  }
  return false;
}

}  // namespace

Options TinyOptions() {
  Options options;
  options.write_unit = kSector;
  options.log_bytes_initial = 16 * kSector;
  options.log_bytes_max = 64 * kSector;
  options.cache_bytes = 64 * kSector;
  options.dirty_bytes_max = 32 * kSector;
  options.checkpoint_interval_ms = 0;
  options.executor = MakeInlineExecutor();
  options.clock = std::make_shared<NoClock>();
  return options;
}

Options Session::OwnOptions() const {
  Options options = TinyOptions();
  options.cache_bytes = 64 * trouble_.page_size;
  options.dirty_bytes_max = 32 * trouble_.page_size;
  if (trouble_.pages_max == 0) return options;
  options.log_bytes_initial = options.log_bytes_max = 512 * kSector;
  // Each second opening has less memory than the one whose log it replays.
  if (openings_ % 2 == 1) return options;
  options.cache_bytes = 512 * kSector;
  options.dirty_bytes_max = 256 * kSector;
  return options;
}

Session::~Session() { Discard(); }

bool Session::Accept(const Error& error) {
  const bool may = trust_ == Trust::kExact     ? forged_ && error.code() == Errc::kLimit
                   : trust_ == Trust::kDamaged ? BlamesAFile(error)
                                               : SaysWhatIsForged(error);
  // Opening needs no more than there is: what was committed has room (docs/design/006).
  const bool full =
      trouble_.pages_max > 0 && error.code() == Errc::kNoSpace && (open() || trust_ != Trust::kExact);
  if (!may && !full) Violation("an error that cannot be: " + error.ToString());
  ++errors_;
  return false;
}

Files& Session::files() {
  Expect(!open(), "files of an open database were to be changed");
  return files_;
}
// What was forged and lay where nobody looks, a damaged sector may bring to light.
void Session::NoteDamage() {
  if (trust_ == Trust::kExact) trust_ = forged_ ? Trust::kUntrusted : Trust::kDamaged;
}
void Session::NoteForgery() {
  trust_ = Trust::kUntrusted;
  images_.clear();  // a page forged to be of the same birth as an older one is that one
}

void Session::Adopt(const Session& other) {
  closed_ = other.closed_;
  files_ = closed_.files;
  history_ = closed_.history;
  trust_ = closed_.trust;
}

void Session::Restore(size_t index) {
  closed_ = std::move(images_[index]);
  closed_has_lost_ = false;
  // What came later never happened; its births are drawn again.
  images_.resize(index);
  files_ = closed_.files;
  history_ = closed_.history;
  trust_ = closed_.trust;
  forged_ = closed_.forged;
}

// Gone, without a trace: what the closing writes is written to a disk that nobody reads.
void Session::Discard() {
  snapshot_.reset();
  working_.reset();
  database_.reset();
  disk_.reset();
}

void Session::Leave(Files files) {
  files_ = std::move(files);
  if (!closed_.files.empty() && !closed_has_lost_) images_.push_back(std::move(closed_));
  closed_has_lost_ = false;
  if (images_.size() > kImagesMax) images_.erase(images_.begin());
  closed_ = Image{files_, history_, trust_, forged_};
}

void Session::Refused() {
  files_ = closed_.files;
  history_ = closed_.history;
  trust_ = closed_.trust;
  forged_ = closed_.forged;
}

std::unique_ptr<Database> Session::TryOpen(bool read_only, std::shared_ptr<Disk>& disk) {
  const uint64_t pages_max = trouble_.pages_max;
  const Disk::Room room{.data_bytes_max = pages_max > 0 ? pages_max * kSector : Disk::kFileBytesMax};
  disk = std::make_shared<Disk>(files_, serial_, room);
  Options options = OwnOptions();
  options.create_if_missing = closed_.files.empty() && !read_only;
  if (options.create_if_missing) options.page_size = trouble_.page_size;
  options.read_only = read_only;
  TryCreating(options);
  auto opened = OpenOn(disk, options);
  if (Ok(opened)) return std::move(*opened);
  return nullptr;
}

// What is refused leaves nothing behind, and keeps what is there: a creation for whose log there is no room,
// and one beside a log that somebody has used.
void Session::TryCreating(Options options) const {
  if (options.create_if_missing && trouble_.pages_max > 0) {
    const auto full = std::make_shared<Disk>(files_, serial_, Disk::Room{.log_bytes_max = 4 * kSector});
    const auto created = Database::Open(full, kDataName, options);
    Expect(!created && created.error().code() == Errc::kNoSpace, "a log was created that has no room");
    Expect(full->Take() == files_, "a creation that was refused left something");
  }
  if (options.read_only || files_.contains(kDataName) || !files_.contains(kLogName)) return;
  options.create_if_missing = true;
  const auto alone = std::make_shared<Disk>(files_, serial_ + 1);
  const auto created = Database::Open(alone, kDataName, options);
  Expect(created || alone->Take() == files_, "a creation that was refused changed the log that was there");
}

// What a read left undone that failed, the next opening does: it finds the same, and no other error.
Result<std::unique_ptr<Database>> Session::OpenOn(const std::shared_ptr<Disk>& disk,
                                                  const Options& options) const {
  disk->FailRead(trouble_.read_that_fails);
  auto opened = Database::Open(disk, kDataName, options);
  disk->FailRead(0);
  if (opened || opened.error().code() != Errc::kIo) return opened;
  Expect(opened.error().file().starts_with(kDataName), "a read that failed blames another file");
  return Database::Open(disk, kDataName, options);
}

Result<VerifyReport> Session::VerifyNow(Disk& disk) const {
  disk.FailRead(trouble_.read_that_fails);
  VerifyProgress told;
  auto report = database_->Verify([&](const VerifyProgress& at) {
    Expect(at.pages <= at.pages_total, "more pages are verified than there are");
    told = at;
  });
  disk.FailRead(0);
  if (report && report->ok())
    Expect(told.pages == told.pages_total, "pages of a whole file were not verified");
  if (report || report.error().code() != Errc::kIo) return report;
  return database_->Verify();
}

// A prefix of the commits that holds all that were acknowledged (G1, G3); with damage, one that is shorter
// only where nothing that survived states more (G7).
void Session::CheckClaim(uint64_t claimed) {
  if (history_.At(claimed) == nullptr)
    Violation("it claims to be at commit " + std::to_string(claimed) + ", which nobody made");
  if (claimed >= history_.acknowledged()) return;
  const std::string where = "commit " + std::to_string(claimed) + " was found, commit " +
                            std::to_string(history_.acknowledged()) + " was acknowledged";
  if (trust_ == Trust::kExact) Violation(where);
  if (const auto proof = ProofOfMore(files_, claimed)) Violation(where + ", and " + *proof);
}

bool Session::Open() {
  if (open()) return true;
  database_ = TryOpen(false, disk_);
  ++openings_;
  if (database_ == nullptr) {
    Refused();
    return false;
  }
  const uint64_t claimed = database_->Stats().commit_number;
  if (trust_ == Trust::kUntrusted) {
    Rebase();
    return true;
  }
  CheckClaim(claimed);
  if (claimed < history_.newest()) {
    ++losses_;
    history_.CutBehind(claimed);
    // What was lost is in no history any more, and its numbers are given again: an older set of files that
    // still has it would be another database's.
    images_.clear();
    closed_has_lost_ = true;
  }
  if (trust_ == Trust::kDamaged) CheckAll();
  return true;
}

// Forged bytes may have become the database. If it is whole, it is one like any other from here on.
void Session::Rebase() {
  const bool ok = VerifyOk();
  const Seen seen = See();
  if (!ok || NearTheBounds(disk_->Take().at(kDataName))) return;
  Expect(seen.whole, "Verify found nothing, and something cannot be read");
  if (seen.contradiction != nullptr)
    Violation(std::string("Verify found nothing, and ") + seen.contradiction);
  if (!TakesAFamily(seen.ToState())) return;
  history_.Restart(database_->Stats().commit_number, seen.ToState());
  trust_ = Trust::kExact;
  forged_ = true;
}

// Whole means that it goes on like any other. A family more, and gone again: ids that are given twice show.
bool Session::TakesAFamily(const State& state) {
  constexpr char kName[] = "~one more";
  if (state.contains(kName)) return true;
  const auto family = database_->CreateColumnFamily(kName);
  if (!Ok(family)) return false;
  const Seen with = See();
  State expected = state;
  expected[kName] = {};
  if (const auto why = WhyWrong(with, expected)) Violation("with a family more, " + *why);
  const Status dropped = database_->DropColumnFamily(kName);
  if (!Ok(dropped)) return false;
  if (const auto why = WhyWrong(See(), state)) Violation("without that family again, " + *why);
  return true;
}

void Session::Close() {
  if (!open()) return;
  Commit({});
  if (!open()) return;
  snapshot_.reset();
  const Status closed = database_->Close();
  if (Ok(closed)) history_.Acknowledge();
  Files files = disk_->Take();
  Discard();
  Leave(std::move(files));
}

void Session::Abandon() {
  if (!open()) return;
  Files files = disk_->Take();
  Discard();
  // Where a life was forged to be one that was before, that one's groups lie in the ring, and go on.
  if (forged_) trust_ = Trust::kUntrusted;
  Leave(std::move(files));
}

void Session::LookReadOnly() {
  if (open()) Close();
  if (closed_.files.empty()) return;
  std::shared_ptr<Disk> disk;
  database_ = TryOpen(true, disk);
  if (database_ == nullptr) return;
  const uint64_t claimed = database_->Stats().commit_number;
  disk_ = disk;
  const bool ok = VerifyOk();
  const Seen seen = See();
  Expect(!ok || seen.whole, "Verify found nothing, and something cannot be read");
  if (modelled()) {
    CheckClaim(claimed);
    if (const auto why = WhyWrong(seen, *history_.At(claimed))) Violation("read-only: " + *why);
  }
  Discard();
  Expect(disk->Take() == files_, "a read-only opening changed the files");
}

void Session::TrySalvage() {
  if (open()) Close();
  if (closed_.files.empty()) return;
  const auto from = std::make_shared<Disk>(files_, serial_);
  const auto to = std::make_shared<Disk>(Files(), serial_ + 1);
  SalvageOptions options;
  options.allow_older = true;
  options.output.log_bytes_initial = options.output.log_bytes_max = 16 * format::kWriteUnitMax;
  options.output.cache_bytes = 64 * format::kPageBytesMax;
  options.output.executor = MakeInlineExecutor();
  options.output.clock = std::make_shared<NoClock>();
  const auto report = Salvage({from, kDataName}, {to, "salvaged"}, options);
  Expect(from->Take() == files_, "salvage changed the files");
  if (!Ok(report)) {
    Expect(to->Take().empty(), "salvage was refused, and left something");
    return;
  }
  const auto database = Database::Open(to, "salvaged", options.output);
  Expect(database.has_value(), "what was salvaged does not open");
  const auto verified = (*database)->Verify();
  Expect(verified && verified->ok(), "what was salvaged is not whole");
  if (trust_ != Trust::kExact) return;
  Expect(report->complete(), "a whole database is not salvaged as a whole");
  const Seen seen = ReadAll(**database, [](const Error& error) { Violation(error.ToString()); });
  if (const auto why = WhyWrong(seen, *history_.Newest())) Violation("salvaged: " + *why);
}

bool Session::VerifyOk() {
  const auto report = VerifyNow(*disk_);
  if (!Ok(report)) return false;
  if (!report->ok() && trust_ == Trust::kExact) {
    const auto& problem = report->problems.front();
    Violation("Verify: " + problem.file + " at " + std::to_string(problem.offset) + ": " + problem.what);
  }
  return report->ok();
}

Seen Session::See() {
  return ReadAll(*database_, [this](const Error& error) { Accept(error); });
}

bool Session::Verify() { return Open() && VerifyOk(); }

void Session::CheckAll() {
  if (!Open()) return;
  const Seen seen = See();
  if (modelled()) {
    if (const auto why = WhyWrong(seen, *history_.Newest())) Violation(*why);
  }
  if (!seen.whole) Expect(!VerifyOk(), "something cannot be read, and Verify found nothing");
}

}  // namespace manifolddb::fuzz
