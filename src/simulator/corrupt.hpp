#pragma once
// Replies that are JSON, but not what the service promises: one field is lost, or of another type.
#include <cstdint>
#include <string>

namespace azlin::simulator {

// Damages one field of the JSON document `body`: which one, and how, follow from `seed` alone. Returns what
// was done, such as "/value/0/properties: null"; empty when there is no field.
std::string corrupt(std::string& body, std::uint64_t seed);

}  // namespace azlin::simulator
