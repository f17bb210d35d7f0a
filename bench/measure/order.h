#pragma once
// In which order engines follow one another.

#include <algorithm>
#include <cstddef>
#include <vector>

namespace manifolddb::bench {

// A Latin square that is balanced (Williams, 1949): over as many turns as there are items (twice as many if
// their number is odd) each stands at each place equally often, and follows each other one equally often. A
// plain rotation would leave everybody the same neighbour.
template <class T>
std::vector<T> InTurn(const std::vector<T>& items, size_t turn) {
  const size_t count = items.size();
  std::vector<T> order;
  for (size_t i = 0; i < count; ++i) {
    const size_t zigzag = i % 2 == 1 ? i / 2 + 1 : (count - i / 2) % count;  // 0, 1, n - 1, 2, n - 2, ...
    order.push_back(items[(zigzag + turn) % count]);
  }
  if (count % 2 == 1 && turn / count % 2 == 1) std::reverse(order.begin(), order.end());
  return order;
}

}  // namespace manifolddb::bench
