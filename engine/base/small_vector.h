#pragma once
// A vector whose first elements need no memory of their own: lists that are short nearly always.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

#include "engine/base/assert.h"

namespace manifolddb::base {

template <class T, size_t kInline>
class SmallVector {
  static_assert(std::is_trivially_copyable_v<T> && kInline > 0);

 public:
  using value_type = T;
  using iterator = T*;
  using const_iterator = const T*;

  SmallVector() = default;
  SmallVector(std::initializer_list<T> values) {
    for (const T& value : values) push_back(value);
  }
  SmallVector(SmallVector&& other) noexcept { *this = std::move(other); }
  SmallVector& operator=(SmallVector&& other) noexcept {
    if (this == &other) return *this;
    more_ = std::move(other.more_);
    if (more_ == nullptr) std::copy_n(other.few_, other.size_, few_);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, uint32_t{kInline});
    return *this;
  }

  void push_back(const T& value) {
    const T copy = value;  // it may lie in here
    if (size_ == capacity_) Grow();
    data()[size_++] = copy;
  }
  void clear() { size_ = 0; }
  // Forgets all from `end` on.
  void truncate(const T* end) { size_ = static_cast<uint32_t>(end - data()); }

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  T* data() { return more_ != nullptr ? more_.get() : few_; }
  const T* data() const { return more_ != nullptr ? more_.get() : few_; }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }
  T& back() { return data()[size_ - 1]; }
  const T& back() const { return data()[size_ - 1]; }
  T& operator[](size_t i) { return data()[i]; }
  const T& operator[](size_t i) const { return data()[i]; }

  friend bool operator==(const SmallVector& a, std::span<const T> b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  static constexpr uint32_t kSizeMax = ~uint32_t{0};

  void Grow() {
    MANIFOLDDB_ASSERT(capacity_ >= kInline && capacity_ <= kSizeMax / 2);
    auto grown = std::make_unique_for_overwrite<T[]>(size_t{capacity_} * 2);
    std::copy_n(data(), size_, grown.get());
    more_ = std::move(grown);
    capacity_ *= 2;
  }

  T few_[kInline];
  std::unique_ptr<T[]> more_;  // holds all of them, once they do not fit
  uint32_t size_ = 0;
  uint32_t capacity_ = kInline;
};

}  // namespace manifolddb::base
