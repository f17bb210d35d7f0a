#pragma once
// How operations fail: a must-use Result with an Error that says what, where, and what to do.

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace manifolddb {

// Stable codes. A new code goes at the end; none is ever renumbered.
enum class Errc : uint8_t {
  kInvalidArgument = 1,     // the caller passed something that can never work
  kKeyTooLong = 2,          // longer than Database::key_bytes_max()
  kValueTooLong = 3,        // longer than kValueBytesMax
  kNoSuchColumnFamily = 4,  // no family of that name (any more)
  kNoSuchTable = 5,         // no table of that name (any more)
  kAlreadyExists = 6,       // the name is taken
  kBusy = 7,                // a column family is held by another write transaction
  kTransactionEnded = 8,    // used after Commit or Abort
  kReadOnly = 9,            // a write on a database that was opened read-only
  kClosed = 10,             // used after Close
  kPoisoned = 11,           // an earlier write or sync failed; reopen
  kUnknownOutcome = 12,     // the commit may or may not survive; reopen to find out
  kIo = 13,                 // the storage reported an error
  kNoSpace = 14,            // the storage is full
  kNoMemory = 15,           // an allocation whose size comes from data failed
  kLimit = 16,              // a documented bound was reached
  kCorrupt = 17,            // stored bytes are not what was written
  kNotADatabase = 18,       // the file was never a manifolddb database
  kNewerFormat = 19,        // written by a newer version
  kTruncated = 20,          // the file is shorter than it says
  kPageSizeMismatch = 21,   // opened with another page size than it has
  kLocked = 22,             // another process (or opening) has it
  kNotFound = 23,           // no such file or directory
  kPermission = 24,         // the system refuses access
  kForked = 25,             // used in a child process after fork
  kTypeMismatch = 26,       // the table holds other types
  kNoSuchSavepoint = 27,    // no savepoint of that name (any more)
};

// The one with the greatest number.
inline constexpr Errc kLastErrc = Errc::kNoSuchSavepoint;

// Which kind of remedy helps, for programs that do not want to know every code.
enum class ErrorCategory : uint8_t {
  kCaller,       // a bug in the caller, or wrong input of its user: the same call fails again
  kRetry,        // somebody else is in the way: the same call may succeed later
  kFreeSpace,    // the device or the memory is full: make room, then try again
  kReopen,       // close and open the database; what was acknowledged is there
  kRestore,      // stored bytes are damaged: verify, salvage or restore
  kEnvironment,  // device, permissions or version of the program: a person must look
};
// Of each code one.
ErrorCategory CategoryOf(Errc code);
std::string_view Name(ErrorCategory category);  // as in the enumeration: "kRetry"

// The code's name, as in the enumeration: "kCorrupt".
std::string_view Name(Errc code);
// What a person should do about it, one sentence.
std::string_view Advice(Errc code);

// What is known about a failure beside its code. Fields that do not apply keep their defaults.
struct ErrorDetails {
  // Where no byte in particular is meant.
  static constexpr uint64_t kNoOffset = ~uint64_t{0};
  std::string file = {};        // path, as the storage names it
  uint64_t offset = kNoOffset;  // byte offset in `file`
  int os_error = 0;             // errno
  std::string message = {};     // expected and found, names, sizes
};

// An error: cheap to move and copy, one pointer wide in the success path's way. Thread-safe to read.
class [[nodiscard]] Error {
 public:
  // `operation` must be a string literal, "module.action": "wal.sync".
  Error(Errc code, const char* operation, ErrorDetails details = {});
  // One that a failure of a lower layer has led to.
  Error(Errc code, const char* operation, ErrorDetails details, const Error& cause);

  // What is known, as it was given; `operation` is "module.action". Texts live as long as the error.
  Errc code() const { return rep_->code; }
  ErrorCategory category() const { return CategoryOf(rep_->code); }
  std::string_view operation() const { return rep_->operation; }
  const std::string& file() const { return rep_->details.file; }
  uint64_t offset() const { return rep_->details.offset; }
  int os_error() const { return rep_->details.os_error; }
  const std::string& message() const { return rep_->details.message; }
  // What a lower layer, or an earlier call, said that led to this one; it may have a cause itself. Null: this
  // is where it began. Lives as long as this error or a copy of it.
  const Error* cause() const { return rep_->cause.get(); }

  // One line: code, operation, file and offset, message, advice. What it says of the cause is in the message.
  std::string ToString() const;

 private:
  struct Rep {
    Errc code;
    const char* operation;
    ErrorDetails details;
    std::shared_ptr<const Error> cause;
  };
  std::shared_ptr<const Rep> rep_;
};

// std::expected of libstdc++ 12 may be dropped silently; this one may not.
template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
};
// Of calls that give nothing but whether they succeeded.
using Status = Result<void>;

// return Fail(Errc::kCorrupt, "page.load", {.file = path, .offset = at, .message = "..."});
inline std::unexpected<Error> Fail(Errc code, const char* operation, ErrorDetails details = {}) {
  return std::unexpected<Error>(Error(code, operation, std::move(details)));
}
// The same, because of `cause`.
inline std::unexpected<Error> Fail(Errc code, const char* operation, ErrorDetails details,
                                   const Error& cause) {
  return std::unexpected<Error>(Error(code, operation, std::move(details), cause));
}

}  // namespace manifolddb
