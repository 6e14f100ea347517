#include "azlin/verification/policy.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "azlin/core/error.hpp"

namespace azlin::verification {

using core::Error;
using core::ErrorKind;
using nlohmann::json;

namespace {

// A run that starts a little earlier than the last time is not put off to the next turn.
constexpr core::Millis kSlack = std::chrono::minutes{30};

[[noreturn]] void refuse(std::string_view vm, const std::string& why) {
  throw Error(ErrorKind::failed,
              fmt::format("the tag {} of VM {} cannot be read: {}", kVerificationTag, vm, why),
              "`azlin apply` with a file that states `verification` writes it anew (docs/protection.md)");
}

}  // namespace

std::string to_tag(const VerificationPolicy& policy) {
  return nlohmann::ordered_json{{"v", 1},
                                {"on", policy.enabled},
                                {"level", to_string(policy.level)},
                                {"h", std::chrono::floor<std::chrono::hours>(policy.every).count()}}
      .dump();
}

VerificationPolicy parse_verification(const std::string& value, std::string_view vm) {
  const json body = json::parse(value, nullptr, false);
  if (!body.is_object()) refuse(vm, "it is no JSON object");
  if (body.value("v", json()) != 1) refuse(vm, "this azlin knows version 1 only");
  for (const auto& [key, unused] : body.items()) {
    if (key != "v" && key != "on" && key != "level" && key != "h")
      refuse(vm, fmt::format("this azlin does not know '{}'", key));
  }
  VerificationPolicy policy;
  if (!body.contains("on") || !body["on"].is_boolean()) refuse(vm, "'on' is not true or false");
  policy.enabled = body["on"];
  const auto level = body.contains("level") && body["level"].is_string()
                         ? parse_level(body["level"].get<std::string>())
                         : std::nullopt;
  if (!level) refuse(vm, "'level' is not disk, content or full");
  policy.level = *level;
  const auto most = std::chrono::floor<std::chrono::hours>(kLongestEvery).count();
  if (!body.contains("h") || !body["h"].is_number_integer() || body["h"] < 1 || body["h"] > most)
    refuse(vm, fmt::format("'h' is not a whole number from 1 to {}", most));
  policy.every = std::chrono::hours{body["h"].get<int>()};
  return policy;
}

Due due(const VerificationPolicy& policy, const std::optional<snapshot::VerifiedMark>& mark,
        core::TimePoint now) {
  if (!policy.enabled) return Due::no;
  if (!mark) return Due::never;
  const bool failed = mark->level == "failed";
  const auto reached = failed ? policy.level : parse_level(mark->level).value_or(Level::none);
  if (reached < policy.level) return Due::never;
  return now - mark->at >= policy.every - kSlack ? Due::overdue : Due::no;
}

}  // namespace azlin::verification
