// All images of a crash point: listed one by one, or counted without listing.
//
// The choices nest: operations on names and allocations; then, for each file that has a name, its size; then,
// for each sector below that size, its version. Inner choices depend on outer ones and on nothing else, so
// the counts multiply and add up.

#include <gmpxx.h>

#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "engine/base/assert.h"
#include "faultfs/crash_point.h"
#include "faultfs/crash_state.h"

namespace manifolddb::faultfs {
namespace {

// How many contents a file may have under one choice of journal operations.
mpz_class CountFile(const CrashState& state, Inode inode, const Forced& forced) {
  const FilePlan& plan = state.plans.at(inode);
  mpz_class total = 0;
  // Sizes ascend, and sizes by the same step force the same versions: whole sectors come in one by one.
  std::optional<const SizeStep*> step;
  size_t next = 0;
  mpz_class product = 1;
  for (const uint64_t size : state.Sizes(inode, forced)) {
    const SizeStep* now = state.StepOf(*plan.file, forced, size);
    if (step != now) {
      product = 1;
      next = 0;
      step = now;
    }
    const auto contents = [&](const SectorPlan& sector, uint64_t visible) {
      const Versions versions = state.VersionsOf(sector, forced, now, size);
      return mpz_class(state.ContentsOf(inode, sector, versions, visible).size());
    };
    while (next < plan.sectors.size() && (plan.sectors[next].index + 1) * state.unit() <= size) {
      product *= contents(plan.sectors[next++], state.unit());
    }
    mpz_class with_last = product;
    if (next < plan.sectors.size() && plan.sectors[next].index * state.unit() < size) {
      with_last *= contents(plan.sectors[next], size % state.unit());
    }
    total += with_last;
  }
  return total;
}

double Log2(const mpz_class& number) {
  signed long exponent = 0;
  const double mantissa = mpz_get_d_2exp(&exponent, number.get_mpz_t());
  return std::log2(mantissa) + static_cast<double>(exponent);
}

// The files of a directory, each once whatever its number of names.
std::vector<Inode> FilesIn(const std::map<std::string, Inode>& names) {
  std::set<Inode> files;
  for (const auto& [name, inode] : names) files.insert(inode);
  return {files.begin(), files.end()};
}

// Visits images until told to stop.
class Lister {
 public:
  Lister(const CrashState& state, uint64_t limit, const std::function<void(const Image&)>& visit)
      : state_(state), limit_(limit), visit_(visit) {}

  bool Run() {
    const auto choices = state_.Choices();
    if (!choices) return false;
    for (const JournalChoice& done : *choices) {
      done_ = &done;
      names_ = state_.NamesAfter(done);
      inodes_ = FilesIn(names_);
      files_.clear();
      if (!File(0)) return false;
    }
    return true;
  }

 private:
  struct Sized {
    size_t at;  // in inodes_
    const FilePlan* plan;
    Forced forced;
    uint64_t size;
  };

  // Files from `at` on, given what those before hold.
  bool File(size_t at) {
    if (at == inodes_.size()) return Visit();
    const Inode inode = inodes_[at];
    const FilePlan& plan = state_.plans.at(inode);
    const Forced forced = state_.ForcedBy(inode, *done_);
    for (const uint64_t size : state_.Sizes(inode, forced)) {
      FileImage file = plan.file->durable;
      file.SetSize(size);
      if (!Sectors({at, &plan, forced, size}, 0, file)) return false;
    }
    return true;
  }

  bool Sectors(const Sized& sized, size_t next, const FileImage& file) {
    const Inode inode = inodes_[sized.at];
    const FilePlan& plan = *sized.plan;
    if (next == plan.sectors.size() || plan.sectors[next].index * state_.unit() >= sized.size) {
      files_.insert_or_assign(inode, file);
      return File(sized.at + 1);
    }
    const SectorPlan& sector = plan.sectors[next];
    const SizeStep* step = state_.StepOf(*plan.file, sized.forced, sized.size);
    const Versions versions = state_.VersionsOf(sector, sized.forced, step, sized.size);
    const uint64_t visible = std::min<uint64_t>(sized.size - sector.index * state_.unit(), state_.unit());
    for (const Sector& content : state_.ContentsOf(inode, sector, versions, visible)) {
      FileImage with = file;
      with.SetSector(sector.index, content);
      if (!Sectors(sized, next + 1, with)) return false;
    }
    return true;
  }

