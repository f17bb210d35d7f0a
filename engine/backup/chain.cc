// Merging: of each key the newest backup that speaks of it decides.
//
// (1) A backup speaks of the keys in its ranges, of all others those before it do.
// (2) Every reader stands at the first thing of its own that is not used up; nothing is read twice.

#include "engine/backup/chain.h"

#include <string>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/sites.h"
#include "engine/base/try.h"

namespace manifolddb::backup {

const char* WhyNoContinuation(BackupReader& before, BackupReader& next) {
  const format::BackupSnapshot& of_next = next.catalog().snapshot;
  const format::BackupSnapshot& of_before = before.catalog().snapshot;
  if (of_next.full()) return "it is a whole backup, which continues no other";
  const bool ours = of_next.identity == of_before.identity || MANIFOLDDB_BROKEN("decode.backup.database");
  if (!ours) return "it is of another database";
  const bool continues = of_next.base == before.blocks().backup();
  if (!continues && !MANIFOLDDB_BROKEN("decode.backup.base")) return "it continues another backup";
  const bool same = of_next.base_commit == of_before.commit && of_next.page_size == of_before.page_size;
  return same ? nullptr : "it does not fit to the one before";
}

Status CheckLength(std::span<const BackupFile> files, const char* operation) {
  if (!files.empty() && files.size() <= kBackupChainMax) return {};
  return Fail(
      Errc::kInvalidArgument, operation,
      {.message = std::to_string(files.size()) + " backups, from 1 to " + std::to_string(kBackupChainMax)});
}

Result<Chain> Chain::Open(std::span<const BackupFile> files) {
  MANIFOLDDB_TRY(CheckLength(files, "backup.restore"));
  std::vector<std::unique_ptr<BackupReader>> readers;
  for (const BackupFile& file : files) {
    MANIFOLDDB_ASSIGN(auto reader, BackupReader::Open(file, BlockReader::Ends::kBoth));
    const char* why = nullptr;
    if (!readers.empty()) {
      why = WhyNoContinuation(*readers.back(), *reader);
    } else if (!reader->catalog().snapshot.full()) {
      why = "it continues another backup, which must be given before it";
    }
    if (why != nullptr) {
      return Fail(Errc::kInvalidArgument, "backup.restore", {.file = reader->name(), .message = why});
    }
    // To what all of them have in common: the first event.
    MANIFOLDDB_TRY(reader->Advance());
    readers.push_back(std::move(reader));
  }
  return Chain(std::move(readers));
}

Result<std::optional<size_t>> Chain::NextTable() {
  const std::vector<TableListed>& tables = catalog().tables;
  const bool any = table_ < tables.size();
  layers_.clear();
  for (const auto& reader : readers_) {
    // What lies before it is of tables that the last backup does not have.
    for (;;) {
      const Event& event = reader->event();
      if (event.kind == Event::Kind::kEnd) break;
      if (any && event.kind == Event::Kind::kTable) {
        const format::BackupPlace place = reader->catalog().tables[event.table].place;
        if (place == tables[table_].place) layers_.push_back({reader.get()});
        if (place >= tables[table_].place) break;
      }
      MANIFOLDDB_TRY(reader->Advance());
    }
  }
  if (!any) return std::optional<size_t>();
  MANIFOLDDB_ASSERT(!layers_.empty() && layers_.back().reader == readers_.back().get());
  entries_ = 0;
  for (size_t i = 0; i < layers_.size(); ++i) {
    MANIFOLDDB_TRY(layers_[i].reader->Advance());
    MANIFOLDDB_TRY(Step(i));
  }
  return std::optional<size_t>(table_++);
}

Result<bool> Chain::NextEntry() {
  MANIFOLDDB_ASSERT(table_ > 0);
  const size_t top = layers_.size() - 1;
  if (entries_ > 0) MANIFOLDDB_TRY(Pass(top));
  if (layers_[top].current) {
    ++entries_;
    return true;
  }
  const TableListed& table = catalog().tables[table_ - 1];
  if (entries_ == table.entries || MANIFOLDDB_BROKEN("decode.backup.count")) return false;
  return Fail(Errc::kCorrupt, "backup.read",
              {.file = readers_.back()->name(),
               .message = "of a table there are " + std::to_string(entries_) + " entries where " +
                          std::to_string(table.entries) + " were counted"});
}

Status Chain::Pass(size_t top) {
  Layer& layer = layers_[top];
  if (layer.own) {
    MANIFOLDDB_TRY(layer.reader->Advance());
  } else {
    MANIFOLDDB_TRY(Pass(top - 1));
  }
  return Step(top);
}

// Recurses as deep as the chain is long.
Status Chain::Step(size_t top) {
  Layer& layer = layers_[top];
  for (;;) {
    const Event& event = layer.reader->event();
    const auto* below = top > 0 && layers_[top - 1].current ? &*layers_[top - 1].current : nullptr;
    if (!layer.in_range) {
      const bool ended = event.kind == Event::Kind::kTableEnd;
      const bool before_range = below != nullptr && event.bound && Compare(below->key, *event.bound) < 0;
      if (ended || before_range) {
        layer.current = below != nullptr ? std::optional(*below) : std::nullopt;
        layer.own = false;
        return {};
      }
      MANIFOLDDB_ASSERT(event.kind == Event::Kind::kOpen);
      layer.in_range = true;
      MANIFOLDDB_TRY(layer.reader->Advance());
      continue;
    }
    const bool entry = event.kind == Event::Kind::kEntry;
    MANIFOLDDB_ASSERT(entry || event.kind == Event::Kind::kClose);
    // What those below have in the range is not there any more.
    const bool hidden = below != nullptr && (entry         ? Compare(below->key, event.key) <= 0
                                             : event.bound ? Compare(below->key, *event.bound) < 0
                                                           : true);
    if (hidden) {
      MANIFOLDDB_TRY(Pass(top - 1));
      continue;
    }
    if (entry) {
      layer.current = format::BackupEntry{event.key, event.value};
      layer.own = true;
      return {};
    }
    layer.in_range = false;
    MANIFOLDDB_TRY(layer.reader->Advance());
  }
}

uint64_t Chain::bytes_read() const {
  uint64_t all = 0;
  for (const auto& reader : readers_) all += reader->bytes_read();
  return all;
}

}  // namespace manifolddb::backup
