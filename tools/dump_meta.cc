// manifolddb dump --meta: the copies of the meta pages, decoded, of a database that may not open.
//
// (1) Only the format is used, not the engine: whatever it refuses is shown and said to be refused.
// (2) The exit code tells whether the engine could use them: a valid copy in each slot. A file with nothing
//     of a meta page was no database, hence is not a damaged one.

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/base/try.h"
#include "tools/commands.h"
#include "tools/meta_area.h"
#include "tools/raw_file.h"
#include "tools/text.h"

namespace manifolddb::tools {

using nlohmann::ordered_json;

namespace {

std::string CopyLine(const MetaCopy& copy) {
  std::string line = copy.Where() + ", at byte " + std::to_string(copy.offset) + ": ";
  line += VerdictName(copy.decoded.verdict);
  if (!copy.valid()) line += std::string(": ") + copy.decoded.why;
  if (copy.newest) line += ", newest";
  return line;
}

void PrintMetaText(const RawFile& data, const MetaArea& area, std::ostream& out) {
  out << Printable(data.path()) << ": " << data.size() << " bytes, write unit " << area.write_unit
      << (area.unit_known ? "" : " (a guess: no copy states it)") << "\n";
  for (const MetaCopy& copy : area.copies) {
    out << CopyLine(copy) << "\n";
    if (!copy.present || copy.decoded.verdict == format::MetaVerdict::kNotOurs) continue;
    const ordered_json fields = MetaFields(copy.disk);
    for (const auto& [name, value] : fields.items()) {
      out << "  " << name << std::string(20 - name.size(), ' ');
      out << (value.is_string() ? value.get<std::string>() : value.dump()) << "\n";
    }
  }
}

ordered_json MetaJson(const RawFile& data, const MetaArea& area) {
  ordered_json json = {{"file", Printable(data.path())},
                       {"bytes", data.size()},
                       {"write_unit", area.write_unit},
                       {"write_unit_known", area.unit_known},
                       {"copies", ordered_json::array()}};
  for (const MetaCopy& copy : area.copies) {
    ordered_json found = {{"slot", copy.slot == 0 ? "A" : "B"},
                          {"copy", copy.copy},
                          {"offset", copy.offset},
                          {"verdict", VerdictName(copy.decoded.verdict)},
                          {"newest", copy.newest}};
    if (!copy.valid()) found["why"] = copy.decoded.why;
    if (copy.present && copy.decoded.verdict != format::MetaVerdict::kNotOurs)
      found["fields"] = MetaFields(copy.disk);
    json["copies"].push_back(std::move(found));
  }
  return json;
}

Result<int> RunMeta(const DumpArguments& arguments, Streams streams) {
  MANIFOLDDB_ASSIGN(RawFile data, RawFile::Open(arguments.path));
  MANIFOLDDB_TRY(data.LockOutWriters());
  MANIFOLDDB_ASSIGN(const MetaArea area, ReadMetaArea(data));
  if (arguments.json) {
    streams.out << MetaJson(data, area).dump(2) << "\n";
  } else {
    PrintMetaText(data, area, streams.out);
  }
  if (area.SlotReadable(0) && area.SlotReadable(1)) return kDone;
  MANIFOLDDB_ASSIGN(const ByteView front, data.Read(0, format::kWriteUnitMin));
  const bool ours = std::ranges::any_of(area.copies, [](const MetaCopy& copy) {
    return copy.decoded.verdict != format::MetaVerdict::kNotOurs;
  });
  if (ours || format::BeginsAsMetaPage(front)) return kDamaged;
  return Fail(Errc::kNotADatabase, "tools.dump_meta", {.file = data.path(), .message = "no meta page found"});
}

}  // namespace

int DumpMeta(const DumpArguments& arguments, Streams streams) {
  const Result<int> run = RunMeta(arguments, streams);
  return run ? *run : Report(run.error(), streams.err);
}

}  // namespace manifolddb::tools
