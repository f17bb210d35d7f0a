// The real file system.
//
// (1) A call that the kernel carries out in part is carried on with; a call that it interrupts is made again,
//     except a sync: nobody knows what an interrupted or failed sync has left behind.
// (2) A lock belongs to one opening (open file description): another opening is refused, in this process too.
// (3) In a child after fork every use is refused: the child shares the parent's lock and must not write
//     beside it.
// (4) A file is emptied by kCreate only under its lock, and only while it has that name: of two processes
//     that create it, one is refused, and neither empties what the other has renamed meanwhile.
// (5) A durable write goes past the system's cache where the file system lets it, through a descriptor of its
//     own: what failed for others is told to them, and nothing of theirs is waited for.

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/memory.h"
#include "engine/base/mutex.h"
#include "engine/base/try.h"
#include "engine/storage/posix_error.h"
#include "engine/storage/posix_fork.h"
#include "manifolddb/storage.h"

namespace manifolddb {
namespace {

using storage::FailErrno;
using storage::ForkGeneration;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);  // an error here says nothing about durability, which Sync has reported
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

int OpenRetrying(const std::string& path, int flags) {
  int fd;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, 0666);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

enum class WriteKind : uint8_t { kPlain, kDurable };

class PosixFile final : public File {
 public:
  PosixFile(std::string path, OpenMode mode, Descriptor fd, uint64_t size)
      : File(std::move(path)), fd_(std::move(fd)), mode_(mode), synced_size_(size) {}

 private:
  Status CheckUse(const char* operation, bool writes, uint64_t offset = ErrorDetails::kNoOffset) const {
    if (generation_ != ForkGeneration()) return Fail(Errc::kForked, operation, {.file = name()});
    if (writes && mode_ == OpenMode::kReadOnly) {
      return Fail(Errc::kReadOnly, operation,
                  {.file = name(), .offset = offset, .message = "the file was opened for reading"});
    }
    return {};
  }

  Status DoRead(uint64_t offset, MutableByteView out) override {
    MANIFOLDDB_TRY(CheckUse("posix_storage.read", false));
    size_t done = 0;
    while (done < out.size()) {
      const uint64_t at = offset + done;
      const ssize_t got = ::pread(fd_.get(), out.data() + done, out.size() - done, static_cast<off_t>(at));
      if (got < 0) {
        if (errno == EINTR) continue;
        return FailErrno("posix_storage.read", name(), errno, at);
      }
      if (got == 0) {
        return Fail(Errc::kTruncated, "posix_storage.read",
                    {.file = name(),
                     .offset = offset,
                     .message = "the file ends before byte " + std::to_string(at + 1)});
      }
      done += static_cast<size_t>(got);
    }
    return {};
  }

  Status DoWrite(uint64_t offset, std::span<const ByteView> parts) override {
    MANIFOLDDB_TRY(CheckUse("posix_storage.write", true, offset));
    return WriteParts(offset, parts, WriteKind::kPlain, fd_.get());
  }

  Status DoWriteDurable(uint64_t offset, std::span<const ByteView> parts) override {
    MANIFOLDDB_TRY(CheckUse("posix_storage.write_durable", true, offset));
    if (const int direct = DirectDescriptor(); direct >= 0) {
      auto written = WriteParts(offset, parts, WriteKind::kDurable, direct);
      // Nothing was written: the file system wants more than kBufferAlignment of offset and length, or does
      // not do it at all.
      const int refusal = written ? 0 : written.error().os_error();
      if (refusal != EINVAL && refusal != EOPNOTSUPP) return written;
      direct_.store(kNoDirect, std::memory_order_release);
    }
    MANIFOLDDB_TRY(WriteParts(offset, parts, WriteKind::kPlain, fd_.get()));
    return SyncOnce();
  }

