// The order of damages is fixed: what one is called, it is called in every run.
#include "fuzz/damage/damages.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <tuple>

#include "fuzz/edits.h"

namespace manifolddb::fuzz {
namespace {

constexpr unsigned kSecondsMax = 60;
std::string dying_words;  // while a damage is at hand
std::string program_name;

void OnDeath(int number) {
  if (::write(2, dying_words.data(), dying_words.size()) < 0) ::_exit(1);
  std::signal(number, SIG_DFL);
  std::raise(number);
}

class Damager {
 public:
  Damager(const DamageCase& made, const DamageChoice& choice, const std::function<void(const Damage&)>& visit)
      : case_(&made), choice_(choice), visit_(visit) {}

  void All() {
    for (const char* name : {kDataName, kLogName}) {
      const std::string& file = case_->session->closed_files().at(name);
      Bytes(name, file);
      Sectors(name, file);
      Swaps(name, file);
      Ends(name, file);
    }
    Slots();
  }

 private:
  void Try(const std::string& kind, const std::string& name, const std::string& where, const Files& changed) {
    const Damage damage{*case_, kind, name, where, changed};
    if (choice_.only.empty() || choice_.only == damage.Id()) visit_(damage);
  }

  bool Skips(size_t index) const {
    return choice_.only.empty() && index % (choice_.stride * case_->stride) != 0;
  }

  void Bytes(const std::string& name, const std::string& file) {
    Files changed = case_->session->closed_files();
    std::string& bytes = changed[name];
    for (size_t at = 0; at < file.size(); ++at) {
      if (Skips(at)) continue;
      const char before = file[at];
      const char values[] = {static_cast<char>(before ^ 1), static_cast<char>(before ^ 0x80), '\0', '\xff'};
      for (size_t i = 0; i < std::size(values); ++i) {
        if (values[i] == before || std::find(values, values + i, values[i]) != values + i) continue;
        bytes[at] = values[i];
        Try("byte", name, std::to_string(at) + ":" + std::to_string(i), changed);
      }
      bytes[at] = before;
    }
  }

  void Sectors(const std::string& name, const std::string& file) {
    for (size_t at = 0; at < file.size(); at += kSector) {
      if (case_->stride > 1 && Skips(at / kSector)) continue;
      const size_t length = std::min(kSector, file.size() - at);
      const std::string before = file.substr(at, length);
      Sector("sector-zeroed", name, at, before, std::string(length, '\0'), "");
      std::string garbled = before;
      for (char& c : garbled) c = static_cast<char>(c ^ 0x5a);
      Sector("sector-garbled", name, at, before, garbled, "");
      for (size_t i = 0; i < case_->session->images(); ++i) {
        const std::string& older = case_->session->image(i).at(name);
        if (at + length <= older.size()) {
          Sector("sector-older", name, at, before, older.substr(at, length), ":" + std::to_string(i));
        }
      }
    }
  }
  void Sector(const char* kind, const std::string& name, size_t at, const std::string& before,
              const std::string& after, const std::string& detail) {
    if (before == after) return;
    Files changed = case_->session->closed_files();
    changed[name].replace(at, after.size(), after);
    Try(kind, name, std::to_string(at / kSector) + detail, changed);
  }

  // Each with each other one; of a large database some 4,000 pairs, evenly spread.
  void Swaps(const std::string& name, const std::string& file) {
    const size_t sectors = file.size() / kSector;
    const size_t step = case_->stride > 1 ? sectors * sectors / 2 / 4000 + 1 : 1;
    size_t pair = 0;
    for (size_t a = 0; a < sectors; ++a) {
      for (size_t b = a + 1; b < sectors; ++b) {
        if (++pair % step != 0 || Skips(pair / step)) continue;
        const std::string in_a = file.substr(a * kSector, kSector);
        const std::string in_b = file.substr(b * kSector, kSector);
        if (in_a == in_b) continue;
        Files changed = case_->session->closed_files();
        changed[name].replace(a * kSector, kSector, in_b);
        changed[name].replace(b * kSector, kSector, in_a);
        Try("sectors-swapped", name, std::to_string(a) + ":" + std::to_string(b), changed);
      }
    }
  }

  void Ends(const std::string& name, const std::string& file) {
    Files changed = case_->session->closed_files();
    for (size_t size = 0; size < file.size(); size += kSector) {
      changed[name] = file.substr(0, size);
      Try("file-cut", name, std::to_string(size), changed);
    }
    changed.erase(name);
    Try("file-missing", name, "", changed);
    changed[name] = Neighbour().at(name);
    Try("file-of-another", name, "", changed);
    for (size_t i = 0; i < case_->session->images(); ++i) {
      changed[name] = case_->session->image(i).at(name);
      if (changed[name] != file) Try("file-older", name, std::to_string(i), changed);
    }
  }

  // Both copies of one meta page, of the other, of both.
  void Slots() {
    for (const auto& [where, first, sectors] : {std::tuple("A", 0, 2), {"B", 2, 2}, {"both", 0, 4}}) {
      Files changed = case_->session->closed_files();
      const size_t bytes = static_cast<size_t>(sectors) * kSector;
      changed[kDataName].replace(static_cast<size_t>(first) * kSector, bytes, std::string(bytes, '\0'));
      Try("slot-zeroed", kDataName, where, changed);
    }
  }

  const DamageCase* const case_;
  const DamageChoice& choice_;
  const std::function<void(const Damage&)>& visit_;
};

}  // namespace

bool DamageChoice::Take(const std::string& word, const std::string& value) {
  if (word == "--stride") {
    stride = std::max(1ul, std::strtoul(value.c_str(), nullptr, 10));
  } else if (word == "--case") {
    only_case = value;
  } else if (word == "--only") {
    only = value;
  } else {
    return false;
  }
  return true;
}

void ForEachDamage(const DamageCase& made, const DamageChoice& choice,
                   const std::function<void(const Damage&)>& visit) {
  if (choice.only_case.empty() || choice.only_case == made.name) Damager(made, choice, visit).All();
}

void ReportDeathsOf(const std::string& program) {
  program_name = program;
  for (const int number : {SIGABRT, SIGSEGV, SIGALRM}) std::signal(number, OnDeath);
}
void Begin(const Damage& damage) {
  dying_words = "REPRO " + program_name + " --only " + damage.Id() + "\n";
  ::alarm(kSecondsMax);
}
void EndAll() { ::alarm(0); }

}  // namespace manifolddb::fuzz
