// Errors as people read them: one line, what and where first, what to do last.

#include <cstring>

#include "engine/base/assert.h"
#include "manifolddb/result.h"

namespace manifolddb {
namespace {

struct CodeText {
  Errc code;
  const char* name;
  const char* advice;
};

constexpr CodeText kCodes[] = {
    {Errc::kInvalidArgument, "kInvalidArgument", "correct the call"},
    {Errc::kKeyTooLong, "kKeyTooLong", "use shorter keys, or create the database with larger pages"},
    {Errc::kValueTooLong, "kValueTooLong", "split the value over several keys"},
    {Errc::kNoSuchColumnFamily, "kNoSuchColumnFamily", "create the column family first, or check its name"},
    {Errc::kNoSuchTable, "kNoSuchTable", "create the table first, or check its name"},
    {Errc::kAlreadyExists, "kAlreadyExists", "open what exists, or choose another name"},
    {Errc::kBusy, "kBusy", "end the open transactions, or wait until they have ended, and try again"},
    {Errc::kTransactionEnded, "kTransactionEnded", "begin a new transaction"},
    {Errc::kReadOnly, "kReadOnly", "open the database for writing"},
    {Errc::kClosed, "kClosed", "open the database again"},
    {Errc::kPoisoned, "kPoisoned", "close and reopen the database; acknowledged commits are safe"},
    {Errc::kUnknownOutcome, "kUnknownOutcome",
     "close and reopen the database, then look whether the commit is there"},
    {Errc::kIo, "kIo", "check the device and the system log"},
    {Errc::kNoSpace, "kNoSpace", "make room on the device and try again"},
    {Errc::kNoMemory, "kNoMemory", "free memory or use smaller transactions and values"},
    {Errc::kLimit, "kLimit", "see the documented bounds"},
    {Errc::kCorrupt, "kCorrupt", "run 'manifolddb verify' and restore from a backup"},
    {Errc::kNotADatabase, "kNotADatabase", "check the path; the file was left untouched"},
    {Errc::kNewerFormat, "kNewerFormat", "use a newer version of manifolddb; the file was left untouched"},
    {Errc::kTruncated, "kTruncated", "the file lost its end: restore it from a backup"},
    {Errc::kPageSizeMismatch, "kPageSizeMismatch",
     "open without a page size, or with the one it was created with"},
    {Errc::kLocked, "kLocked", "close the other opening first"},
    {Errc::kNotFound, "kNotFound", "check the path"},
    {Errc::kPermission, "kPermission", "check owner and mode of the file and its directory"},
    {Errc::kForked, "kForked", "open the database anew in the child process"},
    {Errc::kTypeMismatch, "kTypeMismatch", "open the table with the types it was created with"},
};

const CodeText& Text(Errc code) {
  for (const CodeText& text : kCodes) {
    if (text.code == code) return text;
  }
  base::AssertFailed("a code without text", __FILE__, __LINE__);
}

}  // namespace

std::string_view Name(Errc code) { return Text(code).name; }
std::string_view Advice(Errc code) { return Text(code).advice; }

Error::Error(Errc code, const char* operation, ErrorDetails details)
    : rep_(std::make_shared<const Rep>(Rep{code, operation, std::move(details)})) {}

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
