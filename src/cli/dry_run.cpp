#include "cli/dry_run.hpp"

#include <fmt/format.h>

namespace azlin::cli {

PlannedCall put_snapshot(const azure::NewSnapshot& snapshot) {
  return {"PUT", snapshot.id,
          fmt::format("{} of {}", snapshot.copy_start ? "copy" : "incremental snapshot", snapshot.source_id)};
}

PlannedCall tags_patch(const std::string& resource_id, const std::string& note) {
  return {"PATCH", resource_id + "/providers/Microsoft.Resources/tags/default", note};
}

void print_dry_run(Console& console, const std::vector<PlannedCall>& calls,
                   const nlohmann::ordered_json& more) {
  nlohmann::ordered_json json = {{"dryRun", true}};
  json.update(more);
  json["calls"] = nlohmann::ordered_json::array();
  console.line(calls.empty() ? "Dry run: nothing would be changed."
                             : "Dry run: nothing was changed. These calls would be made:");
  for (const auto& call : calls) {
    console.line(fmt::format("  {} {}", call.method, call.path));
    if (!call.note.empty()) console.line("      " + call.note);
    json["calls"].push_back({{"method", call.method}, {"path", call.path}, {"note", call.note}});
  }
  console.result(json, "calls");
}

}  // namespace azlin::cli
