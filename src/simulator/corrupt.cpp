#include "simulator/corrupt.hpp"

#include <random>
#include <vector>

#include "simulator/message.hpp"

namespace azlin::simulator {
namespace {

using Pointer = Json::json_pointer;

void collect(const Json& at, const Pointer& path, std::vector<Pointer>& fields) {
  if (!path.empty()) fields.push_back(path);
  if (at.is_object()) {
    for (const auto& [name, child] : at.items()) collect(child, path / name, fields);
  } else if (at.is_array()) {
    for (std::size_t i = 0; i < at.size(); ++i) collect(at[i], path / i, fields);
  }
}

constexpr const char* kDeep = "stands for 200,000 lists in each other";
constexpr std::size_t kLevels = 200'000;

// Put in as text: to work on such a document needs a stack that we do not have.
void nest(std::string& body) {
  const auto mark = '"' + std::string(kDeep) + '"';
  const auto at = body.find(mark);
  if (at != std::string::npos)
    body.replace(at, mark.size(), std::string(kLevels, '[') + std::string(kLevels, ']'));
}

struct Damage {
  const char* name;
  Json value;  // instead of what is there
};

const std::vector<Damage>& damages() {
  static const std::vector<Damage> all = {{"deleted", nullptr},
                                          {"null", nullptr},
                                          {"true", true},
                                          {"-1", -1},
                                          {"1e300", 1e300},
                                          {"18446744073709551615", 18446744073709551615ULL},
                                          {"an empty text", ""},
                                          {"an unknown word", "Surprise"},
                                          {"a text of 100 KB", std::string(100'000, 'x')},
                                          {"an empty list", Json::array()},
                                          {"a list", Json::array({1, nullptr, "x"})},
                                          {"an empty object", Json::object()},
                                          {"an object", {{"id", 7}, {"properties", {{"x", nullptr}}}}},
                                          {"200,000 lists in each other", kDeep}};
  return all;
}

void remove(Json& document, const Pointer& field) {
  Json& parent = document[field.parent_pointer()];
  if (parent.is_array()) {
    parent.erase(std::stoul(field.back()));
  } else {
    parent.erase(field.back());
  }
}

}  // namespace

std::string corrupt(std::string& body, std::uint64_t seed) {
  Json document = Json::parse(body, nullptr, false);
  std::vector<Pointer> fields;
  if (!document.is_discarded()) collect(document, Pointer(), fields);
  if (fields.empty()) return {};
  std::mt19937_64 random(seed);
  const auto& field = fields[random() % fields.size()];
  const auto& damage = damages()[random() % damages().size()];
  if (std::string_view(damage.name) == "deleted") {
    remove(document, field);
  } else {
    document[field] = damage.value;
  }
  body = document.dump();
  nest(body);
  return field.to_string() + ": " + damage.name;
}

}  // namespace azlin::simulator
