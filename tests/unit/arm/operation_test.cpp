#include "arm/operation.hpp"

#include <gtest/gtest.h>

#include "azlin/core/error.hpp"

namespace azlin::arm {
namespace {

using http::Headers;

constexpr const char* kAsync = "https://management.azure.com/op?p=1";
constexpr const char* kLocation = "https://management.azure.com/op?p=1&monitor=true";
const core::TimePoint kNow = core::parse_time("2025-12-01T08:00:00Z").value();

bool own(const std::string& url) {
  return url.starts_with("https://management.azure.com/") || url.starts_with("/");
}

struct BeginRow {
  const char* name;
  const char* method;
  int status;
  Headers headers;
  const char* body;
  bool done;
  const char* poll_url;
  bool is_location = false;
};

class BeginTest : public ::testing::TestWithParam<BeginRow> {};

TEST_P(BeginTest, SaysHowToFollow) {
  const auto& row = GetParam();
  const auto operation =
      read_begin({.method = row.method, .path = "/x"}, "/x?api-version=1",
                 {.status = row.status, .headers = row.headers, .body = row.body}, kNow, own);
  EXPECT_EQ(operation.done, row.done);
  EXPECT_EQ(operation.poll_url, row.poll_url);
  EXPECT_EQ(operation.poll_is_location, row.is_location);
  EXPECT_EQ(operation.initial_body, row.body);
  EXPECT_EQ(operation.resource_url, "/x?api-version=1");
}

INSTANTIATE_TEST_SUITE_P(
    Rows, BeginTest,
    ::testing::Values(
        BeginRow{"PutDone",
                 "PUT",
                 200,
                 {},
                 R"({"id":"x","properties":{"provisioningState":"Succeeded"}})",
                 true,
                 ""},
        BeginRow{"PutWithoutState", "PUT", 201, {}, R"({"id":"x"})", true, ""},
        BeginRow{"PutStateAnyCase",
                 "PUT",
                 200,
                 {},
                 R"({"properties":{"provisioningState":"SUCCEEDED"}})",
                 true,
                 ""},
        BeginRow{
            "PutUpdating", "PUT", 201, {}, R"({"properties":{"provisioningState":"Updating"}})", false, ""},
        BeginRow{"PutFailedAlready",
                 "PUT",
                 200,
                 {},
                 R"({"properties":{"provisioningState":"Failed"}})",
                 false,
                 ""},
        BeginRow{"PutAsync",
                 "PUT",
                 202,
                 {{"Azure-AsyncOperation", kAsync}, {"Location", kLocation}},
                 R"({"properties":{"provisioningState":"Updating"}})",
                 false,
                 kAsync},
        BeginRow{"PutAsyncWith200", "PUT", 200, {{"azure-asyncoperation", kAsync}}, "{}", false, kAsync},
        BeginRow{"PutAsyncThatSaysSucceeded",
                 "PUT",
                 201,
                 {{"Azure-AsyncOperation", kAsync}},
                 R"({"properties":{"provisioningState":"Succeeded"}})",
                 false,
                 kAsync},
        BeginRow{"Put202WithoutAddress", "PUT", 202, {}, "", false, ""},
        BeginRow{"PatchLocation", "PATCH", 202, {{"Location", kLocation}}, "", false, kLocation, true},
        BeginRow{"LocationOf200IsNoPoll", "PUT", 200, {{"Location", kLocation}}, R"({"id":"x"})", true, ""},
        BeginRow{"DeleteDone", "DELETE", 200, {}, "", true, ""},
        BeginRow{"DeleteNothingThere", "DELETE", 204, {}, "", true, ""},
        BeginRow{"DeleteLocation", "DELETE", 202, {{"Location", kLocation}}, "", false, kLocation, true},
        BeginRow{"DeleteWithoutAddress", "DELETE", 202, {}, "", false, ""},
        BeginRow{"PostDone", "POST", 200, {}, R"({"accessSAS":"x"})", true, ""},
        BeginRow{"PostNoContent", "POST", 204, {}, "", true, ""},
        BeginRow{"PostLocation", "POST", 202, {{"Location", kLocation}}, "", false, kLocation, true},
        BeginRow{"PostRelative", "POST", 202, {{"Location", "/op/1"}}, "", false, "/op/1", true},
        BeginRow{"OtherHostIsIgnored",
                 "PUT",
                 202,
                 {{"Azure-AsyncOperation", "https://evil.example/op"}},
                 "",
                 false,
                 ""},
        BeginRow{"OtherHostThenLocation",
                 "PUT",
                 202,
                 {{"Azure-AsyncOperation", "https://evil.example/op"}, {"Location", kLocation}},
                 "",
                 false,
                 kLocation,
                 true}),
    [](const auto& row) { return row.param.name; });

TEST(BeginDetailTest, KeepsTheLocationForTheResultOfAPost) {
  const auto operation = read_begin(
      {.method = "POST", .path = "/x"}, "/x",
      {.status = 202, .headers = {{"Azure-AsyncOperation", kAsync}, {"Location", kLocation}}}, kNow, own);
  EXPECT_EQ(operation.location_url, kLocation);
}

TEST(BeginDetailTest, TakesRetryAfterAndEightKilobyteAddresses) {
  const auto url = std::string(kAsync) + "&c=" + std::string(8'000, 'M');
  const auto operation = read_begin(
      {.method = "PUT", .path = "/x"}, "/x",
      {.status = 202, .headers = {{"Azure-AsyncOperation", url}, {"Retry-After", "7"}}}, kNow, own);
  EXPECT_EQ(operation.poll_url, url);
  EXPECT_EQ(operation.next_delay, std::chrono::seconds{7});
}

TEST(BeginDetailTest, AcceptedPostWithoutAnAddressIsAnError) {
  for (const Headers& headers : {Headers{}, Headers{{"Location", "https://evil.example/op"}}})
    EXPECT_THROW(
        read_begin({.method = "POST", .path = "/x"}, "/x", {.status = 202, .headers = headers}, kNow, own),
        core::Error);
}

enum class By { async, location, resource };

struct PollRow {
  const char* name;
  By by;
  const char* method;
  int status;
  const char* body;
  PollState state;
  const char* code = "";
};

class PollTest : public ::testing::TestWithParam<PollRow> {};

TEST_P(PollTest, ReadsTheState) {
  const auto& row = GetParam();
  Operation operation{.method = row.method};
  if (row.by != By::resource) operation.poll_url = kAsync;
  operation.poll_is_location = row.by == By::location;
  const auto step = read_poll(operation, {.status = row.status, .body = row.body}, kNow);
  EXPECT_EQ(step.state, row.state) << step.status;
  EXPECT_EQ(step.error.code, row.code);
}

constexpr auto kRunning = PollState::running, kSucceeded = PollState::succeeded, kFailed = PollState::failed,
               kCanceled = PollState::canceled, kUnreadable = PollState::unreadable;

INSTANTIATE_TEST_SUITE_P(
    Async, PollTest,
    ::testing::Values(
        PollRow{"InProgress", By::async, "PUT", 200, R"({"status":"InProgress"})", kRunning},
        PollRow{"LowerCase", By::async, "PUT", 200, R"({"status":"succeeded"})", kSucceeded},
        PollRow{"UpperCase", By::async, "PUT", 200,
                R"({"status":"FAILED","error":{"code":"A","message":"m"}})", kFailed, "A"},
        PollRow{"Canceled", By::async, "PUT", 200, R"({"status":"Canceled"})", kCanceled},
        PollRow{"Cancelled", By::async, "PUT", 200, R"({"status":"Cancelled"})", kCanceled},
        PollRow{"UnknownWordRuns", By::async, "PUT", 200, R"({"status":"Warming up"})", kRunning},
        PollRow{"FailedWith200", By::async, "PUT", 200,
                R"({"status":"Failed","error":{"code":"OSProvisioningTimedOut","message":"x"}})", kFailed,
                "OSProvisioningTimedOut"},
        PollRow{"FailedWithoutError", By::async, "PUT", 200, R"({"status":"Failed"})", kFailed},
        PollRow{"Status202", By::async, "PUT", 202, "", kRunning},
        PollRow{"Status204", By::async, "DELETE", 204, "", kSucceeded},
        PollRow{"StateInsteadOfStatus", By::async, "PUT", 200,
                R"({"properties":{"provisioningState":"Updating"}})", kRunning},
        PollRow{"NoStatus", By::async, "PUT", 200, R"({"name":"x"})", kUnreadable},
        PollRow{"EmptyBody", By::async, "PUT", 200, "", kUnreadable},
        PollRow{"StatusIsNull", By::async, "PUT", 200, R"({"status":null})", kUnreadable},
        PollRow{"Truncated", By::async, "PUT", 200, R"({"status":"Succ)", kUnreadable},
        PollRow{"Html", By::async, "PUT", 200, "<html>", kUnreadable}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Location, PollTest,
    ::testing::Values(
        PollRow{"Accepted", By::location, "POST", 202, "", kRunning},
        PollRow{"AcceptedWithBody", By::location, "POST", 202, R"({"status":"Succeeded"})", kRunning},
        PollRow{"Result", By::location, "POST", 200, R"({"accessSAS":"x"})", kSucceeded},
        PollRow{"ResultList", By::location, "POST", 200, R"({"value":[{"status":"Failed"}]})", kSucceeded},
        PollRow{"EmptyResult", By::location, "DELETE", 200, "", kSucceeded},
        PollRow{"NoContent", By::location, "DELETE", 204, "", kSucceeded},
        PollRow{"RunningWith200", By::location, "POST", 200, R"({"status":"InProgress","startTime":"x"})",
                kRunning},
        PollRow{"FailedWith200", By::location, "POST", 200,
                R"({"status":"Failed","error":{"code":"E","message":"m"}})", kFailed, "E"},
        PollRow{"ResourceStillUpdating", By::location, "PUT", 200,
                R"({"id":"x","properties":{"provisioningState":"Updating"}})", kRunning},
        PollRow{"ResourceDone", By::location, "PUT", 200,
                R"({"id":"x","properties":{"provisioningState":"Succeeded"}})", kSucceeded},
        PollRow{"ResourceFailed", By::location, "PUT", 201,
                R"({"id":"x","properties":{"provisioningState":"Failed"}})", kFailed}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Resource, PollTest,
    ::testing::Values(
        PollRow{"NoState", By::resource, "PUT", 200, R"({"id":"x"})", kSucceeded},
        PollRow{"Creating", By::resource, "PUT", 200, R"({"properties":{"provisioningState":"Creating"}})",
                kRunning},
        PollRow{"Succeeded", By::resource, "PATCH", 200,
                R"({"properties":{"provisioningState":"Succeeded"}})", kSucceeded},
        PollRow{"Failed", By::resource, "PUT", 200,
                R"({"properties":{"provisioningState":"Failed","error":{"code":"Q","message":"m"}}})",
                kFailed, "Q"},
        PollRow{"Canceled", By::resource, "PUT", 200, R"({"properties":{"provisioningState":"canceled"}})",
                kCanceled},
        PollRow{"TopLevelState", By::resource, "PUT", 200, R"({"provisioningState":"Updating"})", kRunning},
        PollRow{"Empty", By::resource, "PUT", 200, "", kUnreadable},
        PollRow{"DeleteStillThere", By::resource, "DELETE", 200,
                R"({"properties":{"provisioningState":"Deleting"}})", kRunning},
        PollRow{"DeleteThereAndSucceeded", By::resource, "DELETE", 200,
                R"({"properties":{"provisioningState":"Succeeded"}})", kRunning},
        PollRow{"DeleteGone", By::resource, "DELETE", 404, "", kSucceeded},
        PollRow{"DeleteFailed", By::resource, "DELETE", 200,
                R"({"properties":{"provisioningState":"Failed"}})", kFailed}),
    [](const auto& row) { return row.param.name; });

TEST(PollDetailTest, ReadsProgressAndDelay) {
  const Operation operation{.method = "PUT", .poll_url = kAsync};
  const auto step = read_poll(operation,
                              {.status = 200,
                               .headers = {{"Retry-After", "4"}},
                               .body = R"({"status":"Running","percentComplete":42.5})"},
                              kNow);
  EXPECT_EQ(step.status, "Running");
  EXPECT_EQ(step.percent, 42.5);
  EXPECT_EQ(step.delay, std::chrono::seconds{4});
}

}  // namespace
}  // namespace azlin::arm
