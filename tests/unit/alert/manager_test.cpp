#include "azlin/alert/manager.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "alert/message.hpp"
#include "azlin/core/error.hpp"
#include "azlin/store/database.hpp"
#include "support/fake_clock.hpp"
#include "support/scripted_transport.hpp"
#include "support/temp_dir.hpp"

namespace azlin::alert {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using test::reply;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr const char* kOne = R"(
channels:
  hook: {type: webhook, url: 'https://hook.example/a', secret: 'env:KEY'}
)";
constexpr const char* kTwo = R"(
channels:
  hook: {type: webhook, url: 'https://hook.example/a', secret: 'env:KEY'}
  slack: {webhook_url: 'env:SLACK'}
)";

class AlertManagerTest : public testing::Test {
 protected:
  AlertManager open(const std::string& yaml = kOne) {
    return AlertManager(path_, parse_config(yaml, "a.yaml"), transport_, env_, clock_);
  }
  void expect_hook(int status = 200, http::Headers headers = {}) {
    transport_.expect("POST", "hook.example", reply(status, "", std::move(headers)));
  }
  void expect_slack(int status = 200) { transport_.expect("POST", "slack.example", reply(status, "ok")); }
  nlohmann::json sent(std::size_t n) { return nlohmann::json::parse(transport_.requests().at(n).body); }
  DeliverReport deliver(AlertManager& manager) { return manager.deliver({}, {}); }

  static AlertEvent failed_backup(const std::string& vm = "vm1") {
    return problem(Rule::backup_failure, vm, "Backup of " + vm + " failed", "Quota exceeded.");
  }

  test::TempDir dir_;
  std::string path_ = dir_.file("alerts.db");
  test::FakeClock clock_;
  test::ScriptedTransport transport_;
  core::Env env_{{{"KEY", "topsecretkey"}, {"SLACK", "https://slack.example/services/T1/topsecretpath"}}};
};

TEST_F(AlertManagerTest, RaisedAlertIsSentSignedOnce) {
  auto manager = open();
  EXPECT_EQ(manager.raise(failed_backup()), RaiseResult::notified);
  expect_hook();
  EXPECT_EQ(deliver(manager).delivered, 1);
  const auto request = transport_.requests().at(0);
  EXPECT_TRUE(request.secret_path);
  EXPECT_EQ(transport_.sent_header(0, "X-Azlin-Timestamp"), "1764576000");
  EXPECT_EQ(transport_.sent_header(0, "X-Azlin-Signature"),
            webhook_signature("topsecretkey", 1764576000, request.body));
  EXPECT_EQ(transport_.sent_header(0, "X-Azlin-Id"), sent(0)["id"]);
  EXPECT_EQ(sent(0)["type"], "alert.raised");
  const auto again = deliver(manager);
  EXPECT_EQ(again.delivered + again.failed, 0);
}

TEST_F(AlertManagerTest, SameKeyIsSentOnceUntilResolved) {
  auto manager = open();
  manager.raise(failed_backup());
  EXPECT_EQ(manager.raise(failed_backup()), RaiseResult::repeated);
  EXPECT_EQ(manager.raise(failed_backup("VM1")), RaiseResult::repeated) << "names are compared ignoring case";
  EXPECT_EQ(manager.raise(failed_backup("vm2")), RaiseResult::notified);
  ASSERT_THAT(manager.list(), SizeIs(2));
  EXPECT_EQ(manager.list().at(1).count, 3);
  expect_hook();
  expect_hook();
  EXPECT_EQ(deliver(manager).delivered, 2);
}

TEST_F(AlertManagerTest, VmsOfOneNameHaveAlertsOfTheirOwn) {
  auto manager = open();
  manager.set_scope("aaaaaaaa-1");
  const Subject a("web", "Production"), b("web", "Staging");
  EXPECT_EQ(manager.raise(problem(Rule::backup_failure, a, "Backup of web failed", "")),
            RaiseResult::notified);
  EXPECT_EQ(manager.raise(problem(Rule::backup_failure, b, "Backup of web failed", "")),
            RaiseResult::notified);
  manager.handle(all_clear(Rule::backup_failure, b));
  ASSERT_THAT(manager.list(), SizeIs(1));
  EXPECT_EQ(manager.list().at(0).event.key, "backup_failure:production/web@aaaaaaaa");
  EXPECT_EQ(manager.list().at(0).event.group, "Production");
}

