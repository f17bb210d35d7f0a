#pragma once
// The JSON library, instantiated once (json_lines.cc).

#include <nlohmann/json.hpp>

extern template class nlohmann::basic_json<nlohmann::ordered_map>;
