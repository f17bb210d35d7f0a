#include "capi/handles.h"

#include <cstdlib>
#include <cstring>

namespace manifolddb::capi {
namespace {

std::optional<ByteView> Bound(const manifolddb_bytes* bytes) {
  return bytes != nullptr ? std::optional(In(*bytes)) : std::nullopt;
}

Error Caught() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return Error(Errc::kNoMemory, "capi.call");
  } catch (const std::exception& thrown) {
    return Error(Errc::kInvalidArgument, "capi.call", {.message = thrown.what()});
  } catch (...) {
    return Error(Errc::kInvalidArgument, "capi.call", {.message = "a callback has thrown"});
  }
}

}  // namespace

Range In(const manifolddb_range* range) {
  if (range == nullptr) return {};
  return {.lower = Bound(range->lower),
          .upper = Bound(range->upper),
          .after = Bound(range->after),
          .through = Bound(range->through),
          .prefix = Bound(range->prefix)};
}

TableTypes Types(const char* key_type, const char* value_type) {
  if (key_type == nullptr && value_type == nullptr) return TableTypes::Any();
  return {.key = key_type != nullptr ? key_type : "", .value = value_type != nullptr ? value_type : ""};
}

int Give(const Error& error, manifolddb_error** out) noexcept {
  if (out != nullptr) {
    *out = nullptr;
    try {
      *out = new manifolddb_error{error, error.ToString()};
    } catch (const std::bad_alloc&) {
      // Then there is the code alone.
    }
  }
  return static_cast<int>(error.code());
}

int GiveCaught(manifolddb_error** out) noexcept {
  try {
    return Give(Caught(), out);
  } catch (const std::bad_alloc&) {
    if (out != nullptr) *out = nullptr;
    return static_cast<int>(Errc::kNoMemory);
  }
}

char* CopyOf(const std::string& text) {
  auto* const copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (copy == nullptr) throw std::bad_alloc();
  std::memcpy(copy, text.c_str(), text.size() + 1);
  return copy;
}

void CallForEach(const std::vector<std::string>& names, manifolddb_name_call call, void* user) {
  for (const std::string& name : names) {
    if (!call(user, Out(AsBytes(name)))) return;
  }
}

}  // namespace manifolddb::capi

using namespace manifolddb;        // NOLINT: this file is nothing but the C names over these
using namespace manifolddb::capi;  // NOLINT

const char* manifolddb_version(void) { return MANIFOLDDB_VERSION; }

int manifolddb_error_code(const manifolddb_error* error) { return static_cast<int>(error->error.code()); }
const char* manifolddb_error_text(const manifolddb_error* error) { return error->text.c_str(); }
// Names of codes and categories are literals.
const char* manifolddb_error_name(const manifolddb_error* error) { return Name(error->error.code()).data(); }
const char* manifolddb_error_category(const manifolddb_error* error) {
  return Name(error->error.category()).data();
}
manifolddb_error* manifolddb_error_cause(const manifolddb_error* error) {
  manifolddb_error* cause = nullptr;
  if (error->error.cause() != nullptr) static_cast<void>(Give(*error->error.cause(), &cause));
  return cause;
}
void manifolddb_error_free(manifolddb_error* error) { delete error; }

void manifolddb_string_free(char* text) { std::free(text); }
