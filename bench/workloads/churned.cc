#include "bench/workloads/churned.h"

#include <algorithm>

#include "bench/measure/meter.h"
#include "bench/workloads/writes.h"

namespace manifolddb::bench {

Churned::Churned(Run& run, uint32_t keys, size_t value_bytes)
    : run_(run), value_bytes_(value_bytes), engine_(run.Open({})), versions_(keys, kAbsent) {
  sessions_.Reserve(*engine_, 1, 0);
}

uint64_t Churned::LiveBytes() const {
  const auto absent = static_cast<size_t>(std::count(versions_.begin(), versions_.end(), kAbsent));
  return (versions_.size() - absent) * (value_bytes_ + Key::size());
}

void Churned::Commit(const std::string& row, const std::vector<uint32_t>& keys, const char* unit,
                     bool deletes) {
  std::vector<uint32_t> nanos;
  uint64_t conflicts = 0;
  Meter meter(run_.directory(), [&] { return engine_->CacheHits(); });
  meter.Start();
  Outcome outcome{.row = row, .unit = unit};
  outcome.seconds = Together(1, [&](int) {
    Session& session = sessions_[0];
    ValueMaker maker(value_bytes_);
    uint64_t before = NowNanos();
    for (size_t at = 0; at < keys.size(); at += kOperationsPerCommit) {
      conflicts += CommitBatch(session, 0, [&] {
        for (size_t i = at; i < std::min<size_t>(at + kOperationsPerCommit, keys.size()); ++i) {
          if (deletes) {
            session.Delete(keys[i]);
          } else {
            session.Put(keys[i], maker.Make(keys[i], versions_[keys[i]]));
          }
        }
      });
      const uint64_t after = NowNanos();
      nanos.push_back(ClampedNanos(after - before));
      before = after;
    }
  });
  meter.Stop();
  meter.AddTo(outcome, true);
  engine_->AddTo(outcome.counters);
  RequireSyncs(meter, nanos.size(), 1);
  const uint64_t bytes = keys.size() * ((deletes ? 0 : value_bytes_) + Key::size());
  outcome.value = static_cast<double>(keys.size()) / outcome.seconds;
  outcome.counters["commits"] = static_cast<double>(nanos.size());
  outcome.counters["operations_written"] = static_cast<double>(keys.size());
  outcome.counters["bytes_written"] = static_cast<double>(bytes);
  outcome.counters["conflicts"] = static_cast<double>(conflicts);
  outcome.latency = LatencyOf(nanos);
  meter.AddOpenTo(outcome, bytes, LiveBytes());
  outcome.params = {{"keys", static_cast<double>(versions_.size())},
                    {"value_bytes", static_cast<double>(value_bytes_)},
                    {"operations_per_commit", static_cast<double>(kOperationsPerCommit)}};
  run_.Report(std::move(outcome));
}

void Churned::Load(const std::string& row) {
  const auto count = static_cast<uint32_t>(versions_.size());
  const std::vector<uint32_t> order = Shuffled(count, ++drawn_);
  std::fill(versions_.begin(), versions_.end(), next_version_++);
  Commit(row, order, "puts/s", false);
}

void Churned::Update(const std::string& row, uint64_t count) {
  Random random(++drawn_);
  const uint32_t version = next_version_++;
  std::vector<uint32_t> keys;
  while (keys.size() < count) {
    const auto key = static_cast<uint32_t>(random.Below(versions_.size()));
    if (versions_[key] != kAbsent) keys.push_back(key);
  }
  for (const uint32_t key : keys) versions_[key] = version;
  Commit(row, keys, "updates/s", false);
}

void Churned::Delete(const std::string& row, uint64_t count) {
  std::vector<uint32_t> keys = Shuffled(static_cast<uint32_t>(versions_.size()), ++drawn_);
  std::erase_if(keys, [&](uint32_t key) { return versions_[key] == kAbsent; });
  Require(keys.size() >= count, "deletes", "more than there are entries");
  keys.resize(count);
  for (const uint32_t key : keys) versions_[key] = kAbsent;
  Commit(row, keys, "deletes/s", true);
}

void Churned::Restore(const std::string& row) {
  std::vector<uint32_t> keys = Shuffled(static_cast<uint32_t>(versions_.size()), ++drawn_);
  std::erase_if(keys, [&](uint32_t key) { return versions_[key] != kAbsent; });
  const uint32_t version = next_version_++;
  for (const uint32_t key : keys) versions_[key] = version;
  Commit(row, keys, "puts/s", false);
}

void Churned::Read(const std::string& row, double seconds) {
  uint64_t count = 0;
  Meter meter(run_.directory(), [&] { return engine_->CacheHits(); });
  meter.Start();
  Outcome outcome{.row = row, .unit = "gets/s"};
  outcome.seconds = Together(1, [&](int) {
    Session& session = sessions_[0];
    Random random(++drawn_);
    const uint64_t end = NowNanos() + static_cast<uint64_t>(seconds * 1e9);
    do {
      session.BeginRead(Reads::kMany);
      for (int i = 0; i < 1000; ++i) {
        const uint64_t key = random.Below(versions_.size());
        const auto value = session.Get(0, key);
        Require(value.has_value() == (versions_[key] != kAbsent), "get",
                "deleted and there, or put and gone");
        if (!value) continue;
        Require(HasTag(*value, key) && VersionOf(*value) == versions_[key], "get", "not the newest value");
      }
      session.EndRead();
      count += 1000;
    } while (NowNanos() < end);
  });
  meter.Stop();
  meter.AddTo(outcome, false);
  meter.AddOpenTo(outcome, 0, LiveBytes());
  engine_->AddTo(outcome.counters);
  outcome.value = static_cast<double>(count) / outcome.seconds;
  outcome.counters["operations_read"] = static_cast<double>(count);
  outcome.params = {{"keys", static_cast<double>(versions_.size())},
                    {"value_bytes", static_cast<double>(value_bytes_)}};
  run_.Report(std::move(outcome));
}

void Churned::CloseAndVerify() {
  sessions_.Close();
  engine_->Close();
  engine_ = run_.Open({});
  uint64_t found = 0;
  {
    const std::unique_ptr<Session> session = engine_->NewSession();
    const std::function<void(uint64_t, std::string_view)> compare = [&](uint64_t key,
                                                                        std::string_view value) {
      Require(key < versions_.size() && versions_[key] != kAbsent, "reading back",
              "an entry that was deleted");
      Require(IsWhole(value, key, value_bytes_) && VersionOf(value) == versions_[key], "reading back",
              "a value is not what was written last");
    };
    Scan scan;
    scan.each = &compare;
    session->BeginRead(Reads::kMany);
    session->Run(0, scan);
    session->EndRead();
    found = scan.entries();
  }
  const auto absent = static_cast<uint64_t>(std::count(versions_.begin(), versions_.end(), kAbsent));
  Require(found == versions_.size() - absent, "reading back", "entries are missing");
  engine_->Close();
  engine_.reset();
}

}  // namespace manifolddb::bench