  // The descriptor for writes past the system's cache, opened by the first one that wants it; negative where
  // there is none. One of its own, since what an opening bypasses, it bypasses for all.
  int DirectDescriptor() {
    const int known = direct_.load(std::memory_order_acquire);
    if (known != kDirectUnknown) return known;
    base::MutexLock lock(sync_mutex_);
    if (direct_.load(std::memory_order_relaxed) == kDirectUnknown) {
      direct_fd_.emplace(OpenRetrying(name(), O_RDWR | O_DIRECT));
      struct stat own {
      }, found{};
      // Somebody may have renamed the file since.
      const bool same = direct_fd_->get() >= 0 && ::fstat(fd_.get(), &own) == 0 &&
                        ::fstat(direct_fd_->get(), &found) == 0 && own.st_ino == found.st_ino &&
                        own.st_dev == found.st_dev;
      direct_.store(same ? direct_fd_->get() : kNoDirect, std::memory_order_release);
    }
    return direct_.load(std::memory_order_relaxed);
  }

  // pwritev and pwritev2 until nothing is left, a bounded number of parts at a time.
  Status WriteParts(uint64_t offset, std::span<const ByteView> parts, WriteKind kind, int fd) {
    constexpr size_t kPartsMax = 64;
    size_t part = 0;       // first part not wholly written
    size_t part_done = 0;  // bytes of it that are
    uint64_t at = offset;
    while (part < parts.size()) {
      iovec vectors[kPartsMax];
      int count = 0;
      for (size_t i = part; i < parts.size() && count < static_cast<int>(kPartsMax); ++i, ++count) {
        const ByteView rest = i == part ? parts[i].subspan(part_done) : parts[i];
        vectors[count] = {.iov_base = const_cast<std::byte*>(rest.data()), .iov_len = rest.size()};
      }
      const ssize_t put =
          ::pwritev2(fd, vectors, count, static_cast<off_t>(at), kind == WriteKind::kDurable ? RWF_DSYNC : 0);
      if (put < 0 && errno == EINTR) continue;
      const char* operation =
          kind == WriteKind::kDurable ? "posix_storage.write_durable" : "posix_storage.write";
      if (put < 0) return FailErrno(operation, name(), errno == ENOSYS ? EOPNOTSUPP : errno, at);
      if (put == 0) {
        return Fail(Errc::kIo, operation,
                    {.file = name(), .offset = at, .message = "the system wrote nothing"});
      }
      at += static_cast<uint64_t>(put);
      for (auto left = static_cast<size_t>(put); left > 0;) {
        const size_t step = std::min(left, parts[part].size() - part_done);
        left -= step;
        part_done += step;
        if (part_done == parts[part].size()) {
          ++part;
          part_done = 0;
        }
      }
    }
    return {};
  }

  // Only begins: with a waiting flag it would take the error of a finished write that the next sync must tell
  // of. But where blocks cannot be mapped some file systems (ext4) drop the bytes, tell whoever began the
  // write-back and forget it: fdatasync would succeed. So a failure here stays, for every sync.
  Status DoStartWriteBack(uint64_t offset, uint64_t bytes) override {
#ifdef SYNC_FILE_RANGE_WRITE
    if (!CheckUse("posix_storage.start_write_back", true, offset)) return {};
    {
      base::MutexLock lock(write_back_mutex_);
      if (syncs_waiting_ > 0) return {};  // it would wait for this one, too
      ++writing_back_;
    }
    const int result = ::sync_file_range(fd_.get(), static_cast<off_t>(offset), static_cast<off_t>(bytes),
                                         SYNC_FILE_RANGE_WRITE);
    const int error = result == 0 ? 0 : errno;
    base::MutexLock lock(write_back_mutex_);
    if (--writing_back_ == 0) write_back_ended_.NotifyAll();
    if (error == 0 || NothingWasBegun(error)) return {};
    write_back_error_ = error;
    return FailErrno("posix_storage.start_write_back", name(), error, offset);
#else
    static_cast<void>(offset);
    static_cast<void>(bytes);
    return {};
#endif
  }

  static bool NothingWasBegun(int error) {
    constexpr int kErrors[] = {EINVAL, ENOSYS, EOPNOTSUPP, ESPIPE, EBADF, ENOMEM, EAGAIN, EINTR};
    return std::find(std::begin(kErrors), std::end(kErrors), error) != std::end(kErrors);
  }

  // After a sync: what a write-back was told since it began, or before.
  Status CheckWriteBack() {
    base::MutexLock lock(write_back_mutex_);
    ++syncs_waiting_;
    while (writing_back_ > 0) write_back_ended_.Wait(write_back_mutex_);
    --syncs_waiting_;
    if (write_back_error_ == 0) return {};
    return FailErrno("posix_storage.sync", name(), write_back_error_);
  }

