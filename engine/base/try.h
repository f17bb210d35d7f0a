#pragma once
// The two control-flow macros of the code base; there are no others.

#include <utility>

#include "manifolddb/result.h"

// Returns the error of a Status or Result that failed.
#define MANIFOLDDB_TRY(expression)                                                \
  do {                                                                            \
    if (auto try_result = (expression); !try_result) [[unlikely]]                 \
      return std::unexpected<::manifolddb::Error>(std::move(try_result).error()); \
  } while (0)

#define MANIFOLDDB_TRY_CONCAT_(a, b) a##b
#define MANIFOLDDB_TRY_CONCAT(a, b) MANIFOLDDB_TRY_CONCAT_(a, b)
#define MANIFOLDDB_ASSIGN_(result, lhs, expression)                         \
  auto result = (expression);                                               \
  if (!result) [[unlikely]]                                                 \
    return std::unexpected<::manifolddb::Error>(std::move(result).error()); \
  lhs = std::move(*result)

// MANIFOLDDB_ASSIGN(auto file, storage.Open(...)); returns the error if there is one.
#define MANIFOLDDB_ASSIGN(lhs, expression) \
  MANIFOLDDB_ASSIGN_(MANIFOLDDB_TRY_CONCAT(assign_result_, __LINE__), lhs, expression)
