// Check: each backup by itself, then the chain as a restore would read it.
//
// (1) Damage is passed over to the next block in which something begins. What lies between the last key read
//     before and the first one behind is affected: keys of a table, and all tables between.
// (2) Only where nothing was found is the chain read as one, so that its numbers mean something.

#include <utility>

#include "engine/backup/chain.h"
#include "engine/base/try.h"
#include "manifolddb/backup.h"

namespace manifolddb {
namespace {

using Problem = VerifyReport::Problem;
using Affected = VerifyReport::Affected;
using backup::BackupReader;
using backup::Catalog;
using backup::Event;

bool IsDamage(const Error& error) {
  return error.code() == Errc::kCorrupt || error.code() == Errc::kTruncated;
}

Problem ProblemOf(const Error& error) {
  const uint64_t offset = error.offset() != ErrorDetails::kNoOffset ? error.offset() : 0;
  return {error.file(), offset, error.message(), {}};
}
// One that hides everything.
Problem WholeProblem(std::string file, std::string what) {
  return {std::move(file), 0, std::move(what), {Affected{}}};
}

// Where reading went on: before this key of that table. At its end, or where it begins.
struct Resumed {
  enum class At : uint8_t { kBegin, kKey, kEnd };
  size_t table = 0;
  At at = At::kBegin;
  std::string key = {};
};

Resumed ResumedAt(const Event& event, const Catalog& catalog) {
  using At = Resumed::At;
  const auto behind = [&event](const std::optional<ByteView>& key) {
    if (!key) return Resumed{event.table, At::kEnd};
    return Resumed{event.table, At::kKey, std::string(AsText(*key))};
  };
  switch (event.kind) {
    case Event::Kind::kTable: return {event.table, At::kBegin};
    case Event::Kind::kEntry: return behind(event.key);
    // What a range would have held lies before its end.
    case Event::Kind::kOpen:
    case Event::Kind::kClose: return behind(event.bound);
    case Event::Kind::kTableEnd: return {event.table, At::kEnd};
    case Event::Kind::kLeaves:
    case Event::Kind::kEnd: break;
  }
  return {catalog.tables.size(), At::kBegin};
}

std::vector<Affected> Between(const Catalog& catalog, const BackupReader::Position& from, const Resumed& to) {
  std::vector<Affected> affected;
  for (size_t i = from.table; i < catalog.tables.size() && i <= to.table; ++i) {
    if (i == to.table && to.at == Resumed::At::kBegin) break;
    const backup::TableListed& table = catalog.tables[i];
    Affected keys{catalog.FamilyOf(table).name, table.name, std::nullopt, std::nullopt};
    if (i == from.table) keys.lower = from.key;
    if (i == to.table && to.at == Resumed::At::kKey) keys.upper = to.key;
    affected.push_back(std::move(keys));
  }
  return affected;
}

// One backup, from its beginning to its end, over whatever is damaged.
class FileCheck {
 public:
  FileCheck(BackupReader& reader, std::vector<Problem>& problems) : reader_(reader), problems_(problems) {}

  template <class Told>
  Status Run(Told told) {
    while (!ended_) {
      const BackupReader::Position before = reader_.position();
      const Status advanced = reader_.Advance();
      if (advanced) {
        ended_ = reader_.event().kind == Event::Kind::kEnd;
        told(reader_);
      } else if (IsDamage(advanced.error())) {
        MANIFOLDDB_TRY(PassOver(advanced.error(), before));
      } else {
        return advanced;
      }
    }
    return {};
  }

 private:
  // Until something can be read again, or there is nothing any more.
  Status PassOver(const Error& error, const BackupReader::Position& before) {
    std::vector<Problem> found = {ProblemOf(error)};
    Resumed resumed{reader_.catalog().tables.size()};
    for (;;) {
      MANIFOLDDB_ASSIGN(const bool any, reader_.GoOn());
      ended_ = !any;
      if (!any) break;
      const Status advanced = reader_.Advance();
      if (advanced) {
        resumed = ResumedAt(reader_.event(), reader_.catalog());
        ended_ = reader_.event().kind == Event::Kind::kEnd;
        break;
      }
      if (!IsDamage(advanced.error())) return advanced;
      found.push_back(ProblemOf(advanced.error()));
    }
    found.front().affected = Between(reader_.catalog(), before, resumed);
    for (Problem& problem : found) problems_.push_back(std::move(problem));
    return {};
  }

