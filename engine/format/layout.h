#pragma once
// Declares an on-disk struct's size and field offsets, checked by the compiler and listed for format.md.

#include <cstddef>
#include <type_traits>

#define FORMAT_SIZE(type, bytes)                                                                     \
  static_assert(sizeof(type) == (bytes) && alignof(type) == 1 && std::is_trivially_copyable_v<type>, \
                #type ": size, alignment or copyability changed")
#define FORMAT_FIELD(type, field, at) static_assert(offsetof(type, field) == (at), #type "." #field " moved")
