#pragma once
// Charts as inline SVG. Colours are classes, defined in the page's style sheet.
#include <string>

#include "azlin/report/report.hpp"

namespace azlin::report {

std::string escaped(const std::string& text);  // for HTML text and attributes

// Each returns a paragraph that says so when there is no data.
std::string rto_chart(const Report& report);
std::string verification_chart(const Report& report);
std::string calendar_chart(const Report& report);
std::string storage_chart(const Report& report);

}  // namespace azlin::report
