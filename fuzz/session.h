#pragma once
// A database, the files that it leaves, and what it must hold.

#include <optional>
#include <string>
#include <vector>

#include "fuzz/disk.h"
#include "fuzz/judge.h"
#include "fuzz/model.h"
#include "manifolddb/database.h"

namespace manifolddb::fuzz {

// What may be expected of it.
enum class Trust : uint8_t {
  kExact,      // no byte was changed: no error either
  kDamaged,    // bytes were changed: errors that blame a file, and never a wrong answer (G7)
  kUntrusted,  // bytes were forged, checksums included: whatever it says, nothing ends the process
};

// Write units of 512 bytes, a log and a cache so small that everything happens soon.
Options TinyOptions();

class Session {
 public:
  // `serial` is in every value and in the identity: no two databases have anything in common.
  // What is hard on it beside damage.
  struct Trouble {
    // Its data file gets no more pages than these, and the log and the memory are larger: then the disk, not
    // a checkpoint, is what a program runs into. 0: as many as it likes.
    uint64_t pages_max = 0;
    // Of each opening, and of each Verify, this read fails, once; it is tried again. 0: none.
    uint64_t read_that_fails = 0;
    // Of the database; write units are of 512 bytes always, so a page may be torn within.
    uint32_t page_size = kSector;
    // In place of checkpoints, each of which they are, it creates a savepoint, or reads and deletes it.
    bool keeps_savepoints = false;
  };
  explicit Session(uint64_t serial, Trouble trouble = {.pages_max = 0,
                                                       .read_that_fails = 0,
                                                       .page_size = kSector,
                                                       .keeps_savepoints = false})
      : serial_(serial), trouble_(trouble) {}
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // ---- The files, while no database is open ---------------------------------------------------------------
  bool open() const { return database_ != nullptr; }
  Files& files();                                              // to be changed
  const Files& closed_files() const { return closed_.files; }  // as they were left
  // Of what was left earlier, oldest first.
  size_t images() const { return images_.size(); }
  const Files& image(size_t index) const { return images_[index].files; }
  void NoteDamage();   // files() was changed
  void NoteForgery();  // and its checksums with it
  // Nothing was found wrong with what was damaged: from here on no error may be.
  void NoteWhole() { trust_ = Trust::kExact; }
  // As another session left it, at commits as in its history.
  void Adopt(const Session& other);
  // The whole set as it was left earlier.
  void Restore(size_t index);

  // ---- Lives ----------------------------------------------------------------------------------------------
  // True if a database is open now. What is refused is put back as it was left.
  bool Open();
  void Close();    // in order, after the open transaction was committed
  void Abandon();  // as a killed process does
  void LookReadOnly();
  // What can be proven of it, into a new database: that is whole, and no byte of this one changes.
  void TrySalvage();
  // Everything that is shown, against the model; and Verify, which must know of whatever could not be read.
  void CheckAll();
  bool Verify();  // true if nothing was found

  // ---- Steps: each opens the database first ---------------------------------------------------------------
  void Put(const std::string& family, const std::string& table, const std::string& key, size_t bytes);
  void Delete(const std::string& family, const std::string& table, const std::string& key);
  void DeleteRange(const std::string& family, const std::string& table,
                   const std::optional<std::string>& lower, const std::optional<std::string>& upper);
  void Get(const std::string& family, const std::string& table, const std::string& key);
  // Seeks and goes `steps` entries on, forward or back, inside the open transaction.
  void Walk(const std::string& family, const std::string& table, const std::string& key, bool forward,
            size_t steps);
  void CreateTable(const std::string& family, const std::string& table);
  void DropTable(const std::string& family, const std::string& table);
  void RenameTable(const std::string& family, const std::string& from, const std::string& to);
  void Commit(CommitOptions options);
  void Abort();
  void CreateFamily(const std::string& name);
  void DropFamily(const std::string& name);
  void RenameFamily(const std::string& from, const std::string& to);
  void Checkpoint();
  void CheckpointBySavepoint();
  void TakeSnapshot();
  void CheckSnapshot();  // and let go of it

  Trust trust() const { return trust_; }
  const History& history() const { return history_; }
  uint64_t errors() const { return errors_; }  // that were met, and may be
  uint64_t losses() const { return losses_; }  // openings that found less than was committed, undecidably

 private:
  // What was left by a closing, with what is known of it.
  struct Image {
    Files files;
    History history;
    Trust trust = Trust::kExact;
    bool forged = false;
  };
  struct Working {
    WriteTransaction transaction;
    State state;
  };
  struct Snapshot {
    ReadTransaction transaction;
    std::shared_ptr<const State> state;
  };

  // False after a check that the error may happen at all.
  bool Accept(const Error& error);
  template <class T>
  bool Ok(const Result<T>& result) {
    return result.has_value() || Accept(result.error());
  }
  // True if it is that error, as the model says it must be.
  template <class T>
  bool Fails(const Result<T>& result, Errc code, const char* what);
  bool modelled() const { return trust_ != Trust::kUntrusted; }

  void TryCreating(Options options) const;
  Result<std::unique_ptr<Database>> OpenOn(const std::shared_ptr<Disk>& disk, const Options& options) const;
  std::unique_ptr<Database> TryOpen(bool read_only, std::shared_ptr<Disk>& disk);
  Result<VerifyReport> VerifyNow(Disk& disk) const;
  void CheckClaim(uint64_t claimed);
  bool VerifyOk();
  Seen See();
  void Rebase();
  bool TakesAFamily(const State& state);
  void Leave(Files files);
  void Discard();
  void Refused();

  Working* Begin();
  std::optional<WriteTable> Open(Working& working, const std::string& family, const std::string& table);
  bool Has(const State& state, const std::string& family, const std::string& table) const;
  void FamilyCommitted(State state);
  void AfterFailedCommit(const Error& error, State state);

  Options OwnOptions() const;

  const uint64_t serial_;
  const Trouble trouble_;
  uint64_t openings_ = 0;  // for writing, that were tried
  uint64_t values_ = 0;
  Trust trust_ = Trust::kExact;
  bool closed_has_lost_ = false;  // commits that the history had and that this opening did not find
  bool forged_ = false;           // once; numbers may be near their bounds, and other bytes of it lie about
  uint64_t errors_ = 0;
  uint64_t losses_ = 0;
  History history_;
  Files files_;
  Image closed_;
  std::vector<Image> images_;
  std::shared_ptr<Disk> disk_;
  std::unique_ptr<Database> database_;
  std::optional<Working> working_;
  std::optional<Snapshot> snapshot_;
};

}  // namespace manifolddb::fuzz
