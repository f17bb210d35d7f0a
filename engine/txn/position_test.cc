#include "engine/txn/position.h"

#include <gtest/gtest.h>

namespace manifolddb::txn {
namespace {

constexpr TableIdentity kTable{format::FamilyId{3}, format::TableId{7}};

format::Identity Database(uint8_t number) {
  format::Identity identity{};
  identity[0] = std::byte{number};
  return identity;
}

TEST(Position, ComesBackAsTheKeyItWasMadeOf) {
  for (const std::string& key : {std::string(), std::string("k"), std::string(8192, 'k')}) {
    const std::string position = EncodePosition(Database(1), kTable, AsBytes(key));
    EXPECT_EQ(position.size(), key.size() + 9);
    const auto decoded = DecodePosition(Database(1), kTable, AsBytes(position));
    ASSERT_TRUE(decoded) << decoded.error().ToString();
    EXPECT_EQ(AsText(*decoded), key);
  }
}

// Users have them in files.
TEST(Position, HasTheBytesItAlwaysHad) {
  const std::string position = EncodePosition(Database(1), kTable, AsBytes("key"));
  std::string hex;
  for (const char c : position) {
    hex += "0123456789abcdef"[static_cast<uint8_t>(c) >> 4];
    hex += "0123456789abcdef"[static_cast<uint8_t>(c) & 15];
  }
  EXPECT_EQ(hex, "016b65793518e735fb49f4ef");
}

TEST(Position, DamagedOrFromElsewhereIsRefused) {
  const std::string position = EncodePosition(Database(1), kTable, AsBytes("key"));
  const auto refused = [&](const std::string& bytes, const format::Identity& database, TableIdentity table) {
    const auto decoded = DecodePosition(database, table, AsBytes(bytes));
    return !decoded && decoded.error().code() == Errc::kInvalidArgument;
  };
  EXPECT_TRUE(refused(position, Database(2), kTable));
  EXPECT_TRUE(refused(position, Database(1), {kTable.family, format::TableId{8}}));
  EXPECT_TRUE(refused(position, Database(1), {format::FamilyId{4}, kTable.table}));
  for (size_t bit = 0; bit < 8 * position.size(); ++bit) {
    std::string damaged = position;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    EXPECT_TRUE(refused(damaged, Database(1), kTable)) << bit;
  }
  for (size_t bytes = 0; bytes < position.size(); ++bytes) {
    EXPECT_TRUE(refused(position.substr(0, bytes), Database(1), kTable)) << bytes;
  }
  EXPECT_TRUE(refused(position + "x", Database(1), kTable));
}

}  // namespace
}  // namespace manifolddb::txn
