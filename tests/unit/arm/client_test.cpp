#include "azlin/arm/client.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/fake_clock.hpp"
#include "support/fake_process_runner.hpp"
#include "support/scripted_transport.hpp"
#include "support/temp_dir.hpp"

namespace azlin::arm {
namespace {

using core::ErrorKind;
using nlohmann::json;
using test::reply;
using namespace std::chrono_literals;

constexpr const char* kSnapshot = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/snapshots/a";
constexpr const char* kEndpoint = "https://management.azure.com";
constexpr const char* kPoll = "https://management.azure.com/subscriptions/s/op?p=1";

Call get_call() {
  return {.path = kSnapshot, .api_version = "2023-10-02"};
}
Call call(const std::string& method) {
  return {.method = method, .path = kSnapshot, .api_version = "2023-10-02", .body = "{}"};
}

class ArmClientTest : public ::testing::Test {
 protected:
  // The error of `act`, which must throw one.
  template <class Act>
  ArmError arm_error(const Act& act) {
    try {
      act();
    } catch (const ArmError& error) {
      return error;
    }
    ADD_FAILURE() << "no ArmError";
    return {ErrorKind::failed, "", "", 0, "", "", ""};
  }
  template <class Act>
  ErrorKind error_kind(const Act& act) {
    try {
      act();
    } catch (const core::Error& error) {
      return error.kind();
    }
    ADD_FAILURE() << "no error";
    return ErrorKind::usage;
  }
  void expect_async(const std::string& method, const http::Headers& more = {}) {
    http::Headers headers = {{"Azure-AsyncOperation", kPoll}};
    headers.insert(headers.end(), more.begin(), more.end());
    transport.expect(method, kSnapshot, reply(202, "", headers));
  }
  void expect_poll(const std::string& body, int status = 200) {
    transport.expect("GET", "/op?p=1", reply(status, body));
  }

