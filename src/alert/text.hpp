#pragma once
// Texts made fit to be kept and sent.
#include <string>
#include <string_view>

namespace azlin::alert {

// Valid UTF-8 (bad bytes become U+FFFD) without control characters other than line feed and tab, and without
// what looks like a credential: signatures in addresses, bearer tokens, passwords and account keys become
// REDACTED.
std::string clean_text(std::string_view text);
// The same on one line.
std::string clean_line(std::string_view text);
// At most `bytes` bytes, cut between characters, with "…" when something was cut. `text` is valid UTF-8.
std::string shortened(std::string_view text, std::size_t bytes);
// `text` with every occurrence of `secret` (when longer than 3) replaced by [secret].
std::string without_secret(std::string text, const std::string& secret);

}  // namespace azlin::alert