  // fdatasync makes durable what is needed to read the data back, a larger size included. After a change of
  // size the whole inode is synced nevertheless: it is rare, and some file systems have forgotten
  // preallocated blocks. One at a time, and none after one that failed: the system reports a write-back error
  // once per opening, to whichever sync asks first, although it is about the writes of another.
  Status DoSync() override {
    MANIFOLDDB_TRY(CheckUse("posix_storage.sync", false));
    return SyncOnce();
  }

  Status SyncOnce() {
    base::MutexLock lock(sync_mutex_);
    if (sync_failed_) {
      return Fail(Errc::kIo, "posix_storage.sync", {.file = name(), .message = "an earlier sync failed"});
    }
    Status synced = SyncNow();
    if (synced) synced = CheckWriteBack();
    sync_failed_ = !synced;
    return synced;
  }

  Status SyncNow() {
    struct stat status {};
    if (::fstat(fd_.get(), &status) != 0) return FailErrno("posix_storage.sync", name(), errno);
    const auto size = static_cast<uint64_t>(status.st_size);
    if (synced_size_.exchange(size, std::memory_order_relaxed) == size) return SyncData();
    if (::fsync(fd_.get()) != 0) return FailErrno("posix_storage.sync", name(), errno);
    return {};
  }

  Status SyncData() {
    if (::fdatasync(fd_.get()) != 0) return FailErrno("posix_storage.sync", name(), errno);
    return {};
  }

  Result<uint64_t> DoSize() override {
    MANIFOLDDB_TRY(CheckUse("posix_storage.size", false));
    struct stat status {};
    if (::fstat(fd_.get(), &status) != 0) return FailErrno("posix_storage.size", name(), errno);
    return static_cast<uint64_t>(status.st_size);
  }

  Status DoAllocate(uint64_t size) override {
    MANIFOLDDB_TRY(CheckUse("posix_storage.allocate", true));
    MANIFOLDDB_ASSIGN(const uint64_t now, DoSize());
    if (size <= now) return {};
    int result;
    do {
      result = ::fallocate(fd_.get(), 0, static_cast<off_t>(now), static_cast<off_t>(size - now));
    } while (result != 0 && errno == EINTR);
    if (result == 0) return {};
    if (errno == EOPNOTSUPP || errno == ENOSYS) return FillWithZeros(now, size);
    const int error = errno;
    // What it got before there was no more would stay, and others may need it. If this fails it stays.
    if (storage::CodeOf(error) == Errc::kNoSpace)
      static_cast<void>(::ftruncate(fd_.get(), static_cast<off_t>(now)));
    return FailErrno("posix_storage.allocate", name(), error, now);
  }

  Result<bool> DoTruncate(uint64_t size) override {
    MANIFOLDDB_TRY(CheckUse("posix_storage.truncate", true));
    MANIFOLDDB_ASSIGN(const uint64_t now, DoSize());
    if (size >= now) return true;
    int result;
    do {
      result = ::ftruncate(fd_.get(), static_cast<off_t>(size));
    } while (result != 0 && errno == EINTR);
    if (result != 0) return FailErrno("posix_storage.truncate", name(), errno, size);
    synced_size_.store(~uint64_t{0}, std::memory_order_relaxed);  // the next sync has a size to write
    return true;
  }

  // Reserves room the slow way. What was filled before an error stays: the next attempt starts there.
  Status FillWithZeros(uint64_t from, uint64_t to) {
    constexpr size_t kStepBytes = size_t{1} << 20;
    MANIFOLDDB_ASSIGN(base::Buffer zeros, base::Buffer::Make(kStepBytes, "posix_storage.allocate"));
    std::fill(zeros.span().begin(), zeros.span().end(), std::byte{0});
    while (from < to) {
      const auto step = static_cast<size_t>(std::min<uint64_t>(kStepBytes, to - from));
      const ByteView part = zeros.view().first(step);
      MANIFOLDDB_TRY(WriteParts(from, {&part, 1}, WriteKind::kPlain, fd_.get()));
      from += step;
    }
    return {};
  }

