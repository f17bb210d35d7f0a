#include "engine/txn/position.h"

#include <array>

#include "engine/base/checksum.h"
#include "engine/base/le.h"

namespace manifolddb::txn {
namespace {

constexpr std::byte kVersion{1};
constexpr size_t kChecksumBytes = 8;
constexpr size_t kBytesMin = 1 + kChecksumBytes;

uint64_t ChecksumOf(const format::Identity& database, TableIdentity table, ByteView body) {
  std::array<std::byte, 16> ids;
  base::StoreLe<uint64_t>(ids.data(), table.family.raw());
  base::StoreLe<uint64_t>(ids.data() + 8, table.table.raw());
  return base::Checksum64(body, base::Checksum64(ids, base::Checksum64(database)));
}

}  // namespace

std::string EncodePosition(const format::Identity& database, TableIdentity table, ByteView key) {
  std::string position;
  position.reserve(kBytesMin + key.size());
  position += static_cast<char>(kVersion);
  position += AsText(key);
  std::array<std::byte, kChecksumBytes> checksum;
  base::StoreLe<uint64_t>(checksum.data(), ChecksumOf(database, table, AsBytes(position)));
  position += AsText(checksum);
  return position;
}

Result<ByteView> DecodePosition(const format::Identity& database, TableIdentity table, ByteView position) {
  if (position.size() < kBytesMin || position[0] != kVersion) return NoPosition(position);
  const ByteView body = position.first(position.size() - kChecksumBytes);
  const auto checksum = base::LoadLe<uint64_t>(position.data() + body.size());
  // No site: this token lies in no file, so no crash leaves a wrong one;
  // ReadingTest.APositionOfAnotherTableIsRefused.
  if (checksum != ChecksumOf(database, table, body)) return NoPosition(position);
  return body.subspan(1);
}

std::unexpected<Error> NoPosition(ByteView position) {
  return Fail(Errc::kInvalidArgument, "cursor.restore",
              {.message = "these " + std::to_string(position.size()) +
                          " bytes are no position in this table: damaged, or of another table or database"});
}

}  // namespace manifolddb::txn
