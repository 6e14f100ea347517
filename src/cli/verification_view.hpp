#pragma once
// Verifications and their report as text and JSON.
#include <nlohmann/json.hpp>
#include <string>

#include "azlin/verification/manager.hpp"
#include "cli/console.hpp"

namespace azlin::cli {

nlohmann::ordered_json to_json(const verification::Verification& run);
nlohmann::ordered_json to_json(const verification::VerificationReport& report);

void print_verification(Console& console, const verification::Verification& run, bool verbose);
// `one_vm`: without the statistics over all of them.
void print_report(Console& console, const verification::VerificationReport& report, bool one_vm);

// "100%", "99.3%" (never rounded up), "no data".
std::string percent_text(const std::optional<double>& percent);

}  // namespace azlin::cli
