// A certificate is written only if the same case holds once the engine is whole again: what fails either way
// is the case's fault, or the judge's.
#include "crashsim/certify.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <utility>

#include "crashsim/certificate.h"
#include "crashsim/enumerator.h"
#include "crashsim/json.h"
#include "crashsim/lines/coordinates.h"
#include "crashsim/registry.h"
#include "crashsim/revision.h"
#include "crashsim/shrink.h"
#include "crashsim/worker.h"

namespace manifolddb::crashsim {
namespace {

Outcomes Fail(const std::string& what) {
  std::fprintf(stderr, "crashsim: shrink: %s\n", what.c_str());
  return Outcomes::kHarnessError;
}

std::optional<Promise> ParsePromise(const std::string& name) {
  for (int promise = 1; promise <= 10; ++promise) {
    if (name == Name(static_cast<Promise>(promise))) return static_cast<Promise>(promise);
  }
  return std::nullopt;
}

std::vector<std::string> SitesOf(const Coordinates& at) {
  std::vector<std::string> sites;
  for (std::string_view rest = at.broken; !rest.empty();) {
    const std::string_view one = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    sites.emplace_back(one);
  }
  return sites;
}

bool WriteFile(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  return file.good();
}

// False: it could not be written.
bool WriteFolder(const Json& certificate, const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const std::filesystem::path out(folder);
  return !error && WriteFile(out / "certificate.json", TextOf(certificate)) &&
         WriteFile(out / "timeline.svg", TimelineOf(certificate)) &&
         WriteFile(out / "test.cc", TestOf(certificate));
}

void Print(const Shrunk& shrunk) {
  const Violation& violation = shrunk.finding.violation;
  std::printf("shrunk: %llu operations of %llu, %llu lost, %s; %llu recoveries\n",
              static_cast<unsigned long long>(OperationsOf(shrunk.what)),
              static_cast<unsigned long long>(shrunk.operations_before),
              static_cast<unsigned long long>(LossesOf(shrunk.what)), Describe(shrunk.shape).c_str(),
              static_cast<unsigned long long>(shrunk.recoveries));
  std::printf("  %s (rule: %s)\n", Describe(violation).c_str(), Name(shrunk.finding.rule));
}

// A file of its own for what a campaign says, gone at the end.
class Scratch {
 public:
  Scratch()
      : path_((std::filesystem::temp_directory_path() / ("crashsim-shrink-" + std::to_string(::getpid())))
                  .string()) {}
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

}  // namespace

std::optional<Violated> FirstViolation(const std::string& json) {
  std::ifstream lines(json);
  for (std::string line; std::getline(lines, line);) {
    const Json record = Json::parse(line, nullptr, false);
    if (!record.is_object() || record.value("type", "") != "violation") continue;
    return Violated{record.value("repro", ""), ParsePromise(record.value("promise", ""))};
  }
  return std::nullopt;
}

namespace {

// What fails, and what is known of it.
struct Failure {
  Origin origin;
  std::optional<Promise> promise;
  std::vector<std::string> broken;
  std::string repro;
};

Outcomes CertifyFailure(const Failure& failure, const CertifyOptions& options) {
  if (!BreakSites(failure.broken)) return Outcomes::kHarnessError;
  Shrinker shrinker(failure.origin, failure.promise, !failure.broken.empty(), options.recoveries_max);
  const auto shrunk = shrinker.Run();
  if (!shrunk) {
    std::printf(
        "shrunk: to nothing: not met with programs of one thread, power cuts, kills, calls that fail and "
        "damage, and threads only where it was a race (%llu recoveries)\n",
        static_cast<unsigned long long>(shrinker.recoveries()));
    return Outcomes::kVacuous;
  }
  const Json certificate = CertificateOf(*shrunk, {GitRevision(), failure.repro, failure.broken});
  if (!BreakSites({})) return Outcomes::kHarnessError;
  if (!failure.broken.empty()) {
    if (const Replay sound = ReplayCase(shrunk->what); sound.finding) {
      return Fail("the sound engine is accused as well: " + Describe(sound.finding->violation));
    }
  }
  Print(*shrunk);
  if (options.out.empty()) return Outcomes::kViolation;
  if (!WriteFolder(certificate, options.out)) return Fail("cannot write into " + options.out);
  std::printf("  certificate: %s\n", options.out.c_str());
  return Outcomes::kViolation;
}

}  // namespace

Outcomes Certify(const Violated& violated, const CertifyOptions& options) {
  std::string line = violated.line;
  if (line.starts_with("REPRO ")) line.erase(0, 6);
  std::string why;
  const auto at = Coordinates::Parse(line, why);
  if (!at) return Fail("not a reproduction line: " + why);
  const auto origin = OriginOf(*at, why);
  if (!origin) return Fail(why);
  return CertifyFailure({*origin, violated.promise, SitesOf(*at), line.substr(0, line.find(" -> "))},
                        options);
}

Outcomes CertifySequence(const std::string& name, const std::vector<std::string>& broken,
                         const CertifyOptions& options) {
  const auto sequence = name == kCreationSequence ? Sequence() : ParseSequence(name);
  if (!sequence) return Fail("no such sequence: " + name);
  std::string repro = "crashsim exhaustive --sequence '" + name + "'";
  for (const std::string& site : broken) repro += " --break " + site;
  return CertifyFailure({OriginOf(*sequence), std::nullopt, broken, repro}, options);
}

Outcomes CertifyRace(const std::string& race, const std::string& schedule, const Wander& wander,
                     const std::vector<std::string>& broken, const CertifyOptions& options) {
  const auto parsed = ParseRace(race);
  if (!parsed) return Fail("no such race: " + race);
  std::string repro = "crashsim schedules --race '" + race + "'";
  for (const std::string& site : broken) repro += " --break " + site;
  Wander where = wander;
  if (!schedule.empty()) {
    where.given = ParseSchedule(schedule);
    if (!where.given) return Fail("no such schedule: " + schedule);
    repro += " --schedule " + schedule;
  } else if (where.strategy == Strategy::kBounded) {
    repro += " --preemptions " + std::to_string(where.preemptions);
  } else {
    repro += " --strategy " + std::string(Name(where.strategy)) + " --seed " + std::to_string(where.seed) +
             " --runs " + std::to_string(where.runs);
  }
  const auto origin = OriginOf(*parsed, where);
  if (!origin) return Fail("no certificate says which calls fail: " + race);
  return CertifyFailure({*origin, std::nullopt, broken, repro}, options);
}

Outcomes RunShrink(CampaignOptions campaign, const std::string& line, const CertifyOptions& options) {
  const Scratch scratch;
  campaign.json = scratch.path();
  campaign.tells = false;
  const Outcomes outcome = RunCampaign(campaign);
  auto violated = FirstViolation(scratch.path());
  if (!violated) {
    std::printf("shrunk: nothing: the line violates nothing (%s)\n", Name(outcome));
    return outcome == Outcomes::kHarnessError ? outcome : Outcomes::kVacuous;
  }
  violated->line = line;
  return Certify(*violated, options);
}

Outcomes RunAndCertify(CampaignOptions campaign, const CertifyOptions& options) {
  const Scratch scratch;
  if (campaign.json.empty()) campaign.json = scratch.path();
  const Outcomes outcome = RunCampaign(campaign);
  const auto violated = FirstViolation(campaign.json);
  if (violated && Certify(*violated, options) == Outcomes::kHarnessError) return Outcomes::kHarnessError;
  return outcome;
}

}  // namespace manifolddb::crashsim