  Status DoLock(LockMode mode) override {
    MANIFOLDDB_TRY(CheckUse("posix_storage.lock", false));
    if (mode == LockMode::kExclusive && mode_ == OpenMode::kReadOnly) {
      return Fail(Errc::kInvalidArgument, "posix_storage.lock",
                  {.file = name(), .message = "an exclusive lock needs an opening for writing"});
    }
    struct flock whole {};
    whole.l_type = mode == LockMode::kExclusive ? F_WRLCK : F_RDLCK;
    whole.l_whence = SEEK_SET;
    int result = ::fcntl(fd_.get(), F_OFD_SETLK, &whole);
    if (result != 0 && errno == EINVAL) {  // a system without them; flock locks belong to one opening as well
      result = ::flock(fd_.get(), (mode == LockMode::kExclusive ? LOCK_EX : LOCK_SH) | LOCK_NB);
    }
    if (result == 0) return {};
    if (errno == EAGAIN || errno == EACCES)
      return Fail(Errc::kLocked, "posix_storage.lock", {.file = name()});
    return FailErrno("posix_storage.lock", name(), errno);
  }

  const Descriptor fd_;
  base::Mutex sync_mutex_{base::LockRank::kStorage};
  bool sync_failed_ GUARDED_BY(sync_mutex_) = false;
  base::Mutex write_back_mutex_{base::LockRank::kWriteBack};
  base::CondVar write_back_ended_;
  int writing_back_ GUARDED_BY(write_back_mutex_) = 0;   // threads in sync_file_range
  int syncs_waiting_ GUARDED_BY(write_back_mutex_) = 0;  // for them
  int write_back_error_ GUARDED_BY(write_back_mutex_) = 0;
  const OpenMode mode_;
  const uint64_t generation_ = ForkGeneration();
  std::atomic<uint64_t> synced_size_;  // size at the last sync; relaxed: a hint which kind of sync to use
  static constexpr int kNoDirect = -1;
  static constexpr int kDirectUnknown = -2;
  std::optional<Descriptor> direct_fd_ GUARDED_BY(sync_mutex_);
  std::atomic<int> direct_{kDirectUnknown};  // release: the descriptor is open
};

class PosixStorage final : public Storage {
 public:
  explicit PosixStorage(std::string directory) : directory_(std::move(directory)) {
    if (directory_.empty()) directory_ = ".";
  }

  Result<std::unique_ptr<File>> Open(const std::string& name, OpenMode mode) override {
    MANIFOLDDB_TRY(CheckUse("posix_storage.open", name));
    const std::string path = Path(name);
    if (mode == OpenMode::kCreate) return Create(path);
    Descriptor fd(OpenRetrying(path, mode == OpenMode::kReadOnly ? O_RDONLY : O_RDWR));
    if (fd.get() < 0) return FailOpen(path, errno);
    MANIFOLDDB_ASSIGN(const struct stat status, StatFile(fd, path));
    return std::make_unique<PosixFile>(path, mode, std::move(fd), static_cast<uint64_t>(status.st_size));
  }

  Result<bool> Exists(const std::string& name) override {
    MANIFOLDDB_TRY(CheckUse("posix_storage.exists", name));
    struct stat status {};
    if (::stat(Path(name).c_str(), &status) == 0) return true;
    if (errno == ENOENT) return false;
    return FailErrno("posix_storage.exists", Path(name), errno);
  }

  Status Rename(const std::string& from, const std::string& to) override {
    MANIFOLDDB_TRY(CheckUse("posix_storage.rename", from));
    MANIFOLDDB_TRY(CheckUse("posix_storage.rename", to));
    if (::rename(Path(from).c_str(), Path(to).c_str()) == 0) return {};
    return FailErrno("posix_storage.rename", Path(from), errno);
  }

  Status Remove(const std::string& name) override {
    MANIFOLDDB_TRY(CheckUse("posix_storage.remove", name));
    if (::unlink(Path(name).c_str()) == 0) return {};
    return FailErrno("posix_storage.remove", Path(name), errno);
  }

