// Damage: any bytes of any file, without a thought for checksums.
#include "fuzz/edits.h"

#include <algorithm>
#include <cstring>

#include "fuzz/raw.h"

namespace manifolddb::fuzz {
namespace {

constexpr size_t kBytesMax = size_t{1} << 20;  // a file is not made longer than this

// As Editor::Damage numbers them.
constexpr const char* kChanges[] = {"bit",        "bit",     "bytes",        "zeroed",
                                    "garbled",    "swapped", "misdirected",  "lost write",
                                    "lost write", "spliced", "all restored", "file restored",
                                    "cut",        "cut",     "extended",     "removed or replaced"};

// Sectors of which much depends are chosen more often than the others.
size_t ChooseSector(const std::string& file, bool data, Input& input) {
  const size_t sectors = (file.size() + kSector - 1) / kSector;
  const uint8_t how = input.Byte();
  if (how % 4 == 0) return input.Below(std::min<size_t>(data ? 4 : 2, sectors));
  if (how % 4 != 3) {
    // One in which a group begins, or a node lies: most of the others are free.
    std::vector<size_t> used;
    for (size_t sector = data ? 4 : 2; sector < file.size() / kSector; ++sector) {
      const ByteView bytes = AsBytes(file).subspan(sector * kSector, kSector);
      if (data ? Le64(bytes, 8) == sector : Begins(bytes, 8, "MFGP")) used.push_back(sector);
    }
    if (!used.empty()) return used[input.Below(used.size())];
  }
  return input.Below(sectors);
}

void Swap(MutableByteView a, MutableByteView b) {
  const size_t bytes = std::min(a.size(), b.size());
  std::swap_ranges(a.begin(), a.begin() + static_cast<ptrdiff_t>(bytes), b.begin());
}

void Copy(ByteView from, MutableByteView to) {
  const size_t bytes = std::min(from.size(), to.size());
  if (bytes > 0) std::memmove(to.data(), from.data(), bytes);
}

ByteView SectorOf(const Files& files, const char* name, size_t at) {
  const auto found = files.find(name);
  if (found == files.end() || at >= found->second.size()) return {};
  return AsBytes(found->second).subspan(at, std::min(kSector, found->second.size() - at));
}

Files MakeNeighbour() {
  Session session(2);
  session.CreateFamily("f0");
  for (int i = 0; i < 40; ++i) session.Put("f0", "t0", "k" + std::to_string(i), i % 9 == 8 ? 900 : 60);
  session.Commit({});
  session.Close();
  session.Put("f0", "t1", "k1", 60);
  session.Commit({});
  session.Abandon();
  return session.closed_files();
}

}  // namespace

const Files& Neighbour() {
  static const Files files = MakeNeighbour();
  return files;
}

std::optional<Editor::Place> Editor::Choose(Session& session, Input& input) const {
  const bool data = input.Byte() % 4 != 0;
  Files& files = session.files();
  const auto found = files.find(data ? kDataName : kLogName);
  if (found == files.end() || found->second.empty()) return std::nullopt;
  const size_t at = ChooseSector(found->second, data, input) * kSector;
  return Place{&found->second, at, std::min(kSector, found->second.size() - at), data};
}

void Editor::Apply(Session& session, Input& input) {
  const size_t what = input.Below(24);
  last_ = what < std::size(kChanges) ? kChanges[what] : forging_ ? "forged" : "nothing";
  if (what < 16) return Damage(session, input, what);
  if (forging_) Forge(session, input);
}

void Editor::Damage(Session& session, Input& input, size_t what) {
  if (what >= 10) return DamageFile(session, input, what);
  const auto place = Choose(session, input);
  if (!place) return;
  session.NoteDamage();
  DamagePlace(session, input, what, *place);
}

void Editor::DamagePlace(Session& session, Input& input, size_t what, Place place) {
  last_ += std::string(place.data ? " data" : " log") + " sector " + std::to_string(place.at / kSector);
  const MutableByteView bytes = place.span();
  switch (what) {
    case 0:
    case 1: bytes[input.Word() % bytes.size()] ^= static_cast<std::byte>(1 << input.Below(8)); break;
    case 2: {
      size_t at = input.Word() % bytes.size();
      for (size_t count = 1 + input.Below(8); count > 0 && at < bytes.size(); --count) {
        bytes[at++] = static_cast<std::byte>(input.Byte());
      }
      break;
    }
    case 3: std::ranges::fill(bytes, std::byte{0}); break;
    case 4: {
      const uint8_t with = input.Byte() | 1;
      for (std::byte& byte : bytes) byte ^= static_cast<std::byte>(with);
      break;
    }
    case 5:
    case 6: {  // misdirected, or two of them swapped
      const auto other = Choose(session, input);
      if (!other) return;
      what == 5 ? Swap(bytes, other->span()) : Copy(other->span(), bytes);
      break;
    }
    case 7:
    case 8: {  // a write that was lost
      if (session.images() == 0) return;
      const Files& older = session.image(input.Below(session.images()));
      Copy(SectorOf(older, place.data ? kDataName : kLogName, place.at), bytes);
      break;
    }
    default: Splice(session, input, place); break;
  }
}

// A sector of another database. A page that has the same place there is told by its birth alone, which may be
// the same (docs/durability.md, Limits): that is as good as forged.
void Editor::Splice(Session& session, Input& input, Place place) {
  const bool same_place = input.Byte() % 2 == 0;
  const char* const name = place.data ? kDataName : kLogName;
  const size_t there = Neighbour().at(name).size() / kSector;
  const size_t at = same_place ? place.at : input.Below(there) * kSector;
  const ByteView from = SectorOf(Neighbour(), name, at);
  if (from.empty()) return;
  if (place.data && place.at >= 4 * kSector && from.size() == kSector &&
      Le64(from, 8) == place.at / kSector) {
    if (!forging_) return;
    session.NoteForgery();
  }
  foreign_log_ = foreign_log_ || (!place.data && at == 0);
  foreign_data_ = foreign_data_ || (place.data && at < 4 * kSector);
  if (foreign_log_ && foreign_data_) session.NoteForgery();
  Copy(from, place.span());
}

void Editor::DamageFile(Session& session, Input& input, size_t what) {
  if (what == 10) {
    // All of it as it was earlier: nobody can tell, and it is what it was.
    if (session.images() > 0) session.Restore(input.Below(session.images()));
    return;
  }
  const bool data = input.Byte() % 2 == 0;
  Files& files = session.files();
  const auto found = files.find(data ? kDataName : kLogName);
  if (found == files.end()) return;
  session.NoteDamage();
  std::string& bytes = found->second;
  switch (what) {
    case 11:
      if (session.images() > 0) bytes = session.image(input.Below(session.images())).at(found->first);
      break;
    case 12: bytes.resize(std::min(bytes.size(), input.Below(bytes.size() / kSector + 1) * kSector)); break;
    case 13: bytes.resize(bytes.size() - std::min<size_t>(bytes.size(), input.Word() % 600)); break;
    case 14: {
      const size_t more = input.Word() % 4096;
      if (bytes.size() < kBytesMax) bytes.append(more, static_cast<char>(input.Byte()));
      break;
    }
    default:
      if (input.Byte() % 2 == 0) {
        files.erase(found);
      } else {
        bytes = Neighbour().at(found->first);
        (data ? foreign_data_ : foreign_log_) = true;
        if (foreign_log_ && foreign_data_) session.NoteForgery();
      }
  }
}

}  // namespace manifolddb::fuzz
