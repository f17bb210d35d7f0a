#pragma once
// Names of types, put together while compiling.

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "manifolddb/options.h"

namespace manifolddb {

// At most kTypeNameBytesMax bytes; a longer one does not compile.
class TypeName {
 public:
  // The parts, one behind the other.
  static consteval TypeName Of(std::initializer_list<std::string_view> parts) {
    TypeName name;
    for (const std::string_view part : parts) name.Append(part);
    return name;
  }
  // In decimal.
  static consteval TypeName OfNumber(uint64_t number) {
    std::array<char, 20> digits = {};
    size_t begin = digits.size();
    do {
      digits[--begin] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number > 0);
    return Of({std::string_view(digits.data() + begin, digits.size() - begin)});
  }
  // "head<a, b>"
  static consteval TypeName OfList(std::string_view head, std::initializer_list<std::string_view> parts) {
    TypeName name = Of({head, "<"});
    std::string_view before = "";
    for (const std::string_view part : parts) {
      name.Append(before);
      name.Append(part);
      before = ", ";
    }
    name.Append(">");
    return name;
  }
  consteval TypeName Then(const TypeName& next) const { return Of({view(), next.view()}); }

  // The name; lives as long as this.
  constexpr std::string_view view() const { return {text_.data(), size_}; }

 private:
  consteval void Append(std::string_view part) {
    for (const char c : part) text_.at(size_++) = c;  // beyond its end: the name of the type is too long
  }

  std::array<char, kTypeNameBytesMax> text_ = {};
  size_t size_ = 0;
};

}  // namespace manifolddb
