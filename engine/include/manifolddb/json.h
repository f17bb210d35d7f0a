#pragma once
// JSON documents of nlohmann/json as values, stored as text or as CBOR (RFC 8949), whichever a table is
// defined with. The only header that needs that library; nothing else includes it.
//
//   inline constexpr TableDefinition<uint64_t, JsonCbor> kOrders("orders");
//
//   orders->Put(7, {{"what", "lamp"}, {"pieces", 2}});   // takes and gives nlohmann::json
//
// As text, strings that are no UTF-8 make a put throw nlohmann::json::type_error, as dump() does; nothing has
// been changed then. Numbers that are none (NaN, infinity) come back as null, binary values as objects. As
// CBOR all of that comes back as it was. Stored bytes that are no document are kCorrupt, as of other types.
// CBOR is read by recursion: bytes that somebody has forged, tens of thousands of levels deep, need as much
// stack.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "manifolddb/bytes.h"
#include "manifolddb/key_codec.h"
#include "manifolddb/value_codec.h"

namespace manifolddb {

// How a document is stored.
enum class JsonFormat : uint8_t {
  kText,  // what people and other programs can read
  kCbor,  // binary: smaller, and quicker to read and write
};

// Names the type of a column of documents; where one is made it is as good as the document.
template <JsonFormat kFormat>
struct JsonAs {
  nlohmann::json document = {};  // the value itself

  JsonAs() = default;
  JsonAs(nlohmann::json made) : document(std::move(made)) {}   // NOLINT(google-explicit-constructor)
  operator const nlohmann::json&() const { return document; }  // NOLINT(google-explicit-constructor)
};
// Documents stored as text.
using JsonText = JsonAs<JsonFormat::kText>;
// Documents stored as CBOR.
using JsonCbor = JsonAs<JsonFormat::kCbor>;

template <JsonFormat kFormat>
struct ValueCodec<JsonAs<kFormat>> {
  using Argument = nlohmann::json;
  using View = nlohmann::json;
  static constexpr std::string_view kName = kFormat == JsonFormat::kText ? "json" : "json as cbor";

  static void Encode(const nlohmann::json& value, EncodedBytes& out) {
    if constexpr (kFormat == JsonFormat::kText) {
      out.Append(AsBytes(value.dump()));
    } else {
      const auto bytes = nlohmann::json::to_cbor(value);
      out.Append(std::as_bytes(std::span(bytes)));
    }
  }
  static std::optional<nlohmann::json> Decode(ByteView bytes) {
    const std::string_view text = AsText(bytes);
    // Told not to throw, the reader of CBOR still does so where a length is none that memory has.
    try {
      nlohmann::json value = kFormat == JsonFormat::kText
                                 ? nlohmann::json::parse(text.begin(), text.end(), nullptr, false)
                                 : nlohmann::json::from_cbor(text.begin(), text.end(), true, false,
                                                             nlohmann::json::cbor_tag_handler_t::store);
      if (value.is_discarded()) return std::nullopt;
      return value;
    } catch (const nlohmann::json::exception&) {
      return std::nullopt;
    }
  }
};

}  // namespace manifolddb
