#include "azlin/archive/remote.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <map>
#include <sstream>

#include "archive/producers.hpp"
#include "archive/sha256.hpp"
#include "azlin/core/error.hpp"

namespace azlin::archive {
namespace {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;

constexpr int kSshFailed = 255;  // its own failure, not that of the command over there
constexpr const char* kForm = "write [user@]host:/folder";

// For the shell over there.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

// A relative folder that begins with '-' must not be taken for an option.
std::string operand(const std::string& folder) {
  return quoted(folder.starts_with("-") ? "./" + folder : folder);
}

bool is_host(const std::string& host) {
  return !host.empty() && !host.starts_with("-") &&
         host.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_@") ==
             std::string::npos;
}

}  // namespace

std::optional<RemoteTarget> parse_remote_target(const std::string& text) {
  constexpr std::string_view kScheme = "ssh://";
  RemoteTarget out;
  if (text.starts_with(kScheme)) {
    const auto slash = text.find('/', kScheme.size());
    out.host = text.substr(kScheme.size(), slash - kScheme.size());
    if (slash != std::string::npos) out.folder = text.substr(slash);
  } else {
    const auto slash = text.find('/'), end = text.find_first_of(":@");
    if (end == std::string::npos || end > slash) return std::nullopt;
    const auto colon = text.find(':');
    out.host = text.substr(0, colon);
    if (colon != std::string::npos) out.folder = text.substr(colon + 1);
  }
  if (!is_host(out.host))
    throw Error(ErrorKind::usage, fmt::format("'{}' names no machine that ssh could reach", text),
                std::string(kForm) + "; a port belongs into ssh's configuration");
  if (out.folder.empty())
    throw Error(ErrorKind::usage, fmt::format("'{}' names no folder on {}", text, out.host), kForm);
  if (out.folder.find_first_of("\n\r") != std::string::npos)
    throw Error(ErrorKind::usage, "a target is one line");
  return out;
}

core::Stage RemoteFolder::ssh(const std::string& command) const {
  if (!core::is_installed("ssh"))
    throw Error(ErrorKind::not_found, "'ssh' is not installed", "install openssh-client");
  core::Stage out{.argv = {"ssh"}, .env = plain_environment()};
  if (const char* agent = std::getenv("SSH_AUTH_SOCK")) out.env["SSH_AUTH_SOCK"] = agent;
  if (!target_.ssh_config.empty()) out.argv.insert(out.argv.end(), {"-F", target_.ssh_config});
  out.argv.insert(out.argv.end(), {"-o", "BatchMode=yes", "-o", "ConnectTimeout=30", "-o",
                                   "ServerAliveInterval=15", "--", target_.host, command});
  return out;
}

core::PipelineResult RemoteFolder::run(core::PipelineRequest request, const char* doing,
                                       std::stop_token stop) const {
  auto ended = run_pipeline(request, stop);
  if (ended.stopped)
    throw Error(ErrorKind::interrupted, fmt::format("interrupted while {} {}", doing, text()));
  if (ended.exit_code != kSshFailed) return ended;
  const bool refused = ended.err.find("Permission denied") != std::string::npos ||
                       ended.err.find("Host key verification failed") != std::string::npos;
  throw Error(refused ? ErrorKind::unauthorized : ErrorKind::failed,
              fmt::format("{} {}: {}", doing, text(), last_line(ended.err)),
              fmt::format("`ssh {} true` must work without a question", target_.host));
}

bool RemoteFolder::is_empty(std::stop_token stop) const {
  core::PipelineRequest request;
  request.program = ssh(fmt::format("if [ -e {0} ]; then cd {0} && ls -A; fi", operand(target_.folder)));
  request.time_limit = core::Millis{120'000};
  const auto ended = run(request, "looking at", stop);
  if (ended.exit_code != 0)
    throw Error(ErrorKind::failed, fmt::format("cannot look at {}: {}", text(), last_line(ended.err)));
  return ended.out.empty();
}

void RemoteFolder::send(const fs::path& folder, std::stop_token stop) const {
  core::PipelineRequest request;
  request.producer =
      core::Stage{.argv = {"tar", "-C", folder.string(), "-cf", "-", "."}, .env = plain_environment()};
  request.program =
      ssh(fmt::format("umask 077; mkdir -p {0} && cd {0} && exec tar -xpf -", operand(target_.folder)));
  const auto ended = run(std::move(request), "restoring into", stop);
  if (ended.exit_code == 0 && ended.producer_exit == 0) return;
  throw Error(ErrorKind::failed,
              fmt::format("restoring into {}: {}", text(),
                          last_line(ended.exit_code != 0 ? ended.err : ended.producer_err)),
              "what is there now is not whole; the archive is: run it again");
}

// What `tool` says over there of these names: pairs of texts that end with NUL, as `split` reads them.
std::string RemoteFolder::ask(const std::string& tool, const std::string& names, std::stop_token stop) const {
  core::PipelineRequest request;
  request.input = names;
  request.program = ssh(fmt::format("cd {} && xargs -0 -n 200 {}", operand(target_.folder), tool));
  const auto ended = run(std::move(request), "reading again", stop);
  if (ended.out.empty())
    throw Error(ErrorKind::failed,
                fmt::format("{} was restored but could not be read again: {}", text(), last_line(ended.err)),
                "GNU sha256sum, find and xargs must be there");
  return ended.out;
}

std::vector<std::string> RemoteFolder::differing(const std::vector<TreeEntry>& files,
                                                 std::stop_token stop) const {
  std::string plain, links;  // "./path", NUL
  for (const auto& file : files) (file.link ? links : plain) += "./" + file.path + '\0';
  std::map<std::string, std::string> there;  // "./path" -> checksum
  if (!plain.empty()) {
    // One line for each name; without -z a name with a line end would be two.
    std::istringstream lines(ask("sha256sum -z --", plain, stop));
    for (std::string line; std::getline(lines, line, '\0');) {
      if (line.size() > 66) there[line.substr(66)] = line.substr(0, 64);
    }
  }
  if (!links.empty()) {
    std::istringstream pairs(
        ask("sh -c 'exec find \"$@\" -maxdepth 0 -printf \"%p\\0%l\\0\"' sh", links, stop));
    for (std::string name, target; std::getline(pairs, name, '\0') && std::getline(pairs, target, '\0');)
      there[name] = sha256_text(target);
  }
  std::vector<std::string> out;
  for (const auto& file : files) {
    if (there["./" + file.path] != file.sha256) out.push_back(file.path);
  }
  return out;
}

}  // namespace azlin::archive
