// Decoders are given anything at all. What matters is what a sanitizer sees; verdicts are checked beside each
// struct.

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "engine/format/catalog_record.h"
#include "engine/format/golden_samples.h"
#include "engine/format/log_format.h"
#include "engine/format/meta_page.h"
#include "engine/format/redo.h"

namespace manifolddb::format {
namespace {

// True if any decoder called it valid.
bool DecodeWithAll(ByteView bytes) {
  bool valid = DecodeMetaPage(bytes).verdict == MetaVerdict::kValid;
  valid |= DecodeLogHeader(bytes).verdict == MetaVerdict::kValid;
  valid |= DecodeLogMarker(bytes, SampleIdentity()).has_value();
  valid |= LogGroupIntact(bytes);
  LogGroup group;
  if (DecodeLogGroupHeader(bytes, group)) {
    EXPECT_LE(LogGroupSpan(group.bytes, kWriteUnitMax), kLogGroupBytesMax);
  }
  for (ByteView rest = bytes; !rest.empty() && TakeLogRecord(rest);) {
  }
  FamilyRecord family;
  TableRecord table;
  PageRef dropped;
  DecodeFamilyRecord(bytes, family);
  DecodeTableRecord(bytes, table);
  DecodeDroppedRecord(bytes, dropped);
  RedoReader redo(bytes);
  while (!redo.done() && redo.Next()) {
  }
  return valid;
}

TEST(Garbage, NoDecoderReadsOutsideOrAcceptsRandomBytes) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::byte> bytes(random() % 700);
    const uint64_t mask = random() % 3 == 0 ? 0x0f : 0xff;
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() & mask);
    ASSERT_FALSE(DecodeWithAll(bytes));
  }
}

TEST(Garbage, NoDecoderReadsOutsideMutatedSamples) {
  std::mt19937_64 random(4);
  const std::vector<GoldenSample> samples = GoldenSamples();
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::byte> bytes = samples[random() % samples.size()].bytes;
    for (uint64_t changes = random() % 4; changes > 0; --changes) {
      bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    }
    if (random() % 2 == 0) bytes.resize(random() % (bytes.size() + 1));
    DecodeWithAll(bytes);
  }
}

}  // namespace
}  // namespace manifolddb::format
