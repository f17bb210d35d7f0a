// (1) A shard counts once, and every shard must be there: one that was lost or came twice is no verdict.
// (2) The time of a merged campaign is that of its longest shard: they ran side by side.
#include "crashsim/merge.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <optional>
#include <set>

#include "crashsim/json.h"
#include "crashsim/revision.h"
#include "crashsim/summary.h"

namespace manifolddb::crashsim {
namespace {

struct Shard {
  Counters counters;
  double seconds = 0;
  std::map<uint64_t, uint64_t> programs;  // by behaviour
  uint64_t lost = 0;
};

Outcomes Fail(const std::string& file, const std::string& what) {
  std::fprintf(stderr, "crashsim: merge: %s: %s\n", file.c_str(), what.c_str());
  return Outcomes::kHarnessError;
}

// Everything but header, behaviours and summary is passed on as it is. What is wrong with the file, or
// nothing.
std::optional<std::string> ReadShard(const std::string& path, JsonLines& out, Shard& shard) {
  std::ifstream file(path);
  if (!file) return "cannot be read";
  bool summed = false;
  uint64_t number = 0;
  try {
    for (std::string line; std::getline(file, line);) {
      const std::string where = "line " + std::to_string(++number);
      if (summed) return where + ": something behind the summary";
      const Json record = Json::parse(line);
      if (!NumbersFit(record)) return where + ": a number that counts nothing";
      const std::string type = record.at("type");
      if ((type == "header") != (number == 1)) return where + ": the header stands first, and once";
      if (type == "header") continue;
      if (type == "behaviours") {
        for (const Json& one : record.at("programs")) {
          shard.programs[one.at(0).get<uint64_t>()] += one.at(1).get<uint64_t>();
        }
        shard.lost = record.at("lost");
      } else if (type == "summary") {
        const auto counters = CountersOf(record);
        if (!counters) return where + ": a summary of another version";
        shard.counters = *counters;
        shard.seconds = record.at("seconds");
        summed = true;
      } else {
        out.Write(record);
      }
    }
  } catch (const Json::exception& error) {
    return "line " + std::to_string(number) + ": " + error.what();
  }
  if (!summed) return "has no summary: the shard did not come to its end";
  return std::nullopt;
}

// What all shards of a campaign have in common.
Json QuestionOf(Json header) {
  for (const char* own : {"shard", "seconds", "jobs", "required_marks"}) header.erase(own);
  return header;
}

CampaignOptions OptionsOf(const Json& header) {
  CampaignOptions options;
  options.workload = header.at("workload").get<std::string>();
  options.seed = header.at("seed");
  options.seconds = header.at("seconds");
  options.setup.config = header.at("config").get<std::string>();
  if (const auto preset = faultfs::ParsePreset(header.at("preset").get<std::string>()))
    options.setup.preset = *preset;
  options.setup.unit = header.at("unit");
  options.setup.write_unit = header.at("write_unit");
  options.setup.pairings = header.at("pairings");
  options.setup.lying = header.at("lying");
  options.ops = header.at("ops");
  options.generations = header.at("generations");
  options.sample = header.at("sample");
  options.every_fault = header.at("every_fault");
  options.broken = header.at("broken").get<std::vector<std::string>>();
  options.required_marks = header.at("required_marks").get<std::vector<std::string>>();
  options.jobs = 0;
  return options;
}

// The campaign that these are the shards of. What is wrong with them, or nothing.
std::optional<std::string> Assemble(const std::vector<Json>& headers, CampaignOptions& campaign) {
  campaign = OptionsOf(headers.front());
  std::set<uint64_t> shards;
  const uint64_t want = headers.front().at("shards");
  for (const Json& header : headers) {
    if (header.at("git") != GitRevision()) return "is of commit " + header.at("git").dump();
    if (QuestionOf(header) != QuestionOf(headers.front())) return "is of another campaign than the first";
    const uint64_t shard = header.at("shard");
    if (!shards.insert(shard).second) return "shard " + std::to_string(shard) + " for the second time";
    campaign.jobs += header.at("jobs").get<unsigned>();
    campaign.seconds = std::max(campaign.seconds, header.at("seconds").get<double>());
  }
  for (uint64_t shard = 0; shard < want; ++shard) {
    if (!shards.contains(shard))
      return "shard " + std::to_string(shard) + " of " + std::to_string(want) + " is missing";
  }
  return std::nullopt;
}

std::optional<std::string> ReadHeader(const std::string& path, Json& header) {
  std::ifstream file(path);
  std::string line;
  if (!file || !std::getline(file, line)) return "cannot be read, or is empty";
  header = Json::parse(line, nullptr, false);
  const bool good = header.is_object() && header.value("type", "") == "header" && header.contains("shards") &&
                    NumbersFit(header);
  if (!good) return "does not begin with the header of a campaign's shard";
  return std::nullopt;
}

}  // namespace

Outcomes MergeShards(const MergeOptions& options) {
  std::vector<Json> headers;
  CampaignOptions campaign;
  for (const std::string& file : options.files) {
    try {
      if (auto wrong = ReadHeader(file, headers.emplace_back())) return Fail(file, *wrong);
      if (auto wrong = headers.size() == options.files.size() ? Assemble(headers, campaign) : std::nullopt)
        return Fail(file, *wrong);
    } catch (const Json::exception& error) {
      return Fail(file, std::string("a header of another version: ") + error.what());
    }
  }
  JsonLines out = options.json.empty() ? JsonLines() : JsonLines(options.json);
  out.Write(HeaderOf(campaign));
  Shard all;
  for (const std::string& file : options.files) {
    Shard shard;
    if (auto wrong = ReadShard(file, out, shard)) return Fail(file, *wrong);
    all.counters.Add(shard.counters);
    all.seconds = std::max(all.seconds, shard.seconds);
    all.lost += shard.lost;
    for (const auto& [signature, programs] : shard.programs) all.programs[signature] += programs;
  }
  const Unseen unseen =
      EstimateUnseen(all.programs, all.counters.iterations - all.counters.unsupported, all.lost);
  const std::vector<std::string> vacuities = Vacuities(campaign, all.counters);
  const Outcomes outcome = OutcomeOf(all.counters, false, vacuities);
  out.Write(BehavioursOf(all.programs, all.lost));
  out.Write(SummaryOf(all.counters, unseen, outcome, all.seconds, vacuities));
  Print(campaign, all.counters, unseen, outcome, all.seconds, vacuities);
  return out.good() ? outcome : Fail(options.json, "cannot be written");
}

}  // namespace manifolddb::crashsim
