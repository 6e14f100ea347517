#include "simulator/faults.hpp"

#include <regex>

#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

bool path_matches(const std::string& pattern, const std::string& target) {
  if (!pattern.starts_with("regex:")) return glob_match(pattern, target);
  return std::regex_search(target, std::regex(pattern.substr(6), std::regex::icase));
}

[[noreturn]] void throw_bad(const std::string& message) {
  throw ApiError(400, "InvalidFault", message);
}

void check(const FaultRule& rule) {
  if (!rule.drop.empty() && rule.drop != "before" && rule.drop != "after" && rule.drop != "truncate")
    throw_bad("drop is one of before, after, truncate");
  if (rule.status != 0 && (rule.status < 400 || rule.status > 599)) throw_bad("status is from 400 to 599");
  if (rule.probability < 0 || rule.probability > 1) throw_bad("probability is from 0 to 1");
  if (rule.delay < core::Millis{0} || rule.skip < 0) throw_bad("delayMs and skip are not negative");
  if (rule.count == 0 || rule.count < -1) throw_bad("count is 1 or more, or -1 for no limit");
  if (rule.status == 0 && rule.drop.empty() && rule.delay == core::Millis{0} && rule.operation_code.empty() &&
      !rule.expire_token && !rule.corrupt)
    throw_bad("a fault needs one of status, drop, delayMs, operationCode, expireToken, corrupt");
  try {
    path_matches(rule.path, "/");
  } catch (const std::regex_error& error) {
    throw_bad(std::string("path is no regular expression: ") + error.what());
  }
}

}  // namespace

Json to_json(const FaultRule& rule) {
  return {{"id", rule.id},
          {"method", rule.method},
          {"path", rule.path},
          {"skip", rule.skip},
          {"count", rule.count},
          {"probability", rule.probability},
          {"status", rule.status},
          {"code", rule.code},
          {"message", rule.message},
          {"retryAfter", rule.retry_after},
          {"delayMs", rule.delay.count()},
          {"drop", rule.drop},
          {"operationCode", rule.operation_code},
          {"operationMessage", rule.operation_message},
          {"expireToken", rule.expire_token},
          {"corrupt", rule.corrupt ? Json(*rule.corrupt) : Json()},
          {"corrupted", rule.corrupted},
          {"matched", rule.matched},
          {"hits", rule.hits}};
}

FaultRule fault_from_json(const Json& json) {
  FaultRule rule;
  if (!json.is_object()) throw_bad("a fault is a JSON object");
  const Json known = to_json(rule);
  for (const auto& [name, value] : json.items()) {
    if (!known.contains(name)) throw_bad("unknown key '" + name + "'");
  }
  try {
    rule.method = json.value("method", rule.method);
    rule.path = json.value("path", rule.path);
    rule.skip = json.value("skip", rule.skip);
    rule.count = json.value("count", rule.count);
    rule.probability = json.value("probability", rule.probability);
    rule.status = json.value("status", rule.status);
    rule.code = json.value("code", rule.code);
    rule.message = json.value("message", rule.message);
    const Json retry = json.value("retryAfter", Json(""));
    rule.retry_after = retry.is_number() ? retry.dump() : retry.get<std::string>();
    rule.delay = core::Millis{json.value("delayMs", std::int64_t{0})};
    rule.drop = json.value("drop", "");
    rule.operation_code = json.value("operationCode", "");
    rule.operation_message = json.value("operationMessage", rule.message);
    rule.expire_token = json.value("expireToken", false);
    if (json.contains("corrupt") && !json["corrupt"].is_null())
      rule.corrupt = json["corrupt"].get<std::uint64_t>();
  } catch (const Json::exception& error) {
    throw_bad(error.what());
  }
  check(rule);
  return rule;
}

std::int64_t Faults::add(FaultRule rule) {
  const std::lock_guard lock(mutex_);
  rule.id = next_id_++;
  rules_.push_back(std::move(rule));
  return rules_.back().id;
}

bool Faults::remove(std::int64_t id) {
  const std::lock_guard lock(mutex_);
  return std::erase_if(rules_, [id](const FaultRule& rule) { return rule.id == id; }) > 0;
}

void Faults::clear() {
  const std::lock_guard lock(mutex_);
  rules_.clear();
  down_.clear();
}

std::vector<FaultRule> Faults::list() const {
  const std::lock_guard lock(mutex_);
  return rules_;
}

std::optional<FaultRule> Faults::strike(const std::string& method, const std::string& target) {
  const std::lock_guard lock(mutex_);
  for (auto& rule : rules_) {
    if (rule.method != "*" && !same(rule.method, method)) continue;
    if (rule.count >= 0 && rule.hits >= rule.count) continue;
    if (!path_matches(rule.path, target)) continue;
    if (++rule.matched <= rule.skip) continue;
    if (rule.probability < 1 && std::uniform_real_distribution<>(0, 1)(random_) >= rule.probability) continue;
    ++rule.hits;
    return rule;
  }
  return std::nullopt;
}

void Faults::note_corrupted(std::int64_t id, const std::string& what) {
  const std::lock_guard lock(mutex_);
  for (auto& rule : rules_) {
    if (rule.id == id) rule.corrupted = what;
  }
}

void Faults::set_region_down(const std::string& region, bool down) {
  const std::lock_guard lock(mutex_);
  if (down) {
    down_.insert(lower(region));
  } else {
    down_.erase(lower(region));
  }
}

bool Faults::region_down(const std::string& region) const {
  const std::lock_guard lock(mutex_);
  return down_.count(lower(region)) != 0;
}

std::vector<std::string> Faults::regions_down() const {
  const std::lock_guard lock(mutex_);
  return {down_.begin(), down_.end()};
}

}  // namespace azlin::simulator
