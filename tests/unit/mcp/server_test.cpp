#include "azlin/mcp/server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
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
  EXPECT_EQ(sent().at(1)["result"]["protocolVersion"], "2025-11-25");
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

TEST_F(ServerTest, TheAuditTrailKeepsNoSecrets) {
  start();
  call("backup_list", {{"vm", 1}, {"password", "hunter2"}});
  call("backup_list", {{"vm", {{"password", "hunter2"}}}});
  processes_.expect({"azlin"}, {0, false, "[]", ""});
  call("backup_list", {{"vm", "s3:https://key:hunter2@store.example/x?sig=hunter2"}});
  for (const auto& entry : journal_.list(10))
    EXPECT_EQ(entry.plan.find("hunter2"), std::string::npos) << entry.plan;
}

TEST_F(ServerTest, WhatIsNoRequestGetsAnErrorOrNothing) {
  const struct {
    const char* name;
    std::string line;
    int code;  // 0: no answer
  } rows[] = {
      {"no JSON", "not json", -32700},
      {"cut off", R"({"jsonrpc":"2.0","id":1,"meth)", -32700},
      {"nested too deeply", std::string(300'000, '['), -32700},
      {"nested too deeply, whole", std::string(300'000, '[') + std::string(300'000, ']'), -32700},
      {"too long", '"' + std::string(kLongestMessage, 'x') + '"', -32600},
      {"a number", "42", -32600},
      {"an empty batch", "[]", -32600},
      {"no version", R"({"id":1,"method":"ping"})", -32600},
      {"another version", R"({"jsonrpc":"1.0","id":1,"method":"ping"})", -32600},
      {"a method of another type", R"({"jsonrpc":"2.0","id":1,"method":3})", -32600},
      {"an id of another type", R"({"jsonrpc":"2.0","id":{},"method":"ping"})", -32600},
      {"an id that is null", R"({"jsonrpc":"2.0","id":null,"method":"ping"})", -32600},
      {"params in a list", R"({"jsonrpc":"2.0","id":1,"method":"ping","params":[1]})", -32602},
      {"no such method", R"({"jsonrpc":"2.0","id":1,"method":"no/such"})", -32601},
      {"no such page", R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"x"}})", -32602},
      {"no such tool", R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x"}})", -32602},
      {"no tool", R"({"jsonrpc":"2.0","id":1,"method":"tools/call"})", -32602},
      {"a tool of another type", R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":[]}})",
       -32602},
      {"a notification", R"({"jsonrpc":"2.0","method":"notifications/initialized"})", 0},
      {"an odd cancellation",
       R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":{"a":[1]}}})", 0},
      {"a reply", R"({"jsonrpc":"2.0","id":5,"result":{}})", 0},
      {"an empty line", " \r", 0}};
  start();
  for (const auto& row : rows) {
    const auto before = sent().size();
    server_->receive(row.line);
    const auto messages = sent();
    ASSERT_THAT(messages, SizeIs(before + (row.code == 0 ? 0 : 1))) << row.name;
    if (row.code == 0) continue;
    EXPECT_EQ(messages.back()["error"]["code"], row.code) << row.name;
  }
}

TEST_F(ServerTest, WrongArgumentsAreAnAnswerOfTheTool) {
  start();
  for (const char* arguments : {"[]", "7", R"({"vm":3})", R"({"no":"such"})"}) {
    const auto reply = call("backup_list", json::parse(arguments));
    EXPECT_EQ(reply["result"]["isError"], true) << arguments;
    EXPECT_EQ(reply["result"]["structuredContent"]["exitCode"], 2) << arguments;
  }
}

TEST_F(ServerTest, ABatchIsAnsweredByOneList) {
  start();
  processes_.expect({"azlin"}, {0, false, "[]", ""});
  server_->receive(
      R"([{"jsonrpc":"2.0","id":1,"method":"ping"}, 4, {"jsonrpc":"2.0","method":"notifications/initialized"},
          {"jsonrpc":"2.0","id":"call","method":"tools/call","params":{"name":"backup_list"}}])");
  server_->finish(false);
  ASSERT_THAT(sent(), SizeIs(1));
  const auto replies = sent().front();
  ASSERT_THAT(replies, SizeIs(3));
  EXPECT_EQ(replies[0]["id"], 1);
  EXPECT_EQ(replies[1]["error"]["code"], -32600);
  EXPECT_EQ(replies[2]["result"]["isError"], false);
}

TEST_F(ServerTest, ABatchOfNotificationsHasNoAnswer) {
  start();
  server_->receive(R"([{"jsonrpc":"2.0","method":"notifications/initialized"}])");
  EXPECT_THAT(sent(), SizeIs(0));
}

TEST_F(ServerTest, OddLinesOfTheCommandAreNotes) {
  start();
  processes_.expect({"azlin"}, {1, false, "half a {", "{\"error\":\"text\"}\n{\"error\":{\"message\":4}}\n"});
  const auto structured = call("backup_list", json::object())["result"]["structuredContent"];
  EXPECT_EQ(structured["error"]["message"], "ended with exit code 1");
  EXPECT_EQ(structured["result"], "half a {");
  EXPECT_THAT(structured["notes"], SizeIs(2));
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

class WaitingServerTest : public ServerTest {
 protected:
  WaitingServerTest() : server_(tools(), {"1", {"azlin"}, false}, waiting_, journal_, out_) {}
  static std::vector<Tool> tools() {
    return {Tool(CatalogEntry{"backup_list", "backup list", Effect::reads, {}},
                 Command{{"backup", "list"}, "", {}})};
  }
  void call(const std::string& id) {
    server_.receive(json{{"jsonrpc", "2.0"},
                         {"id", id},
                         {"method", "tools/call"},
                         {"params", {{"name", "backup_list"}, {"_meta", {{"progressToken", id}}}}}}
                        .dump());
  }

  WaitingRunner waiting_;
  Server server_;
};

TEST_F(WaitingServerTest, ProgressIsToldAndACancelledCallIsStoppedAndNotAnswered) {
  call("a");
  server_.receive(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"a"}})");
  server_.finish(false);
  EXPECT_TRUE(waiting_.stopped);
  const auto messages = sent();
  ASSERT_THAT(messages, SizeIs(1));
  EXPECT_EQ(messages[0]["method"], "notifications/progress");
  EXPECT_EQ(messages[0]["params"]["progressToken"], "a");
  EXPECT_EQ(messages[0]["params"]["message"], "half done");
}

TEST_F(WaitingServerTest, AnIdIsUsedOnceAtATime) {
  call("a");
  call("a");
  server_.finish(true);
  const auto messages = sent();
  const auto refused = std::find_if(messages.begin(), messages.end(),
                                    [](const json& message) { return message.contains("error"); });
  ASSERT_NE(refused, messages.end());
  EXPECT_THAT((*refused)["error"]["message"].get<std::string>(), HasSubstr("is running"));
}

TEST_F(WaitingServerTest, OnlySoManyCallsRunAtATime) {
  for (int i = 0; i < 17; ++i) call(std::to_string(i));
  server_.finish(true);
  int busy = 0;
  for (const auto& message : sent())
    if (message.contains("result")) busy += message["result"]["structuredContent"]["exitCode"] == 7 ? 1 : 0;
  EXPECT_EQ(busy, 1);
}

}  // namespace
}  // namespace azlin::mcp