  Status SyncDirectory() override {
    MANIFOLDDB_TRY(CheckUse("posix_storage.sync_directory", "."));
    const Descriptor fd(OpenRetrying(directory_, O_RDONLY | O_DIRECTORY));
    if (fd.get() < 0) return FailErrno("posix_storage.sync_directory", directory_, errno);
    if (::fsync(fd.get()) != 0) return FailErrno("posix_storage.sync_directory", directory_, errno);
    return {};
  }

  std::array<std::byte, 16> NewIdentity() override {
    std::array<std::byte, 16> identity{};
    size_t done = 0;
    while (done < identity.size()) {
      const ssize_t got = ::getrandom(identity.data() + done, identity.size() - done, 0);
      MANIFOLDDB_ASSERT(got >= 0 || errno == EINTR);
      if (got > 0) done += static_cast<size_t>(got);
    }
    return identity;
  }

 private:
  static Result<struct stat> StatFile(const Descriptor& fd, const std::string& path) {
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return FailErrno("posix_storage.open", path, errno);
    if (S_ISREG(status.st_mode)) return status;
    return Fail(Errc::kInvalidArgument, "posix_storage.open",
                {.file = path, .message = "not a regular file"});
  }

  std::unexpected<Error> FailOpen(const std::string& path, int os_error) const {
    struct stat status {};
    if (os_error == ENOENT && ::stat(directory_.c_str(), &status) != 0 && errno == ENOENT) {
      return Fail(Errc::kNotFound, "posix_storage.open",
                  {.file = path, .message = "its directory does not exist"});
    }
    return FailErrno("posix_storage.open", path, os_error);
  }

  // Invariant (4). A new file, not the old one emptied: as long as the directory is not synced, another name
  // may
  // lead to the old one after a power cut.
  Result<std::unique_ptr<File>> Create(const std::string& path) const {
    for (;;) {
      if (Descriptor made(OpenRetrying(path, O_RDWR | O_CREAT | O_EXCL)); made.get() >= 0) {
        MANIFOLDDB_ASSIGN(auto file, LockNamed(path, std::move(made)));
        if (file != nullptr) return file;
        continue;
      }
      if (errno != EEXIST) return FailOpen(path, errno);
      Descriptor old(OpenRetrying(path, O_RDWR));
      if (old.get() < 0 && errno == ENOENT) continue;
      if (old.get() < 0) return FailOpen(path, errno);
      MANIFOLDDB_ASSIGN(const auto file, LockNamed(path, std::move(old)));
      if (file == nullptr) continue;
      if (::unlink(path.c_str()) != 0 && errno != ENOENT) return FailErrno("posix_storage.open", path, errno);
    }
  }

  // Locked, or null if the name leads to another file by now. kLocked.
  static Result<std::unique_ptr<File>> LockNamed(const std::string& path, Descriptor fd) {
    MANIFOLDDB_ASSIGN(const struct stat opened, StatFile(fd, path));
    auto file = std::make_unique<PosixFile>(path, OpenMode::kCreate, std::move(fd), 0);
    MANIFOLDDB_TRY(file->Lock(LockMode::kExclusive));
    struct stat named {};
    if (::stat(path.c_str(), &named) != 0 && errno != ENOENT)
      return FailErrno("posix_storage.open", path, errno);
    if (named.st_ino != opened.st_ino || named.st_dev != opened.st_dev) return std::unique_ptr<File>();
    return std::unique_ptr<File>(std::move(file));
  }

  Status CheckUse(const char* operation, const std::string& name) const {
    base::AssertNoLocksHeld();
    if (generation_ != ForkGeneration()) return Fail(Errc::kForked, operation, {.file = Path(name)});
    if (name.empty() || name.find('/') != std::string::npos) {
      return Fail(Errc::kInvalidArgument, operation,
                  {.file = Path(name), .message = "not a plain file name"});
    }
    return {};
  }

  std::string Path(const std::string& name) const {
    return directory_.back() == '/' ? directory_ + name : directory_ + "/" + name;
  }

  std::string directory_;
  const uint64_t generation_ = ForkGeneration();
};

}  // namespace

std::shared_ptr<Storage> MakePosixStorage(std::string directory) {
  return std::make_shared<PosixStorage>(std::move(directory));
}

}  // namespace manifolddb