TEST_F(AlertManagerTest, AnAlertUnderAFormerKeyIsTakenOver) {
  {
    auto manager = open();
    manager.set_scope("aaaaaaaa-1");
    auto old = problem(Rule::backup_failure, "web", "Backup of web failed", "");
    manager.raise(old);
    old = problem(Rule::rpo_exceeded, "web (Staging)", "web has no backup", "");
    manager.raise(old);
  }
  auto manager = open();
  manager.set_scope("aaaaaaaa-1");
  const Subject web("web", "Staging");
  EXPECT_EQ(manager.raise(problem(Rule::backup_failure, web, "Backup of web failed", "")),
            RaiseResult::repeated);
  EXPECT_EQ(manager.raise(problem(Rule::backup_failure, {"web", "Other"}, "Backup of web failed", "")),
            RaiseResult::notified);
  manager.handle(all_clear(Rule::rpo_exceeded, web));
  ASSERT_THAT(manager.list(), SizeIs(2));
  EXPECT_EQ(manager.list().at(0).event.key, "backup_failure:other/web@aaaaaaaa");
  EXPECT_EQ(manager.list().at(1).event.key, "backup_failure:staging/web@aaaaaaaa");
  EXPECT_EQ(manager.list().at(1).count, 2);
  const auto closed = manager.list(clock_.now() - hours(1));
  ASSERT_THAT(closed, SizeIs(3));
  EXPECT_EQ(closed.at(2).event.key, "rpo_exceeded:staging/web@aaaaaaaa");
  for (int i = 0; i < 4; ++i) expect_hook();  // three raised, one of them resolved
  EXPECT_EQ(deliver(manager).delivered, 4);
}

TEST_F(AlertManagerTest, AnOverdueAlertUnderAFormerKeyStaysOpenWhileItIsSo) {
  auto manager = open();
  manager.raise(problem(Rule::rpo_exceeded, "web", "web has no backup", ""));
  OverdueFacts facts;
  facts.vms.push_back({.vm = "web", .group = "Production", .backups_known = true});
  facts.all_vms_known = true;
  manager.check(facts);
  ASSERT_THAT(manager.list(), SizeIs(1));
  EXPECT_EQ(manager.list().at(0).event.key, "rpo_exceeded:production/web");
  EXPECT_EQ(manager.list().at(0).count, 2);
}

TEST_F(AlertManagerTest, ARedirectIsNotFollowedAndSaysSo) {
  auto manager = open();
  manager.raise(failed_backup());
  expect_hook(302, {{"Location", "https://elsewhere.example/"}});
  const auto report = deliver(manager);
  EXPECT_EQ(report.waiting, 1);
  EXPECT_THAT(report.errors.at(0), HasSubstr("HTTP 302: redirects are not followed"));
  EXPECT_EQ(manager.channel_states().at(0).next_attempt_at, clock_.now() + hours(1));
}

TEST_F(AlertManagerTest, ResolvingSendsOneMessageAndClosesTheAlert) {
  auto manager = open();
  manager.raise(failed_backup());
  clock_.advance(minutes(5));
  EXPECT_TRUE(manager.resolve("backup_failure:vm1", "Backup made at 08:05."));
  EXPECT_FALSE(manager.resolve("backup_failure:vm1"));
  EXPECT_FALSE(manager.resolve("backup_failure:other"));
  EXPECT_THAT(manager.list(), IsEmpty());
  ASSERT_THAT(manager.list(clock_.now() - hours(1)), SizeIs(1));
  expect_hook();
  expect_hook();
  EXPECT_EQ(deliver(manager).delivered, 2);
  EXPECT_EQ(sent(0)["type"], "alert.raised");
  EXPECT_EQ(sent(1)["type"], "alert.resolved");
  EXPECT_EQ(sent(1)["text"], "Backup made at 08:05.");
  EXPECT_EQ(sent(1)["openSince"], sent(0)["at"]);
  EXPECT_EQ(manager.raise(failed_backup()), RaiseResult::notified) << "a new alert may open under the key";
}

