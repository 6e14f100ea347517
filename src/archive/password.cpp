#include "azlin/archive/password.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/rand.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include "archive/sha256.hpp"
#include "azlin/archive/destination.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/input_file.hpp"
#include "azlin/core/pipeline.hpp"

namespace azlin::archive {

using core::Error;
using core::ErrorKind;

namespace {

std::string from_command(const std::vector<std::string>& argv, const core::Env& env, std::stop_token stop) {
  core::PipelineRequest request;
  request.program.argv = argv;
  for (const char* name : {"PATH", "HOME", "USER", "GNUPGHOME", "PASSWORD_STORE_DIR", "XDG_RUNTIME_DIR",
                           "GPG_TTY", "SSH_AUTH_SOCK", "AZURE_CONFIG_DIR"}) {
    if (const auto value = env.get(name)) request.program.env[name] = *value;
  }
  request.time_limit = core::Millis{60'000};
  const auto result = run_pipeline(request, stop);
  if (result.exit_code != 0)
    throw Error(ErrorKind::failed, fmt::format("the password command '{}' ended with {}: {}", argv.at(0),
                                               result.exit_code, last_line(result.err)));
  std::string password = result.out.substr(0, result.out.find_first_of("\r\n"));
  if (password.empty())
    throw Error(ErrorKind::failed, fmt::format("the password command '{}' printed nothing", argv.at(0)));
  return password;
}

void refuse_key_vault(const std::string& text) {
  if (text.find(".vault.azure.net") == std::string::npos && !text.starts_with("keyvault:")) return;
  throw Error(ErrorKind::usage,
              fmt::format("'{}' is a Key Vault reference, which azlin does not follow here", text),
              "use a command: az keyvault secret show --vault-name V --name N --query value -o tsv");
}

std::optional<std::string> from_source(const PasswordSource& source, const core::Env& env,
                                       const std::string& home, std::stop_token stop) {
  if (!source.file.empty()) {
    refuse_key_vault(source.file);
    return resolve_reference("file:" + source.file, env, "the password file");
  }
  if (!source.command.empty()) return from_command(source.command, env, stop);
  if (!source.variable.empty()) return resolve_reference("env:" + source.variable, env, "the password");
  if (source.machine_key) return machine_key(home);
  return std::nullopt;
}

}  // namespace

std::vector<std::string> split_command(const std::string& text) {
  std::vector<std::string> out;
  std::string word;
  char quote = 0;
  bool open = false;
  for (const char c : text) {
    if (quote != 0 && c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
      open = true;
    } else if (quote == 0 && (c == ' ' || c == '\t')) {
      if (open) out.push_back(std::exchange(word, {}));
      open = false;
    } else {
      word += c;
      open = true;
    }
  }
  if (quote != 0) throw Error(ErrorKind::usage, "a quote is not closed in: " + text);
  if (open) out.push_back(word);
  return out;
}

std::string machine_key(const std::string& home) {
  const std::string path = home + "/archive.key";
  if (!std::filesystem::exists(path)) {
    std::array<unsigned char, 32> bytes = {};
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
      throw Error(ErrorKind::failed, "no random numbers for a key");
    std::string text;
    for (const auto byte : bytes) text += fmt::format("{:02x}", byte);
    text += '\n';
    // Whole or not there, and never over one that another process has just made.
    const std::string draft = fmt::format("{}.{}", path, getpid());
    const int fd = open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    const bool written =
        fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(fd) == 0;
    if (fd >= 0) close(fd);
    if (!written || (link(draft.c_str(), path.c_str()) != 0 && errno != EEXIST)) {
      const int error = errno;
      unlink(draft.c_str());
      throw Error(ErrorKind::failed, fmt::format("cannot write {}: {}", path, strerror(error)));
    }
    unlink(draft.c_str());
  }
  return resolve_reference("file:" + path, core::Env(), "the machine's key");
}

std::string read_password(const PasswordSource& flags, const PasswordSource& configured, const core::Env& env,
                          const std::string& home, std::stop_token stop) {
  if (!flags.file.empty()) {
    refuse_key_vault(flags.file);
    core::check_input_file(flags.file, "password file");
  }
  if (auto found = from_source(flags, env, home, stop)) return *found;
  if (auto found = env.get("AZLIN_ARCHIVE_PASSWORD")) return *found;
  if (auto found = from_source(configured, env, home, stop)) return *found;
  // `create --encrypt=false` made it: what it wrote must be readable without further words.
  if (std::filesystem::exists(home + "/archive.key")) return machine_key(home);
  throw Error(ErrorKind::usage, "there is no password for the archives",
              "set AZLIN_ARCHIVE_PASSWORD, give --password-file or --password-command, or `password:` in "
              "archive.yaml; "
              "`--encrypt=false` uses a key kept on this machine");
}

}  // namespace azlin::archive
