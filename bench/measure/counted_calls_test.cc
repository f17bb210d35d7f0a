// Each counted call does what the C library's does, and counts once.

#include "bench/measure/counted_calls.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace manifolddb::bench {
namespace {

class CountedCalls : public testing::Test {
 protected:
  void SetUp() override {
    if (!CallsAreCounted()) GTEST_SKIP() << "calls are not counted under sanitizers";
    std::string path = testing::TempDir() + "counted_calls.XXXXXX";
    file_ = ::mkstemp(path.data());
    ASSERT_GE(file_, 0);
    ASSERT_EQ(::unlink(path.c_str()), 0);
  }
  void TearDown() override {
    if (file_ >= 0) ::close(file_);
  }
  int file_ = -1;
};

TEST_F(CountedCalls, WritesCountCallsAndBytesAndReadsCountCalls) {
  const std::string bytes = "0123456789";
  const CalledSoFar before = Called();
  ASSERT_EQ(::pwrite(file_, bytes.data(), bytes.size(), 0), 10);
  EXPECT_EQ(Called().writes - before.writes, 1u);
  EXPECT_EQ(Called().bytes - before.bytes, 10u);
  std::array<char, 4> first{};
  std::array<char, 6> second{};
  ASSERT_EQ(::pread(file_, first.data(), first.size(), 1), 4);
  EXPECT_EQ(std::string(first.data(), first.size()), "1234");
  const std::array<iovec, 2> parts = {{{first.data(), first.size()}, {second.data(), second.size()}}};
  ASSERT_EQ(::preadv(file_, parts.data(), 2, 0), 10);
  EXPECT_EQ(std::string(second.data(), second.size()), "456789");
  EXPECT_EQ(Called().reads - before.reads, 2u);
  ASSERT_EQ(::pread(file_, first.data(), first.size(), 10), 0) << "nothing there";
  EXPECT_EQ(Called().reads - before.reads, 2u);
  EXPECT_EQ(Called().syncs, before.syncs);
}

TEST_F(CountedCalls, SyncsAndWritesThatAreDurableCount) {
  const CalledSoFar before = Called();
  ASSERT_EQ(::fdatasync(file_), 0);
  ASSERT_EQ(::fsync(file_), 0);
  EXPECT_EQ(Called().syncs - before.syncs, 2u);
  char byte = 'x';
  const iovec part{&byte, 1};
  ASSERT_EQ(::pwritev2(file_, &part, 1, 0, RWF_DSYNC), 1);
  EXPECT_EQ(Called().syncs - before.syncs, 3u);
}

// Many more threads than there are slots, one after the other; and several at once.
TEST_F(CountedCalls, ThreadsThatHaveEndedStayCounted) {
  const CalledSoFar before = Called();
  for (int i = 0; i < 2000; ++i) std::thread([&] { EXPECT_EQ(::fdatasync(file_), 0); }).join();
  std::vector<std::thread> together;
  for (int i = 0; i < 8; ++i) {
    together.emplace_back([&] {
      for (int j = 0; j < 100; ++j) EXPECT_EQ(::fdatasync(file_), 0);
    });
  }
  for (std::thread& thread : together) thread.join();
  EXPECT_EQ(Called().syncs - before.syncs, 2800u);
}

TEST_F(CountedCalls, ErrorsAreTheLibrarys) {
  char byte = 'x';
  errno = 0;
  EXPECT_EQ(::pread(-1, &byte, 1, 0), -1);
  EXPECT_EQ(errno, EBADF);
  errno = 0;
  EXPECT_EQ(::write(-1, &byte, 1), -1);
  EXPECT_EQ(errno, EBADF);
}

}  // namespace
}  // namespace manifolddb::bench
