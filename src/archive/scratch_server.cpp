#include "archive/scratch_server.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <filesystem>

#include "archive/producers.hpp"
#include "archive/sha256.hpp"
#include "azlin/core/clock.hpp"
#include "azlin/core/error.hpp"

namespace azlin::archive {

using core::Error;
using core::ErrorKind;
namespace fs = std::filesystem;

namespace {

constexpr int kReadyTries = 300;  // of 100 ms
constexpr const char* kDatabase = "azlin_scratch";

// Servers live outside PATH: /usr/sbin, /usr/lib/postgresql/15/bin.
std::string find_program(const std::string& name, const std::string& package) {
  if (core::is_installed(name)) return name;
  std::vector<fs::path> places = {"/usr/sbin/" + name, "/usr/local/sbin/" + name};
  std::error_code error;
  for (const auto& each : fs::directory_iterator("/usr/lib/postgresql", error))
    places.push_back(each.path() / "bin" / name);
  for (auto place = places.rbegin(); place != places.rend(); ++place) {
    if (core::is_installed(place->string())) return place->string();
  }
  throw Error(ErrorKind::not_found, fmt::format("'{}' is not installed", name), "install " + package);
}

void must_work(const core::Stage& stage, const char* what, std::stop_token stop) {
  core::PipelineRequest request;
  request.program = stage;
  request.time_limit = core::Millis{120'000};
  const auto result = run_pipeline(request, stop);
  if (result.exit_code != 0)
    throw Error(ErrorKind::failed, fmt::format("{}: {}", what, last_line(result.err + result.out)));
}

void give_to(const std::string& folder, const char* user) {
  const passwd* entry = getpwnam(user);
  if (entry == nullptr) throw Error(ErrorKind::not_found, fmt::format("there is no account '{}'", user));
  if (chown(folder.c_str(), entry->pw_uid, entry->pw_gid) != 0)
    throw Error(ErrorKind::failed, fmt::format("cannot give {} to {}", folder, user));
}

}  // namespace

ScratchServer::ScratchServer(const std::string& engine, const std::string& folder, std::stop_token stop)
    : postgresql_(engine == "postgresql"), folder_(folder) {
  fs::create_directories(folder_);
  try {
    postgresql_ ? start_postgresql(stop) : start_mysql(stop);
  } catch (...) {
    server_ = std::jthread();
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
    throw;
  }
}

ScratchServer::~ScratchServer() {
  if (server_.joinable()) {
    server_.request_stop();
    server_.join();
  }
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

// The kernel ends the server with the thread that started it.
void ScratchServer::run_server(core::Stage stage) {
  std::vector<std::string> argv = {"setpriv", "--pdeathsig", "KILL"};
  if (!as_user_.empty())
    argv.insert(argv.end(), {"--reuid=" + as_user_[0], "--regid=" + as_user_[0], "--init-groups"});
  stage.argv.insert(stage.argv.begin(), argv.begin(), argv.end());
  stage.directory = folder_;
  server_ = std::jthread([stage](std::stop_token stop) {
    core::PipelineRequest request;
    request.program = stage;
    try {
      run_pipeline(request, stop);
    } catch (const Error&) {  // it did not start: nobody will answer
    }
  });
}

void ScratchServer::wait_until_ready(const core::Stage& probe, std::stop_token stop) {
  core::SystemClock clock;
  core::PipelineRequest request;
  request.program = probe;
  request.time_limit = core::Millis{5'000};
  for (int i = 0; i < kReadyTries; ++i) {
    if (run_pipeline(request, stop).exit_code == 0) return;
    clock.sleep_for(core::Millis{100}, stop);
  }
  throw Error(ErrorKind::failed, "the scratch database server did not start");
}

void ScratchServer::start_postgresql(std::stop_token stop) {
  const std::string initdb = find_program("initdb", "postgresql"),
                    postgres = find_program("postgres", "postgresql");
  find_program("pg_restore", "postgresql-client");
  std::vector<std::string> prefix;
  if (geteuid() == 0) {
    as_user_ = {"postgres"};
    give_to(folder_, "postgres");
    prefix = {"setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"};
  }
  core::Stage make{.argv = prefix, .env = plain_environment(), .directory = folder_};
  make.argv.insert(make.argv.end(), {initdb, "-A", "trust", "-N", "-E", "UTF8", "--locale=C", "-U",
                                     "azlin_scratch_admin", "-D", folder_ + "/data"});
  must_work(make, "initdb", stop);
  run_server({.argv = {postgres, "-D", folder_ + "/data", "-k", folder_, "-c", "listen_addresses=", "-c",
                       "fsync=off"},
              .env = plain_environment()});
  wait_until_ready(client({"-d", "postgres", "-c", "SELECT 1"}), stop);
  must_work(client({"-d", "postgres", "-c", fmt::format("CREATE DATABASE {}", kDatabase)}), "createdb", stop);
}

void ScratchServer::start_mysql(std::stop_token stop) {
  const std::string install = find_program("mariadb-install-db", "mariadb-server");
  const std::string server = find_program("mariadbd", "mariadb-server");
  find_program("mariadb", "mariadb-client");
  const char* user = getenv("USER");
  const std::string as =
      geteuid() == 0 ? "--user=root" : fmt::format("--user={}", user == nullptr ? "" : user);
  core::Stage make{.argv = {install, "--no-defaults", "--datadir=" + folder_ + "/data",
                            "--auth-root-authentication-method=normal", "--skip-test-db"},
                   .env = plain_environment()};
  if (geteuid() == 0) make.argv.emplace_back("--user=root");
  must_work(make, "mariadb-install-db", stop);
  core::Stage run{
      .argv = {server, "--no-defaults", "--datadir=" + folder_ + "/data", "--socket=" + folder_ + "/s",
               "--pid-file=" + folder_ + "/pid", "--skip-networking", "--innodb-flush-log-at-trx-commit=0"},
      .env = plain_environment()};
  if (geteuid() == 0) run.argv.push_back(as);
  run_server(std::move(run));
  wait_until_ready(client({"-e", "SELECT 1"}), stop);
  must_work(client({"-e", fmt::format("CREATE DATABASE {}", kDatabase)}), "create database", stop);
}

core::Stage ScratchServer::client(std::vector<std::string> arguments) const {
  core::Stage out{.argv = postgresql_ ? std::vector<std::string>{"psql", "-X", "-q", "-t", "-A", "-h",
                                                                 folder_, "-U", "azlin_scratch_admin"}
                                      : std::vector<std::string>{"mariadb", "--no-defaults", "-N", "-B", "-u",
                                                                 "root", "--socket=" + folder_ + "/s"},
                  .env = plain_environment()};
  out.argv.insert(out.argv.end(), arguments.begin(), arguments.end());
  return out;
}

std::optional<core::Stage> ScratchServer::loader(const std::string& format) const {
  if (postgresql_ && format == "pg_dump-custom")
    return core::Stage{.argv = {"pg_restore", "--exit-on-error", "--no-owner", "--no-privileges", "-h",
                                folder_, "-U", "azlin_scratch_admin", "-d", kDatabase},
                       .env = plain_environment()};
  if (format != "sql") return std::nullopt;
  return postgresql_ ? client({"-d", kDatabase, "-v", "ON_ERROR_STOP=1", "-f", "-"}) : client({kDatabase});
}

std::size_t ScratchServer::tables(std::stop_token stop) const {
  core::PipelineRequest request;
  const std::string query =
      postgresql_
          ? "SELECT count(*) FROM information_schema.tables WHERE table_schema NOT IN "
            "('pg_catalog','information_schema')"
          : fmt::format("SELECT count(*) FROM information_schema.tables WHERE table_schema='{}'", kDatabase);
  request.program = postgresql_ ? client({"-d", kDatabase, "-c", query}) : client({"-e", query});
  const auto result = run_pipeline(request, stop);
  return result.exit_code == 0 ? std::stoul(result.out) : 0;
}

}  // namespace azlin::archive
