#pragma once
// A report as JSON, Markdown, CSV, and as one HTML file that needs no network. Pure.
#include <nlohmann/json.hpp>
#include <string>

#include "azlin/report/report.hpp"

namespace azlin::report {

// Keys: docs/report.md.
nlohmann::ordered_json to_json(const Report& report);
nlohmann::ordered_json to_json(const CostEstimate& estimate);
std::string to_markdown(const Report& report);
// One table with the columns section, subject, name, value, unit, target, result. RFC 4180.
std::string to_csv(const Report& report);
// Charts are inline SVG; nothing is loaded from anywhere. Every text from outside is escaped.
std::string to_html(const Report& report);

std::string money(double amount, const std::string& currency);  // "$12.34", "12.34 EUR"

}  // namespace azlin::report
