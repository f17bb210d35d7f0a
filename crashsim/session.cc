// (1) Every call is recorded before it is made and when it has returned; stamps are the disk's effect count.
// (2) Without a fault that has fired, no call fails but for reasons that the program gave it (a missing
//     table).
// (3) At the end of a run that does not close, the trace is cut first, then the process is killed, then the
//     database object goes: its destructor can change nothing.
#include "crashsim/session.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "crashsim/bounds.h"
#include "crashsim/observe.h"
#include "crashsim/oracle.h"
#include "crashsim/resting.h"
#include "crashsim/savepoints.h"
#include "crashsim/scan.h"
#include "crashsim/scheduler.h"
#include "engine/base/memory.h"

namespace manifolddb::crashsim {
namespace {

constexpr uint32_t kRefusalsBeforeRoom = 3;
constexpr Serial kProbeSerial = 1'000'000;  // beyond what programs draw

class SessionRunner {
 public:
  SessionRunner(const std::shared_ptr<faultfs::Disk>& disk, const SessionPlan& plan,
                const std::function<void()>& on_deadlock)
      : disk_(disk), plan_(plan), on_deadlock_(on_deadlock) {}

  Session Run();

 private:
  struct Snapshot {
    ReadTransaction transaction;
    Stamp began;
    std::optional<StateSum> sum;  // of the first reading that succeeded
    std::optional<RestingCursor> resting = std::nullopt;
  };

  bool Open();
  bool Close();
  void CutAndKill();
  void EmptyFullDisk();
  void MakeRoom();
  void PutIntoNewFamily(const std::string& family, Serial serial, uint32_t count, size_t bytes);
  void CheckDirty();
  void RunRound(const Round& round, size_t index);
  void RunStep(const Step& step);

  void DoTransaction(const Step& step);
  void DoFamilyOperation(const Step& step);
  void DoOperations(const Step& step, const std::vector<std::optional<ColumnFamily>>& families,
                    WriteTransaction& transaction, size_t record);
  Outcome DoOperation(const Op& op, ColumnFamily family, WriteTransaction& transaction);
  Outcome DoOnTable(const Op& op, WriteTable& table);
  std::vector<std::optional<ColumnFamily>> Begin(const Step& step,
                                                 std::optional<WriteTransaction>& transaction, size_t record);
  void Commit(const Step& step, WriteTransaction& transaction, size_t record);

  void DoCheckpoint();
  void DoVerify();
  void OpenSnapshot(uint8_t slot);
  void ReadSnapshot(Snapshot& snapshot);
  void ReadAll();
  void RestIn(Snapshot& snapshot);
  void CheckWhatIsKept();
  void ReadOnAfterFault();
  void LetGo();
  void ReadFailed(const Error& error, const char* what);

  Stamp Now() { return {disk_->effects(), ++session_.history.events}; }
  Transaction& At(size_t record) { return session_.history.transactions[record]; }
  size_t Record(const Step& step);
  bool FaultFired() const {
    if (plan_.memory != nullptr && plan_.memory->refused()) return true;
    return plan_.faults_armed && !disk_->faults_fired().empty();
  }
  void Relieve() {
    disk_->DisarmAll();
    if (plan_.memory != nullptr) plan_.memory->Open();
  }
  bool Excused(const Error& error) const;
  Outcome Failed(const Error& error, const char* what);
  void Unless(const Error& error, std::initializer_list<Errc> own, const char* what);
  void Fail(Promise promise, std::string expected, std::string found) {
    session_.violations.push_back({promise, std::move(expected), std::move(found)});
  }