  test::TempDir dir;
  test::FakeClock clock;
  test::ScriptedTransport transport;
  test::FakeProcessRunner processes;
  core::Env env{std::map<std::string, std::string>{{"AZLIN_ACCESS_TOKEN", "secret-token"}}};
  CredentialChain chain{transport, clock, processes, env, find_cloud("AzureCloud"), dir.file("tokens.json")};
  ArmClient client{transport, clock, chain, {}};
};

TEST_F(ArmClientTest, SendsWhatArmExpects) {
  transport.expect("PUT", "", reply(200, R"({"a":1})", {{"x-ms-request-id", "r"}}));
  auto put = call("PUT");
  put.path = "/subscriptions/s/resourceGroups/a b%/x";
  put.query = {{"$filter", "tagName eq 'azlin:vm'"}, {"b&c", "d"}};
  put.headers = {{"If-Match", "\"9\""}};
  const auto got = client.send(put);
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.json()["a"], 1);
  EXPECT_EQ(got.header("X-MS-Request-Id"), "r");
  EXPECT_EQ(transport.requests()[0].url,
            "https://management.azure.com/subscriptions/s/resourceGroups/a%20b%25/x?api-version=2023-10-02"
            "&$filter=tagName%20eq%20%27azlin%3Avm%27&b%26c=d");
  EXPECT_EQ(transport.sent_header(0, "Authorization"), "Bearer secret-token");
  EXPECT_EQ(transport.sent_header(0, "If-Match"), "\"9\"");
  EXPECT_EQ(transport.sent_header(0, "Content-Type"), "application/json");
  EXPECT_EQ(transport.sent_header(0, "x-ms-client-request-id").size(), 36U);
}

TEST_F(ArmClientTest, FailureCarriesCodeAndNoToken) {
  transport.expect("GET", kSnapshot,
                   reply(403, R"({"error":{"code":"AuthorizationFailed","message":"no"}})"));
  const auto error = arm_error([&] { client.send(get_call()); });
  EXPECT_EQ(error.code(), "AuthorizationFailed");
  EXPECT_EQ(error.kind(), ErrorKind::unauthorized);
  EXPECT_EQ(std::string(error.what()).find("secret-token"), std::string::npos);
  EXPECT_NE(std::string(error.what()).find(std::string("GET ") + kSnapshot), std::string::npos);
}

TEST_F(ArmClientTest, RedirectIsAFailure) {
  transport.expect("GET", kSnapshot, reply(302, "", {{"Location", "https://evil.example/"}}));
  EXPECT_EQ(arm_error([&] { client.send(get_call()); }).status(), 302);
}

struct FindRow {
  const char* name;
  const char* body;
  http::Headers headers;
  bool absent;
};

class FindTest : public ArmClientTest, public ::testing::WithParamInterface<FindRow> {};

TEST_P(FindTest, TellsAbsenceFromOtherFailures) {
  transport.expect("GET", kSnapshot, reply(404, GetParam().body, GetParam().headers));
  if (GetParam().absent)
    EXPECT_FALSE(client.find(get_call()));
  else
    EXPECT_EQ(error_kind([&] { client.find(get_call()); }), ErrorKind::not_found);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, FindTest,
    ::testing::Values(
        FindRow{"Resource", R"({"error":{"code":"ResourceNotFound","message":"x"}})", {}, true},
        FindRow{"Parent", R"({"error":{"code":"ParentResourceNotFound","message":"x"}})", {}, true},
        FindRow{"Provider", R"({"error":{"code":"NotFound","message":"x"}})", {}, true},
        FindRow{"NoBody", "", {}, true},
        FindRow{"TextWithRequestId", "not here", {{"x-ms-request-id", "r"}}, true},
        FindRow{"Group", R"({"error":{"code":"ResourceGroupNotFound","message":"x"}})", {}, false},
        FindRow{"Subscription", R"({"error":{"code":"SubscriptionNotFound","message":"x"}})", {}, false},
        FindRow{"WrongType", R"({"error":{"code":"InvalidResourceType","message":"x"}})", {}, false},
        FindRow{"ProxyPage", "<html>no such page</html>", {}, false}),
    [](const auto& row) { return row.param.name; });

TEST_F(ArmClientTest, FindReturnsWhatIsThere) {
  transport.expect("GET", kSnapshot, reply(200, R"({"name":"a"})"));
  EXPECT_EQ(client.find(get_call())->json()["name"], "a");
}

TEST_F(ArmClientTest, TransientConflictIsTriedAgain) {
  transport.expect("PUT", kSnapshot,
                   reply(409, R"({"error":{"code":"AnotherOperationInProgress","message":"x"}})"));
  transport.expect(
      "PUT", kSnapshot,
      reply(409, R"({"error":{"code":"Conflict","message":"conflict with a concurrent request."}})"));
  transport.expect("PUT", kSnapshot, reply(200));
  EXPECT_EQ(client.send(call("PUT")).status, 200);
}

TEST_F(ArmClientTest, OtherConflictsAreNot) {
  transport.expect("PUT", kSnapshot, reply(409, R"({"error":{"code":"ScopeLocked","message":"x"}})"));
  EXPECT_EQ(arm_error([&] { client.send(call("PUT")); }).code(), "ScopeLocked");
}

TEST_F(ArmClientTest, PostWithALostReplyIsNotSentAgain) {
  transport.expect_failure("POST", kSnapshot, true);
  EXPECT_THROW(client.send(call("POST")), http::NetworkError);
}

TEST_F(ArmClientTest, CallMayAllowRepeating) {
  transport.expect_failure("PATCH", kSnapshot, true);
  transport.expect("PATCH", kSnapshot, reply(200));
  auto patch = call("PATCH");
  patch.repeatable = http::Repeatable::yes;
  EXPECT_EQ(client.send(patch).status, 200);
}

TEST_F(ArmClientTest, BrokenJsonIsReadAgain) {
  transport.expect("GET", kSnapshot, reply(200, R"({"name":)"));
  transport.expect("GET", kSnapshot, reply(200, R"({"name":"a"})"));
  EXPECT_EQ(client.send(get_call()).json()["name"], "a");
}

TEST_F(ArmClientTest, JsonThatStaysBrokenIsATypedError) {
  for (int i = 0; i < 6; ++i) transport.expect("GET", kSnapshot, reply(200, R"({"name":)"));
  EXPECT_EQ(arm_error([&] { client.send(get_call()); }).code(), "InvalidReply");
}

TEST_F(ArmClientTest, BrokenJsonOfAPutIsNotRepeatedButTyped) {
  transport.expect("PUT", kSnapshot, reply(200, R"({"name":)"));
  const auto got = client.send(call("PUT"));
  EXPECT_EQ(arm_error([&] { got.json(); }).code(), "InvalidReply");
}

// The page with which a network asks for a sign-in, under 200: nothing was read, made or deleted.
TEST_F(ArmClientTest, AWebPageIsNoAnswer) {
  for (const char* method : {"GET", "PUT", "PATCH", "POST", "DELETE"}) {
    transport.expect(method, kSnapshot,
                     reply(200, "<html>Welcome</html>", {{"Content-Type", "text/html; charset=utf-8"}}));
    const auto error = arm_error([&] { client.send(call(method)); });
    EXPECT_EQ(error.code(), "InvalidReply");
    EXPECT_NE(std::string(error.what()).find(std::string(method) + " "), std::string::npos) << error.what();
  }
}

TEST_F(ArmClientTest, EmptyBodyIsNull) {
  transport.expect("DELETE", kSnapshot, reply(204));
  EXPECT_TRUE(client.send(call("DELETE")).json().is_null());
}

TEST_F(ArmClientTest, ThrottledCallHoldsBackTheNextOfItsKind) {
  transport.expect("GET", kSnapshot,
                   reply(429, R"({"code":"OperationNotAllowed","message":"x"})", {{"Retry-After", "30"}}));
  for (int i = 0; i < 2; ++i) transport.expect("GET", kSnapshot, reply(200));
  const auto begun = clock.now();
  client.send(get_call());
  client.send(get_call());
  EXPECT_GE(clock.now() - begun, 30s);
}

// Tokens that change: a chain that asks the simulator's identity endpoint.
class ArmClientTokenTest : public ArmClientTest {
 protected:
  void expect_token(const std::string& value) {
    transport.expect("GET", "/metadata/identity/oauth2/token",
                     reply(200, R"({"access_token":")" + value + R"(","expires_in":"3600"})"));
  }
  static Cloud cloud() {
    auto out = find_cloud("simulator");
    out.arm_endpoint = kEndpoint;
    return out;
  }
  core::Env no_env;
  CredentialChain tokens{transport, clock, processes, no_env, cloud(), dir.file("tokens.json")};
  ArmClient with_tokens{transport, clock, tokens, {}};
};

TEST_F(ArmClientTokenTest, Status401GetsOneFreshToken) {
  expect_token("old");
  transport.expect("GET", kSnapshot,
                   reply(401, R"({"error":{"code":"ExpiredAuthenticationToken","message":"x"}})"));
  expect_token("new");
  transport.expect("GET", kSnapshot, reply(200, "{}"));
  EXPECT_EQ(with_tokens.send(get_call()).status, 200);
  EXPECT_EQ(transport.sent_header(1, "Authorization"), "Bearer old");
  EXPECT_EQ(transport.sent_header(3, "Authorization"), "Bearer new");
}

TEST_F(ArmClientTokenTest, Second401IsFinal) {
  expect_token("old");
  transport.expect("GET", kSnapshot, reply(401));
  expect_token("new");
  transport.expect("GET", kSnapshot,
                   reply(401, R"({"error":{"code":"InvalidAuthenticationToken","message":"x"}})"));
  EXPECT_EQ(arm_error([&] { with_tokens.send(get_call()); }).kind(), ErrorKind::unauthorized);
}

TEST_F(ArmClientTokenTest, TokenThatExpiresBetweenPollsIsRenewed) {
  expect_token("old");
  transport.expect("PUT", kSnapshot, reply(202, "", {{"Azure-AsyncOperation", kPoll}}));
  transport.expect("GET", "/op?p=1", reply(401));
  expect_token("new");
  transport.expect("GET", "/op?p=1", reply(200, R"({"status":"Succeeded"})"));
  transport.expect("GET", kSnapshot, reply(200, R"({"id":"x"})"));
  EXPECT_EQ(with_tokens.run(call("PUT"))["id"], "x");
}

TEST_F(ArmClientTokenTest, ClaimsChallengeIsExplainedAndNotRepeated) {
  expect_token("old");
  transport.expect(
      "GET", kSnapshot,
      reply(401, "", {{"WWW-Authenticate", R"(Bearer error="insufficient_claims", claims="eyJ")"}}));
  const auto error = arm_error([&] { with_tokens.send(get_call()); });
  EXPECT_EQ(error.code(), "InsufficientClaims");
  EXPECT_NE(error.hint().find("conditional access"), std::string::npos);
}

TEST_F(ArmClientTest, TokenOfTheEnvironmentIsNotTriedTwice) {
  transport.expect("GET", kSnapshot, reply(401));
  EXPECT_EQ(arm_error([&] { client.send(get_call()); }).status(), 401);
}

// Long-running operations.

TEST_F(ArmClientTest, PutIsFollowedAndItsResourceRead) {
  expect_async("PUT", {{"Retry-After", "3"}});
  expect_poll(R"({"status":"InProgress","percentComplete":50})");
  expect_poll(R"({"status":"Succeeded","properties":{"output":{"id":"other"}}})");
  transport.expect("GET", kSnapshot, reply(200, R"({"id":"x"})"));
  std::vector<std::string> seen;
  const auto result =
      client.run(call("PUT"), {}, [&](const std::string& status, std::optional<double> percent) {
        seen.push_back(status + " " + std::to_string(static_cast<int>(percent.value_or(-1))));
      });
  EXPECT_EQ(result["id"], "x");
  EXPECT_EQ(seen, (std::vector<std::string>{"InProgress 50", "Succeeded 100"}));
  EXPECT_EQ(clock.sleeps()[0], 3s);
}

TEST_F(ArmClientTest, PutThatIsDoneAtOnceIsNotPolled) {
  transport.expect("PUT", kSnapshot,
                   reply(200, R"({"id":"x","properties":{"provisioningState":"Succeeded"}})"));
  EXPECT_EQ(client.run(call("PUT"))["id"], "x");
  EXPECT_TRUE(clock.sleeps().empty());
}

TEST_F(ArmClientTest, PutWithoutAddressesIsFollowedByItsResource) {
  transport.expect("PUT", kSnapshot, reply(201, R"({"properties":{"provisioningState":"Creating"}})"));
  transport.expect("GET", kSnapshot,
                   reply(404, R"({"error":{"code":"ResourceNotFound","message":"not yet"}})"));
  transport.expect("GET", kSnapshot,
                   reply(200, R"({"id":"x","properties":{"provisioningState":"Updating"}})"));
  transport.expect("GET", kSnapshot,
                   reply(200, R"({"id":"x","properties":{"provisioningState":"Succeeded"}})"));
  EXPECT_EQ(client.run(call("PUT"))["id"], "x");
}

TEST_F(ArmClientTest, PostReturnsItsOutput) {
  expect_async("POST");
  expect_poll(R"({"status":"Succeeded","properties":{"output":{"accessSAS":"u"}}})");
  EXPECT_EQ(client.run(call("POST"))["accessSAS"], "u");
}

TEST_F(ArmClientTest, PostReturnsWhatItsLocationHolds) {
  expect_async("POST", {{"Location", "https://management.azure.com/result"}});
  expect_poll(R"({"status":"Succeeded"})");
  transport.expect("GET", "/result", reply(200, R"({"accessSAS":"u"})"));
  EXPECT_EQ(client.run(call("POST"))["accessSAS"], "u");
}

TEST_F(ArmClientTest, PostByLocationAlone) {
  transport.expect("POST", kSnapshot, reply(202, "", {{"Location", "/subscriptions/s/loc"}}));
  transport.expect("GET", "https://management.azure.com/subscriptions/s/loc", reply(202));
  transport.expect("GET", "/loc", reply(200, R"({"value":[1]})"));
  EXPECT_EQ(client.run(call("POST"))["value"][0], 1);
}

TEST_F(ArmClientTest, DeleteReturnsNull) {
  transport.expect("DELETE", kSnapshot, reply(202, "", {{"Location", kPoll}}));
  expect_poll("", 202);
  expect_poll("", 200);
  EXPECT_TRUE(client.run(call("DELETE")).is_null());
}

TEST_F(ArmClientTest, DeleteWithoutAddressesEndsWhenTheResourceIsGone) {
  transport.expect("DELETE", kSnapshot, reply(202));
  transport.expect("GET", kSnapshot, reply(200, R"({"properties":{"provisioningState":"Deleting"}})"));
  transport.expect("GET", kSnapshot, reply(404, R"({"error":{"code":"ResourceNotFound","message":"x"}})"));
  EXPECT_TRUE(client.run(call("DELETE")).is_null());
}

TEST_F(ArmClientTest, FailedOperationThrowsItsOwnError) {
  expect_async("PUT");
  transport.expect("GET", "/op?p=1",
                   reply(200, R"({"status":"Failed","error":{"code":"QuotaExceeded","message":"too much"}})",
                         {{"x-ms-request-id", "r9"}}));
  const auto error = arm_error([&] { client.run(call("PUT")); });
  EXPECT_EQ(error.code(), "QuotaExceeded");
  EXPECT_EQ(error.status(), 200);
  EXPECT_EQ(error.request_id(), "r9");
  EXPECT_FALSE(error.hint().empty());
}

TEST_F(ArmClientTest, ServerFaultsWhilePollingAreOutlived) {
  expect_async("PUT");
  for (int i = 0; i < 13; ++i) expect_poll("", i % 2 == 0 ? 503 : 500);
  expect_poll(R"({"status":"Succeeded"})");
  transport.expect("GET", kSnapshot, reply(200, R"({"id":"x"})"));
  EXPECT_EQ(client.run(call("PUT"))["id"], "x");
}

TEST_F(ArmClientTest, PermanentFailureOfAPollIsFinal) {
  transport.expect("POST", kSnapshot, reply(202, "", {{"Location", kPoll}}));
  expect_poll(R"({"error":{"code":"InvalidParameter","message":"x"}})", 400);
  EXPECT_EQ(arm_error([&] { client.run(call("POST")); }).code(), "InvalidParameter");
}

TEST_F(ArmClientTest, ForbiddenPollFallsBackToTheResource) {
  expect_async("PUT");
  expect_poll(R"({"error":{"code":"AuthorizationFailed","message":"x"}})", 403);
  transport.expect("GET", kSnapshot,
                   reply(200, R"({"id":"x","properties":{"provisioningState":"Succeeded"}})"));
  EXPECT_EQ(client.run(call("PUT"))["id"], "x");
}

TEST_F(ArmClientTest, ForgottenOperationFallsBackToTheResource) {
  expect_async("PUT");
  transport.expect("GET", "/op?p=1", [&](const http::Request&) {
    clock.advance(2min);
    return reply(404, R"({"error":{"code":"NotFound","message":"x"}})");
  });
  transport.expect("GET", kSnapshot, reply(200, R"({"id":"x"})"));
  EXPECT_EQ(client.run(call("PUT"))["id"], "x");
}

TEST_F(ArmClientTest, PollOnAnotherHostIsNeverAsked) {
  transport.expect("PUT", kSnapshot, reply(202, "", {{"Azure-AsyncOperation", "https://evil.example/op"}}));
  transport.expect("GET", std::string(kEndpoint) + kSnapshot, reply(200, R"({"id":"x"})"));
  EXPECT_EQ(client.run(call("PUT"))["id"], "x");
}

TEST_F(ArmClientTest, SavedOperationOfAnotherHostIsRefused) {
  EXPECT_EQ(
      error_kind([&] {
        client.wait({.method = "PUT", .resource_url = kSnapshot, .poll_url = "https://evil.example/op"});
      }),
      ErrorKind::failed);
  EXPECT_TRUE(transport.requests().empty());
}

TEST_F(ArmClientTest, DeadlineEndsTheWait) {
  ArmClient impatient(transport, clock, chain, {.operation_deadline = core::Millis{5'000}});
  expect_async("PUT", {{"Retry-After", "2"}});
  for (int i = 0; i < 2; ++i)
    transport.expect("GET", "/op?p=1", reply(200, R"({"status":"InProgress"})", {{"Retry-After", "2"}}));
  EXPECT_EQ(error_kind([&] { impatient.run(call("PUT")); }), ErrorKind::failed);
}

TEST_F(ArmClientTest, StopEndsTheWaitAndSaysThatItGoesOn) {
  std::stop_source stop;
  expect_async("PUT");
  const auto operation = client.begin(call("PUT"));
  stop.request_stop();
  try {
    client.wait(operation, stop.get_token());
    FAIL();
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::interrupted);
    EXPECT_NE(std::string(error.what()).find("goes on in Azure"), std::string::npos);
  }
}

TEST_F(ArmClientTest, RepliesThatCannotBeReadEndTheWaitAtLast) {
  expect_async("PUT");
  for (int i = 0; i < 6; ++i) expect_poll("<html>");
  EXPECT_EQ(error_kind([&] { client.run(call("PUT")); }), ErrorKind::failed);
}

TEST_F(ArmClientTest, RetryAfterZeroDoesNotSpin) {
  expect_async("PUT", {{"Retry-After", "0"}});
  for (int i = 0; i < 5; ++i)
    transport.expect("GET", "/op?p=1", reply(200, R"({"status":"InProgress"})", {{"Retry-After", "0"}}));
  expect_poll(R"({"status":"Succeeded"})");
  transport.expect("GET", kSnapshot, reply(200, R"({"id":"x"})"));
  client.run(call("PUT"));
  EXPECT_EQ(clock.sleeps()[0], 0ms);
  EXPECT_GE(clock.sleeps().back(), 200ms);
}

// Paging.

class ListTest : public ArmClientTest {
 protected:
  std::vector<int> listed(std::size_t most = 100) {
    std::vector<int> out;
    client.list({.path = "/subscriptions/s/x", .api_version = "1"}, [&](json&& item) {
      out.push_back(item.get<int>());
      return out.size() < most;
    });
    return out;
  }
};

TEST_F(ListTest, FollowsPagesAsGiven) {
  transport.expect(
      "GET", "/x?api-version=1",
      reply(200, R"({"value":[1,2],"nextLink":"https://management.azure.com/x?$skiptoken=a%20b"})"));
  transport.expect("GET", "/x?$skiptoken=a%20b",
                   reply(200, R"({"value":[],"nextLink":"https://management.azure.com/x?page=3"})"));
  transport.expect("GET", "/x?page=3", reply(200, R"({"value":[3],"nextLink":""})"));
  EXPECT_EQ(listed(), (std::vector<int>{1, 2, 3}));
}

TEST_F(ListTest, NullNextLinkEnds) {
  transport.expect("GET", "/x", reply(200, R"({"value":[1],"nextLink":null})"));
  EXPECT_EQ(listed(), (std::vector<int>{1}));
}

TEST_F(ListTest, AsksForNoPageThatIsNotNeeded) {
  transport.expect("GET", "/x",
                   reply(200, R"({"value":[1,2,3],"nextLink":"https://management.azure.com/x?page=2"})"));
  EXPECT_EQ(listed(2), (std::vector<int>{1, 2}));
}

TEST_F(ListTest, LinkThatRepeatsIsAnError) {
  transport.expect("GET", "/x?api-version=1",
                   reply(200, R"({"value":[1],"nextLink":"https://management.azure.com/x?p=2"})"));
  transport.expect("GET", "/x?p=2",
                   reply(200, R"({"value":[2],"nextLink":"https://management.azure.com/x?p=2"})"));
  EXPECT_EQ(error_kind([&] { listed(); }), ErrorKind::failed);
}

TEST_F(ListTest, LinkToAnotherHostGetsNoToken) {
  transport.expect("GET", "/x", reply(200, R"({"value":[1],"nextLink":"https://evil.example/x"})"));
  EXPECT_EQ(error_kind([&] { listed(); }), ErrorKind::failed);
  EXPECT_EQ(transport.requests().size(), 1U);
}

TEST_F(ListTest, TruncatedPageIsReadAgain) {
  transport.expect("GET", "/x", reply(200, R"({"value":[1,)"));
  transport.expect("GET", "/x", reply(200, R"({"value":[1]})"));
  EXPECT_EQ(listed(), (std::vector<int>{1}));
}

TEST_F(ListTest, ReplyWithoutAListIsAnError) {
  for (const char* body : {"{}", "[]", R"({"value":{}})", ""}) {
    transport.expect("GET", "/x", reply(200, body));
    EXPECT_EQ(error_kind([&] { listed(); }), ErrorKind::failed) << body;
  }
}

TEST_F(ListTest, FailureOfALaterPageIsThrown) {
  transport.expect("GET", "/x", reply(200, R"({"value":[1],"nextLink":"/x?p=2"})"));
  transport.expect("GET", "/x?p=2", reply(403, R"({"error":{"code":"AuthorizationFailed","message":"x"}})"));
  EXPECT_EQ(arm_error([&] { listed(); }).status(), 403);
}

}  // namespace
}  // namespace azlin::arm
