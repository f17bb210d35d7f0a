#include "bench/workloads/sessions.h"

#include "bench/measure/meter.h"

namespace manifolddb::bench {
namespace {

void Touch(Session& session, int family) {
  for (const Reads reads : {Reads::kOne, Reads::kMany}) {
    session.BeginRead(reads);
    static_cast<void>(session.Get(family, 0));  // there or not
    session.EndRead();
  }
}

void ReadAll(Session& session, uint64_t entries) {
  Scan scan;
  session.BeginRead(Reads::kMany);
  session.Run(0, scan);
  session.EndRead();
  Require(scan.entries() == entries, "warming", "entries are missing");
}

}  // namespace

Sessions OpenSessions(Engine& engine, int count, int families) {
  Sessions sessions;
  for (int i = 0; i < count; ++i) {
    sessions.push_back(engine.NewSession());
    Touch(*sessions.back(), i % families);
  }
  return sessions;
}

void SharedSessions::Reserve(Engine& engine, int count, uint64_t entries) {
  const size_t before = sessions_.size();
  const size_t wanted = static_cast<size_t>(count);
  if (wanted <= before) return;
  for (auto& session : OpenSessions(engine, count - static_cast<int>(before)))
    sessions_.push_back(std::move(session));
  Together(static_cast<int>(wanted - before),
           [&](int i) { ReadAll(*sessions_[before + static_cast<size_t>(i)], entries); });
}

}  // namespace manifolddb::bench
