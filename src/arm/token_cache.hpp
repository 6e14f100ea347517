#pragma once
// tokens.json: tokens that outlive one command.
#include <optional>
#include <string>

#include "azlin/arm/credential.hpp"

namespace azlin::arm {

// Of a device-code login: what gets new tokens without a person.
struct RefreshToken {
  std::string tenant;
  std::string value;  // secret
};

// Safe under several processes: each write reads the file again under a lock and replaces it atomically. A
// file that is corrupt, of another user or readable by others counts as empty. Nothing here throws: a cache
// that does not work costs time, not the command.
class TokenCache {
 public:
  explicit TokenCache(std::string path) : path_(std::move(path)) {}

  // `identity` names whose token it is; a token of another identity is not given out.
  std::optional<Token> find(const std::string& identity, const std::string& resource) const;
  void put(const std::string& identity, const std::string& resource, const Token& token, core::TimePoint now);

  std::optional<RefreshToken> refresh_token(const std::string& login_endpoint) const;
  void put_refresh_token(const std::string& login_endpoint, const RefreshToken& token);

  void clear();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace azlin::arm