  BackupReader& reader_;
  std::vector<Problem>& problems_;
  bool ended_ = false;
};

class ChainCheck {
 public:
  ChainCheck(std::span<const BackupFile> files, const BackupProgressCall& progress)
      : files_(files), progress_(progress) {}

  Result<BackupCheck> Run() {
    for (const BackupFile& file : files_) MANIFOLDDB_TRY(CheckOne(file));
    if (before_ != nullptr) {
      const Catalog& catalog = before_->catalog();
      check_.commit_number = catalog.snapshot.commit;
      check_.column_families = catalog.families.size();
      check_.tables = catalog.tables.size();
      check_.entries = catalog.entries();
    }
    if (check_.ok()) MANIFOLDDB_TRY(Together());
    return std::move(check_);
  }

 private:
  Status CheckOne(const BackupFile& file) {
    auto opened = BackupReader::Open(file, backup::BlockReader::Ends::kFirst);
    if (!opened) {
      if (!IsDamage(opened.error())) return std::unexpected<Error>(opened.error());
      // Without its catalog nobody knows what is in it.
      Problem problem = ProblemOf(opened.error());
      problem.affected.push_back({});
      check_.problems.push_back(std::move(problem));
      catalog_lost_ = true;
      return {};
    }
    BackupReader& reader = **opened;
    CheckPlace(reader);
    check_.bytes += reader.blocks().bytes();
    MANIFOLDDB_TRY(FileCheck(reader, check_.problems).Run([this](const BackupReader& at) {
      if (at.event().kind == Event::Kind::kEntry) Tell(at.bytes_read());
    }));
    bytes_before_ += reader.blocks().bytes();
    before_ = std::move(*opened);
    return {};
  }

  // Of the chain. Where one before it has lost its catalog nothing can be said.
  void CheckPlace(BackupReader& reader) {
    if (std::exchange(catalog_lost_, false)) return;
    const char* why = nullptr;
    if (before_ != nullptr) {
      why = backup::WhyNoContinuation(*before_, reader);
    } else if (!reader.catalog().snapshot.full()) {
      why = "it continues another backup, which must be given before it";
    }
    if (why != nullptr) check_.problems.push_back(WholeProblem(reader.name(), why));
  }

  Status Together() {
    const Status read = ReadTogether();
    if (read || !(IsDamage(read.error()) || read.error().code() == Errc::kInvalidArgument)) return read;
    Problem problem = ProblemOf(read.error());
    problem.affected.push_back({});
    check_.problems.push_back(std::move(problem));
    return {};
  }
  Status ReadTogether() {
    MANIFOLDDB_ASSIGN(backup::Chain chain, backup::Chain::Open(files_));
    for (;;) {
      MANIFOLDDB_ASSIGN(const std::optional<size_t> table, chain.NextTable());
      if (!table) return {};
      for (;;) {
        MANIFOLDDB_ASSIGN(const bool any, chain.NextEntry());
        if (!any) break;
      }
    }
  }

  void Tell(uint64_t bytes) {
    constexpr uint64_t kEntriesEach = 1000;
    if (++told_.entries % kEntriesEach != 0 || !progress_) return;
    told_.bytes = bytes_before_ + bytes;
    progress_(told_);
  }

  const std::span<const BackupFile> files_;
  const BackupProgressCall& progress_;
  std::unique_ptr<BackupReader> before_;
  bool catalog_lost_ = false;  // of the one before
  uint64_t bytes_before_ = 0;
  BackupProgress told_;
  BackupCheck check_;
};

}  // namespace

Result<BackupCheck> CheckBackup(std::span<const BackupFile> chain, const BackupProgressCall& progress) {
  MANIFOLDDB_TRY(backup::CheckLength(chain, "backup.check"));
  return ChainCheck(chain, progress).Run();
}

}  // namespace manifolddb
