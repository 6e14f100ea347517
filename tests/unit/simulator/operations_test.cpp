#include "simulator/operations.hpp"

#include <gtest/gtest.h>

#include "simulator/context.hpp"
#include "simulator/text.hpp"
#include "support/temp_dir.hpp"

namespace azlin::simulator {
namespace {

class OperationsTest : public ::testing::Test {
 protected:
  OperationsTest() {
    context_.clock.freeze();
    context_.latency = Latency::demo;
    context_.operations.on("work", [this](Context&, const Json& data) {
      ++done_;
      return data;
    });
    context_.operations.on(
        "refuse", [](Context&, const Json&) -> Json { throw ApiError(409, "AllocationFailed", "No room."); },
        [this](Context&, const Json&, const ApiError& error) { failed_with_ = error.code; });
    request_.method = "PUT";
    request_.base_url = "http://127.0.0.1:1";
    request_.api_version = "2023-10-02";
    request_.request_id = "op-1";
    request_.target.subscription = "sub";
  }
  Reply start(const std::string& kind, LroShape shape = LroShape::disk, bool output = true) {
    return context_.operations.start(
        request_, shape, "eastus", {kind, "/x", {{"answer", 42}}, core::Millis{1'000}, core::Millis{60'000}},
        202, nullptr, output);
  }
  static std::string header(const Reply& reply, const std::string& name) {
    for (const auto& [key, value] : reply.headers) {
      if (key == name) return value;
    }
    return "";
  }
  Json document() { return Json::parse(context_.operations.status_document(request_, "op-1").body); }

  test::TempDir dir_;
  Context context_{dir_.path().string()};
  Request request_;
  int done_ = 0;
  std::string failed_with_;
};

// DiskRP: both headers; `{arm}S/C/locations/{loc}/DiskOperations/{guid}?p={guid}&api-version=…`, with
// monitor=true as Location.
TEST_F(OperationsTest, DiskShapeHasBothAddresses) {
  const Reply reply = start("work");
  EXPECT_EQ(reply.status, 202);
  const std::string document = header(reply, "Azure-AsyncOperation"), location = header(reply, "Location");
  EXPECT_EQ(document.find("http://127.0.0.1:1/subscriptions/sub/providers/Microsoft.Compute/locations/eastus/"
                          "DiskOperations/op-1?p="),
            0U);
  EXPECT_NE(document.find("&api-version=2023-10-02"), std::string::npos);
  EXPECT_NE(location.find("&monitor=true&"), std::string::npos);
  EXPECT_EQ(header(reply, "Retry-After"), "1");
}

TEST_F(OperationsTest, WorkIsDoneWhenItsTimeHasCome) {
  start("work");
  context_.operations.settle();
  EXPECT_EQ(done_, 0);
  EXPECT_EQ(document()["status"], "InProgress");
  EXPECT_TRUE(context_.operations.running_on("/X"));
  EXPECT_EQ(context_.operations.location_result(request_, "op-1").status, 202);
  context_.clock.advance(core::Millis{1'000});
  context_.operations.settle();
  context_.operations.settle();
  EXPECT_EQ(done_, 1);
  EXPECT_EQ(document()["status"], "Succeeded");
  EXPECT_EQ(document()["properties"]["output"]["answer"], 42);
  EXPECT_EQ(context_.operations.location_result(request_, "op-1").status, 200);
  EXPECT_FALSE(context_.operations.running_on("/x"));
}

TEST_F(OperationsTest, LatencyProfilesSetTheTime) {
  context_.latency = Latency::none;
  const Reply reply = start("work");
  EXPECT_EQ(header(reply, "Retry-After"), "0");
  context_.operations.settle();
  EXPECT_EQ(done_, 1);
  context_.latency = Latency::realistic;
  request_.request_id = "op-2";
  start("work");
  context_.clock.advance(core::Millis{59'999});
  context_.operations.settle();
  EXPECT_EQ(done_, 1);
  context_.clock.advance(core::Millis{1});
  context_.operations.settle();
  EXPECT_EQ(done_, 2);
}

// HTTP 200 also when failed: {"status":"Failed","error":{code,message}}; Location gives the error itself.
TEST_F(OperationsTest, FailureIsInTheDocument) {
  start("refuse");
  context_.clock.advance(core::Millis{1'000});
  context_.operations.settle();
  EXPECT_EQ(document()["status"], "Failed");
  EXPECT_EQ(document()["error"], (Json{{"code", "AllocationFailed"}, {"message", "No room."}}));
  EXPECT_EQ(failed_with_, "AllocationFailed");
  EXPECT_EQ(context_.operations.location_result(request_, "op-1").status, 409);
}

TEST_F(OperationsTest, FaultFailsTheOperationInsteadOfTheWork) {
  request_.fail_operation = {"InternalExecutionError", "An internal error."};
  start("work");
  context_.clock.advance(core::Millis{1'000});
  context_.operations.settle();
  EXPECT_EQ(done_, 0);
  EXPECT_EQ(document()["error"]["code"], "InternalExecutionError");
}

TEST_F(OperationsTest, DocumentOfAVmPutHasNoOutput) {
  start("work", LroShape::vm, false);
  context_.clock.advance(core::Millis{1'000});
  context_.operations.settle();
  EXPECT_FALSE(document().contains("properties"));
}

TEST_F(OperationsTest, CanceledWorkIsNotDone) {
  context_.operations.schedule({"work", "/x", {}}, core::Millis{5'000});
  EXPECT_FALSE(context_.operations.running_on("/x"));  // nobody polls it
  context_.operations.cancel("/X", "work");
  context_.clock.advance(core::Millis{10'000});
  context_.operations.settle();
  EXPECT_EQ(done_, 0);
}

TEST_F(OperationsTest, UnknownKindsAndIdsAreErrors) {
  EXPECT_THROW(start("nothing"), std::invalid_argument);
  EXPECT_THROW(context_.operations.status_document(request_, "none"), ApiError);
}

}  // namespace
}  // namespace azlin::simulator
