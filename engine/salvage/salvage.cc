// Salvage: evidence first, then the trees, then the log.
//
// (1) Nothing is written before it is certain which state there is to write, and that it may be written.
// (2) Trees, then log: as recovery does. So an entry comes from the last place that speaks of it.
// (3) Where the newest checkpoint's trees are damaged, those of the one before it may be whole, and the log
//     leads from there to the very same state: then it begins there.

#include "manifolddb/salvage.h"

#include <algorithm>
#include <utility>

#include "engine/base/try.h"
#include "engine/page/data_file.h"
#include "engine/recovery/replay.h"
#include "engine/salvage/contents.h"
#include "engine/salvage/evidence.h"
#include "engine/salvage/log_copy.h"
#include "engine/salvage/output.h"
#include "engine/salvage/tree_copy.h"

namespace manifolddb {
namespace {

using Problem = VerifyReport::Problem;

// The newest state is not to be had, and an older one was not asked for.
Status RefuseOlder(const Problem& doubt, uint64_t commit) {
  return Fail(Errc::kCorrupt, "salvage",
              {.file = doubt.file,
               .offset = doubt.offset,
               .message = doubt.what + "; so the state after commit " + std::to_string(commit) +
                          " is the newest that can be read, but may not be the newest there was: entries may "
                          "have been deleted or overwritten since; nothing was written; to have that state "
                          "nevertheless, allow an older one"});
}

// What is written to must be none of the names that the damaged database has, or may get.
Status RefuseItsNames(const DatabaseFile& damaged, const DatabaseFile& output) {
  if (damaged.storage != output.storage) return {};
  const std::vector<std::string> taken = db::NamesOf(damaged.name);
  for (const std::string& name : {output.name, output.name + salvage::kPurpose.suffix}) {
    for (const std::string& written : db::NamesOf(name)) {
      if (std::ranges::find(taken, written) == taken.end()) continue;
      return Fail(Errc::kInvalidArgument, "salvage",
                  {.file = written, .message = "this name of the output is one of the damaged database's"});
    }
  }
  return {};
}

// Whether the checkpoint before the newest one, and the log, give all of the newest state, which the newest
// one does not. Where both have lost something, their numbers of entries are those of different states, and
// say nothing.
Result<bool> IsOlderBetter(page::DataFile& data, const salvage::Evidence& evidence) {
  if (!evidence.older) return false;
  MANIFOLDDB_ASSIGN(const bool newest_whole, salvage::AreTreesWhole(data, evidence.meta));
  if (newest_whole) return false;
  return salvage::AreTreesWhole(data, evidence.older->meta);
}

// One damaged database into one new one.
class Work {
 public:
  Work(salvage::Files files, const salvage::Evidence& evidence, const SalvageOptions& options)
      : device_(*files.data),
        data_(std::move(files.data), evidence.meta.page_size),  // and its lock, to the end
        log_(std::move(files.log)),
        evidence_(evidence),
        options_(options) {
    report_.doubts = evidence.doubts;
    report_.notes = evidence.notes;
  }

  Result<SalvageReport> Run(const DatabaseFile& output) {
    MANIFOLDDB_ASSIGN(const bool from_older, IsOlderBetter(data_, evidence_));
    MANIFOLDDB_ASSIGN(const std::unique_ptr<salvage::Output> written,
                      salvage::Output::Create(output, OutputOptions(), salvage::kPurpose));
    const format::MetaPage& base = from_older ? evidence_.older->meta : evidence_.meta;
    MANIFOLDDB_TRY(salvage::CopyTrees(data_, base, *written, options_, contents_, report_));
    report_.commit_number = base.txn.raw();
    const format::MetaPage& meta = evidence_.meta;
    if (from_older) {
      MANIFOLDDB_TRY(Replay({evidence_.older->log, {meta.lsn, meta.chain}, meta.txn.next()}, *written));
    }
    if (evidence_.log.records > 0) {
      const salvage::LogPart behind{recovery::LogBehind(meta), evidence_.log.end, evidence_.log.next_txn};
      MANIFOLDDB_TRY(Replay(behind, *written));
    }
    report_.losses = contents_.Losses();
    NoteUnreadable(device_);
    if (log_ != nullptr) NoteUnreadable(*log_);
    MANIFOLDDB_ASSIGN(const salvage::Output::Counts counts, written->Finish());
    report_.column_families = counts.column_families;
    report_.tables = counts.tables;
    report_.entries = counts.entries;
    return std::move(report_);
  }

 private:
  Options OutputOptions() const {
    Options created = options_.output;
    created.create_if_missing = true;
    created.read_only = false;
    created.page_size = evidence_.meta.page_size;
    created.write_unit = evidence_.meta.write_unit;
    return created;
  }

  void NoteUnreadable(const salvage::UnreadableFile& file) {
    for (const auto& [offset, bytes] : file.unreadable()) {
      report_.notes.push_back(
          {file.name(), offset, "the device does not give these " + std::to_string(bytes) + " bytes", {}});
    }
  }

  Status Replay(const salvage::LogPart& part, salvage::Output& output) {
    if (replay_ended_) return {};
    MANIFOLDDB_ASSIGN(salvage::LogCopyResult replayed,
                      salvage::CopyLog(*log_, part, output, options_, contents_));
    report_.commit_number = replayed.newest.raw();
    report_.replayed_commits += replayed.transactions;
    replay_ended_ = !replayed.doubts.empty();
    if (replay_ended_ && !options_.allow_older) {
      return RefuseOlder(replayed.doubts.front(), report_.commit_number);
    }
    for (Problem& doubt : replayed.doubts) report_.doubts.push_back(std::move(doubt));
    return {};
  }

  const salvage::UnreadableFile& device_;
  page::DataFile data_;
  const std::unique_ptr<salvage::UnreadableFile> log_;
  const salvage::Evidence& evidence_;
  const SalvageOptions& options_;
  salvage::Contents contents_;
  SalvageReport report_;
  bool replay_ended_ = false;  // before its end
};

}  // namespace

Result<SalvageReport> Salvage(const DatabaseFile& damaged, const DatabaseFile& output,
                              const SalvageOptions& options) {
  MANIFOLDDB_TRY(RefuseItsNames(damaged, output));
  MANIFOLDDB_ASSIGN(salvage::Files files, salvage::OpenFiles(damaged));
  MANIFOLDDB_ASSIGN(const salvage::Evidence evidence, salvage::FindEvidence(files));
  if (!evidence.doubts.empty() && !options.allow_older) {
    MANIFOLDDB_TRY(RefuseOlder(evidence.doubts.front(), evidence.log.next_txn.raw() - 1));
  }
  return Work(std::move(files), evidence, options).Run(output);
}

}  // namespace manifolddb
