#pragma once
// What --dry-run prints: the calls that would be made.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "azlin/azure/compute.hpp"
#include "cli/runtime.hpp"

namespace azlin::cli {

struct PlannedCall {
  std::string method, path;
  std::string note;  // for people; may be empty
};

PlannedCall put_snapshot(const azure::NewSnapshot& snapshot);
PlannedCall tags_patch(const std::string& resource_id, const std::string& note);

// Text: one line a call. JSON: {"dryRun": true, …`more`, "calls": […]}.
void print_dry_run(Console& console, const std::vector<PlannedCall>& calls,
                   const nlohmann::ordered_json& more = nlohmann::ordered_json::object());

}  // namespace azlin::cli
