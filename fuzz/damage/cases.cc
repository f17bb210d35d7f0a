#include "fuzz/damage/cases.h"

#include <utility>

namespace manifolddb::fuzz {
namespace {

void PutMany(Session& session, const std::string& table, int from, int count, size_t bytes) {
  for (int i = from; i < from + count; ++i) session.Put("f0", table, "m" + std::to_string(1000 + i), bytes);
  session.Commit({});
}

DamageCase Make(const char* name, const char* what, bool clean) {
  DamageCase made;
  made.name = name;
  made.what = what;
  made.clean = clean;
  made.session = std::make_unique<Session>(1);
  return made;
}

DamageCase Fresh() {
  DamageCase made = Make("fresh", "created and closed, nothing in it", true);
  made.session->Open();
  made.session->Close();
  return made;
}

DamageCase InTheLog() {
  DamageCase made = Make("log", "five commits in the log, abandoned", false);
  Session& session = *made.session;
  session.CreateFamily("f0");
  session.Close();
  for (int i = 0; i < 5; ++i) PutMany(session, "t0", i * 3, 3, 60);
  session.Abandon();
  return made;
}

DamageCase AfterACheckpoint() {
  DamageCase made = Make("checkpoint", "a checkpoint amid a life, two commits behind it, abandoned", false);
  Session& session = *made.session;
  session.CreateFamily("f0");
  session.CreateFamily("f1");
  PutMany(session, "t0", 0, 20, 60);
  session.Close();
  PutMany(session, "t0", 5, 10, 30);
  session.Checkpoint();
  PutMany(session, "t0", 30, 3, 60);
  session.DropFamily("f1");
  session.Abandon();
  return made;
}

DamageCase NotSynced() {
  DamageCase made = Make("unsynced", "commits of which the last ones were not to last, abandoned", false);
  Session& session = *made.session;
  session.CreateFamily("f0");
  session.Close();
  PutMany(session, "t0", 0, 3, 60);
  for (int i = 0; i < 3; ++i) {
    session.Put("f0", "t0", "n" + std::to_string(i), 60);
    session.Commit({.durability = Durability::kNone});
  }
  session.Abandon();
  return made;
}

DamageCase Closed() {
  DamageCase made = Make("closed", "two lives, closed in order", true);
  Session& session = *made.session;
  session.CreateFamily("f0");
  PutMany(session, "t0", 0, 20, 60);
  session.Close();
  PutMany(session, "t1", 0, 12, 30);
  session.DropTable("f0", "t0");
  session.Put("f0", "t2", "k", 300);
  session.Commit({});
  session.Close();
  return made;
}

// Three levels, values in extents, keys that share a prefix.
void Grow(Session& session) {
  session.CreateFamily("f0");
  PutMany(session, "t0", 0, 60, 60);
  PutMany(session, "t0", 60, 60, 60);
  session.Put("f0", "t1", std::string(110, 'p') + "1", 700);
  session.Put("f0", "t1", std::string(110, 'p') + "2", 10);
  session.Put("f0", "t1", "", 300);
  session.Commit({});
  session.Close();
  PutMany(session, "t0", 40, 10, 100);
}

DamageCase Tall() {
  DamageCase made = Make("tall", "a tree of three levels and extents, closed in order", true);
  Grow(*made.session);
  made.session->Close();
  return made;
}

DamageCase TallAbandoned() {
  DamageCase made = Make("tall-abandoned", "the same, recovered once, changed and abandoned again", false);
  Session& session = *made.session;
  Grow(session);
  session.Abandon();
  PutMany(session, "t0", 0, 3, 60);
  session.Put("f0", "t1", "large", 600);
  session.Commit({});
  session.DeleteRange("f0", "t0", "m1020", "m1030");
  session.Commit({});
  session.Abandon();
  return made;
}

DamageCase Large() {
  DamageCase made = Make("large", "some thousand entries, abandoned; by sampling", false);
  Session& session = *made.session;
  session.CreateFamily("f0");
  for (int i = 0; i < 40; ++i)
    PutMany(session, "t" + std::to_string(i % 3), i * 60, 60, i % 7 == 6 ? 300 : 50);
  session.Close();
  for (int i = 0; i < 3; ++i) PutMany(session, "t0", i * 20, 3, 60);
  session.Abandon();
  made.stride = 101;
  return made;
}

}  // namespace

std::vector<DamageCase> MakeDamageCases() {
  std::vector<DamageCase> cases;
  for (auto* const make :
       {Fresh, InTheLog, AfterACheckpoint, NotSynced, Closed, Tall, TallAbandoned, Large}) {
    cases.push_back(make());
  }
  return cases;
}

}  // namespace manifolddb::fuzz
