// Test support for the log.

#include "engine/wal/log_fixture.h"

#include <cstring>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/try.h"
#include "engine/wal/log_file.h"

namespace manifolddb::wal {
namespace {

Status Failed(const std::string& line) { return Fail(Errc::kIo, "test.fails", {.message = line}); }

class TracedFile final : public File {
 public:
  TracedFile(std::unique_ptr<File> under, std::string name, Trace& trace)
      : File(std::move(name)), under_(std::move(under)), trace_(trace) {}

 private:
  Status Note(const std::string& what) {
    const std::string line = what + " " + name();
    trace_.lines.push_back(line);
    if (trace_.fails && trace_.fails(line)) return Failed(line);
    return {};
  }
  static std::string Range(uint64_t offset, uint64_t bytes) {
    return " @" + std::to_string(offset) + "+" + std::to_string(bytes);
  }

  Status DoRead(uint64_t offset, MutableByteView out) override {
    if (trace_.fails && trace_.fails("read " + name())) return Failed("read " + name());
    return under_->Read(offset, out);
  }
  Status DoWrite(uint64_t offset, std::span<const ByteView> parts) override {
    uint64_t bytes = 0;
    for (const ByteView part : parts) bytes += part.size();
    MANIFOLDDB_TRY(Note("write" + Range(offset, bytes)));
    return under_->Write(offset, parts);
  }
  Status DoWriteDurable(uint64_t offset, std::span<const ByteView> parts) override {
    MANIFOLDDB_TRY(Note("write durable"));
    return under_->WriteDurable(offset, parts);
  }
  Status DoStartWriteBack(uint64_t offset, uint64_t bytes) override {
    return Note("start" + Range(offset, bytes));
  }
  Status DoSync() override {
    MANIFOLDDB_TRY(Note("sync"));
    return under_->Sync();
  }
  Result<uint64_t> DoSize() override { return under_->Size(); }
  Status DoAllocate(uint64_t size) override {
    MANIFOLDDB_TRY(Note("allocate " + std::to_string(size)));
    return under_->Allocate(size);
  }
  Status DoLock(LockMode mode) override { return under_->Lock(mode); }

  std::unique_ptr<File> under_;
  Trace& trace_;
};

class TracedStorage final : public Storage {
 public:
  TracedStorage(std::shared_ptr<Storage> under, Trace& trace) : under_(std::move(under)), trace_(trace) {}

  Result<std::unique_ptr<File>> Open(const std::string& name, OpenMode mode) override {
    if (mode == OpenMode::kCreate) MANIFOLDDB_TRY(Note("create " + name));
    MANIFOLDDB_ASSIGN(auto file, under_->Open(name, mode));
    return std::unique_ptr<File>(std::make_unique<TracedFile>(std::move(file), name, trace_));
  }
  Result<bool> Exists(const std::string& name) override { return under_->Exists(name); }
  Status Rename(const std::string& from, const std::string& to) override {
    MANIFOLDDB_TRY(Note("rename " + from + " " + to));
    return under_->Rename(from, to);
  }
  Status Remove(const std::string& name) override {
    MANIFOLDDB_TRY(Note("remove " + name));
    return under_->Remove(name);
  }
  Status SyncDirectory() override {
    MANIFOLDDB_TRY(Note("sync directory"));
    return under_->SyncDirectory();
  }
  std::array<std::byte, 16> NewIdentity() override { return under_->NewIdentity(); }

 private:
  Status Note(const std::string& line) {
    trace_.lines.push_back(line);
    if (trace_.fails && trace_.fails(line)) return Failed(line);
    return {};
  }

