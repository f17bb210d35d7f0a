// Errors as people read them: one line, what and where first, what to do last.

#include <cstring>

#include "engine/base/assert.h"
#include "manifolddb/result.h"

namespace manifolddb {
namespace {

struct CodeText {
  Errc code;
  ErrorCategory category;
  const char* name;
  const char* advice;
};

using enum ErrorCategory;

constexpr CodeText kCodes[] = {
    {Errc::kInvalidArgument, kCaller, "kInvalidArgument", "correct the call"},
    {Errc::kKeyTooLong, kCaller, "kKeyTooLong", "use shorter keys, or create the database with larger pages"},
    {Errc::kValueTooLong, kCaller, "kValueTooLong", "split the value over several keys"},
    {Errc::kNoSuchColumnFamily, kCaller, "kNoSuchColumnFamily",
     "create the column family first, or check its name"},
    {Errc::kNoSuchTable, kCaller, "kNoSuchTable", "create the table first, or check its name"},
    {Errc::kAlreadyExists, kCaller, "kAlreadyExists", "open what exists, or choose another name"},
    {Errc::kBusy, kRetry, "kBusy", "end the open transactions, or wait until they have ended, and try again"},
    {Errc::kTransactionEnded, kCaller, "kTransactionEnded", "begin a new transaction"},
    {Errc::kReadOnly, kCaller, "kReadOnly", "open the database for writing"},
    {Errc::kClosed, kCaller, "kClosed", "open the database again"},
    {Errc::kPoisoned, kReopen, "kPoisoned", "close and reopen the database; acknowledged commits are safe"},
    {Errc::kUnknownOutcome, kReopen, "kUnknownOutcome",
     "close and reopen the database, then look whether the commit is there"},
    {Errc::kIo, kEnvironment, "kIo", "check the device and the system log"},
    {Errc::kNoSpace, kFreeSpace, "kNoSpace", "make room on the device and try again"},
    {Errc::kNoMemory, kFreeSpace, "kNoMemory", "free memory or use smaller transactions and values"},
    {Errc::kLimit, kCaller, "kLimit", "see the documented bounds"},
    {Errc::kCorrupt, kRestore, "kCorrupt", "run 'manifolddb verify' and restore from a backup"},
    {Errc::kNotADatabase, kCaller, "kNotADatabase", "check the path; the file was left untouched"},
    {Errc::kNewerFormat, kEnvironment, "kNewerFormat",
     "use a newer version of manifolddb; the file was left untouched"},
    {Errc::kTruncated, kRestore, "kTruncated", "the file lost its end: restore it from a backup"},
    {Errc::kPageSizeMismatch, kCaller, "kPageSizeMismatch",
     "open without a page size, or with the one it was created with"},
    {Errc::kLocked, kRetry, "kLocked", "close the other opening first"},
    {Errc::kNotFound, kCaller, "kNotFound", "check the path"},
    {Errc::kPermission, kEnvironment, "kPermission", "check owner and mode of the file and its directory"},
    {Errc::kForked, kCaller, "kForked", "open the database anew in the child process"},
    {Errc::kTypeMismatch, kCaller, "kTypeMismatch", "open the table with the types it was created with"},
    {Errc::kNoSuchSavepoint, kCaller, "kNoSuchSavepoint", "list the savepoints, or check the name"},
};

const CodeText& Text(Errc code) {
  for (const CodeText& text : kCodes) {
    if (text.code == code) return text;
  }
  base::AssertFailed("a code without text", __FILE__, __LINE__);
}

}  // namespace

std::string_view Name(ErrorCategory category) {
  switch (category) {
    case kCaller: return "kCaller";
    case kRetry: return "kRetry";
    case kFreeSpace: return "kFreeSpace";
    case kReopen: return "kReopen";
    case kRestore: return "kRestore";
    case kEnvironment: return "kEnvironment";
  }
  base::AssertFailed("a category without name", __FILE__, __LINE__);
}

ErrorCategory CategoryOf(Errc code) { return Text(code).category; }
std::string_view Name(Errc code) { return Text(code).name; }
std::string_view Advice(Errc code) { return Text(code).advice; }

Error::Error(Errc code, const char* operation, ErrorDetails details)
    : rep_(std::make_shared<const Rep>(Rep{code, operation, std::move(details), nullptr})) {}

Error::Error(Errc code, const char* operation, ErrorDetails details, const Error& cause)
    : rep_(std::make_shared<const Rep>(
          Rep{code, operation, std::move(details), std::make_shared<const Error>(cause)})) {}

std::string Error::ToString() const {
  std::string line(Name(code()));
  line += " in ";
  line += operation();
  if (!file().empty()) {
    line += ": ";
    line += file();
    if (offset() != ErrorDetails::kNoOffset) line += " at byte " + std::to_string(offset());
  }
  if (!message().empty()) line += ": " + message();
  if (os_error() != 0) {
    line += ": ";
    line += std::strerror(os_error());
  }
  line += " (";
  line += Advice(code());
  line += ")";
  return line;
}

}  // namespace manifolddb
