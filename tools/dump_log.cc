// manifolddb dump --log: the groups of the log, decoded, of a database that may not open.
//
// (1) Only the format is used, not the engine: whatever it refuses is shown and said to be refused.
// (2) The exit code tells whether the engine could use it: a valid header, and nothing stated to be durable
//     that is not there.

#include <nlohmann/json.hpp>

#include "engine/base/try.h"
#include "engine/format/redo.h"
#include "tools/commands.h"
#include "tools/log_scan.h"
#include "tools/meta_area.h"
#include "tools/raw_file.h"
#include "tools/text.h"

namespace manifolddb::tools {

using format::LogGroup;
using format::RedoKind;
using format::RedoOperation;
using nlohmann::ordered_json;

namespace {

constexpr size_t kShownBytesMax = 64;

const char* KindName(RedoKind kind) {
  switch (kind) {
    case RedoKind::kSelect: return "select";
    case RedoKind::kPut:
    case RedoKind::kPutExtent: return "put";
    case RedoKind::kDelete: return "delete";
    case RedoKind::kDeleteRange: return "delete_range";
    case RedoKind::kCreateTable:
    case RedoKind::kCreateTypedTable: return "create_table";
    case RedoKind::kDropTable: return "drop_table";
    case RedoKind::kRenameTable: return "rename_table";
    case RedoKind::kCreateFamily: return "create_family";
    case RedoKind::kDropFamily: return "drop_family";
    case RedoKind::kRenameFamily: return "rename_family";
  }
  return "";
}

bool IsPut(RedoKind kind) { return kind == RedoKind::kPut || kind == RedoKind::kPutExtent; }

bool HasName(RedoKind kind) {
  return kind == RedoKind::kCreateTable || kind == RedoKind::kCreateTypedTable ||
         kind == RedoKind::kRenameTable || kind == RedoKind::kCreateFamily || kind == RedoKind::kRenameFamily;
}

ordered_json ToJson(const RedoOperation& operation, bool values) {
  ordered_json json = {{"operation", KindName(operation.kind)}};
  if (operation.family != format::FamilyId{}) json["family"] = operation.family.raw();
  if (operation.table != format::TableId{}) json["table"] = operation.table.raw();
  if (HasName(operation.kind)) json["name"] = Escape(AsText(operation.key));
  if (!operation.key_type.empty()) json["key_type"] = Escape(operation.key_type);
  if (!operation.value_type.empty()) json["value_type"] = Escape(operation.value_type);
  if (IsPut(operation.kind) || operation.kind == RedoKind::kDelete) json["key"] = JsonBytes(operation.key);
  if (IsPut(operation.kind)) {
    json["value_bytes"] = operation.value.size();
    if (values) json["value"] = JsonBytes(operation.value);
    if (operation.first != format::PageId{}) json["page"] = operation.first.raw();
  }
  if (operation.lower) json["lower"] = JsonBytes(*operation.lower);
  if (operation.upper) json["upper"] = JsonBytes(*operation.upper);
  return json;
}

std::string ToText(const RedoOperation& operation, bool values) {
  std::string text = KindName(operation.kind);
  if (operation.family != format::FamilyId{}) text += " family " + std::to_string(operation.family.raw());
  if (operation.table != format::TableId{}) text += " table " + std::to_string(operation.table.raw());
  if (HasName(operation.kind)) text += " " + Quoted(AsText(operation.key));
  text += TypesText({.key = operation.key_type, .value = operation.value_type});
  if (IsPut(operation.kind) || operation.kind == RedoKind::kDelete) {
    text += " " + Shown(operation.key, kShownBytesMax);
  }
  if (IsPut(operation.kind)) {
    text += values ? " = " + Shown(operation.value, kShownBytesMax)
                   : ", value of " + std::to_string(operation.value.size()) + " bytes";
    if (operation.first != format::PageId{}) text += " at page " + std::to_string(operation.first.raw());
  }
  if (operation.lower) text += " from " + Shown(*operation.lower, kShownBytesMax);
  if (operation.upper) text += " to before " + Shown(*operation.upper, kShownBytesMax);
  return text;
}

ordered_json GroupFields(const LogGroup& header) {
  return {{"life", header.life.raw()},
          {"lsn", header.lsn.raw()},
          {"first_txn", header.first_txn.raw()},
          {"records", header.records},
          {"bytes", header.bytes},
          {"checksum", header.checksum},
          {"chain", header.chain},
          {"durable_lsn", header.durable_lsn.raw()},
          {"durable_meta", header.durable_meta.raw()},
          {"identity", Hex(header.identity)}};
}

// "name value, name value, ..."
std::string InOneLine(const ordered_json& fields) {
  std::string line;
  for (const auto& [name, value] : fields.items()) {
    if (!line.empty()) line += ", ";
    line += name + " " + (value.is_string() ? value.get<std::string>() : value.dump());
  }
  return line;
}

class LogPrinter {
 public:
  LogPrinter(const DumpArguments& arguments, RawFile& log, const LogScan& scan, std::ostream& out)
      : arguments_(arguments), log_(log), scan_(scan), out_(out) {}

