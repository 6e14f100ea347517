#pragma once
// What the service says about a failure, in each of the shapes that Azure uses.
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "azlin/arm/error.hpp"
#include "azlin/http/transport.hpp"

namespace azlin::arm {

struct ServiceError {
  std::string code;
  std::string message;  // details and the policy that refused are appended
  std::string target;
};

// Reads {"error":{…}}, the same without "error" (Compute's 429), OAuth's
// {"error":"code","error_description"}, JSON in a string inside, and `details`. A body that is none of these
// gives its first line as the message. Never throws.
ServiceError parse_service_error(std::string_view body);
ServiceError read_service_error(const nlohmann::json& body);

// What to do about `error`; "" when there is no advice. Knows the codes of the reference page.
std::string hint_for(int status, const ServiceError& error);

// The exception for a reply of 400 and over. `what` is "GET /subscriptions/…".
ArmError make_arm_error(const std::string& what, const http::Response& response);
// The exception for a long-running operation that ended badly. `state` is "failed" or "was canceled".
ArmError make_operation_error(const std::string& what, const std::string& state, const ServiceError& error,
                              const std::string& request_id);

}  // namespace azlin::arm
