#include "arm/operation.hpp"

#include <fmt/format.h>

#include <array>

#include "azlin/core/json_text.hpp"
#include "azlin/core/names.hpp"
#include "azlin/http/retry.hpp"

namespace azlin::arm {
namespace {

using nlohmann::json;

// Three words end an operation, in any case; every other one means that it runs.
PollState state_of(const std::string& word) {
  const auto status = core::to_lower(word);
  if (status == "succeeded") return PollState::succeeded;
  if (status == "failed") return PollState::failed;
  if (status == "canceled" || status == "cancelled") return PollState::canceled;
  return PollState::running;
}

std::string word_of(const json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

std::optional<double> number_of(const json& object, const char* key) {
  if (!object.is_object()) return std::nullopt;
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? std::optional(found->get<double>()) : std::nullopt;
}

const json& properties_of(const json& document) {
  static const json kNone;
  if (!document.is_object()) return kNone;
  const auto found = document.find("properties");
  return found == document.end() ? kNone : *found;
}

std::optional<double> percent_of(const json& document) {
  for (const char* key : {"percentComplete", "completionPercent"})
    for (const json* object : {&document, &properties_of(document)})
      if (const auto value = number_of(*object, key)) return value;
  return std::nullopt;
}

void finish(PollStep& step, const std::string& word) {
  step.status = word;
  step.state = state_of(word);
  if (step.state != PollState::failed && step.state != PollState::canceled) return;
  step.error = read_service_error(step.body);
  const auto& properties = properties_of(step.body);
  if (step.error.code.empty() && properties.is_object() && properties.contains("error"))
    step.error = read_service_error(properties);
}

// The status document of Azure-AsyncOperation: 200 also while it runs and when it failed.
void read_status_document(PollStep& step, int http_status) {
  auto word = word_of(step.body, "status");
  if (word.empty()) word = provisioning_state(step.body);
  if (!word.empty()) return finish(step, word);
  if (http_status == 202) step.state = PollState::running;
  if (http_status == 204) step.state = PollState::succeeded;
}

// A status document has a status and none of a resource's parts.
bool is_status_document(const json& body) {
  return body.is_object() && !word_of(body, "status").empty() && !body.contains("id") &&
         !body.contains("value") &&
         (body.contains("startTime") || body.contains("error") || body.contains("percentComplete") ||
          body.size() <= 2);
}

void read_location(PollStep& step, int http_status) {
  if (http_status == 202) {
    step.state = PollState::running;
    step.status = "InProgress";
    return;
  }
  // Some services answer 200 here, too, while they work.
  if (is_status_document(step.body)) return finish(step, word_of(step.body, "status"));
  const auto state = provisioning_state(step.body);
  finish(step, state.empty() ? "Succeeded" : state);
}

void read_resource(PollStep& step, const std::string& method, int http_status) {
  if (method == "DELETE") {
    step.state = http_status == 404 ? PollState::succeeded : PollState::running;
    step.status = http_status == 404 ? "Succeeded" : "Deleting";
    if (http_status != 404 && state_of(provisioning_state(step.body)) == PollState::failed)
      finish(step, "Failed");
    return;
  }
  if (!step.body.is_object()) return;  // unreadable
  const auto state = provisioning_state(step.body);
  finish(step, state.empty() ? "Succeeded" : state);
}

bool has_async_address(const Operation& operation) {
  return !operation.poll_url.empty();
}

// The reply itself says that all is done, or the resource does.
bool ended_at_once(const Call& call, const http::Response& response) {
  if (response.status == 202) return false;
  if (call.method != "PUT" && call.method != "PATCH") return true;
  const auto body = core::parse_json(response.body);
  return state_of(provisioning_state(body)) == PollState::succeeded || provisioning_state(body).empty();
}

}  // namespace

std::string provisioning_state(const json& resource) {
  auto state = word_of(properties_of(resource), "provisioningState");
  if (state.empty()) state = word_of(resource, "provisioningState");
  return state;
}

Operation read_begin(const Call& call, const std::string& resource_url, const http::Response& response,
                     core::TimePoint now, const std::function<bool(const std::string&)>& is_own) {
  Operation out;
  out.method = call.method;
  out.resource_url = resource_url;
  out.initial_body = response.body;
  out.next_delay = http::parse_retry_after(response, now).value_or(core::Millis{-1});
  const auto usable = [&](const char* name) {
    const auto url = response.header(name).value_or("");
    return !url.empty() && is_own(url) ? url : std::string{};
  };
  const auto async = usable("Azure-AsyncOperation");
  const auto location = response.status == 202 || response.status == 201 ? usable("Location") : std::string{};
  if (!async.empty()) {
    out.poll_url = async;
    out.location_url = location;
  } else if (!location.empty()) {
    out.poll_url = location;
    out.poll_is_location = true;
  }
  if (has_async_address(out)) return out;
  out.done = ended_at_once(call, response);
  if (!out.done && call.method == "POST")
    throw core::Error(
        core::ErrorKind::failed,
        fmt::format("POST {} was accepted, but the service gave no address to ask for its progress",
                    call.path),
        "look at the resource in the portal before running it again");
  return out;
}

PollStep read_poll(const Operation& operation, const http::Response& response, core::TimePoint now) {
  PollStep step;
  step.delay = http::parse_retry_after(response, now);
  step.body = core::parse_json(response.body);
  if (step.body.is_discarded()) {
    step.body = nullptr;
    if (!response.body.empty()) return step;  // unreadable
  }
  step.percent = percent_of(step.body);
  if (operation.poll_url.empty())
    read_resource(step, operation.method, response.status);
  else if (operation.poll_is_location)
    read_location(step, response.status);
  else
    read_status_document(step, response.status);
  return step;
}

}  // namespace azlin::arm
