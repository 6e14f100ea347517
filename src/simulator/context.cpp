#include "simulator/context.hpp"

#include "azlin/core/error.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

Latency parse_latency(std::string_view text) {
  if (text == "none") return Latency::none;
  if (text == "demo") return Latency::demo;
  if (text == "realistic") return Latency::realistic;
  throw core::Error(core::ErrorKind::usage, "unknown latency profile '" + std::string(text) + "'",
                    "use none, demo or realistic");
}

const char* to_string(Latency latency) {
  switch (latency) {
    case Latency::none:
      return "none";
    case Latency::demo:
      return "demo";
    case Latency::realistic:
      return "realistic";
  }
  return "";
}

core::Millis Context::delay(core::Millis demo, core::Millis realistic) const {
  if (latency == Latency::none) return core::Millis{0};
  return latency == Latency::demo ? demo : realistic;
}

Json Context::present(const Resource& resource) const {
  if (!resource.live) return resource.body;
  const auto presenter = presenters.find(lower(resource.type));
  return presenter == presenters.end() ? resource.body : presenter->second(resource);
}

}  // namespace azlin::simulator
