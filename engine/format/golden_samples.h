#pragma once
// One encoded sample of everything that reaches the disk, for the golden bytes.

#include <string>
#include <vector>

#include "engine/format/backup_format.h"
#include "engine/format/catalog_record.h"
#include "engine/format/log_format.h"
#include "engine/format/meta_page.h"
#include "manifolddb/bytes.h"

namespace manifolddb::format {

struct GoldenSample {
  std::string name;
  std::vector<std::byte> bytes;
};
// Encoded by the code as it is.
std::vector<GoldenSample> GoldenSamples();

// As the file holds them: lines of hexadecimal digits under the sample's name.
std::string ToText(const std::vector<GoldenSample>& samples);
std::vector<GoldenSample> FromText(const std::string& text);

// What the samples were encoded from.
Identity SampleIdentity();
MetaPage SampleMetaPage();
LogHeader SampleLogHeader();
LogGroup SampleLogGroup();
FamilyRecord SampleFamilyRecord();
TableRecord SampleTableRecord();
SavepointRecord SampleSavepointRecord();
BackupSnapshot SampleBackupSnapshot();

}  // namespace manifolddb::format
