// Alerts over real sockets: a mail server and webhook receivers on loopback, with outages and dead processes
// between.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "alert/message.hpp"
#include "azlin/alert/manager.hpp"
#include "azlin/core/log.hpp"
#include "azlin/http/smtp.hpp"
#include "azlin/http/transport.hpp"
#include "integration/alert/receivers.hpp"
#include "support/fake_clock.hpp"
#include "support/temp_dir.hpp"

namespace azlin::alert {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using test::HookServer;
using test::MailServer;
using test::Receiver;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

constexpr const char* kPassword = "correct-horse-battery";
constexpr const char* kHookKey = "staple-staple-staple";
constexpr const char* kSlackPath = "/services/T0/B0/slackslackslack12345";

class AlertDeliveryTest : public testing::Test {
 protected:
  AlertDeliveryTest() {
    test::make_certificate(cert_, key_);
    mail_ = std::make_unique<MailServer>(cert_, key_);
    std::ofstream(dir_.file("password")) << kPassword << "\n";
    env_.set("SLACK", "http://127.0.0.1:" + std::to_string(slack_.port()) + kSlackPath);
    env_.set("HOOK_KEY", kHookKey);
  }

  std::string yaml() const {
    return "channels:\n"
           "  slack: {webhook_url: 'env:SLACK'}\n"
           "  webhook: {url: 'http://127.0.0.1:" +
           std::to_string(hook_.port()) +
           "/hook', secret: 'env:HOOK_KEY'}\n"
           "  email:\n    host: 127.0.0.1\n    port: " +
           std::to_string(mail_->port()) +
           "\n    security: starttls\n    username: azlin\n    password: 'file:" + dir_.file("password") +
           "'\n    from: Azlin <azlin@example.com>\n    to: [ops@example.com, oncall@example.com]\n    "
           "ca_file: " +
           cert_ + "\n";
  }
  AlertManager open() { return AlertManager(db_, parse_config(yaml(), "a.yaml"), *transport_, env_, clock_); }
  static DeliverReport deliver(AlertManager& manager) {
    return manager.deliver({core::Millis(60'000), 100}, {});
  }
  static AlertEvent failed_backup(const std::string& vm = "vm1") {
    return problem(Rule::backup_failure, vm, "Backup of " + vm + " failed",
                   ".\n..two dots\nQuota in Z\xC3\xBCrich exceeded.");
  }
  void set_modes(Receiver::Mode mode) {
    mail_->set_mode(mode);
    hook_.set_mode(mode);
    slack_.set_mode(mode);
  }
  // Runs `work` in a child process and gives its wait status.
  template <class Work>
  static int in_child(Work work) {
    const pid_t child = ::fork();
    if (child == 0) {
      work();
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
  }

  test::TempDir dir_;
  std::string cert_ = dir_.file("cert.pem"), key_ = dir_.file("key.pem"), db_ = dir_.file("alerts.db");
  std::unique_ptr<MailServer> mail_;
  HookServer hook_, slack_;
  core::Env env_;
  test::FakeClock clock_;
  std::unique_ptr<http::Transport> transport_ = http::make_curl_transport({});
};

TEST_F(AlertDeliveryTest, EveryChannelGetsTheAlertInItsOwnForm) {
  auto manager = open();
  manager.raise(failed_backup());
  const auto report = deliver(manager);
  EXPECT_THAT(report.errors, IsEmpty());
  EXPECT_EQ(report.delivered, 3);

  ASSERT_THAT(slack_.posts(), SizeIs(1));
  EXPECT_EQ(slack_.posts()[0].path, kSlackPath);
  EXPECT_EQ(nlohmann::json::parse(slack_.posts()[0].body)["text"], "[azlin] HIGH: Backup of vm1 failed");

  ASSERT_THAT(hook_.posts(), SizeIs(1));
  auto post = hook_.posts()[0];
  EXPECT_EQ(post.headers["content-type"], "application/json; charset=utf-8");
  EXPECT_EQ(post.headers["x-azlin-signature"],
            webhook_signature(kHookKey, std::stoll(post.headers["x-azlin-timestamp"]), post.body));

  ASSERT_THAT(mail_->mails(), SizeIs(1));
  const auto mail = mail_->mails()[0];
  EXPECT_TRUE(mail.tls);
  EXPECT_EQ(mail.user, "azlin");
  EXPECT_EQ(mail.password, kPassword);
  EXPECT_EQ(mail.from, "azlin@example.com");
  EXPECT_THAT(mail.to, ElementsAre("ops@example.com", "oncall@example.com"));
  EXPECT_THAT(mail.data, HasSubstr("Subject: [azlin] HIGH: Backup of vm1 failed\r\n"));
  EXPECT_THAT(mail.data, HasSubstr("\r\n\r\n.\r\n..two dots\r\nQuota in Z=C3=BCrich exceeded.\r\n"));
}

TEST_F(AlertDeliveryTest, NothingIsSaidBeforeTlsButGreeting) {
  auto manager = open();
  manager.raise(failed_backup());
  deliver(manager);
  for (const auto& command : mail_->commands())
    EXPECT_TRUE(command.starts_with("TLS ") || command.starts_with("EHLO") || command == "STARTTLS")
        << command;
  EXPECT_THAT(mail_->commands(), Contains(StartsWith("TLS AUTH PLAIN")));
}

TEST_F(AlertDeliveryTest, OutageOfAllChannelsLosesNothing) {
  {
    auto manager = open();
    set_modes(Receiver::Mode::down);
    manager.raise(failed_backup());
    const auto report = deliver(manager);
    EXPECT_EQ(report.failed, 3);
    EXPECT_EQ(report.waiting, 3);
  }
  clock_.advance(minutes(1));
  {
    auto manager = open();  // another run of the program, the outage lasts
    manager.raise(failed_backup("vm2"));
    manager.resolve("backup_failure:vm1", "The next backup was made.");
    EXPECT_EQ(deliver(manager).failed, 3);
  }
  clock_.advance(hours(2));
  set_modes(Receiver::Mode::up);
  auto manager = open();
  const auto report = deliver(manager);
  EXPECT_EQ(report.delivered, 9);
  EXPECT_EQ(report.waiting, 0);
  std::vector<std::string> types;
  std::set<std::string> ids;
  for (const auto& post : hook_.posts()) {
    const auto json = nlohmann::json::parse(post.body);
    types.push_back(json["type"].get<std::string>() + " " + json["subject"].get<std::string>());
    ids.insert(json["id"]);
  }
  EXPECT_THAT(types, ElementsAre("alert.raised vm1", "alert.raised vm2", "alert.resolved vm1"));
  EXPECT_THAT(ids, SizeIs(3));
  EXPECT_THAT(mail_->mails(), SizeIs(3));
  EXPECT_THAT(slack_.posts(), SizeIs(3));
}

TEST_F(AlertDeliveryTest, EveryRuleReachesEveryChannelAfterAnOutage) {
  {
    auto manager = open();
    set_modes(Receiver::Mode::down);
    for (const Rule rule : kRules) manager.raise(problem(rule, "vm1", to_string(rule), "It happened."));
    EXPECT_GE(deliver(manager).failed, 3);
  }
  clock_.advance(hours(2));
  set_modes(Receiver::Mode::up);
  auto manager = open();
  EXPECT_EQ(deliver(manager).delivered, static_cast<int>(3 * kRules.size()));
  std::set<std::string> rules;
  for (const auto& post : hook_.posts()) rules.insert(nlohmann::json::parse(post.body).at("rule"));
  for (const Rule rule : kRules) EXPECT_THAT(rules, Contains(to_string(rule)));
  EXPECT_THAT(mail_->mails(), SizeIs(kRules.size()));
  EXPECT_THAT(slack_.posts(), SizeIs(kRules.size()));
}

TEST_F(AlertDeliveryTest, KillBetweenQueueAndDeliveryLosesNothing) {
  const int status = in_child([&] {
    auto manager = open();
    manager.raise(failed_backup());
    ::kill(::getpid(), SIGKILL);
  });
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  EXPECT_THAT(hook_.posts(), IsEmpty());
  auto manager = open();
  EXPECT_EQ(deliver(manager).delivered, 3);
  EXPECT_THAT(hook_.posts(), SizeIs(1));
  EXPECT_THAT(mail_->mails(), SizeIs(1));
}

TEST_F(AlertDeliveryTest, KillDuringDeliveryLosesNothing) {
  { open().raise(failed_backup()); }
  set_modes(Receiver::Mode::silent);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto manager = open();
    deliver(manager);
    ::_exit(0);
  }
  while (slack_.connections() + hook_.connections() + mail_->connections() == 0) std::this_thread::yield();
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  set_modes(Receiver::Mode::up);
  clock_.advance(minutes(5));  // beyond every lease
  auto manager = open();
  EXPECT_EQ(deliver(manager).waiting, 0);
  EXPECT_THAT(slack_.posts(), SizeIs(1));
  EXPECT_THAT(hook_.posts(), SizeIs(1));
  EXPECT_THAT(mail_->mails(), SizeIs(1));
}

TEST_F(AlertDeliveryTest, SilentReceiversHoldACommandForAFewSecondsOnly) {
  set_modes(Receiver::Mode::silent);
  core::SystemClock real;
  AlertManager manager(db_, parse_config(yaml(), "a.yaml"), *transport_, env_, real);
  manager.raise(failed_backup());
  const auto begin = std::chrono::steady_clock::now();
  const auto report = manager.deliver({core::Millis(5'000), 20}, {});
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(25));  // a receiver's own is 30
  EXPECT_GE(report.failed, 1);
  EXPECT_EQ(report.waiting, 3);
}

TEST_F(AlertDeliveryTest, ProcessesThatDeliverAtOnceSendEachMessageOnce) {
  {
    auto manager = open();
    for (int i = 0; i < 8; ++i) manager.raise(failed_backup("vm" + std::to_string(i)));
  }
  std::vector<pid_t> children;
  for (int i = 0; i < 3; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      int code = 1;
      try {
        auto manager = open();
        code = deliver(manager).failed == 0 ? 0 : 2;
      } catch (const std::exception&) {
      }
      ::_exit(code);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  auto manager = open();
  EXPECT_EQ(deliver(manager).waiting, 0);
  EXPECT_THAT(hook_.posts(), SizeIs(8));
  EXPECT_THAT(slack_.posts(), SizeIs(8));
  EXPECT_THAT(mail_->mails(), SizeIs(8));
}

TEST_F(AlertDeliveryTest, SecretsAppearInNoLogNoErrorAndNoFile) {
  core::set_log_level(core::LogLevel::debug);
  testing::internal::CaptureStderr();
  std::string said;
  auto manager = open();
  manager.raise(failed_backup());
  for (const auto mode : {Receiver::Mode::down, Receiver::Mode::up}) {
    set_modes(mode);
    mail_->answer("AUTH", mode == Receiver::Mode::up ? std::string("535 wrong password ") + kPassword : "");
    slack_.set_status(403);
    hook_.set_status(500);
    for (const auto& error : deliver(manager).errors) said += error + "\n";
    clock_.advance(hours(2));
  }
  for (const auto& result : manager.test("", {})) said += result.detail + "\n";
  core::set_log_level(core::LogLevel::warn);
  said += testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("535"));

  for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
    if (!entry.is_regular_file() || entry.path().filename() == "password") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    said += std::string(std::istreambuf_iterator<char>(file), {});
  }
  EXPECT_THAT(said, HasSubstr("Backup of vm1 failed")) << "the database was read";
  EXPECT_THAT(said, HasSubstr("POST")) << "the log was read";
  for (const char* secret : {kPassword, kHookKey, "slackslackslack"})
    EXPECT_THAT(said, Not(HasSubstr(secret)));
}

TEST_F(AlertDeliveryTest, TestReportsEachChannel) {
  auto manager = open();
  slack_.set_status(404);
  const auto results = manager.test("", {});
  ASSERT_THAT(results, SizeIs(3));
  EXPECT_EQ(results[0].detail, "HTTP 404: ok");
  EXPECT_TRUE(results[1].ok);
  EXPECT_TRUE(results[2].ok) << results[2].detail;
  EXPECT_THAT(mail_->mails().at(0).data, HasSubstr("Subject: [azlin] TEST: Test message\r\n"));
}

TEST_F(AlertDeliveryTest, LongRepliesAreNotReadToTheirEnd) {
  const std::string page(4U << 20, 'x');
  slack_.set_reply(page);
  hook_.set_reply(page);
  auto manager = open();
  manager.raise(failed_backup());
  EXPECT_EQ(deliver(manager).delivered, 3) << "a receiver that said yes has it";
  clock_.advance(hours(2));
  EXPECT_EQ(deliver(manager).delivered, 0) << "and gets it once";
  EXPECT_THAT(hook_.posts(), SizeIs(1));
  hook_.set_status(500);
  const auto results = manager.test("webhook", {});
  ASSERT_THAT(results, SizeIs(1));
  EXPECT_THAT(results[0].detail, HasSubstr("the reply is longer than 65536 bytes"));
}

class SendMailTest : public AlertDeliveryTest {
 protected:
  SendMailTest() {
    request_.host = "127.0.0.1";
    request_.port = mail_->port();
    request_.ca_file = cert_;
    request_.from = "a@example.com";
    request_.to = {"b@example.com"};
    request_.message = "Subject: x\r\n\r\ny\r\n";
    request_.total_timeout = core::Millis(60'000);
  }
  http::SmtpError failure() {
    try {
      http::send_mail(request_, {});
    } catch (const http::SmtpError& error) {
      return error;
    }
    ADD_FAILURE() << "the mail went out";
    return {"none", 0, false};
  }
  http::SmtpRequest request_;
};

TEST_F(SendMailTest, ServerWithoutStartTlsGetsNothing) {
  MailServer plain;
  request_.port = plain.port();
  request_.user = "u";
  request_.password = kPassword;
  const auto error = failure();
  EXPECT_TRUE(error.permanent());
  EXPECT_THAT(plain.commands(), Each(testing::AnyOf(StartsWith("EHLO"), "QUIT")));
}

TEST_F(SendMailTest, UnknownCertificateIsRefused) {
  request_.ca_file.clear();
  EXPECT_TRUE(failure().permanent());
  EXPECT_THAT(mail_->commands(), Not(Contains(StartsWith("TLS MAIL"))));
}

TEST_F(SendMailTest, LocalServerMayBePlain) {
  MailServer plain;
  request_.port = plain.port();
  request_.security = http::SmtpSecurity::none;
  http::send_mail(request_, {});
  EXPECT_EQ(plain.mails().at(0).data, request_.message);
}

TEST_F(SendMailTest, RefusalIsToldWithItsPermanence) {
  const struct {
    const char* verb;
    const char* reply;
    int code;
    bool permanent;
  } rows[] = {{"RCPT", "550 no such user", 550, true},
              {"RCPT", "451 greylisted", 451, false},
              {"MAIL", "552 mailbox full", 552, true},
              {"DATA", "421 closing", 421, false}};
  for (const auto& row : rows) {
    mail_->answer(row.verb, row.reply);
    const auto error = failure();
    EXPECT_EQ(error.permanent(), row.permanent) << row.reply;
    EXPECT_THAT(error.what(), HasSubstr(std::string("answered \"") + row.reply)) << row.reply;
    mail_->answer(row.verb, "");
  }
  EXPECT_THAT(mail_->mails(), IsEmpty());
}

TEST_F(SendMailTest, DeadServerIsTransient) {
  mail_->set_mode(Receiver::Mode::down);
  EXPECT_FALSE(failure().permanent());
}

TEST_F(SendMailTest, SilentServerEndsAtTheLimit) {
  mail_->set_mode(Receiver::Mode::silent);
  request_.total_timeout = core::Millis(300);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(failure().permanent());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(25));  // without it, 30
}

TEST_F(SendMailTest, AddressesThatWouldAddCommandsAreRefused) {
  for (const char* bad : {"", "b@example.com>\r\nRCPT TO:<evil@example.com", "b @example.com",
                          "b@ex\xC3\xA4mple.com", "<b@c>"}) {
    request_.to = {bad};
    EXPECT_THROW(http::send_mail(request_, {}), core::Error) << bad;
    request_.to = {"b@example.com"};
    request_.from = bad;
    EXPECT_THROW(http::send_mail(request_, {}), core::Error) << bad;
    request_.from = "a@example.com";
  }
  request_.to.clear();
  EXPECT_THROW(http::send_mail(request_, {}), core::Error);
  EXPECT_EQ(mail_->connections(), 0);
}

TEST_F(SendMailTest, PlainMailToAnotherMachineIsRefused) {
  request_.security = http::SmtpSecurity::none;
  for (const char* host : {"mx.example.com", "192.0.2.1", "evil/@127.0.0.1", ""}) {
    request_.host = host;
    EXPECT_THROW(http::send_mail(request_, {}), core::Error) << host;
  }
}

TEST_F(SendMailTest, StopInterrupts) {
  std::stop_source source;
  source.request_stop();
  try {
    http::send_mail(request_, source.get_token());
    ADD_FAILURE() << "the mail went out";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::interrupted);
  }
}

}  // namespace
}  // namespace azlin::alert
