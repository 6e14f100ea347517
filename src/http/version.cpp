#include "azlin/http/version.hpp"

#include <curl/curl.h>

namespace azlin::http {

std::string library_version() {
  const auto* info = curl_version_info(CURLVERSION_NOW);
  const std::string tls = info->ssl_version == nullptr ? "no TLS" : info->ssl_version;
  return std::string(info->version) + " (" + tls + ")";
}

}  // namespace azlin::http
