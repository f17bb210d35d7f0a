// (1) A sequence is ended only in its last operation, and behind it: before, it is the sequence without that
//     operation, which has its own turn. That the disk saw the same, to the byte, is checked each time.
// (2) Outside of recoveries the power is cut, and the process killed, after every single effect: what is owed
//     changes with every answer that the program gets, not only where the disk may lose something.
// (3) Two judges look at each state that is found, and must agree: the oracle by sums, the other by entries.
#include "crashsim/enumerator.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <utility>

#include "crashsim/json.h"
#include "crashsim/point_judge.h"
#include "engine/base/assert.h"

namespace manifolddb::crashsim {
namespace {

constexpr uint64_t kWrongShown = 5;  // of one sequence

// For the person who looks at one sequence: what the disk was asked, and where the power is cut.
void Narrate(const faultfs::Trace& trace, uint64_t first, const SequenceVerdict& verdict) {
  uint64_t effect = first;
  for (const SequenceVerdict::Point& point : verdict.points) {
    for (; effect < point.effects; ++effect) {
      for (const std::string& line : TraceLines(trace, effect, effect + 1)) {
        std::printf("  %5llu %s\n", static_cast<unsigned long long>(effect), line.c_str());
      }
    }
    std::printf("        ---- power cut: %s legal images, covered by %llu recoveries\n", point.images.c_str(),
                static_cast<unsigned long long>(point.recoveries));
  }
}

// All that happened to the database, from its creation on; what came before the session took no effects of
// its.
History Joined(const History& beginning, const History& session) {
  History all = session;
  std::vector<Transaction> transactions = beginning.transactions;
  for (Transaction& one : transactions) one.began = one.called = one.ended = {};
  transactions.insert(transactions.end(), session.transactions.begin(), session.transactions.end());
  all.transactions = std::move(transactions);
  return all;
}

}  // namespace

Json ToJson(const SequenceVerdict& verdict) {
  const CoverTally& tally = verdict.tally;
  Json points = Json::array();
  for (const auto& point : verdict.points) points.push_back({point.effects, point.images, point.recoveries});
  return {{"type", "sequence"},
          {"sequence", verdict.sequence},
          {"verdict", verdict.wrong == 0 ? "holds" : "violation"},
          {"effects", verdict.effects},
          {"points", points},
          {"images", tally.images.get_str()},
          {"kills", tally.kills},
          {"recoveries", tally.recoveries},
          {"cuts", tally.cuts},
          {"images_of_cuts", tally.images_of_cuts.get_str()},
          {"killed", tally.killed},
          {"known", tally.known},
          {"determined_max", tally.determined_max},
          {"broken_hits", verdict.broken_hits},
          {"wrong", verdict.wrong},
          {"violations", verdict.violations},
          {"cpu_nanos", verdict.cpu_nanos}};
}

SequenceVerdict FromJson(const Json& json) {
  SequenceVerdict verdict{.sequence = json.at("sequence"), .effects = json.at("effects")};
  for (const Json& point : json.at("points"))
    verdict.points.push_back({point.at(0), point.at(1), point.at(2)});
  CoverTally& tally = verdict.tally;
  tally.points = verdict.points.size();
  tally.images = mpz_class(json.at("images").get<std::string>());
  tally.kills = json.at("kills");
  tally.recoveries = json.at("recoveries");
  tally.cuts = json.at("cuts");
  tally.images_of_cuts = mpz_class(json.at("images_of_cuts").get<std::string>());
  tally.killed = json.at("killed");
  tally.known = json.at("known");
  tally.determined_max = json.at("determined_max");
  verdict.cpu_nanos = json.at("cpu_nanos");
  verdict.broken_hits = json.at("broken_hits");
  verdict.wrong = json.at("wrong");
  verdict.violations = json.at("violations").get<std::vector<std::string>>();
  return verdict;
}

Enumerator::Enumerator(const ExhaustiveOptions& options)
    : options_(options), setup_(SetupOfSequences(options.garbage, options.torn)), beginning_(setup_) {}

Session Enumerator::Run(const Sequence& sequence) const {
  const SessionPlan plan{.setup = setup_, .program = ProgramOf(sequence)};
  return RunSession(std::make_shared<faultfs::Disk>(beginning_.image, setup_.traits, 2), plan,
                    [] { MANIFOLDDB_ASSERT(false); });  // one actor
}

SequenceVerdict Enumerator::Creation() const {
  return EndEverywhere(kCreationSequence, beginning_.session, *beginning_.oracle, 0);
}

SequenceVerdict Enumerator::Try(const Sequence& sequence) const {
  Session session = Run(sequence);
  const Oracle oracle(beginning_.BaseFor(session), beginning_.number, session.history);
  uint64_t first = 0;
  if (!sequence.empty()) {  // (1)
    const Session shorter = Run(Sequence(sequence.begin(), std::prev(sequence.end())));
    first = shorter.trace->effects.size();
    MANIFOLDDB_ASSERT(session.trace->Hash(0, first) == shorter.trace->Hash(0, first));
  }
  session.history = Joined(beginning_.session.history, session.history);
  return EndEverywhere(NameOf(sequence), session, oracle, first);
}

// `session.history` goes back to the database's creation.
SequenceVerdict Enumerator::EndEverywhere(const std::string& name, const Session& session,
                                          const Oracle& oracle, uint64_t first) const {
  SequenceVerdict verdict{.sequence = name};
  const auto report = [&](const std::string& where, const Violations& violations) {
    for (const Violation& one : violations) {
      if (++verdict.wrong > kWrongShown) return;
      verdict.violations.push_back(where + " " + Describe(one));
    }
  };
  if (session.open_error) {
    report("the run:", {{Promise::kDurable, "the database opens", Describe(*session.open_error)}});
    return verdict;
  }
  report("the run:", session.violations);
  report("the run:", oracle.run_violations());
  const auto enough = [&] { return options_.stop_at_violation && verdict.wrong > 0; };
  const SecondJudge second({}, session.history);
  if (!second.explains() && oracle.run_violations().empty())
    report("the run:",
           {{Promise::kPrefix, "two judges that agree", "the second one cannot explain the run"}});
  const auto recover = [&](const std::shared_ptr<faultfs::Disk>& disk) {
    return Recover(disk, setup_, {}, {.keep_trace = true});
  };
  Cover cover(setup_.traits, options_.depth, recover, report);
  const uint64_t last = session.trace->effects.size();
  verdict.effects = last - first;
  faultfs::CrashPoint point(session.trace, first);
  for (uint64_t effects = first; effects <= last && !enough(); ++effects) {
    point.MoveTo(effects);
    const uint64_t recoveries = cover.Cut(point, PointJudge(setup_, oracle, &second, effects));
    verdict.points.push_back({effects, point.images().digits, recoveries});
  }
  for (uint64_t effects = first + 1; effects <= last && !enough(); ++effects) {
    cover.Kill(session.trace, effects, PointJudge(setup_, oracle, &second, effects));
  }
  verdict.tally = cover.tally();
  if (options_.sequence) Narrate(*session.trace, first, verdict);
  return verdict;
}

}  // namespace manifolddb::crashsim
