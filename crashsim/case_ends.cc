#include "crashsim/case_ends.h"

#include <utility>

#include "crashsim/json.h"

namespace manifolddb::crashsim {
namespace {

Json JsonOf(const Life& life) {
  Json one = {{"steps", life.steps.size()}, {"closes", life.closes},       {"power", life.power},
              {"effects", life.effects},    {"no_memory", life.no_memory}, {"lost", Json::array()},
              {"faults", Json::array()},    {"harm", Json::array()},       {"restarts", life.restarts}};
  for (const Loss& loss : life.lost) {
    one["lost"].push_back({static_cast<int>(loss.kind), loss.effect, loss.file, loss.sector, loss.torn});
  }
  for (const faultfs::Fault& fault : life.faults) one["faults"].push_back(fault.ToString());
  for (const Harm& harm : life.harm) {
    one["harm"].push_back(
        {static_cast<int>(harm.how), harm.file, harm.offset, harm.bytes, harm.to, harm.effects, harm.bit});
  }
  return one;
}

bool SetEnd(const Json& json, Life& life) {
  const size_t steps = json.at("steps");
  if (steps > life.steps.size()) return false;
  life.steps.resize(steps);
  life.closes = json.at("closes");
  life.power = json.at("power");
  life.effects = json.at("effects");
  life.no_memory = json.at("no_memory");
  life.restarts = json.at("restarts");
  life.lost.clear();
  life.faults.clear();
  life.harm.clear();
  for (const Json& loss : json.at("lost")) {
    life.lost.push_back(
        {static_cast<faultfs::Atom::Kind>(loss[0].get<int>()), loss[1], loss[2], loss[3], loss[4]});
  }
  for (const Json& text : json.at("faults")) {
    const auto fault = faultfs::Fault::Parse(text.get<std::string>());
    if (!fault) return false;
    life.faults.push_back(*fault);
  }
  for (const Json& harm : json.at("harm")) {
    life.harm.push_back(
        {static_cast<Harm::How>(harm[0].get<int>()), harm[1], harm[2], harm[3], harm[4], harm[5], harm[6]});
  }
  return true;
}

}  // namespace

Json EndsOf(const Hit& hit) {
  const Violation& violation = hit.finding.violation;
  Json json = {{"rule", static_cast<int>(hit.finding.rule)},
               {"promise", static_cast<int>(violation.promise)},
               {"expected", violation.expected},
               {"found", violation.found},
               {"lives", Json::array()}};
  for (const Life& life : hit.what.lives) json["lives"].push_back(JsonOf(life));
  return json;
}

std::optional<Hit> WithEnds(Case what, const Json& ends) {
  const Json& lives = ends.at("lives");
  what.lives.resize(lives.size());
  for (size_t i = 0; i < lives.size(); ++i) {
    if (!SetEnd(lives[i], what.lives[i])) return std::nullopt;
  }
  return Hit{std::move(what),
             {static_cast<Rule>(ends.at("rule").get<int>()),
              {static_cast<Promise>(ends.at("promise").get<int>()), ends.at("expected"), ends.at("found")}}};
}

}  // namespace manifolddb::crashsim