  const std::shared_ptr<faultfs::Disk> disk_;
  const SessionPlan& plan_;
  const std::function<void()>& on_deadlock_;
  std::unique_ptr<Database> database_;
  std::array<std::optional<Snapshot>, kSnapshotSlots> snapshots_;
  HeldValues held_;
  uint32_t refusals_ = 0;
  size_t running_ = 0;  // write transactions
  Session session_;
};

// Does a disk that was hurt before this session explain the error?
bool SessionRunner::Excused(const Error& error) const {
  if (!plan_.damaged && !plan_.sync_fails) return false;
  // Consequences of the one or the other in the same session.
  if (error.code() == Errc::kPoisoned || error.code() == Errc::kUnknownOutcome) return true;
  return (plan_.damaged && ReportsDamage(error)) || (plan_.sync_fails && error.code() == Errc::kIo);
}

// An error that the program did not ask for: allowed if a fault has fired.
Outcome SessionRunner::Failed(const Error& error, const char* what) {
  const bool environment = IsEnvironment(error.code());
  const bool expected = (FaultFired() && !session_.room_was_made) || Excused(error);
  if (environment && !expected) {
    Fail(Promise::kHonestAboutErrors,
         session_.room_was_made ? "what makes room works on a full disk, and then everything goes on"
                                : "success: no fault has fired",
         std::string(what) + ": " + Describe(error));
  }
  if (error.operation().empty())
    Fail(Promise::kHonestAboutErrors, "an error that names its operation", Describe(error));
  const bool refusal = error.code() == Errc::kNoSpace || error.code() == Errc::kNoMemory;
  if (refusal && plan_.make_room && !plan_.full && ++refusals_ == kRefusalsBeforeRoom) Relieve();
  return {.error = error.code()};
}

// The same, where only these errors are the program's own.
void SessionRunner::Unless(const Error& error, std::initializer_list<Errc> own, const char* what) {
  const Outcome outcome = Failed(error, what);
  if (std::ranges::find(own, *outcome.error) != own.end() || IsEnvironment(*outcome.error) || FaultFired())
    return;
  Fail(Promise::kHonestAboutErrors, "no error", std::string(what) + ": " + Describe(error));
}

size_t SessionRunner::Record(const Step& step) {
  Transaction& record = session_.history.transactions.emplace_back();
  record.serial = step.serial;
  record.kind = step.kind;
  record.durability = step.durability;
  record.through_checkpoint = step.through_checkpoint;
  if (step.kind != StepKind::kTransaction) record.names = step.families;
  return session_.history.transactions.size() - 1;
}

bool SessionRunner::Open() {
  Options options = InlineOptions(plan_.setup);
  if (plan_.program.background) options.executor = MakeScheduledExecutor();
  options.create_if_missing = plan_.create;
  // A director is told of I/O by the engine.
  auto storage = plan_.director != nullptr ? disk_->NewProcess() : MakeScheduledStorage(disk_->NewProcess());
  auto opened = Database::Open(std::move(storage), kDatabase, options);
  if (opened) {
    database_ = std::move(*opened);
  } else {
    session_.open_error = opened.error();
  }
  return database_ != nullptr;
}

void SessionRunner::LetGo() {
  CheckWhatIsKept();
  held_.LetGo();
  for (auto& snapshot : snapshots_) snapshot.reset();
}

bool SessionRunner::Close() {
  LetGo();
  const Stamp called = Now();
  if (Status closed = database_->Close(); !closed) {
    static_cast<void>(Failed(closed.error(), "Close"));
    return false;
  }
  session_.history.settled.push_back({called, Now(), "close"});
  database_.reset();
  return true;
}

void SessionRunner::CutAndKill() {
  session_.trace = disk_->trace();
  const uint64_t effects = disk_->effects();
  disk_->Kill();
  LetGo();
  database_.reset();
  if (disk_->effects() != effects) {
    Fail(Promise::kDurable, "a crash without a destructor's help",
         std::to_string(disk_->effects() - effects) + " effects after the trace was cut");
  }
}

Session SessionRunner::Run() {
  session_.first_effect = disk_->effects();
  if (!Open()) {
    session_.trace = disk_->trace();
    session_.opened_effect = disk_->effects();
    if (plan_.full && !plan_.create && session_.open_error->code() == Errc::kNoSpace) {
      Fail(Promise::kHonestAboutErrors, "a database that was open once opens on a full disk",
           Describe(*session_.open_error));
    }
    return std::move(session_);
  }
  if (auto seen = Observe(*database_, Detail::kContents)) {
    session_.opened = std::move(*seen);
  } else {
    session_.open_error = seen.error();
  }
  session_.opened_stats = database_->Stats();
  session_.opened_effect = disk_->effects();
  for (size_t i = 0; i < plan_.program.rounds.size() && !session_.open_error; ++i) {
    RunRound(plan_.program.rounds[i], i);
    if (database_ == nullptr) break;
  }
  if (database_ != nullptr && plan_.full && !session_.open_error) EmptyFullDisk();
  if (database_ != nullptr && plan_.make_room) MakeRoom();
  if (database_ != nullptr) ReadOnAfterFault();
  if (database_ != nullptr) {
    session_.last_stats = database_->Stats();
    if (const auto beyond = LogBeyondBound(*disk_, plan_.setup)) session_.violations.push_back(*beyond);
    if (plan_.program.close && !session_.open_error) session_.closed = Close();
  }
  CutAndKill();
  return std::move(session_);
}

void SessionRunner::CheckDirty() {
  if (plan_.quiet) return;
  const Scheduler::Aside aside;
  const auto beyond = DirtyBeyondBound(database_->Stats(), plan_.setup, running_);
  if (beyond) session_.violations.push_back(*beyond);
}

// The disk is full and stays it: a checkpoint, deletions and what they have made room for must not fail.
// Nobody else holds pages any more.
void SessionRunner::EmptyFullDisk() {
  if (!FaultFired()) return;
  LetGo();
  session_.room_was_made = true;
  DoCheckpoint();
  HeldTables held;
  for (const ObservedFamily& family : session_.opened.families) {
    for (const ObservedTable& table : family.tables) held.emplace(family.name, table.name);
  }
  const Step deletion = DeletionOfAll(plan_.program, std::move(held), kProbeSerial + 3);
  if (!deletion.ops.empty()) DoTransaction(deletion);
  // What they freed is still the durable checkpoint's: whoever needs it has to see to the next one.
  if (!deletion.ops.empty() && HasRoomForOnePut(database_->Stats()))
    PutIntoNewFamily("on-full-disk", kProbeSerial + 4, 1, 40);
  DoCheckpoint();
}

// The disk has room again: from here on nothing may fail.
void SessionRunner::MakeRoom() {
  if (!FaultFired()) return;
  Relieve();
  session_.room_was_made = true;
  PutIntoNewFamily("after-room", kProbeSerial, 8, 400);
  DoCheckpoint();
}

void SessionRunner::PutIntoNewFamily(const std::string& family, Serial serial, uint32_t count, size_t bytes) {
  DoFamilyOperation({.kind = StepKind::kCreateFamily, .serial = serial, .families = {family}});
  Step puts{.serial = serial + 1, .families = {family}};
  for (uint32_t i = 0; i < count; ++i) {
    puts.ops.push_back({.table = "t", .key = LedgerKey(i), .value = MakeValue(puts.serial, i, bytes)});
  }
  DoTransaction(puts);
}

void SessionRunner::RunRound(const Round& round, size_t index) {
  if (plan_.before_round) plan_.before_round(index);
  const Scheduler::Habits habits{plan_.program.switch_percent, plan_.program.hold_percent};
  Scheduler scheduler(Mix(plan_.seed, index), habits, on_deadlock_, plan_.director, plan_.locks);
  std::vector<std::function<void()>> bodies;
  for (const std::vector<Step>& steps : round.actors) {
    bodies.push_back([this, &steps, &scheduler] {
      for (size_t i = 0; i < steps.size(); ++i) {
        scheduler.BeginStep(i);
        RunStep(steps[i]);
      }
    });
  }
  scheduler.Run(std::move(bodies));
  session_.switches += scheduler.switches();
  if (!round.reopen) return;
  if (!Close()) return database_.reset();
  if (!Open()) {
    if (session_.open_error) static_cast<void>(Failed(*session_.open_error, "Open after a clean close"));
    return;
  }
  if (const uint64_t replayed = database_->Stats().recovered_commits; replayed != 0) {
    Fail(Promise::kRestartable, "nothing to replay after a clean close",
         std::to_string(replayed) + " commits");
  }
  ReadAll();
}

void SessionRunner::RunStep(const Step& step) {
  CheckWhatIsKept();
  switch (step.kind) {
    case StepKind::kTransaction: DoTransaction(step); break;
    case StepKind::kCreateFamily:
    case StepKind::kDropFamily:
    case StepKind::kRenameFamily: DoFamilyOperation(step); break;
    case StepKind::kCheckpoint: DoCheckpoint(); break;
    case StepKind::kVerify: DoVerify(); break;
    case StepKind::kReadAll: ReadAll(); break;
    case StepKind::kOpenSnapshot: OpenSnapshot(step.slot); break;
    case StepKind::kReadSnapshot:
      if (auto& snapshot = snapshots_[step.slot]) {
        RestIn(*snapshot);
        ReadSnapshot(*snapshot);
      }
      break;
    case StepKind::kCloseSnapshot: snapshots_[step.slot].reset(); break;
  }
  CheckDirty();
}

// ---- Family operations ------------------------------------------------------------------------------------

void SessionRunner::DoFamilyOperation(const Step& step) {
  const size_t record = Record(step);
  At(record).began = At(record).called = Now();
  Status status;
  if (step.kind == StepKind::kCreateFamily) {
    const auto created = database_->CreateColumnFamily(step.families[0]);
    if (created) {
      At(record).families = {created->id()};
    } else {
      status = std::unexpected<Error>(created.error());
    }
  } else if (step.kind == StepKind::kDropFamily) {
    status = database_->DropColumnFamily(step.families[0]);
  } else {
    status = database_->RenameColumnFamily(step.families[0], step.families[1]);
  }
  Transaction& done = At(record);
  done.ended = Now();
  done.end = End::kAcked;
  done.changed = done.logged = true;
  if (status) return;
  done.outcome = Failed(status.error(), "family operation");
  done.end = status.error().code() == Errc::kUnknownOutcome ? End::kUnknown : End::kRefused;
  if (done.end == End::kUnknown) done.outcome = {};
}

// ---- Transactions -----------------------------------------------------------------------------------------

std::vector<std::optional<ColumnFamily>> SessionRunner::Begin(const Step& step,
                                                              std::optional<WriteTransaction>& transaction,
                                                              size_t record) {
  std::vector<std::optional<ColumnFamily>> families;
  std::vector<ColumnFamily> held;
  for (const std::string& name : step.families) {
    const auto family = database_->OpenColumnFamily(name);
    families.push_back(family ? std::optional(*family) : std::nullopt);
    if (family) held.push_back(*family);
  }
  if (step.all_families && held.size() < families.size()) return families;
  const bool later = step.add_later && held.size() > 1;
  std::optional<ColumnFamily> last;
  if (later) last = held.back(), held.pop_back();
  if (held.empty()) return families;
  auto begun = database_->BeginWrite(held);
  if (!begun) {
    Unless(begun.error(), {Errc::kNoSuchColumnFamily}, "BeginWrite");
    return families;
  }
  transaction.emplace(std::move(*begun));
  At(record).began = Now();
  for (const ColumnFamily family : held) At(record).Hold(family.id(), At(record).began.event);
  if (!last) return families;
  const Status added = transaction->AddColumnFamily(*last);
  if (added) {
    At(record).Hold(last->id(), Now().event);
  } else {
    Unless(added.error(), {Errc::kBusy, Errc::kNoSuchColumnFamily}, "AddColumnFamily");
    std::ranges::replace(families, std::optional(*last), std::optional<ColumnFamily>());
  }
  return families;
}

void SessionRunner::DoTransaction(const Step& step) {
  const size_t record = Record(step);
  std::optional<WriteTransaction> transaction;
  const auto families = Begin(step, transaction, record);
  if (!transaction) {
    // It never began: nothing was asked of any state.
    At(record).end = End::kRefused;
    At(record).began = At(record).called = At(record).ended = Now();
    return;
  }
  const Running running(running_);
  DoOperations(step, families, *transaction, record);
  if (step.commit) {
    Commit(step, *transaction, record);
    return;
  }
  At(record).called = Now();
  transaction->Abort();
  At(record).end = End::kAborted;
  At(record).ended = Now();
}

void SessionRunner::DoOperations(const Step& step, const std::vector<std::optional<ColumnFamily>>& families,
                                 WriteTransaction& transaction, size_t record) {
  Savepoints savepoints(transaction);
  for (const Op& op : step.ops) {
    const auto& family = families[op.family];
    if (!family) continue;
    if (IsAboutSavepoints(op.kind)) {
      bool changed = At(record).changed;  // a copy: others may add records meanwhile
      const auto done = savepoints.Do(op, changed);
      if (!done) continue;
      At(record).changed = changed;
      const Outcome outcome = *done ? Outcome{} : Failed(done->error(), "savepoint");
      At(record).operations.push_back({op, family->id(), outcome});
      continue;
    }
    if (Scheduler* const scheduler = Scheduler::Current()) scheduler->Yield(scheduler->switch_percent() / 4);
    Performed done{op, family->id(), DoOperation(op, *family, transaction)};
    const bool writes = op.kind != OpKind::kGet && op.kind != OpKind::kLength && op.kind != OpKind::kScan;
    const bool counts = op.kind == OpKind::kDelete || op.kind == OpKind::kDeleteRange;
    if (writes && !done.outcome.error && (!counts || done.outcome.value > 0)) At(record).changed = true;
    At(record).operations.push_back(std::move(done));
    if (writes) CheckDirty();
  }
}

Outcome SessionRunner::DoOperation(const Op& op, ColumnFamily family, WriteTransaction& transaction) {
  const auto outcome = [&](const Status& status, const char* what) {
    return status ? Outcome{} : Failed(status.error(), what);
  };
  if (op.kind == OpKind::kDropTable) return outcome(transaction.DropTable(family, op.table), "DropTable");
  if (op.kind == OpKind::kRenameTable) {
    return outcome(transaction.RenameTable(family, op.table, op.key), "RenameTable");
  }
  auto table = op.kind == OpKind::kCreateTable ? transaction.CreateTable(family, op.table)
               : op.kind == OpKind::kPut       ? transaction.OpenOrCreateTable(family, op.table)
                                               : transaction.OpenTable(family, op.table);
  if (!table) return Failed(table.error(), "OpenTable");
  if (op.kind == OpKind::kCreateTable) return {};
  return DoOnTable(op, *table);
}

Outcome SessionRunner::DoOnTable(const Op& op, WriteTable& table) {
  switch (op.kind) {
    case OpKind::kPut: {
      const Status put = table.Put(AsBytes(op.key), AsBytes(op.value));
      return put ? Outcome{} : Failed(put.error(), "Put");
    }
    case OpKind::kDelete: {
      const auto there = table.Delete(AsBytes(op.key));
      return there ? Outcome{.value = *there ? 1u : 0u} : Failed(there.error(), "Delete");
    }
    case OpKind::kDeleteRange: {
      Range range;
      if (op.has_key) range.lower = AsBytes(op.key);
      if (op.has_upper) range.upper = AsBytes(op.upper);
      const auto gone = table.DeleteRange(range);
      return gone ? Outcome{.value = *gone} : Failed(gone.error(), "DeleteRange");
    }
    case OpKind::kGet: {
      auto found = table.Get(AsBytes(op.key));
      if (!found) return Failed(found.error(), "Get");
      if (!*found) return {};
      const uint64_t digest = Digest((*found)->bytes());
      if (plan_.setup.limits.resting) held_.Hold(std::move(**found));
      return {.value = FoundValue(digest)};
    }
    case OpKind::kLength: {
      const auto length = table.Length();
      return length ? Outcome{.value = *length} : Failed(length.error(), "Length");
    }
    case OpKind::kScan: {
      const auto sum = Scan(op, table);
      return sum ? Outcome{.value = *sum} : Failed(sum.error(), "scan");
    }
    default: return {};
  }
}

void SessionRunner::Commit(const Step& step, WriteTransaction& transaction, size_t record) {
  At(record).called = Now();
  At(record).end = End::kCalled;
  if (plan_.memory != nullptr) plan_.memory->EnterCommit();
  const auto number =
      transaction.Commit({.durability = step.durability, .through_checkpoint = step.through_checkpoint});
  if (plan_.memory != nullptr) plan_.memory->LeaveCommit();
  Transaction& done = At(record);
  done.ended = Now();
  if (number) {
    done.end = End::kAcked;
    done.number = *number;
    done.logged = !step.through_checkpoint && FitsTheLog(step, plan_.setup.options);
    return;
  }
  done.outcome = Failed(number.error(), "Commit");
  const Errc code = number.error().code();
  done.end = code == Errc::kUnknownOutcome ? End::kUnknown : End::kRefused;
  if (!IsEnvironment(code) && code != Errc::kTransactionEnded) {
    Fail(Promise::kHonestAboutErrors, "Commit succeeds or names a fault", Describe(number.error()));
  }
}

// ---- Everything else --------------------------------------------------------------------------------------

void SessionRunner::DoCheckpoint() {
  const Stamp called = Now();
  if (Status done = database_->Checkpoint(); !done) {
    static_cast<void>(Failed(done.error(), "Checkpoint"));
    return;
  }
  session_.history.settled.push_back({called, Now(), "checkpoint"});
}

void SessionRunner::DoVerify() {
  const auto report = database_->Verify();
  if (!report) {
    static_cast<void>(Failed(report.error(), "Verify"));
  } else if (!report->ok() && !FaultFired() && !plan_.damaged) {
    Fail(Promise::kWhole, "Verify finds nothing while the database runs", report->problems.front().what);
  }
}

void SessionRunner::OpenSnapshot(uint8_t slot) {
  const Stamp began = Now();
  auto transaction = database_->BeginRead();
  if (!transaction) {
    static_cast<void>(Failed(transaction.error(), "BeginRead"));
    return;
  }
  snapshots_[slot].emplace(Snapshot{std::move(*transaction), began, {}});
  ReadSnapshot(*snapshots_[slot]);
  RestIn(*snapshots_[slot]);
}

void SessionRunner::ReadFailed(const Error& error, const char* what) {
  static_cast<void>(Failed(error, what));
  // A value in an extent is nowhere in memory. Written since the last sync that succeeded, it was in the
  // system's cache and in the log; a sync that reverts the file takes the former away. What is acknowledged
  // stays (the next opening has it from the log), the error names the file, no wrong answer is given: all
  // that G7 and G8 can ask of a storage that forgets what it said it had. Pages are held to G8's letter: they
  // are in memory.
  const bool reverted = plan_.extents_revert && error.operation() == "page.read_extent";
  if (plan_.reads_go_on && !reverted && error.code() != Errc::kNoMemory) {
    Fail(Promise::kHonestAboutErrors, "reads go on after a sync that failed",
         std::string(what) + ": " + Describe(error));
  }
}

// A cursor that was left in the snapshot goes on from where it rests, before anything else is read; where
// there is none, one is left.
void SessionRunner::RestIn(Snapshot& snapshot) {
  if (!plan_.setup.limits.resting) return;
  const auto wrong = RestingCursor::GoOnOrRest(snapshot.resting, snapshot.transaction,
                                               Random(Mix(plan_.seed, session_.history.events)));
  if (!wrong) {
    ReadFailed(wrong.error(), "a cursor that rests in a snapshot");
  } else if (*wrong) {
    Fail(Promise::kIsolated, "a cursor goes on in its snapshot, within its bounds",
         "snapshot at commit " + std::to_string(snapshot.transaction.commit_number()) + ": " + **wrong);
  }
}

void SessionRunner::CheckWhatIsKept() {
  if (const auto wrong = held_.Check()) {
    Fail(Promise::kIsolated, "a value that was read keeps its bytes", *wrong);
    held_.LetGo();
  }
}

// Whatever failed: what can still be read must be right; the oracle compares it.
void SessionRunner::ReadOnAfterFault() {
  if (!plan_.setup.limits.resting || !FaultFired()) return;
  for (auto& snapshot : snapshots_) {
    if (!snapshot) continue;
    RestIn(*snapshot);
    ReadSnapshot(*snapshot);
  }
  ReadAll();
}

void SessionRunner::ReadSnapshot(Snapshot& snapshot) {
  const Scheduler::Aside aside;
  // Held by reference while others run: nobody else uses this slot, the program gives each actor its own.
  const auto seen = Observe(snapshot.transaction, Detail::kSums);
  if (!seen) {
    ReadFailed(seen.error(), "reading a snapshot");
    return;
  }
  Reading reading{seen->number, seen->Sum(), seen->problems, snapshot.began, Now()};
  if (!snapshot.sum) {
    snapshot.sum = reading.sum;
  } else if (*snapshot.sum != reading.sum) {
    reading.problems.push_back("other contents than when it was read first");
  }
  session_.history.readings.push_back(std::move(reading));
}

void SessionRunner::ReadAll() {
  const Stamp began = Now();
  auto transaction = database_->BeginRead();
  if (!transaction) {
    ReadFailed(transaction.error(), "BeginRead");
    return;
  }
  Snapshot snapshot{std::move(*transaction), began, {}};
  ReadSnapshot(snapshot);
}

}  // namespace

Session RunSession(const std::shared_ptr<faultfs::Disk>& disk, const SessionPlan& plan,
                   const std::function<void()>& on_deadlock) {
  if (plan.memory == nullptr) return SessionRunner(disk, plan, on_deadlock).Run();
  base::SetAllocationGate([gate = plan.memory](size_t) { return gate->Allows(); });
  Session session = SessionRunner(disk, plan, on_deadlock).Run();
  base::SetAllocationGate({});
  return session;
}

}  // namespace manifolddb::crashsim