  Status Run(const MetaArea* area) {
    Front(area);
    uint64_t printed = 0;
    for (const GroupFound& group : scan_.groups) {
      if (printed++ == arguments_.limit) break;
      Group(group);
      if (group.place != GroupPlace::kTorn) MANIFOLDDB_TRY(Records(group));
    }
    Summary();
    return {};
  }

 private:
  void Line(const ordered_json& json) { out_ << json.dump() << "\n"; }

  void Front(const MetaArea* area) {
    const format::DecodedLogHeader& header = scan_.front.header;
    const MetaCopy* const newest = area != nullptr ? area->Newest() : nullptr;
    if (arguments_.json) {
      ordered_json json = {{"kind", "log"},
                           {"file", Printable(log_.path())},
                           {"bytes", log_.size()},
                           {"header", VerdictName(header.verdict)},
                           {"format_version", static_cast<uint32_t>(scan_.front.disk.format_version)},
                           {"write_unit", scan_.front.write_unit},
                           {"identity", Hex(scan_.front.disk.identity)},
                           {"opened", scan_.front.marker.has_value()},
                           {"newest_life", nullptr},
                           {"checkpoint", nullptr}};
      if (scan_.front.marker) json["newest_life"] = scan_.front.marker->raw();
      if (header.why != nullptr) json["why"] = header.why;
      if (newest != nullptr) json["checkpoint"] = MetaFields(newest->disk);
      Line(json);
      return;
    }
    out_ << Printable(log_.path()) << ": " << log_.size() << " bytes, header "
         << (header.why != nullptr ? header.why : "valid") << ", write unit " << scan_.front.write_unit
         << ", identity " << Hex(scan_.front.disk.identity)
         << (scan_.front.marker ? ", last opened as life " + std::to_string(scan_.front.marker->raw())
                                : ", never opened or its marker is unreadable")
         << "\n";
    if (newest == nullptr) {
      out_ << "no meta page can be read: where the log begins is not known\n";
      return;
    }
    const format::MetaPage& meta = newest->decoded.meta;
    out_ << "the checkpoint (meta page " << meta.number.raw() << ") ends with commit " << meta.txn.raw()
         << " at log position " << meta.lsn.raw() << "; "
         << (meta.clean ? "closed in order, nothing follows"
                        : "groups of life " + std::to_string(meta.log_life.raw()) + " follow")
         << "\n";
  }

  void Group(const GroupFound& group) {
    if (arguments_.json) {
      Line({{"kind", "group"},
            {"offset", group.offset},
            {"intact", group.place != GroupPlace::kTorn},
            {"place", PlaceName(group.place)},
            {"header", GroupFields(group.header)}});
    } else {
      out_ << "group at byte " << group.offset << ": " << PlaceName(group.place) << "; "
           << InOneLine(GroupFields(group.header)) << "\n";
    }
  }

