#include <gtest/gtest.h>

#include <cerrno>
#include <optional>
#include <set>
#include <string>

#include "engine/base/try.h"
#include "manifolddb/result.h"

namespace manifolddb {
namespace {

constexpr int kFirstCode = static_cast<int>(Errc::kInvalidArgument);
constexpr int kLastCode = static_cast<int>(kLastErrc);

TEST(Error, EveryCodeHasItsOwnNameAndAdvice) {
  std::set<std::string_view> names;
  std::set<std::string_view> advice;
  for (int code = kFirstCode; code <= kLastCode; ++code) {
    EXPECT_TRUE(names.insert(Name(static_cast<Errc>(code))).second) << code;
    EXPECT_TRUE(advice.insert(Advice(static_cast<Errc>(code))).second) << code;
  }
  EXPECT_EQ(names.size(), 27u);
}

TEST(Error, HasTheCategoryOfItsCode) {
  EXPECT_EQ(Error(Errc::kNoSpace, "txn.put").category(), ErrorCategory::kFreeSpace);
  EXPECT_EQ(Name(CategoryOf(Errc::kPoisoned)), "kReopen");
}

TEST(Error, SaysCodeOperationFileOffsetMessageCauseAndAdviceInOneLine) {
  const Error error(Errc::kIo, "wal.sync",
                    {.file = "data-wal", .offset = 4096, .os_error = EIO, .message = "group 7"});
  EXPECT_EQ(error.ToString(),
            "kIo in wal.sync: data-wal at byte 4096: group 7: Input/output error (check the device and the "
            "system log)");
}

TEST(Error, LeavesOutWhatIsNotKnown) {
  EXPECT_EQ(Error(Errc::kTransactionEnded, "txn.put").ToString(),
            "kTransactionEnded in txn.put (begin a new transaction)");
}

TEST(Error, ACopySaysTheSame) {
  const Error error(Errc::kCorrupt, "page.read", {.file = "data", .offset = 0});
  const Error copy =
      error;  // NOLINT(performance-unnecessary-copy-initialization): the copy is what is tested
  EXPECT_EQ(copy.ToString(), error.ToString());
  EXPECT_EQ(copy.offset(), 0u);
}

TEST(Error, KeepsWhatItCameFromDownToWhereItBegan) {
  std::optional<Error> outer;
  {
    const Error device(Errc::kIo, "posix_storage.sync", {.file = "data-wal", .os_error = EIO});
    const Error poisoned(Errc::kPoisoned, "checkpoint", {.message = "after a sync"}, device);
    const Status failed = Fail(Errc::kUnknownOutcome, "transaction.commit", {}, poisoned);
    outer = failed.error();
  }
  ASSERT_NE(outer->cause(), nullptr);
  EXPECT_EQ(outer->cause()->code(), Errc::kPoisoned);
  const Error* const device = outer->cause()->cause();
  ASSERT_NE(device, nullptr);
  EXPECT_EQ(device->os_error(), EIO);
  EXPECT_EQ(device->operation(), "posix_storage.sync");
  EXPECT_EQ(device->cause(), nullptr);
  EXPECT_EQ(outer->ToString(), Error(Errc::kUnknownOutcome, "transaction.commit").ToString());
}

Result<int> Half(int number) {
  if (number % 2 != 0) return Fail(Errc::kInvalidArgument, "test.half", {.message = std::to_string(number)});
  return number / 2;
}
Status HalveTwice(int number, int& out) {
  MANIFOLDDB_ASSIGN(const int half, Half(number));
  MANIFOLDDB_ASSIGN(out, Half(half));
  return {};
}
Status HalveThenTry(int number) {
  int quarter = 0;
  MANIFOLDDB_TRY(HalveTwice(number, quarter));
  return {};
}

TEST(Try, PassesValuesOnAndErrorsUp) {
  int quarter = 0;
  EXPECT_TRUE(HalveTwice(12, quarter));
  EXPECT_EQ(quarter, 3);
  EXPECT_TRUE(HalveThenTry(12));
  const Status status = HalveThenTry(14);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message(), "7");
}

}  // namespace
}  // namespace manifolddb
