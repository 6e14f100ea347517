#pragma once
// The parts of RFC 2045, 2047 and 5322 that a plain mail needs. Pure.
#include <string>
#include <string_view>

#include "azlin/core/clock.hpp"

namespace azlin::alert {

// A text body: lines of at most 76 characters ended by CR LF; "\n" and "\r\n" are line ends.
std::string quoted_printable(std::string_view text);
// An unstructured header's value on folded lines: as it is when printable ASCII, else in encoded words. Line
// ends and other control characters become spaces, so no value can add a header. `used` is the length of
// "Name: ".
std::string header_text(std::string_view text, std::size_t used);
// `Name <address>`, with the name quoted or encoded as needed; without a name just the address.
std::string mailbox(const std::string& name, const std::string& address);
// "Mon, 01 Dec 2025 08:00:00 +0000"
std::string mail_date(core::TimePoint time);

}  // namespace azlin::alert
