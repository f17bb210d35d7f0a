#include "bench/workloads/acknowledged.h"

#include <algorithm>
#include <iterator>

namespace manifolddb::bench {

void Acknowledged::Add(const AcknowledgedWrite& write) {
  if (write.key >= last_.size()) last_.resize(write.key + 1);
  if (MayBe(write.key, write.version)) return;  // twice in one batch
  Last& last = last_[write.key];
  last.begun_max = std::max(last.begun_max, write.begun);
  auto [also, end] = also_.equal_range(write.key);
  while (also != end) also = also->second.done < last.begun_max ? also_.erase(also) : std::next(also);
  if (last.done < last.begun_max) {  // only because of this write, so nothing began after it
    last.version = write.version;
    last.done = write.done;
  } else if (write.done >= last.begun_max) {
    also_.emplace(write.key, Last{.version = write.version, .done = write.done});
  }
}

bool Acknowledged::MayBe(uint64_t key, uint64_t version) const {
  if (key >= last_.size()) return false;
  if (last_[key].version == version) return true;
  const auto [begin, end] = also_.equal_range(key);
  return std::any_of(begin, end, [&](const auto& also) { return also.second.version == version; });
}

void VerifyAcknowledged(const Run& run, const Acknowledged& acknowledged, size_t value_bytes,
                        const std::function<uint64_t(uint64_t key)>& number_of) {
  const std::unique_ptr<Engine> engine = run.Open({});
  uint64_t entries = 0;
  {
    const std::unique_ptr<Session> session = engine->NewSession();
    const std::function<void(uint64_t, std::string_view)> compare = [&](uint64_t key,
                                                                        std::string_view value) {
      Require(IsWhole(value, key, value_bytes), "reading back", "a value is not what was written");
      Require(acknowledged.MayBe(number_of(key), VersionOf(value)), "reading back",
              "a value is not what was acknowledged last");
    };
    Scan scan;
    scan.each = &compare;
    session->BeginRead(Reads::kMany);
    session->Run(0, scan);
    session->EndRead();
    entries = scan.entries();
  }
  engine->Close();
  if (entries != acknowledged.keys()) {
    Fail("reading back",
         std::to_string(entries) + " entries instead of " + std::to_string(acknowledged.keys()));
  }
}

}  // namespace manifolddb::bench
