#include "arm/error_body.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "azlin/core/json_text.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/secret_text.hpp"

namespace azlin::arm {
namespace {

using nlohmann::json;

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return {};
  if (found->is_string()) return found->get<std::string>();
  if (found->is_object()) return text_of(*found, "value");  // OData: "message": {"lang", "value"}
  return found->dump();
}

// "HighCostGet: 1238 requests where 300 are allowed" of the JSON that Compute puts into a 429's detail.
std::string readable(const std::string& message) {
  if (!message.starts_with('{')) return message;
  const auto inner = core::parse_json(message);
  if (!inner.is_object()) return message;
  if (inner.contains("operationGroup"))
    return fmt::format("{}: {} requests where {} are allowed", text_of(inner, "operationGroup"),
                       text_of(inner, "measuredRequestCount"), text_of(inner, "allowedRequestCount"));
  const auto& error = inner.contains("error") && inner["error"].is_object() ? inner["error"] : inner;
  const auto code = text_of(error, "code"), text = text_of(error, "message");
  return text.empty() ? message : code.empty() ? text : code + ": " + text;
}

void append_details(const json& error, std::string& message) {
  if (!error.contains("details") || !error["details"].is_array()) return;
  for (const auto& detail : error["details"]) {
    if (!detail.is_object()) continue;
    const auto code = text_of(detail, "code"), text = readable(text_of(detail, "message"));
    if (text.empty() || message.find(text) != std::string::npos) continue;
    message += fmt::format("{}[{}{}]", message.empty() ? "" : " ", code.empty() ? "" : code + ": ", text);
  }
}

// The policy that refused, which the message itself often leaves out.
void append_policy(const json& error, std::string& message) {
  if (!error.contains("additionalInfo") || !error["additionalInfo"].is_array()) return;
  for (const auto& entry : error["additionalInfo"]) {
    if (!entry.is_object() || !entry.contains("info") || !entry["info"].is_object()) continue;
    const auto assignment = text_of(entry["info"], "policyAssignmentId");
    if (!assignment.empty() && message.find(assignment) == std::string::npos)
      message += fmt::format(" [policy assignment {}]", assignment);
  }
}

std::string first_line(std::string_view body) {
  auto line = body.substr(0, body.find_first_of("\r\n"));
  const bool cut = line.size() > 300;
  return std::string(line.substr(0, 300)) + (cut ? "…" : "");
}

std::string quoted_after(const std::string& message, const std::string& words) {
  const auto at = message.find(words);
  if (at == std::string::npos) return {};
  const auto begin = message.find('\'', at + words.size());
  const auto end = begin == std::string::npos ? begin : message.find('\'', begin + 1);
  return end == std::string::npos ? std::string{} : message.substr(begin + 1, end - begin - 1);
}

std::string permission_hint(const ServiceError& error) {
  const auto action = quoted_after(error.message, "perform action");
  const auto scope = quoted_after(error.message, "over scope");
  if (action.empty())
    return "ask for a role that allows this, then run it again (new roles take a few minutes)";
  return fmt::format(
      "ask for a role with the action {}{}; new roles take a few minutes, and `azlin doctor` lists what is "
      "missing",
      action, scope.empty() ? "" : " on " + scope);
}

struct HintRow {
  const char* code;
  const char* hint;
};

constexpr HintRow kHints[] = {
    {"ScopeLocked", "remove the lock first (`az lock list`, `az lock delete`), or choose another resource"},
    {"InvalidTags", "Azure allows 50 tags of a resource, and azlin needs some of them: remove others"},
    {"SkuNotAvailable",
     "choose another size, region or zone; `az vm list-skus --location REGION` shows what there is"},
    {"AllocationFailed",
     "Azure has no room for this size there now: try again later, or another size or zone"},
    {"ZonalAllocationFailed",
     "Azure has no room for this size there now: try again later, or another size or zone"},
    {"OverconstrainedAllocationRequest", "ask for fewer conditions (zone, placement), or another size"},
    {"QuotaExceeded", "ask for more quota in the portal (Subscriptions > Usage + quotas), or free some"},
    {"RequestDisallowedByPolicy",
     "a policy forbids this: change the request (region, tags, SKU) or ask for an exemption"},
    {"SubscriptionNotFound",
     "check --subscription and `az account list`; the login may belong to another tenant"},
    {"ReadOnlyDisabledSubscription",
     "enable the subscription again: its spending limit, its bill, or an owner's choice disabled it"},
    {"InvalidSubscriptionId", "check --subscription and `az account list`"},
    {"ResourceGroupNotFound",
     "check --resource-group and --subscription; `az group list -o table` shows the groups"},
    {"ResourceGroupBeingDeleted", "the resource group is being deleted: wait, or use another one"},
    {"ResourceNotFound", "check the name, --resource-group and --subscription"},
    {"MissingSubscriptionRegistration",
     "register the provider that is named: `az provider register --namespace NAME --wait`"},
    {"NoRegisteredProviderFound",
     "this region does not know that api-version yet: use another region or a newer azlin"},
    {"ExpiredAuthenticationToken",
     "sign in again (`az login`); if that does not help, check this machine's clock"},
    {"InvalidAuthenticationToken", "sign in again: `az login`, or set a new AZLIN_ACCESS_TOKEN"},
    {"InvalidAuthenticationTokenTenant", "the login is for another tenant: `az login --tenant TENANT`"},
    {"AuthenticationFailed", "sign in: `az login`; `azlin auth status` shows what is used"},
    {"PropertyChangeNotAllowed", "this property is fixed once the resource exists: make a new one"},
    {"SnapshotCountExceeded", "delete old snapshots of this disk (`azlin backup cleanup`)"},
    {"AnotherOperationInProgress",
     "wait until the other operation on the resource has ended, then run it again"},
    {"PreconditionFailed", "somebody else changed the resource meanwhile: run the command again"},
};

bool contains_word(const std::string& text, const char* word) {
  return core::to_lower(text).find(word) != std::string::npos;
}

// OperationNotAllowed means quota, throttling or "the disk is attached": only the message tells.
std::string overloaded_hint(const ServiceError& error) {
  if (contains_word(error.message, "quota"))
    return "ask for more quota in the portal (Usage + quotas), or free some";
  if (contains_word(error.message, "attached")) return "detach the disk from its virtual machine first";
  return {};
}

core::ErrorKind kind_of(int status) {
  if (status == 404) return core::ErrorKind::not_found;
  if (status == 401 || status == 403) return core::ErrorKind::unauthorized;
  return core::ErrorKind::failed;
}

std::string request_id_of(const http::Response& response) {
  if (auto id = response.header("x-ms-correlation-request-id")) return *id;
  return response.header("x-ms-request-id").value_or("");
}

std::string describe(const ServiceError& error) {
  if (error.code.empty() && error.message.empty()) return {};
  if (error.code.empty()) return ": " + error.message;
  return fmt::format(" {}{}", error.code, error.message.empty() ? "" : ": " + error.message);
}

}  // namespace

