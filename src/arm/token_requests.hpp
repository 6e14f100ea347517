#pragma once
// The token requests of Microsoft's identity services: one function for each kind. Secrets are in the body or
// a header, never in an error.
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "azlin/arm/credential.hpp"

namespace azlin::arm {

using Form = std::vector<std::pair<std::string, std::string>>;

// What a token request needs of the outside.
struct TokenContext {
  http::Transport& transport;
  core::Clock& clock;
  std::stop_token stop;
};

// "https://management.azure.com" -> "https://management.azure.com/.default". A resource that ends in '/'
// keeps it.
std::string scope_of(const std::string& resource);

// POST {login}/{tenant}/oauth2/v2.0/token. `refresh` (may be null) gets the reply's refresh token. Throws
// core::Error (unauthorized; failed for a 5xx or 429 that stays) with the service's code, without the form.
Token request_token(const TokenContext& context, const std::string& login_endpoint, const std::string& tenant,
                    const Form& form, const std::string& source, std::string* refresh = nullptr);

// A managed identity's endpoint: App Service, Cloud Shell, IMDS, or the simulator. nullopt: there is none, or
// it has no identity; `why` then says which. Throws as request_token does.
struct IdentityEndpoint {
  std::string url;        // with api-version, without the resource
  http::Headers headers;  // Metadata: true, X-IDENTITY-HEADER, …
  bool probe = false;     // 1 s to connect: outside Azure nobody answers
};
std::optional<Token> request_identity_token(const TokenContext& context, const IdentityEndpoint& endpoint,
                                            const std::string& resource, std::string& why);

// Device code: shows the address and code, then waits until the person is done. Throws core::Error
// (unauthorized).
Token request_device_token(const TokenContext& context, const std::string& login_endpoint,
                           const std::string& tenant, const std::string& resource,
                           const std::function<void(const std::string&)>& show, std::string& refresh);

// The public client that signs in by device code: the Azure CLI's, which every tenant knows.
inline constexpr const char* kPublicClient = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";

}  // namespace azlin::arm
