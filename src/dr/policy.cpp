#include "azlin/dr/policy.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "azlin/core/names.hpp"

namespace azlin::dr {

using core::Error;
using core::ErrorKind;
using nlohmann::json;

namespace {

constexpr std::int64_t kMostHours = 24 * 366;
constexpr std::int64_t kMostSeconds = 7 * 24 * 3600;

std::int64_t whole(const json& body, const char* key, std::int64_t most, std::string_view vm) {
  const auto found = body.find(key);
  if (found == body.end() || !found->is_number_integer() || *found < 1 || *found > most)
    throw InvalidPolicy(vm, fmt::format("'{}' is not a whole number from 1 to {}", key, most));
  return found->get<std::int64_t>();
}

std::int64_t hours(core::Millis time) {
  return std::chrono::floor<std::chrono::hours>(time).count();
}
std::int64_t seconds(core::Millis time) {
  return std::chrono::floor<std::chrono::seconds>(time).count();
}

}  // namespace

InvalidPolicy::InvalidPolicy(std::string_view vm, std::string_view why)
    : Error(ErrorKind::failed, fmt::format("the tag {} of VM {} cannot be read: {}", kPolicyTag, vm, why),
            fmt::format("write it anew with `azlin dr configure {} --test-region REGION`", vm)) {}

std::string to_tag(const DrPolicy& policy) {
  json body = {{"v", 1},
               {"on", policy.enabled},
               {"to", policy.region},
               {"h", hours(policy.every)},
               {"rto", seconds(policy.target_rto)}};
  if (!policy.ssh_user.empty()) body["u"] = policy.ssh_user;
  if (!policy.ssh_key.empty()) body["k"] = policy.ssh_key;
  return body.dump();
}

DrPolicy parse_policy(const std::string& value, std::string_view vm) {
  const json body = json::parse(value, nullptr, false);
  if (!body.is_object()) throw InvalidPolicy(vm, "it is no JSON object");
  if (!body.contains("v") || body["v"] != 1) throw InvalidPolicy(vm, "this azlin knows version 1 only");
  for (const auto& [key, unused] : body.items()) {
    if (key != "v" && key != "on" && key != "to" && key != "h" && key != "rto" && key != "u" && key != "k")
      throw InvalidPolicy(vm, fmt::format("this azlin does not know '{}'", key));
  }
  if (!body.contains("on") || !body["on"].is_boolean()) throw InvalidPolicy(vm, "'on' is not true or false");
  if (!body.contains("to") || !body["to"].is_string()) throw InvalidPolicy(vm, "'to' is not a region");
  DrPolicy policy;
  policy.enabled = body["on"];
  policy.region = body["to"];
  try {
    core::check_region(policy.region);
  } catch (const Error&) {
    throw InvalidPolicy(vm, "'to' is not a region");
  }
  policy.every = std::chrono::hours{whole(body, "h", kMostHours, vm)};
  policy.target_rto = std::chrono::seconds{whole(body, "rto", kMostSeconds, vm)};
  for (const auto& [key, text] : {std::pair{"u", &policy.ssh_user}, {"k", &policy.ssh_key}}) {
    const auto found = body.find(key);
    if (found == body.end()) continue;
    if (!found->is_string()) throw InvalidPolicy(vm, fmt::format("'{}' is no text", key));
    *text = found->get<std::string>();
  }
  return policy;
}

DrPolicy apply(const std::optional<DrPolicy>& existing, const PolicyChange& change,
               std::string_view vm_region) {
  DrPolicy policy = existing.value_or(DrPolicy{});
  policy.enabled = true;
  if (change.region) policy.region = *change.region;
  if (change.every) policy.every = *change.every;
  if (change.target_rto) policy.target_rto = *change.target_rto;
  if (policy.region.empty())
    throw Error(ErrorKind::usage, "in which region? give --test-region", "nothing was changed");
  core::check_region(policy.region);
  if (core::equal_ignoring_case(policy.region, vm_region))
    throw Error(ErrorKind::usage, fmt::format("the VM is in {} itself", vm_region),
                "a drill proves that it comes back elsewhere: name another region");
  const auto between = hours(policy.every);
  if (between < 1 || between > kMostHours)
    throw Error(ErrorKind::usage, "--every is from 1h to 366d", "nothing was changed");
  const auto target = seconds(policy.target_rto);
  if (target < 1 || target > kMostSeconds)
    throw Error(ErrorKind::usage, "--target-rto is from 1s to 7d", "nothing was changed");
  if (change.ssh_user) policy.ssh_user = *change.ssh_user;
  if (change.ssh_key) policy.ssh_key = *change.ssh_key;
  for (const auto& text : {policy.ssh_user, policy.ssh_key}) {
    if (text.starts_with('-'))
      throw Error(ErrorKind::usage, fmt::format("'{}' is no user and no key file", text));
  }
  if (to_tag(policy).size() > snapshot::kLongestTagValue)
    throw Error(ErrorKind::usage, "a VM tag takes at most 256 characters: the path of the key is too long",
                "give it with --ssh-key to each drill instead");
  return policy;
}

std::optional<DrPolicy> effective(const std::optional<DrPolicy>& stated,
                                  const std::optional<backup::BackupSchedule>& schedule) {
  if (stated) return stated;
  if (!schedule || !schedule->enabled || !schedule->target_region) return std::nullopt;
  DrPolicy policy;
  policy.region = *schedule->target_region;
  return policy;
}

core::TimePoint next_due(const DrPolicy& policy, const VmRef& vm, const std::vector<DRTestResult>& history) {
  core::TimePoint due{};
  for (const auto& test : history) {
    const bool counts = test.verdict == Verdict::passed || test.verdict == Verdict::failed;
    if (counts && core::equal_ignoring_case(test.vm.id(), vm.id()) &&
        core::equal_ignoring_case(test.test_region, policy.region))
      due = std::max(due, test.started_at + policy.every);
  }
  return due;
}

}  // namespace azlin::dr
