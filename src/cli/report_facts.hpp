#pragma once
// What reports, metrics, cost and status are made of, gathered from the managers.
#include <optional>
#include <string>

#include "azlin/cost/prices.hpp"
#include "azlin/report/estimate.hpp"
#include "azlin/report/report.hpp"
#include "cli/runtime.hpp"

namespace azlin::cli {

struct ReportScope {
  int days = 90;
  std::optional<std::string> vm, resource_group;
};

// Reads Azure and the databases of the state folder; changes nothing. Throws as its parts do: a report with
// holes would claim what was not seen.
report::ReportFacts gather_report(Runtime& runtime, const ReportScope& scope);
// The facts of a cost estimate over the same window.
report::CostFacts gather_cost(Runtime& runtime, const report::ReportFacts& facts);

// The table in force: `file`, else `prices.toml` of the state folder, else the shipped one.
cost::Prices prices_in_force(Runtime& runtime, const std::optional<std::string>& file);
// The table in force for estimates beside other work: one that cannot be read is warned of, and the shipped
// one taken.
cost::Prices prices_for_estimates(Runtime& runtime);

// Commit of the source this binary was built from; "unknown" outside a checkout.
const char* source_commit();

}  // namespace azlin::cli
