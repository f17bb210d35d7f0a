#include "engine/txn/bounds.h"

#include <algorithm>

#include "engine/base/try.h"
#include "engine/format/page_header.h"

namespace manifolddb::txn {

Result<Bounds> Bounds::Of(const Range& range, uint32_t page_size) {
  const size_t bytes_max = format::KeyBytesMax(page_size) + size_t{1};
  Bounds bounds;
  if (range.lower) bounds.lower_ = range.lower->first(std::min(range.lower->size(), bytes_max));
  if (range.upper) bounds.upper_ = range.upper->first(std::min(range.upper->size(), bytes_max));
  if (range.after || range.through || range.prefix) [[unlikely]] {
    MANIFOLDDB_TRY(bounds.AddOthers(range, bytes_max));
  }
  return bounds;
}

Status Bounds::AddOthers(const Range& range, size_t bytes_max) {
  const auto cut = [bytes_max](ByteView key) { return key.first(std::min(key.size(), bytes_max)); };
  // Room for all of it at once: views into it stay.
  const auto size = [&cut](const std::optional<ByteView>& key) { return key ? cut(*key).size() + 1 : 0; };
  MANIFOLDDB_TRY(made_.Reserve(size(range.after) + size(range.through) + size(range.prefix)));
  // Behind what is longer than any key is the same as from there on.
  if (range.after) RaiseLower(range.after->size() < bytes_max ? Successor(*range.after) : cut(*range.after));
  if (range.through) {
    CutUpper(range.through->size() < bytes_max ? Successor(*range.through) : cut(*range.through));
  }
  if (!range.prefix) return {};
  const ByteView prefix = cut(*range.prefix);
  RaiseLower(prefix);
  if (prefix.size() == bytes_max) {
    CutUpper(prefix);  // no key is long enough to begin with it
    return {};
  }
  // Behind all that begin with it: its last byte that can grow grows, and what is behind that goes. None can:
  // there is nothing behind.
  size_t bytes = prefix.size();
  while (bytes > 0 && prefix[bytes - 1] == std::byte{0xff}) --bytes;
  if (bytes == 0) return {};
  const size_t begin = made_.size();
  made_.AppendReserved(prefix.first(bytes));
  std::byte& last = made_.data()[begin + bytes - 1];
  last = static_cast<std::byte>(std::to_integer<unsigned>(last) + 1);
  CutUpper(made_.view().subspan(begin));
  return {};
}

ByteView Bounds::Successor(ByteView key) {
  const size_t begin = made_.size();
  made_.AppendReserved(key);
  made_.AppendReserved(uint8_t{0});
  return made_.view().subspan(begin);
}

void Bounds::RaiseLower(ByteView bound) {
  if (!lower_ || Compare(*lower_, bound) < 0) lower_ = bound;
}

void Bounds::CutUpper(ByteView bound) {
  if (!upper_ || Compare(bound, *upper_) < 0) upper_ = bound;
}

}  // namespace manifolddb::txn
