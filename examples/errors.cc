// What a program does about errors, by their category: a queue of jobs over a disk that fails on purpose.
//
//   errors

#include <manifolddb/database.h>
#include <manifolddb/typed.h>

#include <iostream>
#include <memory>
#include <string>

#include "faultfs/disk.h"

using manifolddb::ColumnFamily;
using manifolddb::Database;
using manifolddb::Errc;
using manifolddb::Error;
using manifolddb::ErrorCategory;
using manifolddb::Fail;
using manifolddb::Options;
using manifolddb::Result;
using manifolddb::Status;
using manifolddb::Storage;
using manifolddb::TableDefinition;
using manifolddb::WriteTransaction;
namespace faultfs = manifolddb::faultfs;

namespace {

constexpr TableDefinition<std::string, std::string> kJobs("jobs");

// Where it began: what the lowest layer said.
std::string Origin(const Error& error) {
  const Error* origin = &error;
  while (origin->cause() != nullptr) origin = origin->cause();
  return std::string(Name(origin->code())) + " in " + std::string(origin->operation());
}

class Jobs {
 public:
  explicit Jobs(std::shared_ptr<Storage> storage) : storage_(std::move(storage)) {}

  // Also again, after an error of category kReopen: nothing that was acknowledged is lost by it.
  Status Open() {
    db_.reset();  // gives back the lock on the file
    Options options;
    options.executor = manifolddb::MakeInlineExecutor();
    auto db = Database::Open(storage_, "jobs", options);
    if (!db) return std::unexpected(db.error());
    auto family = (*db)->OpenOrCreateColumnFamily("jobs");
    if (!family) return std::unexpected(family.error());
    db_ = std::move(*db);
    family_ = *family;
    return {};
  }

  // Puts a job under its name. Made so that it may be done twice: whoever does not know whether it happened
  // does it again.
  Status Add(const std::string& name, const std::string& job) {
    auto commit = db_->Write(family_, [&](WriteTransaction& txn) -> Status {
      auto jobs = kJobs.OpenOrCreate(txn, family_);
      if (!jobs) return std::unexpected(jobs.error());
      return jobs->Put(name, job);
    });
    if (!commit) return std::unexpected(commit.error());
    return {};
  }

  // Add, and what helps where it fails.
  Status AddWhateverHappens(const std::string& name, const std::string& job) {
    for (int attempt = 1;; ++attempt) {
      Status added = Add(name, job);
      if (added || attempt == 3) return added;
      switch (added.error().category()) {
        case ErrorCategory::kRetry:  // somebody else is in the way
          break;
        case ErrorCategory::kFreeSpace:  // the database goes on as soon as there is room
          std::cout << "no room: " << Name(added.error().code()) << "\n";
          MakeRoom();
          break;
        case ErrorCategory::kReopen:  // what was committed is there, this one perhaps
          std::cout << "reopened after " << Name(added.error().code()) << ", " << Origin(added.error())
                    << "\n";
          if (Status opened = Open(); !opened) return opened;
          break;
        case ErrorCategory::kCaller:       // it would fail again
        case ErrorCategory::kRestore:      // damaged: verify, restore, salvage
        case ErrorCategory::kEnvironment:  // a person must look
          return added;
      }
    }
  }

  Result<uint64_t> Count() const {
    auto txn = db_->BeginRead();
    if (!txn) return std::unexpected(txn.error());
    auto jobs = kJobs.Open(*txn, family_);
    if (!jobs) return std::unexpected(jobs.error());
    return jobs->Length();
  }

  void set_make_room(std::function<void()> make_room) { make_room_ = std::move(make_room); }

 private:
  void MakeRoom() {
    if (make_room_) make_room_();
  }

  const std::shared_ptr<Storage> storage_;
  std::unique_ptr<Database> db_;
  ColumnFamily family_;
  std::function<void()> make_room_;
};

Status Run() {
  const auto disk = std::make_shared<faultfs::Disk>(faultfs::Traits{.atomic_unit = 4096});
  Jobs jobs(disk);
  if (Status opened = jobs.Open(); !opened) return opened;
  if (Status added = jobs.AddWhateverHappens("one", "paint the fence"); !added) return added;

  // Input that its user has to correct. The code says what, the message where and how much.
  const Status refused = jobs.AddWhateverHappens(std::string(5000, 'x'), "a name that is none");
  if (!refused && refused.error().code() == Errc::kKeyTooLong) std::cout << "the name is too long\n";

  // A write to the log fails, and with it the commit that was under way.
  disk->Arm({.kind = faultfs::FaultKind::kIoError, .counted = Only(faultfs::Operation::kWrite)});
  if (Status added = jobs.AddWhateverHappens("two", "mow the lawn"); !added) return added;

  // The disk is full: of a value that has to have room of its own first.
  const uint32_t full = disk->Arm({.kind = faultfs::FaultKind::kNoSpace,
                                   .counted = Only(faultfs::Operation::kAllocate),
                                   .lasting = true});
  jobs.set_make_room([&] { disk->Disarm(full); });
  const std::string large(size_t{16} << 20, 'L');
  if (Status added = jobs.AddWhateverHappens("three", large); !added) return added;

  auto count = jobs.Count();
  if (!count) return std::unexpected(count.error());
  std::cout << *count << " jobs, none lost and none twice\n";
  return {};
}

}  // namespace

int main() {
  const Status status = Run();
  if (!status) std::cerr << "errors: " << status.error().ToString() << "\n";
  return status ? 0 : 1;
}