TEST_F(AlertManagerTest, ReminderComesAfterTheRenotifyTime) {
  auto manager =
      open(std::string(kOne) + "backup_failure: {renotify: 6h}\nrpo_exceeded: {renotify: never}\n");
  manager.raise(failed_backup());
  manager.raise(problem(Rule::rpo_exceeded, "vm1", "old", ""));
  clock_.advance(hours(6) - minutes(1));
  EXPECT_EQ(manager.raise(failed_backup()), RaiseResult::repeated);
  clock_.advance(minutes(1));
  EXPECT_EQ(manager.raise(failed_backup()), RaiseResult::notified);
  EXPECT_EQ(manager.raise(failed_backup()), RaiseResult::repeated) << "the time starts anew";
  clock_.advance(hours(1000));
  EXPECT_EQ(manager.raise(problem(Rule::rpo_exceeded, "vm1", "old", "")), RaiseResult::repeated);
  for (int i = 0; i < 3; ++i) expect_hook();
  deliver(manager);
  EXPECT_EQ(sent(2)["type"], "alert.reminder");
  EXPECT_EQ(sent(2)["count"], 3);
}

TEST_F(AlertManagerTest, RisingSeverityIsToldAtOnce) {
  auto manager = open();
  auto event = failed_backup();
  manager.raise(event);
  event.severity = Severity::low;
  EXPECT_EQ(manager.raise(event), RaiseResult::repeated);
  event.severity = Severity::critical;
  EXPECT_EQ(manager.raise(event), RaiseResult::notified);
  EXPECT_EQ(manager.raise(event), RaiseResult::repeated);
  expect_hook();
  expect_hook();
  deliver(manager);
  EXPECT_EQ(sent(0)["severity"], "high") << "the rule's own";
  EXPECT_EQ(sent(1)["type"], "alert.escalated");
}

TEST_F(AlertManagerTest, RuleThatIsOffKeepsNothing) {
  auto manager = open(std::string(kOne) + "backup_failure: {enabled: false}\n");
  EXPECT_EQ(manager.raise(failed_backup()), RaiseResult::disabled);
  EXPECT_THAT(manager.list(), IsEmpty());
}

TEST_F(AlertManagerTest, WithoutChannelsAlertsAreRecorded) {
  AlertManager manager(path_, default_config(), transport_, env_, clock_);
  EXPECT_EQ(manager.raise(failed_backup()), RaiseResult::recorded);
  EXPECT_EQ(deliver(manager).waiting, 0);
  ASSERT_THAT(manager.list(), SizeIs(1));
  EXPECT_EQ(manager.list().at(0).event.title, "Backup of vm1 failed");
}

TEST_F(AlertManagerTest, FailedChannelRestsAndTheOthersGoOn) {
  auto manager = open(kTwo);
  manager.raise(failed_backup("vm1"));
  manager.raise(failed_backup("vm2"));
  expect_hook(503);
  expect_slack();
  expect_slack();
  const auto report = deliver(manager);
  EXPECT_EQ(report.delivered, 2);
  EXPECT_EQ(report.failed, 1) << "one attempt on a broken channel is enough for a call";
  EXPECT_EQ(report.waiting, 2);
  EXPECT_THAT(report.errors, ElementsAre("hook: HTTP 503"));
  clock_.advance(minutes(1) - core::Millis(1));
  EXPECT_EQ(deliver(manager).failed, 0) << "it still rests";
  clock_.advance(core::Millis(1));
  expect_hook();
  expect_hook();
  EXPECT_EQ(deliver(manager).waiting, 0);
  EXPECT_EQ(sent(0)["id"], sent(3)["id"]) << "the same message, so that a repetition can be told";
}

TEST_F(AlertManagerTest, DelayDoublesToAnHour) {
  const struct {
    int attempts;
    bool permanent;
    std::optional<core::Millis> retry_after;
    core::Millis delay;
  } rows[] = {{1, false, {}, minutes(1)},         {2, false, {}, minutes(2)},
              {6, false, {}, minutes(32)},        {7, false, {}, minutes(60)},
              {1000, false, {}, minutes(60)},     {1, true, {}, minutes(60)},
              {1, false, minutes(5), minutes(5)}, {5, false, minutes(5), minutes(16)},
              {1, false, hours(9999), hours(24)}};
  for (const auto& row : rows)
    EXPECT_EQ(delivery_delay(row.attempts, row.permanent, row.retry_after), row.delay) << row.attempts;
}