  Status Records(const GroupFound& group) {
    MANIFOLDDB_ASSIGN(const ByteView bytes,
                      log_.Read(group.offset + sizeof(format::LogGroupDisk), group.header.bytes));
    ByteView rest = bytes;
    for (uint32_t i = 0; i < group.header.records && !rest.empty(); ++i) {
      const uint64_t commit = group.header.first_txn.raw() + i;
      const std::optional<ByteView> record = format::TakeLogRecord(rest);
      if (!record) {
        Malformed(commit, "the record ends outside its group");
        return {};
      }
      Record(commit, *record);
    }
    return {};
  }

  void Record(uint64_t commit, ByteView record) {
    ordered_json operations = ordered_json::array();
    if (!arguments_.json) out_ << "  commit " << commit << ", " << record.size() << " bytes\n";
    format::RedoReader reader(record);
    while (!reader.done()) {
      const std::optional<RedoOperation> operation = reader.Next();
      if (!operation) {
        Malformed(commit, reader.why());
        break;
      }
      if (arguments_.json) {
        operations.push_back(ToJson(*operation, arguments_.values));
      } else {
        out_ << "    " << ToText(*operation, arguments_.values) << "\n";
      }
    }
    if (arguments_.json)
      Line({{"kind", "commit"}, {"commit", commit}, {"operations", std::move(operations)}});
  }

  void Malformed(uint64_t commit, const char* why) {
    if (arguments_.json) {
      Line({{"kind", "malformed"}, {"commit", commit}, {"why", why}});
    } else {
      out_ << "    commit " << commit << " is malformed: " << why << "\n";
    }
  }

  void Summary() {
    if (arguments_.json) {
      ordered_json json = {{"kind", "end"}, {"groups", scan_.groups.size()}, {"lsn", nullptr}};
      if (scan_.end) json["lsn"] = scan_.end->raw();
      json["following_commits"] = scan_.following_commits;
      json["contradictions"] = scan_.contradictions;
      Line(json);
      return;
    }
    if (scan_.groups.size() > arguments_.limit) {
      out_ << "... and " << scan_.groups.size() - arguments_.limit << " more groups\n";
    }
    if (scan_.end) {
      out_ << "the log ends at position " << scan_.end->raw() << "; " << scan_.following_commits
           << " commits follow the checkpoint\n";
    }
    for (const std::string& contradiction : scan_.contradictions) out_ << "damage: " << contradiction << "\n";
  }

  const DumpArguments& arguments_;
  RawFile& log_;
  const LogScan& scan_;
  std::ostream& out_;
};

Result<int> RunLog(const DumpArguments& arguments, Streams streams) {
  // The log may be all that is left: a data file that is missing is no reason not to look.
  auto data = RawFile::Open(arguments.path);
  std::optional<MetaArea> area;
  if (data) {
    MANIFOLDDB_TRY(data->LockOutWriters());
    MANIFOLDDB_ASSIGN(area, ReadMetaArea(*data));
  } else if (data.error().code() != Errc::kNotFound) {
    return std::unexpected<Error>(data.error());
  }
  MANIFOLDDB_ASSIGN(RawFile log, RawFile::Open(LogPath(arguments.path)));
  const MetaCopy* const newest = area ? area->Newest() : nullptr;
  MANIFOLDDB_ASSIGN(const LogScan scan, ScanLog(log, newest != nullptr ? &newest->decoded.meta : nullptr));
  LogPrinter printer(arguments, log, scan, streams.out);
  MANIFOLDDB_TRY(printer.Run(area ? &*area : nullptr));
  const bool usable = scan.front.header.verdict == format::MetaVerdict::kValid && scan.contradictions.empty();
  return usable ? kDone : kDamaged;
}

}  // namespace

int DumpLog(const DumpArguments& arguments, Streams streams) {
  const Result<int> run = RunLog(arguments, streams);
  return run ? *run : Report(run.error(), streams.err);
}

}  // namespace manifolddb::tools
