// The one loop for long-running operations.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "arm/operation.hpp"
#include "azlin/arm/client.hpp"
#include "azlin/core/json_text.hpp"
#include "azlin/core/log.hpp"

namespace azlin::arm {
namespace {

using core::Error;
using core::ErrorKind;
using core::Millis;
using nlohmann::json;

constexpr Millis kNotThereYet{60'000};  // how long a 404 may mean "not yet"
constexpr int kFailedPolls = 5;         // in a row, each with its own retries
constexpr Millis kSlowestPoll{5'000};   // where the service names no time
constexpr Millis kQuickestPoll{200};    // after the first two polls

std::string path_of(const std::string& url) {
  return url.substr(0, url.find('?'));
}

// The moving parts of one wait.
struct Waiting {
  Operation operation;
  core::TimePoint began;
  int polls = 0;
  int failures = 0;  // in a row
  std::string status = "InProgress";
};

// Whether a poll that ended in `error` may be followed by another one. Changes what is polled where the
// address itself has become useless: the resource tells the same.
bool survives(Waiting& waiting, const ArmError& error, core::TimePoint now) {
  const bool has_resource = waiting.operation.method != "POST";
  if (error.status() >= 500 || error.status() == 429 || error.status() == 408 ||
      error.code() == "InvalidReply")
    return ++waiting.failures <= kFailedPolls;
  if (error.status() == 404 && now - waiting.began < kNotThereYet) return true;
  const bool address_useless = error.status() == 404 || error.status() == 403 || error.status() == 410;
  if (address_useless && has_resource && !waiting.operation.poll_url.empty()) {
    core::log_debug("polling the resource instead of its operation: {}", error.what());
    waiting.operation.poll_url.clear();
    return true;
  }
  return false;
}

Millis delay_after(const Waiting& waiting, const std::optional<Millis>& said, Millis default_poll) {
  if (said) return waiting.polls > 2 ? std::max(*said, kQuickestPoll) : *said;
  return std::min(default_poll + default_poll / 4 * (waiting.polls - 1),
                  std::max(kSlowestPoll, default_poll));
}

}  // namespace

json ArmClient::wait(Operation begun, std::stop_token stop, const Progress& progress) {
  Waiting waiting{.operation = std::move(begun), .began = clock_.now()};
  auto& operation = waiting.operation;
  const auto what = operation.method + " " + path_of(operation.resource_url);
  if (operation.done) return result_of(operation, core::parse_json(operation.initial_body), stop);

  for (Millis delay = operation.next_delay;;) {
    if (!clock_.sleep_for(delay, stop))
      throw Error(ErrorKind::interrupted,
                  fmt::format("interrupted while waiting for {}; it goes on in Azure", what));
    if (clock_.now() - waiting.began >= options_.operation_deadline)
      throw Error(ErrorKind::failed,
                  fmt::format("{} has not ended after {} (last status: {}); it goes on in Azure", what,
                              core::to_display(options_.operation_deadline), waiting.status),
                  "look at it in the portal's activity log; `azlin recover` picks it up");
    ++waiting.polls;
    delay = options_.default_poll;
    const bool reads_resource = operation.poll_url.empty();
    PollStep step;
    std::string request_id;
    try {
      const auto reply = get_url(reads_resource ? operation.resource_url : operation.poll_url, false, stop);
      request_id =
          reply.header("x-ms-correlation-request-id").value_or(reply.header("x-ms-request-id").value_or(""));
      step = read_poll(operation, {.status = reply.status, .headers = reply.headers, .body = reply.body},
                       clock_.now());
    } catch (const ArmError& error) {
      if (reads_resource && operation.method == "DELETE" && error.status() == 404) return nullptr;
      if (!survives(waiting, error, clock_.now())) throw;
      continue;
    } catch (const http::NetworkError& error) {
      if (!error.retryable() || ++waiting.failures > kFailedPolls) throw;
      continue;
    }
    if (!step.status.empty()) waiting.status = step.status;
    switch (step.state) {
      case PollState::failed:
        throw make_operation_error(what, "failed", step.error, request_id);
      case PollState::canceled:
        throw make_operation_error(what, "was canceled", step.error, request_id);
      case PollState::succeeded:
        if (progress) progress(waiting.status, 100.0);
        return result_of(operation, std::move(step.body), stop);
      case PollState::unreadable:
        if (++waiting.failures > kFailedPolls)
          throw Error(ErrorKind::failed,
                      fmt::format("{}: the service's status replies cannot be read", what));
        break;
      case PollState::running:
        waiting.failures = 0;
        if (progress) progress(waiting.status, step.percent);
        break;
    }
    delay = delay_after(waiting, step.delay, options_.default_poll);
  }
}

// The result, when the operation has succeeded with `final_body` as its last document.
json ArmClient::result_of(const Operation& operation, json final_body, std::stop_token stop) {
  if (final_body.is_discarded()) final_body = nullptr;
  if (operation.method == "DELETE") return nullptr;
  if (operation.method == "POST") {
    if (operation.done || operation.poll_is_location) return final_body;
    if (final_body.is_object() && final_body.contains("properties") && final_body["properties"].is_object() &&
        final_body["properties"].contains("output"))
      return final_body["properties"]["output"];
    if (!operation.location_url.empty()) return get_url(operation.location_url, true, stop).json();
    return nullptr;
  }
  const bool is_resource = operation.done || operation.poll_url.empty();
  if (is_resource && final_body.is_object() && final_body.contains("id")) return final_body;
  const auto until = clock_.now() + kNotThereYet;
  for (;;) {  // another replica of the service may not know the new resource yet
    try {
      return get_url(operation.resource_url, true, stop).json();
    } catch (const ArmError& error) {
      if (error.status() != 404 || clock_.now() >= until) throw;
    }
    if (!clock_.sleep_for(options_.default_poll, stop))
      throw Error(ErrorKind::interrupted, "interrupted while reading " + path_of(operation.resource_url));
  }
}

}  // namespace azlin::arm
