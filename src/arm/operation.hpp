#pragma once
// Long-running operations as ARM runs them: what a reply says about one. Pure.
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "arm/error_body.hpp"
#include "azlin/arm/client.hpp"

namespace azlin::arm {

enum class PollState { running, succeeded, failed, canceled, unreadable };

struct PollStep {
  PollState state = PollState::unreadable;
  std::string status;                 // the service's own word, for progress
  std::optional<double> percent;      // 0-100, where the service gives one
  std::optional<core::Millis> delay;  // Retry-After
  ServiceError error;                 // when failed or canceled
  nlohmann::json body;                // the reply's document
};

// What the reply to a request that begins an operation says. Poll addresses that `is_own` refuses are
// ignored: the token must not go there. Throws core::Error (failed) when an accepted POST names no address to
// poll.
Operation read_begin(const Call& call, const std::string& resource_url, const http::Response& response,
                     core::TimePoint now, const std::function<bool(const std::string&)>& is_own);

// What one poll says, for an operation polled by Azure-AsyncOperation, by Location, or (poll_url empty) by
// reading the resource. `response` is a 2xx, or a 404 of a resource that is being deleted.
PollStep read_poll(const Operation& operation, const http::Response& response, core::TimePoint now);

// properties.provisioningState; "" when there is none, which means Succeeded.
std::string provisioning_state(const nlohmann::json& resource);

}  // namespace azlin::arm