ServiceError read_service_error(const json& body) {
  ServiceError out;
  if (!body.is_object()) return out;
  const json* error = &body;
  for (const char* key : {"error", "odata.error", "Error"})
    if (body.contains(key) && body[key].is_object()) error = &body[key];
  if (body.contains("error") && body["error"].is_string()) {  // OAuth
    out.code = body["error"].get<std::string>();
    out.message = core::without_secrets(text_of(body, "error_description"));
    return out;
  }
  out.code = text_of(*error, "code");
  out.target = text_of(*error, "target");
  out.message = readable(text_of(*error, "message"));
  append_details(*error, out.message);
  append_policy(*error, out.message);
  out.message = core::without_secrets(out.message);
  return out;
}

ServiceError parse_service_error(std::string_view body) {
  const auto parsed = core::parse_json(body);
  if (parsed.is_object()) return read_service_error(parsed);
  return {.message = core::without_secrets(first_line(body))};
}

std::string hint_for(int status, const ServiceError& error) {
  if (error.code == "AuthorizationFailed" || error.code == "LinkedAuthorizationFailed")
    return permission_hint(error);
  if (error.code == "OperationNotAllowed")
    if (auto hint = overloaded_hint(error); !hint.empty()) return hint;
  for (const auto& row : kHints)
    if (core::equal_ignoring_case(error.code, row.code)) return row.hint;
  if (status == 429)
    return "Azure limits requests for now: run it again later, or with a smaller --max-parallel";
  if (status >= 500)
    return "the service has a fault: run it again later; https://azure.status.microsoft shows outages";
  if (status == 401) return "sign in again: `az login`; `azlin auth status` shows what is used";
  if (status == 403) return "`azlin doctor` lists the permissions that are missing";
  if (status >= 300 && status < 400)
    return "something between here and the service sends requests elsewhere: look at https_proxy and at "
           "AZLIN_ARM_ENDPOINT";
  if (status == 409)
    return "something else works on the resource, or its state does not allow this: run it again later";
  if (status == 412) return "somebody else changed the resource meanwhile: run the command again";
  return {};
}

ArmError make_arm_error(const std::string& what, const http::Response& response) {
  const auto error = parse_service_error(response.body);
  const auto id = request_id_of(response);
  const auto message = fmt::format("{} failed with {}{}{}", what, response.status, describe(error),
                                   id.empty() ? "" : " (request id " + id + ")");
  return ArmError(kind_of(response.status), message, hint_for(response.status, error), response.status,
                  error.code, id, error.message);
}

ArmError make_operation_error(const std::string& what, const std::string& state, const ServiceError& error,
                              const std::string& request_id) {
  const auto message =
      fmt::format("{} {}{}{}", what, state, error.code.empty() ? describe(error) : ":" + describe(error),
                  request_id.empty() ? "" : " (request id " + request_id + ")");
  return ArmError(core::ErrorKind::failed, message, hint_for(200, error), 200, error.code, request_id,
                  error.message);
}

}  // namespace azlin::arm
