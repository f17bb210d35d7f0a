#pragma once
// Strong identifiers: comparable, hashable by raw(), without arithmetic.

#include <compare>
#include <cstdint>

namespace manifolddb::base {

template <class Tag>
class Id {
 public:
  constexpr Id() = default;
  constexpr explicit Id(uint64_t raw) : raw_(raw) {}
  constexpr uint64_t raw() const { return raw_; }
  constexpr Id next() const { return Id(raw_ + 1); }
  friend constexpr auto operator<=>(Id, Id) = default;

 private:
  uint64_t raw_ = 0;
};

}  // namespace manifolddb::base