TEST_F(AlertManagerTest, AttemptsGoOnAcrossRunsForAsLongAsItTakes) {
  {
    auto manager = open();
    manager.raise(failed_backup());
  }
  core::Millis waited{0};
  for (int attempt = 0; attempt < 12; ++attempt) {
    auto manager = open();
    transport_.expect_failure("POST", "hook.example", true);
    EXPECT_EQ(deliver(manager).failed, 1) << attempt;
    const auto next = *manager.channel_states().at(0).next_attempt_at;
    waited += next - clock_.now();
    clock_.set(next);
  }
  EXPECT_EQ(waited, minutes(1 + 2 + 4 + 8 + 16 + 32 + 6 * 60));
  auto manager = open();
  expect_hook();
  EXPECT_EQ(deliver(manager).delivered, 1);
}

TEST_F(AlertManagerTest, RetryAfterIsAFloorAndRefusalWaitsAnHour) {
  auto manager = open();
  manager.raise(failed_backup());
  expect_hook(429, {{"Retry-After", "600"}});
  deliver(manager);
  EXPECT_EQ(*manager.channel_states().at(0).next_attempt_at, clock_.now() + minutes(10));
  clock_.advance(minutes(10));
  expect_hook(404);
  deliver(manager);
  EXPECT_EQ(*manager.channel_states().at(0).next_attempt_at, clock_.now() + hours(1));
}

TEST_F(AlertManagerTest, MessagesOfOneAlertKeepTheirOrder) {
  auto manager = open();
  manager.raise(failed_backup());
  expect_hook(500);
  deliver(manager);
  manager.resolve("backup_failure:vm1");
  EXPECT_EQ(deliver(manager).delivered, 0) << "'resolved' may not overtake";
  clock_.advance(minutes(1));
  expect_hook();
  expect_hook();
  EXPECT_EQ(deliver(manager).delivered, 2);
  EXPECT_EQ(sent(2)["type"], "alert.resolved");
}

TEST_F(AlertManagerTest, CallIsBoundedInAttemptsAndTime) {
  auto manager = open();
  for (int i = 0; i < 10; ++i) manager.raise(failed_backup("vm" + std::to_string(i)));
  for (int i = 0; i < 3; ++i) expect_hook();
  EXPECT_EQ(manager.deliver({core::Millis(4000), 3}, {}).waiting, 7);
  for (int i = 0; i < 2; ++i) {
    transport_.expect("POST", "hook.example", [this](const http::Request& request) {
      EXPECT_LE(request.total_timeout, core::Millis(4000));
      clock_.advance(core::Millis(2500));
      return reply(200);
    });
  }
  EXPECT_EQ(manager.deliver({core::Millis(4000), 20}, {}).waiting, 5);
}

TEST_F(AlertManagerTest, SlowChannelsShareTheTime) {
  auto manager = open(kTwo);
  manager.raise(failed_backup());
  transport_.expect("POST", "hook.example", [this](const http::Request& request) -> http::Response {
    EXPECT_EQ(request.total_timeout, core::Millis(2000));
    clock_.advance(request.total_timeout);
    throw http::NetworkError("timed out", true, true);
  });
  expect_slack();
  EXPECT_EQ(deliver(manager).delivered, 1);
}

TEST_F(AlertManagerTest, WhileOneProcessSendsAnotherFindsNothingToDo) {
  auto first = open();
  auto second = open();
  first.raise(failed_backup());
  transport_.expect("POST", "hook.example", [&](const http::Request&) {
    EXPECT_EQ(deliver(second).delivered, 0);
    return reply(200);
  });
  EXPECT_EQ(deliver(first).delivered, 1);
}

TEST_F(AlertManagerTest, MessageOfADeadProcessIsSentAgainWhenItsLeaseEnds) {
  { open().raise(failed_backup()); }
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto manager = open();
    transport_.expect("POST", "hook.example", [](const http::Request&) -> http::Response { ::_exit(9); });
    deliver(manager);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(WEXITSTATUS(status), 9);
  auto manager = open();
  EXPECT_EQ(deliver(manager).waiting, 1);
  clock_.advance(minutes(1));
  expect_hook();
  EXPECT_EQ(deliver(manager).waiting, 0);
}

