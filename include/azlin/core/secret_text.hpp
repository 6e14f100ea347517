#pragma once
#include <string>
#include <string_view>

namespace azlin::core {

// A text of a service or a program with what looks like a credential replaced by REDACTED: the value after
// `sig=`, `password=`, `AccountKey=`, `access_token=` and their like, up to a blank or one of & ; " ' < >,
// and what follows `Bearer `. Any case, any length; linear in the text. URLs: redact_url() of log.hpp is
// stricter.
std::string without_secrets(std::string_view text);

}  // namespace azlin::core
