// Salvage: evidence first, then the trees, then the log.
//
// (1) Nothing is written before it is certain which state there is to write, and that it may be written.
// (2) Trees, then log: as recovery does. So an entry comes from the last place that speaks of it.

#include "manifolddb/salvage.h"

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

}  // namespace

Result<SalvageReport> Salvage(const DatabaseFile& damaged, const DatabaseFile& output,
                              const SalvageOptions& options) {
  MANIFOLDDB_ASSIGN(salvage::Files files, salvage::OpenFiles(damaged));
  MANIFOLDDB_ASSIGN(salvage::Evidence evidence, salvage::FindEvidence(files));
  SalvageReport report;
  report.doubts = std::move(evidence.doubts);
  const format::MetaPage& meta = evidence.meta;
  if (!report.doubts.empty() && !options.allow_older) {
    MANIFOLDDB_TRY(RefuseOlder(report.doubts.front(), evidence.log.next_txn.raw() - 1));
  }
  Options created = options.output;
  created.create_if_missing = true;
  created.read_only = false;
  created.page_size = meta.page_size;
  created.write_unit = meta.write_unit;
  MANIFOLDDB_ASSIGN(const std::unique_ptr<salvage::Output> written, salvage::Output::Create(output, created));

  salvage::Contents contents;
  const salvage::UnreadableFile& device = *files.data;
  page::DataFile data(std::move(files.data), meta.page_size);  // and its lock, to the end
  MANIFOLDDB_TRY(salvage::CopyTrees(data, meta, *written, options, contents, report));
  report.commit_number = meta.txn.raw();
  if (evidence.log.records > 0) {
    MANIFOLDDB_ASSIGN(
        salvage::LogCopyResult replayed,
        salvage::CopyLog(*files.log, recovery::LogBehind(meta), *written, options, contents));
    report.commit_number = replayed.newest.raw();
    report.replayed_commits = replayed.transactions;
    if (!replayed.doubts.empty() && !options.allow_older) {
      MANIFOLDDB_TRY(RefuseOlder(replayed.doubts.front(), report.commit_number));
    }
    for (Problem& doubt : replayed.doubts) report.doubts.push_back(std::move(doubt));
  }
  report.losses = contents.Losses();
  for (const salvage::UnreadableFile::Block& block : device.unreadable()) {
    report.notes.push_back({data.name(), block.offset,
                            "the device does not give these " + std::to_string(block.bytes) + " bytes", {}});
  }
  MANIFOLDDB_TRY(written->Finish(report));
  return report;
}

}  // namespace manifolddb
