#include "azlin/mcp/server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <sstream>

#include "support/fake_clock.hpp"
#include "support/fake_process_runner.hpp"
#include "support/temp_dir.hpp"

namespace azlin::mcp {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::SizeIs;

class ServerTest : public testing::Test {
 protected:
  void start(bool read_only = false) {
    std::vector<Tool> tools;
    tools.emplace_back(CatalogEntry{"backup_list", "backup list", Effect::reads, {}},
                       Command{{"backup", "list"}, "List", {{.name = "vm", .help = "", .positional = true}}});
    tools.emplace_back(
        CatalogEntry{"backup_delete", "backup delete", Effect::destroys, {"backup"}},
        Command{{"backup", "delete"}, "Delete", {{.name = "backup", .help = "", .positional = true}}});
    server_.emplace(std::move(tools), ServerOptions{"1.2.3", {"azlin"}, read_only}, processes_, journal_,
                    out_);
  }

  // The replies and notifications so far, in order.
  std::vector<json> sent() {
    std::vector<json> messages;
    std::istringstream lines(out_.str());
    for (std::string line; std::getline(lines, line);) messages.push_back(json::parse(line));
    return messages;
  }

  json call(const std::string& tool, const json& arguments, const json& meta = json::object()) {
    server_->receive(json{{"jsonrpc", "2.0"},
                          {"id", 7},
                          {"method", "tools/call"},
                          {"params", {{"name", tool}, {"arguments", arguments}, {"_meta", meta}}}}
                         .dump());
    server_->finish(false);
    return sent().back();
  }

  test::TempDir folder_;
  test::FakeClock clock_;
  store::Journal journal_{folder_.file("operations.db"), clock_};
  test::FakeProcessRunner processes_;
  std::ostringstream out_;
  std::optional<Server> server_;
};

TEST_F(ServerTest, TheProtocolVersionOfTheClientIsTakenWhenItIsKnown) {
  start();
  server_->receive(
      R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2024-11-05"}})");
  server_->receive(
      R"({"jsonrpc":"2.0","id":2,"method":"initialize","params":{"protocolVersion":"1999-01-01"}})");
  EXPECT_EQ(sent().at(0)["result"]["protocolVersion"], "2024-11-05");
  EXPECT_EQ(sent().at(1)["result"]["protocolVersion"], "2025-06-18");
  EXPECT_EQ(sent().at(0)["result"]["serverInfo"]["version"], "1.2.3");
}

TEST_F(ServerTest, ACallRunsTheCommandAndHandsOnItsResult) {
  start();
  processes_.expect({"azlin", "-o", "json", "backup", "list", "--", "vm1"},
                    {0, false, "[{\"name\":\"b1\"}]", "note\n"});
  const auto reply = call("backup_list", {{"vm", "vm1"}});
  EXPECT_EQ(reply["id"], 7);
  EXPECT_EQ(reply["result"]["isError"], false);
  EXPECT_EQ(reply["result"]["structuredContent"]["result"][0]["name"], "b1");
  EXPECT_EQ(reply["result"]["structuredContent"]["notes"], json({"note"}));
}

TEST_F(ServerTest, AFailureCarriesWhatTheCommandSaid) {
  start();
  processes_.expect({"azlin"},
                    {3, false, "", "{\"error\":{\"message\":\"no such VM\",\"kind\":\"not_found\"}}\n"});
  const auto result = call("backup_list", {{"vm", "vm9"}})["result"];
  EXPECT_EQ(result["isError"], true);
  EXPECT_EQ(result["structuredContent"]["exitCode"], 3);
  EXPECT_EQ(result["structuredContent"]["error"]["message"], "no such VM");
}

TEST_F(ServerTest, FindingsAreNoError) {
  start();
  processes_.expect({"azlin"}, {6, false, "{}", ""});
  EXPECT_EQ(call("backup_list", json::object())["result"]["isError"], false);
}

TEST_F(ServerTest, DestructionWithoutConfirmationRunsNothing) {
  start();
  const auto result = call("backup_delete", {{"backup", "b1"}})["result"];
  EXPECT_EQ(result["isError"], true);
  EXPECT_THAT(result["structuredContent"]["error"]["message"].get<std::string>(), HasSubstr("not confirmed"));
  EXPECT_THAT(processes_.requests(), SizeIs(0));
}

TEST_F(ServerTest, ConfirmedDestructionAnswersThePromptOfTheCommand) {
  start();
  processes_.expect({"azlin", "-o", "json", "--yes", "backup", "delete", "--", "b1"}, {0, false, "{}", ""});
  EXPECT_EQ(call("backup_delete", {{"backup", "b1"}, {"confirm", "b1"}})["result"]["isError"], false);
}

TEST_F(ServerTest, EveryCallIsInTheAuditTrail) {
  start();
  processes_.expect({"azlin"}, {0, false, "[]", ""});
  call("backup_list", {{"vm", "vm1"}});
  call("backup_delete", {{"backup", "b1"}});
  const auto trail = journal_.list(10);
  ASSERT_THAT(trail, SizeIs(2));
  EXPECT_EQ(trail[1].kind, "mcp.backup_list");
  EXPECT_EQ(trail[0].kind, "mcp.backup_delete");
  EXPECT_THAT(trail[0].error, HasSubstr("not confirmed"));
}

TEST_F(ServerTest, AReadOnlyServerKnowsNoOtherTools) {
  start(true);
  server_->receive(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})");
  EXPECT_THAT(sent().back()["result"]["tools"], SizeIs(1));
  EXPECT_THAT(
      call("backup_delete", {{"backup", "b1"}, {"confirm", "b1"}})["error"]["message"].get<std::string>(),
      HasSubstr("only reads"));
}

