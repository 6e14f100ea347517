#include "arm/token_cache.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "azlin/core/log.hpp"

namespace azlin::arm {
namespace {

using nlohmann::json;

class File {
 public:
  File(const std::string& path, int flags) : fd_(open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600)) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

json empty_document() {
  return {{"version", 1}, {"tokens", json::object()}, {"refresh", json::object()}};
}

bool is_private(int fd, const std::string& path) {
  struct stat info {};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != geteuid()) return false;
  if ((info.st_mode & 077) == 0) return true;
  core::log_warn("{} is readable by others and is not used; sign in again (`azlin auth clear` removes it)",
                 path);
  return false;
}

json read_document(const std::string& path) {
  const File file(path, O_RDONLY);
  if (!file || !is_private(file.get(), path)) return empty_document();
  std::string text;
  char buffer[16384];
  for (ssize_t got = 0; (got = read(file.get(), buffer, sizeof buffer)) > 0 && text.size() < (4U << 20);)
    text.append(buffer, static_cast<std::size_t>(got));
  auto document = json::parse(text, nullptr, false);
  const bool good = document.is_object() && document.contains("tokens") && document["tokens"].is_object() &&
                    document.contains("refresh") && document["refresh"].is_object();
  return good ? document : empty_document();
}

bool write_all(int fd, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const auto put = write(fd, text.data() + done, text.size() - done);
    if (put <= 0) return false;
    done += static_cast<std::size_t>(put);
  }
  return fsync(fd) == 0;
}

bool replace_file(const std::string& path, const std::string& text) {
  const auto temporary = fmt::format("{}.{}.tmp", path, getpid());
  unlink(temporary.c_str());
  bool good = false;
  {
    const File file(temporary, O_WRONLY | O_CREAT | O_EXCL);
    good = file && write_all(file.get(), text);
  }
  good = good && rename(temporary.c_str(), path.c_str()) == 0;
  if (!good) unlink(temporary.c_str());
  return good;
}

void change(const std::string& path, const std::function<void(json&)>& edit) {
  const auto folder = std::filesystem::path(path).parent_path();
  std::error_code failed;
  if (!std::filesystem::exists(folder, failed) && std::filesystem::create_directories(folder, failed))
    chmod(folder.c_str(), 0700);
  const File lock(path + ".lock", O_RDWR | O_CREAT);
  if (lock) flock(lock.get(), LOCK_EX);
  auto document = read_document(path);
  edit(document);
  if (!lock || !replace_file(path, document.dump()))
    core::log_debug("{} cannot be written; tokens are not kept", path);
}

std::string text_of(const json& object, const char* key) {
  return object.is_object() && object.contains(key) && object[key].is_string()
             ? object[key].get<std::string>()
             : std::string{};
}

}  // namespace

std::optional<Token> TokenCache::find(const std::string& identity, const std::string& resource) const {
  const auto document = read_document(path_);
  const auto found = document["tokens"].find(identity + " " + resource);
  if (found == document["tokens"].end()) return std::nullopt;
  const auto expires = core::parse_time(text_of(*found, "expires_at"));
  Token token{text_of(*found, "value"), expires.value_or(core::TimePoint{}), text_of(*found, "source"),
              text_of(*found, "tenant")};
  if (!expires || token.value.empty()) return std::nullopt;
  return token;
}

void TokenCache::put(const std::string& identity, const std::string& resource, const Token& token,
                     core::TimePoint now) {
  change(path_, [&](json& document) {
    auto& tokens = document["tokens"];
    for (auto it = tokens.begin(); it != tokens.end();) {  // expired ones go
      const auto expires = core::parse_time(text_of(*it, "expires_at"));
      it = !expires || *expires <= now ? tokens.erase(it) : std::next(it);
    }
    tokens[identity + " " + resource] = {{"value", token.value},
                                         {"expires_at", core::to_iso8601(token.expires_at)},
                                         {"source", token.source},
                                         {"tenant", token.tenant}};
  });
}

std::optional<RefreshToken> TokenCache::refresh_token(const std::string& login_endpoint) const {
  const auto document = read_document(path_);
  const auto found = document["refresh"].find(login_endpoint);
  if (found == document["refresh"].end()) return std::nullopt;
  RefreshToken token{text_of(*found, "tenant"), text_of(*found, "value")};
  if (token.value.empty()) return std::nullopt;
  return token;
}

void TokenCache::put_refresh_token(const std::string& login_endpoint, const RefreshToken& token) {
  change(path_, [&](json& document) {
    document["refresh"][login_endpoint] = {{"tenant", token.tenant}, {"value", token.value}};
  });
}

void TokenCache::clear() {
  unlink(path_.c_str());
  unlink((path_ + ".lock").c_str());
}

}  // namespace azlin::arm
