#include "archive/producers.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "archive/sha256.hpp"
#include "azlin/core/error.hpp"

namespace azlin::archive {

using core::Error;
using core::ErrorKind;

namespace {

void need(const std::string& program, const std::string& package) {
  if (core::is_installed(program)) return;
  throw Error(ErrorKind::not_found, fmt::format("'{}' is not installed", program), "install " + package);
}

void add(std::vector<std::string>& argv, const char* flag, const std::string& value) {
  if (!value.empty()) argv.insert(argv.end(), {flag, value});
}

std::vector<std::string> as_user(const DatabaseSpec& spec, std::vector<std::string> argv) {
  if (spec.run_as.empty()) return argv;
  argv.insert(argv.begin(), {"runuser", "-u", spec.run_as, "--"});
  return argv;
}

PlannedStream postgresql(const DatabaseSpec& spec) {
  PlannedStream out;
  const bool globals = spec.name == "globals";
  need(globals ? "pg_dumpall" : "pg_dump", "postgresql-client");
  // Uncompressed: the engine compresses, and can then deduplicate.
  out.argv = globals ? std::vector<std::string>{"pg_dumpall", "--globals-only", "--no-password"}
                     : std::vector<std::string>{"pg_dump", "-Fc", "-Z0", "--no-password"};
  add(out.argv, "-h", spec.socket.empty() ? spec.host : spec.socket);
  add(out.argv, "-p", spec.port);
  add(out.argv, "-U", spec.user);
  if (!globals) out.argv.push_back(spec.name);
  out.details["format"] = globals ? "sql" : "pg_dump-custom";
  out.password_variable = "PGPASSWORD";
  return out;
}

PlannedStream mysql(const DatabaseSpec& spec) {
  PlannedStream out;
  const std::string tool = core::is_installed("mariadb-dump") ? "mariadb-dump" : "mysqldump";
  need(tool, "mariadb-client");
  out.argv = {tool, "--single-transaction", "--quick", "--routines", "--events", "--triggers"};
  add(out.argv, "-h", spec.host);
  add(out.argv, "-P", spec.port);
  add(out.argv, "-u", spec.user);
  add(out.argv, "-S", spec.socket);
  out.argv.push_back(spec.name);
  out.details["format"] = "sql";
  out.password_variable = "MYSQL_PWD";
  return out;
}

PlannedStream mongodb(const DatabaseSpec& spec) {
  PlannedStream out;
  if (!spec.run_as.empty() && !spec.password_file.empty())
    throw Error(
        ErrorKind::usage,
        fmt::format("mongodb:{}: mongodump cannot be handed a password as another account", spec.name),
        "leave runAs out: it connects to the server by network");
  need("mongodump", "mongodb-database-tools from mongodb.com (Debian has none)");
  out.argv = {"mongodump", "--quiet", "--archive", "--db=" + spec.name};
  if (!spec.host.empty()) out.argv.push_back("--host=" + spec.host);
  if (!spec.port.empty()) out.argv.push_back("--port=" + spec.port);
  if (!spec.user.empty()) out.argv.push_back("--username=" + spec.user);
  out.details["format"] = "mongodump-archive";
  return out;
}

PlannedStream database(const Service& service, const DatabaseSpec& spec) {
  PlannedStream out = spec.engine == "postgresql" ? postgresql(spec)
                      : spec.engine == "mongodb"  ? mongodb(spec)
                                                  : mysql(spec);
  out.argv = as_user(spec, std::move(out.argv));
  out.service = service.name;
  out.kind = "database";
  out.source = spec.engine + ":" + spec.name;
  out.password_file = spec.password_file;
  out.details["engine"] = spec.engine;
  out.details["database"] = spec.name;
  const char* suffix = out.details["format"] == "sql" ? ".sql" : ".dump";
  const std::string stem = service.databases.size() == 1 ? "database" : "database-" + spec.name;
  const std::string place =
      service.place.starts_with("services/") ? service.place : "services/" + service.name;
  out.path = place + "/" + stem + suffix;
  return out;
}

std::string docker_mountpoint(const std::string& volume) {
  core::PipelineRequest request;
  request.program = {.argv = {"docker", "volume", "inspect", "-f", "{{.Mountpoint}}", "--", volume},
                     .env = plain_environment()};
  request.time_limit = core::Millis{30'000};
  const auto result = run_pipeline(request);
  if (result.exit_code != 0)
    throw Error(ErrorKind::not_found,
                fmt::format("docker has no volume '{}': {}", volume, last_line(result.err)));
  return result.out.substr(0, result.out.find('\n'));
}

std::string file_name(std::string text) {
  for (char& c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '.' && c != '_') c = '_';
  }
  return text;
}

std::vector<PlannedStream> containers(const Service& service) {
  std::vector<PlannedStream> out;
  const auto& spec = service.containers;
  if (spec.volumes.empty() && spec.images.empty()) return out;
  need(spec.engine, spec.engine == "podman" ? "podman" : "docker.io");
  for (const auto& volume : spec.volumes) {
    PlannedStream each;
    each.argv = spec.engine == "podman"
                    ? std::vector<std::string>{"podman", "volume", "export", volume}
                    : std::vector<std::string>{"tar", "-C", docker_mountpoint(volume), "-cf", "-", "."};
    each.source = fmt::format("{} volume:{}", spec.engine, volume);
    each.path = "infrastructure/docker-volumes/" + file_name(volume) + ".tar";
    each.details = {{"engine", spec.engine}, {"volume", volume}};
    out.push_back(std::move(each));
  }
  for (const auto& image : spec.images) {
    PlannedStream each;
    each.argv = {spec.engine, "save", image};
    each.source = fmt::format("{} image:{}", spec.engine, image);
    each.path = "infrastructure/container-images/" + file_name(image) + ".tar";
    each.details = {{"engine", spec.engine}, {"image", image}};
    out.push_back(std::move(each));
  }
  for (auto& each : out) {
    each.service = service.name;
    each.kind = "containers";
  }
  return out;
}

// A scalar of YAML in single quotes.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

}  // namespace

std::map<std::string, std::string> plain_environment() {
  std::map<std::string, std::string> out;
  for (const char* name : {"PATH", "HOME", "USER", "LANG", "TMPDIR", "XDG_RUNTIME_DIR", "DOCKER_HOST"}) {
    if (const char* value = std::getenv(name)) out[name] = value;
  }
  return out;
}

std::vector<PlannedStream> plan_streams(const Service& service) {
  std::vector<PlannedStream> out;
  for (const auto& spec : service.databases) out.push_back(database(service, spec));
  for (auto& each : containers(service)) out.push_back(std::move(each));
  return out;
}

core::Stage prepare(const PlannedStream& stream) {
  core::Stage out{.argv = stream.argv, .env = plain_environment()};
  for (const auto& [name, value] : stream.env) out.env[name] = value;
  if (stream.password_file.empty()) return out;
  const std::string password = resolve_reference("file:" + stream.password_file, core::Env(), stream.source);
  if (!stream.password_variable.empty()) {
    out.env[stream.password_variable] = password;
  } else {
    out.secrets = {"password: " + quoted(password) + "\n"};
    out.argv.emplace_back("--config=/dev/fd/3");
  }
  return out;
}

}  // namespace azlin::archive