TEST_F(ServerTest, WhatIsNoRequestGetsAnErrorOrNothing) {
  start();
  server_->receive("not json");
  server_->receive("42");
  server_->receive(R"({"jsonrpc":"2.0","id":1,"method":"no/such"})");
  server_->receive(R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  server_->receive(R"({"jsonrpc":"2.0","id":5,"result":{}})");
  const auto messages = sent();
  ASSERT_THAT(messages, SizeIs(3));
  EXPECT_EQ(messages[0]["error"]["code"], -32700);
  EXPECT_EQ(messages[1]["error"]["code"], -32600);
  EXPECT_EQ(messages[2]["error"]["code"], -32601);
}

// Tells a line of stderr, then waits until it is stopped.
class WaitingRunner final : public core::ProcessRunner {
 public:
  core::ProcessResult run(const core::ProcessRequest& request, std::stop_token stop) override {
    request.on_err_line("half done");
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any().wait(lock, stop, [] { return false; });
    stopped = true;
    return {130, true, "", ""};
  }
  std::atomic<bool> stopped = false;
};

TEST_F(ServerTest, ProgressIsToldAndACancelledCallIsStoppedAndNotAnswered) {
  WaitingRunner waiting;
  std::vector<Tool> tools;
  tools.emplace_back(CatalogEntry{"backup_list", "backup list", Effect::reads, {}},
                     Command{{"backup", "list"}, "", {}});
  Server server(std::move(tools), {"1", {"azlin"}, false}, waiting, journal_, out_);
  server.receive(
      R"({"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"backup_list","_meta":{"progressToken":"p"}}})");
  server.receive(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"a"}})");
  server.finish(false);
  EXPECT_TRUE(waiting.stopped);
  const auto messages = sent();
  ASSERT_THAT(messages, SizeIs(1));
  EXPECT_EQ(messages[0]["method"], "notifications/progress");
  EXPECT_EQ(messages[0]["params"]["message"], "half done");
}

}  // namespace
}  // namespace azlin::mcp
