#include "arm/error_body.hpp"

#include <gtest/gtest.h>

namespace azlin::arm {
namespace {

struct BodyRow {
  const char* name;
  const char* body;
  const char* code;
  const char* message;
};

class ErrorBodyTest : public ::testing::TestWithParam<BodyRow> {};

TEST_P(ErrorBodyTest, IsRead) {
  const auto error = parse_service_error(GetParam().body);
  EXPECT_EQ(error.code, GetParam().code);
  EXPECT_EQ(error.message, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ErrorBodyTest,
    ::testing::Values(
        BodyRow{"Wrapped",
                R"({"error":{"code":"ResourceNotFound","message":"The Resource 'x' was not found."}})",
                "ResourceNotFound", "The Resource 'x' was not found."},
        BodyRow{"Bare", R"({"code":"OperationNotAllowed","message":"too many"})", "OperationNotAllowed",
                "too many"},
        BodyRow{
            "ComputeThrottle",
            R"({"code":"OperationNotAllowed","message":"The server rejected the request.","details":[{"code":"TooManyRequests","target":"HighCostGet","message":"{\"operationGroup\":\"HighCostGet\",\"startTime\":\"a\",\"endTime\":\"b\",\"allowedRequestCount\":300,\"measuredRequestCount\":1238}"}]})",
            "OperationNotAllowed",
            "The server rejected the request. [TooManyRequests: HighCostGet: 1238 requests where 300 are "
            "allowed]"},
        BodyRow{
            "Details",
            R"({"error":{"code":"BadRequest","message":"Several.","details":[{"code":"A","message":"first"},{"message":"second"},{"code":"C","message":""}]}})",
            "BadRequest", "Several. [A: first] [second]"},
        BodyRow{"DetailRepeatsTheMessage",
                R"({"error":{"code":"A","message":"same","details":[{"code":"B","message":"same"}]}})", "A",
                "same"},
        BodyRow{
            "ErrorInsideTheMessage",
            R"({"error":{"code":"DeploymentFailed","message":"{\"error\":{\"code\":\"SkuNotAvailable\",\"message\":\"none left\"}}"}})",
            "DeploymentFailed", "SkuNotAvailable: none left"},
        BodyRow{
            "Policy",
            R"({"error":{"code":"RequestDisallowedByPolicy","target":"x","message":"Resource 'x' was disallowed by policy.","additionalInfo":[{"type":"PolicyViolation","info":{"policyAssignmentId":"/p/1"}}]}})",
            "RequestDisallowedByPolicy", "Resource 'x' was disallowed by policy. [policy assignment /p/1]"},
        BodyRow{"OAuth", R"({"error":"invalid_client","error_description":"AADSTS7000215: Invalid secret."})",
                "invalid_client", "AADSTS7000215: Invalid secret."},
        BodyRow{"OData", R"({"odata.error":{"code":"X","message":{"lang":"en","value":"text"}}})", "X",
                "text"},
        BodyRow{"NumberAsCode", R"({"error":{"code":503,"message":"busy"}})", "503", "busy"},
        BodyRow{"NullFields", R"({"error":{"code":null,"message":null}})", "", ""},
        BodyRow{"EmptyObject", "{}", "", ""}, BodyRow{"Empty", "", "", ""},
        BodyRow{"Html", "<html>\n<body>Bad gateway</body>", "", "<html>"},
        BodyRow{"Truncated", R"({"error":{"code":"Res)", "", R"({"error":{"code":"Res)"},
        BodyRow{
            "ListOfJunk",
            R"({"error":{"code":"A","message":"m","details":["x",1,null],"additionalInfo":[1,{"info":2}]}})",
            "A", "m"},
        BodyRow{"SignatureIsRemoved",
                R"({"error":{"code":"A","message":"at https://h/b?sv=1&sig=abc%3D&se=2"}})", "A",
                "at https://h/b?sv=1&sig=REDACTED&se=2"},
        BodyRow{"TokenIsRemoved", R"({"error":{"code":"A","message":"got Bearer eyJ0.eyJ1.x-_ here"}})", "A",
                "got Bearer REDACTED here"}),
    [](const auto& row) { return row.param.name; });

struct HintRow {
  const char* name;
  int status;
  const char* code;
  const char* message;
  const char* part;  // of the hint; "" = no hint
};

class HintTest : public ::testing::TestWithParam<HintRow> {};