  bool Visit() {
    Image image(state_.unit());
    for (const auto& [name, inode] : names_) image.Put(name, files_.at(inode));
    if (!seen_.insert(image.Hash()).second) return true;
    if (visited_ == limit_) return false;
    ++visited_;
    visit_(image);
    return true;
  }

  const CrashState& state_;
  const uint64_t limit_;
  const std::function<void(const Image&)>& visit_;
  const JournalChoice* done_ = nullptr;
  std::map<std::string, Inode> names_;
  std::vector<Inode> inodes_;
  std::map<Inode, FileImage> files_;
  std::set<uint64_t> seen_;
  uint64_t visited_ = 0;
};

// Makes images with the sectors left open, of one choice of journal operations: one for each way to choose
// the sizes of the files.
class Starter {
 public:
  Starter(const CrashState& state, const JournalChoice& done,
          const std::function<void(const UndeterminedImage&)>& visit)
      : state_(state), done_(done), names_(state.NamesAfter(done)), visit_(visit) {}

  // Otherwise one file's sectors would be asked for under each of its names.
  bool OneNameEach() const { return FilesIn(names_).size() == names_.size(); }
  void Run() { From(names_.begin(), {.image = Image(state_.unit())}); }

 private:
  void From(std::map<std::string, Inode>::const_iterator name, const UndeterminedImage& image) {
    if (name == names_.end()) {
      visit_(image);
      return;
    }
    const Forced forced = state_.ForcedBy(name->second, done_);
    for (const uint64_t size : state_.Sizes(name->second, forced)) {
      UndeterminedImage with = image;
      Add(name->first, name->second, forced, size, with);
      From(std::next(name), with);
    }
  }

  void Add(const std::string& name, Inode inode, const Forced& forced, uint64_t size,
           UndeterminedImage& image) const {
    const FilePlan& plan = state_.plans.at(inode);
    const SizeStep* step = state_.StepOf(*plan.file, forced, size);
    FileImage file = plan.file->durable;
    file.SetSize(size);
    UndeterminedSectors open;
    for (const SectorPlan& sector : plan.sectors) {
      const uint64_t begin = sector.index * state_.unit();
      if (begin >= size) break;
      const Versions versions = state_.VersionsOf(sector, forced, step, size);
      Contents contents =
          state_.ContentsOf(inode, sector, versions, std::min<uint64_t>(size - begin, state_.unit()));
      file.SetSector(sector.index, contents.front());
      if (contents.size() > 1) open.emplace(sector.index, std::move(contents));
    }
    image.image.Put(name, std::move(file));
    if (!open.empty()) image.sectors.emplace(name, std::move(open));
  }

  const CrashState& state_;
  const JournalChoice& done_;
  const std::map<std::string, Inode> names_;
  const std::function<void(const UndeterminedImage&)>& visit_;
};

}  // namespace

ImageCount CrashPoint::images() const {
  const CrashState& state = *state_;
  const auto product = [&](const std::vector<Inode>& files, const JournalChoice& done) {
    mpz_class count = 1;
    for (const Inode inode : files) count *= CountFile(state, inode, state.ForcedBy(inode, done));
    return count;
  };
  if (const auto choices = state.Choices()) {
    mpz_class total = 0;
    for (const JournalChoice& done : *choices) total += product(FilesIn(state.NamesAfter(done)), done);
    return {total.fits_ulong_p() ? std::optional<uint64_t>(total.get_ui()) : std::nullopt, total.get_str(),
            Log2(total)};
  }
  std::vector<Inode> files;
  for (const auto& [inode, plan] : state.plans) files.push_back(inode);
  const mpz_class contents = product(files, JournalChoice(state.ops.size(), false));
  return {std::nullopt, "", static_cast<double>(state.ops.size()) + Log2(contents)};
}

bool CrashPoint::ForEachImage(uint64_t limit, const std::function<void(const Image&)>& visit) const {
  return Lister(*state_, limit, visit).Run();
}

bool CrashPoint::ForEachStart(const std::function<void(const UndeterminedImage&)>& visit) const {
  const auto choices = state_->Choices();
  if (!choices) return false;
  for (const JournalChoice& done : *choices) {
    if (!Starter(*state_, done, visit).OneNameEach()) return false;
  }
  for (const JournalChoice& done : *choices) Starter(*state_, done, visit).Run();
  return true;
}

}  // namespace manifolddb::faultfs
