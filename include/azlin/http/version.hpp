#pragma once
// The library behind Transport.
#include <string>

namespace azlin::http {

// libcurl and its TLS library as they are at run time: "7.88.1 (OpenSSL/3.0.15)".
std::string library_version();

}  // namespace azlin::http
