#pragma once
// For tests of the judges: histories as an honest engine would have made them, and what it would show.

#include <string>
#include <utility>
#include <vector>

#include "crashsim/history.h"
#include "crashsim/model.h"
#include "crashsim/observation.h"
#include "crashsim/oracle.h"

namespace manifolddb::crashsim {

// What an honest engine would have answered, with one effect per event so that every moment has a stamp.
class HonestRun {
 public:
  HonestRun() { CreateFamily("f"), CreateFamily("g"); }

  FamilyUid CreateFamily(const std::string& name) {
    Transaction one{
        .serial = ++serial_, .kind = StepKind::kCreateFamily, .names = {name}, .families = {++uid_}};
    Finish(one, End::kAcked);
    return uid_;
  }
  Transaction Write(const std::vector<FamilyUid>& families, const std::string& key,
                    Durability durability = Durability::kImmediate, End end = End::kAcked) {
    Transaction one{.serial = ++serial_, .durability = durability};
    for (const FamilyUid family : families) one.Hold(family, history.events + 1);
    uint32_t index = 0;
    for (const FamilyUid family : families) {
      Op op{.kind = OpKind::kPut, .table = "t", .key = key, .value = MakeValue(serial_, index++, 20)};
      one.operations.push_back({op, family, {}});
    }
    return Finish(one, end);
  }
  Transaction Finish(Transaction one, End end) {
    one.began = Now();
    one.called = Now();
    one.end = end;
    one.ended = Now();
    one.changed = true;
    if (end == End::kAcked) one.number = ++number_;
    Model before = state;
    ModelSavepoints savepoints;
    for (Performed& done : one.operations) {
      done.outcome = IsAboutSavepoints(done.op.kind) ? savepoints.Apply(state, done.op)
                                                     : state.Apply(done.family, done.op, one.serial);
    }
    if (one.kind != StepKind::kTransaction) static_cast<void>(ApplyTo(state, one));
    if (end != End::kAcked) state = before;
    history.transactions.push_back(one);
    if (end == End::kAcked) states.push_back(state);
    return one;
  }
  Stamp Now() {
    ++history.events;
    return {history.events, history.events};
  }
  void Read(uint64_t number) {
    const Stamp began = Now();
    history.readings.push_back({number, states[number].Sum(), {}, began, Now()});
  }

  History history;
  Model state;
  std::vector<Model> states = {Model()};

 private:
  Serial serial_ = 0;
  FamilyUid uid_ = 0;
  uint64_t number_ = 0;
};

inline Observation Showing(const Model& state, uint64_t number) {
  Observation seen{.number = number, .families = {}, .problems = {}};
  for (const auto& [uid, family] : state.families()) {
    ObservedFamily& shown = seen.families.emplace_back(ObservedFamily{.name = family.name, .uid = uid});
    for (const auto& [name, table] : family.tables) {
      ObservedTable one{.name = name, .length = table.entries.size(), .entries = table.entries.size()};
      one.sum = table.sum;
      for (const auto& [key, value] : table.entries) {
        one.contents.push_back({key, value.digest, value.bytes, {value.serial, 0}});
      }
      shown.tables.push_back(std::move(one));
    }
  }
  return seen;
}

}  // namespace manifolddb::crashsim
