#pragma once
// What a network and a service do to one request, as rules of the simulated cloud.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

namespace azlin::test {

struct FaultKind {
  const char* name;
  nlohmann::json rule;  // what it does; not to which request
};
inline void PrintTo(const FaultKind& kind, std::ostream* out) {
  *out << kind.name;
}
inline std::string name_of(const testing::TestParamInfo<FaultKind>& info) {
  return info.param.name;
}

// All but `Garbled` tell the client that something is wrong.
inline auto fault_kinds() {
  return testing::Values(
      FaultKind{"Error500", {{"status", 500}}},
      FaultKind{"Error502", {{"status", 502}, {"code", "BadGateway"}}},
      FaultKind{"Unavailable", {{"status", 503}, {"code", "ServiceUnavailable"}}},
      FaultKind{"Throttled", {{"status", 429}, {"code", "TooManyRequests"}, {"retryAfter", "7"}}},
      FaultKind{"Conflict", {{"status", 409}, {"code", "Conflict"}}},
      FaultKind{"Forbidden", {{"status", 403}, {"code", "AuthorizationFailed"}}},
      FaultKind{"TokenExpired", {{"expireToken", true}}}, FaultKind{"DroppedBefore", {{"drop", "before"}}},
      FaultKind{"ReplyLost", {{"drop", "after"}}}, FaultKind{"ReplyCut", {{"drop", "truncate"}}},
      FaultKind{"OperationFails",
                {{"operationCode", "InternalExecutionError"}, {"operationMessage", "try again"}}},
      FaultKind{"Garbled", {{"corrupt", 1}}});
}

}  // namespace azlin::test