  std::shared_ptr<Storage> under_;
  Trace& trace_;
};

constexpr char kName[] = "test-wal";

}  // namespace

uint64_t Random::Next() {
  uint64_t z = (state_ += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

std::shared_ptr<Storage> MakeTracedStorage(std::shared_ptr<Storage> under, Trace& trace) {
  return std::make_shared<TracedStorage>(std::move(under), trace);
}

format::Identity TestIdentity(int number) {
  format::Identity identity = {};
  identity[0] = static_cast<std::byte>(number);
  identity[15] = std::byte{0x77};
  return identity;
}

base::ByteBuffer MakeRedo(std::string_view operations) {
  base::ByteBuffer redo;
  const Status room = redo.Reserve(kRedoGap + operations.size());
  MANIFOLDDB_ASSERT(room.has_value());
  for (size_t i = 0; i < kRedoGap; ++i) redo.AppendReserved(uint8_t{0xee});
  redo.AppendReserved(AsBytes(operations));
  return redo;
}

std::string OperationsOf(uint64_t txn, size_t bytes) {
  std::string text = "transaction " + std::to_string(txn) + " ";
  while (text.size() < bytes) text += static_cast<char>('a' + text.size() * txn % 26);
  text.resize(bytes);
  return text;
}

TestLog::TestLog(const Config& config, std::shared_ptr<Storage> storage)
    : storage_(std::move(storage)),
      ring_{.capacity = config.units * config.write_unit,
            .origin = format::Lsn{config.origin},
            .write_unit = config.write_unit} {
  const format::LogHeader header = {.write_unit = config.write_unit, .identity = TestIdentity()};
  const Status created = CreateLog(*storage_, kName, header, ring_.capacity);
  MANIFOLDDB_ASSERT(created.has_value());
  auto opened = OpenLog(*storage_, kName, OpenMode::kReadWrite, header, ring_.capacity);
  MANIFOLDDB_ASSERT(opened.has_value());
  file_ = std::move(*opened);
  scan_ = {.ring = ring_,
           .identity = TestIdentity(),
           .life = format::Life{life_},
           .start = {.lsn = ring_.origin, .chain = 0x1234},
           .first_txn = format::TxnId{next_txn_},
           .meta = format::MetaNumber{5}};
  StartWriter();
}

void TestLog::StartWriter() {
  poison_ = std::make_unique<base::Poison>();
  writer_ = std::make_unique<LogWriter>(*file_, *poison_,
                                        LogWriter::Config{.ring = ring_,
                                                          .identity = TestIdentity(),
                                                          .life = format::Life{life_},
                                                          .end = scan_.start,
                                                          .durable_meta = scan_.meta});
}

format::Lsn TestLog::Append(const std::vector<size_t>& operation_bytes) {
  std::vector<base::ByteBuffer> redos;
  std::vector<base::ByteBuffer*> pointers;
  const format::TxnId first{next_txn_};
  for (const size_t bytes : operation_bytes) {
    appended_[next_txn_] = OperationsOf(next_txn_, bytes);
    redos.push_back(MakeRedo(appended_[next_txn_]));
    ++next_txn_;
  }
  uint64_t record_bytes = 0;
  for (base::ByteBuffer& redo : redos) {
    pointers.push_back(&redo);
    record_bytes += redo.size() - sizeof(format::LogGroupDisk);
  }
  const uint64_t span = format::LogGroupSpan(record_bytes, ring_.write_unit);
  const auto end = writer_->Append(pointers, first);
  MANIFOLDDB_ASSERT(end.has_value());
  return format::Lsn{end->lsn.raw() - span};
}

void TestLog::Sync() {
  const Status synced = writer_->Sync();
  MANIFOLDDB_ASSERT(synced.has_value());
}

void TestLog::Checkpoint() {
  scan_.start = writer_->end();
  scan_.first_txn = format::TxnId{next_txn_};
  scan_.meta = scan_.meta.next();
  writer_->SetDurableMeta(scan_.meta);
}

void TestLog::NextLife() {
  Checkpoint();
  scan_.life = format::Life{++life_};
  StartWriter();
}

TestLog::Read TestLog::ReadBack() {
  std::map<uint64_t, std::string> operations;
  auto result = ReadLog(*file_, scan_, [&](format::TxnId txn, ByteView bytes) -> Status {
    MANIFOLDDB_ASSERT(!operations.contains(txn.raw()));
    operations[txn.raw()] = AsText(bytes);
    return {};
  });
  return {.result = std::move(result), .operations = std::move(operations)};
}

std::map<uint64_t, std::string> TestLog::Expected(uint64_t next_txn) const {
  return {appended_.lower_bound(scan_.first_txn.raw()), appended_.lower_bound(next_txn)};
}

std::vector<std::byte> TestLog::RingBytes(uint64_t offset, uint64_t bytes) {
  auto buffer = base::Buffer::Make(bytes, "test");
  MANIFOLDDB_ASSERT(buffer.has_value());
  const Status read = file_->Read(format::LogRingOffset(ring_.write_unit) + offset, buffer->span());
  MANIFOLDDB_ASSERT(read.has_value());
  return {buffer->data(), buffer->data() + bytes};
}

void TestLog::SetRingBytes(uint64_t offset, ByteView bytes) {
  auto buffer = base::Buffer::Make(bytes.size(), "test");
  MANIFOLDDB_ASSERT(buffer.has_value());
  std::memcpy(buffer->data(), bytes.data(), bytes.size());
  const Status written = file_->Write(format::LogRingOffset(ring_.write_unit) + offset, buffer->view());
  MANIFOLDDB_ASSERT(written.has_value());
}

void TestLog::Flip(uint64_t ring_offset, uint8_t change) {
  std::vector<std::byte> byte = RingBytes(ring_offset, 1);
  byte[0] ^= static_cast<std::byte>(change);
  SetRingBytes(ring_offset, byte);
}

format::LogGroup TestLog::NextHeader() const {
  return {.identity = TestIdentity(),
          .life = scan_.life,
          .lsn = writer_->end().lsn,
          .first_txn = format::TxnId{next_txn_},
          .chain = writer_->end().chain,
          .durable_lsn = scan_.start.lsn,
          .durable_meta = scan_.meta};
}

uint64_t TestLog::PutGroup(format::LogGroup header, const std::vector<std::string>& records) {
  header.records = static_cast<uint32_t>(records.size());
  header.bytes = 0;
  for (const std::string& record : records) header.bytes += sizeof(format::LogRecordDisk) + record.size();
  std::vector<std::byte> group(format::LogGroupSpan(header.bytes, ring_.write_unit));
  std::byte* to = group.data() + sizeof(format::LogGroupDisk);
  for (const std::string& record : records) {
    const format::LogRecordDisk disk = format::EncodeLogRecord(record.size());
    std::memcpy(to, &disk, sizeof disk);
    std::memcpy(to + sizeof disk, record.data(), record.size());
    to += sizeof disk + record.size();
  }
  const uint64_t checksum = format::SealLogGroup(header, group);
  SetRingBytes(ring_.OffsetOf(header.lsn), group);
  return checksum;
}

}  // namespace manifolddb::wal