TEST_F(AlertManagerTest, InterruptKeepsTheMessage) {
  auto manager = open();
  manager.raise(failed_backup());
  std::stop_source stop;
  transport_.expect("POST", "hook.example", [&](const http::Request&) -> http::Response {
    throw core::Error(core::ErrorKind::interrupted, "interrupted");
  });
  EXPECT_THROW(manager.deliver({}, stop.get_token()), core::Error);
  expect_hook();
  EXPECT_EQ(deliver(manager).delivered, 1) << "it is free at once";
}

TEST_F(AlertManagerTest, BadFileMakesAlertsWaitUntilItIsMended) {
  {
    auto config = default_config();
    config.error = "a.yaml:1:1: broken";
    AlertManager manager(path_, config, transport_, env_, clock_);
    EXPECT_EQ(manager.raise(failed_backup()), RaiseResult::notified);
    EXPECT_EQ(manager.raise(problem(Rule::rpo_exceeded, "vm1", "old", "")), RaiseResult::notified);
    EXPECT_EQ(deliver(manager).waiting, 2);
    EXPECT_THROW(manager.test("", {}), core::Error);
  }
  auto manager = open(std::string(kOne) + "rpo_exceeded: {enabled: false}\n");
  expect_hook();
  EXPECT_EQ(deliver(manager).delivered, 1);
  EXPECT_EQ(sent(0)["rule"], "backup_failure");
}

TEST_F(AlertManagerTest, MissingSecretFailsTheChannelAndIsReadAnew) {
  env_ = core::Env();
  auto manager = open();
  manager.raise(failed_backup());
  EXPECT_THAT(deliver(manager).errors, ElementsAre("hook: the secret env:KEY is not set"));
  EXPECT_EQ(manager.channel_states().at(0).last_error, "the secret env:KEY is not set");
  env_.set("KEY", "x");
  auto mended = open();
  clock_.advance(hours(1));
  expect_hook();
  EXPECT_EQ(deliver(mended).delivered, 1);
}

TEST_F(AlertManagerTest, PlainHttpToElsewhereIsRefusedAlsoBehindAReference) {
  env_.set("SLACK", "http://slack.example/topsecretpath");
  auto manager = open("channels: {slack: {webhook_url: 'env:SLACK'}}");
  manager.raise(failed_backup());
  EXPECT_THAT(deliver(manager).errors, ElementsAre("slack: the address is not https"));
}

TEST_F(AlertManagerTest, SecretsStayOutOfErrorsAndDatabase) {
  auto manager = open(kTwo);
  manager.raise(problem(Rule::backup_failure, "vm1", "failed",
                        "PUT https://d.example/x?sig=topsecretsas&a=1 said 403"));
  transport_.expect("POST", "hook.example", reply(403, "bad key topsecretkey"));
  transport_.expect("POST", "slack.example", [](const http::Request& request) -> http::Response {
    throw http::NetworkError("cannot reach " + request.url + " (/services/T1/topsecretpath)", false, true);
  });
  for (const auto& error : deliver(manager).errors) EXPECT_THAT(error, Not(HasSubstr("topsecret")));
  store::Database db(path_, store::Migrations{""});
  for (const char* sql :
       {"SELECT group_concat(event) FROM alerts", "SELECT group_concat(event) FROM messages",
        "SELECT group_concat(last_error) FROM deliveries"}) {
    auto query = db.prepare(sql);
    ASSERT_TRUE(query.step());
    EXPECT_THAT(query.text(0), Not(HasSubstr("topsecret"))) << sql;
    EXPECT_THAT(query.text(0), Not(IsEmpty())) << sql;
  }
}

TEST_F(AlertManagerTest, TestGoesToOneOrAllChannelsNow) {
  auto manager = open(kTwo);
  expect_hook(500);
  expect_slack();
  const auto all = manager.test("", {});
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_FALSE(all[0].ok);
  EXPECT_EQ(all[0].detail, "HTTP 500");
  EXPECT_TRUE(all[1].ok);
  EXPECT_EQ(all[1].type, "slack");
  EXPECT_EQ(sent(0)["type"], "alert.test");
  expect_slack();
  EXPECT_THAT(manager.test("slack", {}), SizeIs(1));
  try {
    manager.test("slak", {});
    ADD_FAILURE();
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::usage);
    EXPECT_STREQ(error.what(), "unknown channel 'slak'; did you mean 'slack'?");
  }
  EXPECT_EQ(deliver(manager).waiting, 0) << "a test leaves nothing in the queue";
}

