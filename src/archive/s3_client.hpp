#pragma once
// The few calls on an S3 bucket that the engine cannot make: what it is set to, what is in it, and until when
// each object is held. Nothing is changed.
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "azlin/archive/destination.hpp"
#include "azlin/http/transport.hpp"

namespace azlin::archive {

struct S3Credentials {
  std::string key_id, secret, token;  // token: of a session; may be empty
};

// Those that the engine uses: variables, else the profile of the shared credentials file. Throws core::Error
// (unauthorized) when neither has any: a role of the machine is not asked for.
S3Credentials find_s3_credentials(const Destination& destination, const core::Env& env);

// Authorises a request without a body by AWS Signature Version 4. The URL's query must be sorted, with "="
// after each name. Source: "Authenticating Requests: Using the Authorization Header" of the S3 API Reference.
void sign_s3(http::Request& request, const S3Credentials& credentials, const std::string& region,
             core::TimePoint now);

// The contents of each <tag>…</tag>, entities resolved.
std::vector<std::string> texts_of(std::string_view xml, const std::string& tag);

// Thread-safe but for the first call. Borrows the transport. All throw core::Error: unauthorized (403),
// not_found (no bucket, no such object), failed (everything else), interrupted.
class S3Client {
 public:
  S3Client(S3Place place, S3Credentials credentials, http::Transport& transport);

  // The body of GET /?NAME. nullopt: the store has no such setting (404, 501, …).
  std::optional<std::string> setting(const std::string& name, std::stop_token stop);
  // Keys that begin with the place's prefix, as they are in the bucket.
  std::vector<std::string> list(std::stop_token stop);
  http::Response head(const std::string& key, std::stop_token stop);

  const S3Place& place() const { return place_; }

 private:
  http::Response send(const std::string& method, const std::string& key, const std::string& query,
                      std::stop_token stop);
  std::string url(const std::string& key, const std::string& query) const;
  [[noreturn]] void fail(const http::Response& response, const std::string& doing) const;

  S3Place place_;
  S3Credentials credentials_;
  http::Transport& transport_;
};

}  // namespace azlin::archive