TEST_P(HintTest, SaysWhatToDo) {
  const auto& row = GetParam();
  const auto hint = hint_for(row.status, {row.code, row.message, ""});
  EXPECT_NE(hint.find(row.part), std::string::npos) << hint;
  EXPECT_EQ(hint.empty(), row.part[0] == '\0') << hint;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, HintTest,
    ::testing::Values(
        HintRow{"ActionAndScope", 403, "AuthorizationFailed",
                "The client 'id' with object id 'oid' does not have authorization to perform action "
                "'Microsoft.Compute/snapshots/write' over scope '/subscriptions/s' or the scope is invalid.",
                "the action Microsoft.Compute/snapshots/write on /subscriptions/s"},
        HintRow{"NoAction", 403, "AuthorizationFailed", "no", "ask for a role"},
        HintRow{"Linked", 403, "LinkedAuthorizationFailed",
                "…permission to perform action 'Microsoft.Compute/disks/beginGetAccess/action' on the linked "
                "scope…",
                "Microsoft.Compute/disks/beginGetAccess/action"},
        HintRow{"Lock", 409, "ScopeLocked", "", "az lock"},
        HintRow{"Sku", 409, "SkuNotAvailable", "", "list-skus"},
        HintRow{"Quota", 409, "OperationNotAllowed", "would exceed approved Total Regional Cores quota.",
                "quota"},
        HintRow{"Attached", 409, "OperationNotAllowed", "Disk x is attached to VM y.", "detach"},
        HintRow{"Throttle", 429, "OperationNotAllowed", "too many requests", "--max-parallel"},
        HintRow{"Policy", 403, "RequestDisallowedByPolicy", "", "policy"},
        HintRow{"Subscription", 404, "SubscriptionNotFound", "", "az account list"},
        HintRow{"Group", 404, "ResourceGroupNotFound", "", "az group list"},
        HintRow{"Resource", 404, "ResourceNotFound", "", "--resource-group"},
        HintRow{"AnyCase", 404, "resourcenotfound", "", "--resource-group"},
        HintRow{"Tenant", 401, "InvalidAuthenticationTokenTenant", "", "--tenant"},
        HintRow{"Expired", 401, "ExpiredAuthenticationToken", "", "az login"},
        HintRow{"Provider", 409, "MissingSubscriptionRegistration", "", "az provider register"},
        HintRow{"ServerFault", 502, "", "", "outages"}, HintRow{"Precondition", 412, "", "", "again"},
        HintRow{"Redirect", 302, "", "", "https_proxy"},
        HintRow{"Conflict", 409, "Conflict", "", "again later"},
        HintRow{"Unknown", 400, "SomethingNew", "", ""}),
    [](const auto& row) { return row.param.name; });

TEST(ArmErrorTest, SaysWhatFailedWithCodeAndRequestId) {
  const auto error =
      make_arm_error("GET /subscriptions/s/x",
                     {.status = 404,
                      .headers = {{"x-ms-request-id", "r1"}, {"x-ms-correlation-request-id", "c1"}},
                      .body = R"({"error":{"code":"ResourceNotFound","message":"gone"}})"});
  EXPECT_STREQ(error.what(), "GET /subscriptions/s/x failed with 404 ResourceNotFound: gone (request id c1)");
  EXPECT_EQ(error.kind(), core::ErrorKind::not_found);
  EXPECT_EQ(error.status(), 404);
  EXPECT_EQ(error.code(), "ResourceNotFound");
  EXPECT_EQ(error.request_id(), "c1");
  EXPECT_EQ(error.service_message(), "gone");
}

TEST(ArmErrorTest, KindFollowsTheStatus) {
  const auto kind = [](int status) { return make_arm_error("GET /x", {.status = status}).kind(); };
  EXPECT_EQ(kind(401), core::ErrorKind::unauthorized);
  EXPECT_EQ(kind(403), core::ErrorKind::unauthorized);
  EXPECT_EQ(kind(404), core::ErrorKind::not_found);
  EXPECT_EQ(kind(409), core::ErrorKind::failed);
  EXPECT_EQ(kind(500), core::ErrorKind::failed);
}

TEST(ArmErrorTest, BodyWithoutACodeStillReads) {
  EXPECT_STREQ(make_arm_error("GET /x", {.status = 502, .body = "Bad Gateway"}).what(),
               "GET /x failed with 502: Bad Gateway");
  EXPECT_STREQ(make_arm_error("HEAD /x", {.status = 404}).what(), "HEAD /x failed with 404");
}

TEST(ArmErrorTest, OperationErrorNamesTheOperation) {
  const auto error =
      make_operation_error("PUT /x", "failed", {"OSProvisioningTimedOut", "too slow", ""}, "r");
  EXPECT_STREQ(error.what(), "PUT /x failed: OSProvisioningTimedOut: too slow (request id r)");
  EXPECT_EQ(error.status(), 200);
}

}  // namespace
}  // namespace azlin::arm