TEST_F(AlertManagerTest, CheckRaisesAndResolvesByTheFacts) {
  auto manager = open();
  OverdueFacts facts;
  facts.vms.push_back(
      {.vm = "vm1", .backups_known = true, .backups = {{"b", clock_.now() - hours(30), clock_.now()}}});
  facts.vms.push_back({.vm = "gone", .backups_known = true});
  manager.check(facts);
  EXPECT_THAT(manager.list(), SizeIs(2));
  facts.vms.pop_back();
  manager.check(facts);
  EXPECT_THAT(manager.list(), SizeIs(2)) << "the list of VMs may be incomplete";
  facts.all_vms_known = true;
  facts.vms[0].backups.push_back({"b2", clock_.now(), {}});
  manager.check(facts);
  EXPECT_THAT(manager.list(), IsEmpty());
}

TEST_F(AlertManagerTest, SubscriptionsDoNotMixTheirAlerts) {
  auto manager = open();
  OverdueFacts facts;
  facts.all_vms_known = true;
  facts.vms.push_back({.vm = "vm1", .backups_known = true});
  manager.set_scope("AAAAAAAA-0000-0000-0000-000000000000");
  manager.check(facts);
  EXPECT_EQ(manager.list().at(0).event.key, "rpo_exceeded:vm1@aaaaaaaa");
  manager.set_scope("bbbbbbbb-0000-0000-0000-000000000000");
  EXPECT_FALSE(manager.resolve("rpo_exceeded:vm1"));
  manager.check({{}, {}, true});
  EXPECT_THAT(manager.list(), SizeIs(1)) << "a VM of another subscription is not gone";
  manager.check(facts);
  EXPECT_THAT(manager.list(), SizeIs(2));
  manager.set_scope("aaaaaaaa-0000-0000-0000-000000000000");
  manager.check({{}, {}, true});
  ASSERT_THAT(manager.list(), SizeIs(1));
  EXPECT_TRUE(manager.resolve("rpo_exceeded:vm1@bbbbbbbb")) << "a whole key is taken as it is";
}

TEST_F(AlertManagerTest, OldHistoryGoesButNeverWhatWaits) {
  auto manager = open();
  manager.raise(failed_backup("vm1"));
  manager.resolve("backup_failure:vm1");
  expect_hook();
  expect_hook();
  deliver(manager);
  manager.raise(failed_backup("vm2"));
  manager.resolve("backup_failure:vm2");
  clock_.advance(hours(24 * 91));
  expect_hook(500);
  deliver(manager);
  ASSERT_THAT(manager.list(core::TimePoint{}), SizeIs(1));
  EXPECT_EQ(manager.list(core::TimePoint{}).at(0).event.subject, "vm2");
}

TEST_F(AlertManagerTest, RemovedChannelIsShownWithWhatWaits) {
  {
    auto manager = open(kTwo);
    manager.raise(failed_backup());
  }
  auto manager = open();
  expect_hook();
  EXPECT_EQ(deliver(manager).waiting, 1);
  const auto states = manager.channel_states();
  ASSERT_THAT(states, SizeIs(2));
  EXPECT_EQ(states[1].channel, "slack");
  EXPECT_EQ(states[1].type, "");
  EXPECT_EQ(states[1].waiting, 1);
}

TEST_F(AlertManagerTest, ProcessesRaiseOneKeyAtOnceAndOneMessageResults) {
  { auto create = open(); }
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      try {
        auto manager = open();
        for (int n = 0; n < 10; ++n) manager.raise(failed_backup());
        ::_exit(0);
      } catch (const std::exception&) {
        ::_exit(1);
      }
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  auto manager = open();
  ASSERT_THAT(manager.list(), SizeIs(1));
  EXPECT_EQ(manager.list().at(0).count, 40);
  expect_hook();
  EXPECT_EQ(deliver(manager).delivered, 1);
}

}  // namespace
}  // namespace azlin::alert
