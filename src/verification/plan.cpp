#include "verification/plan.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"

namespace azlin::verification {

using nlohmann::json;

std::string VerifyPlan::lock_key() const {
  return "verify:" + core::to_lower(anchor);
}

std::string to_json(const VerifyPlan& plan) {
  json disks = json::array();
  for (const auto& disk : plan.disks)
    disks.push_back({{"snapshot", disk.snapshot_id}, {"disk", disk.disk_id}});
  return json{{"backup", plan.backup}, {"region", plan.region}, {"anchor", plan.anchor},
              {"mark", plan.mark_id},  {"inUse", plan.in_use},  {"until", core::to_iso8601(plan.until)},
              {"disks", disks}}
      .dump();
}

VerifyPlan parse_verify_plan(const std::string& text) {
  try {
    const json body = json::parse(text);
    VerifyPlan plan;
    plan.backup = body.at("backup");
    plan.region = body.at("region");
    plan.anchor = body.at("anchor");
    plan.mark_id = body.at("mark");
    plan.in_use = body.at("inUse");
    plan.until = core::parse_time(body.at("until").get<std::string>()).value();
    for (const json& disk : body.at("disks")) plan.disks.push_back({disk.at("snapshot"), disk.at("disk")});
    return plan;
  } catch (const std::exception& error) {
    throw core::Error(core::ErrorKind::failed,
                      fmt::format("the journal's record of a verification cannot be read: {}", error.what()));
  }
}

}  // namespace azlin::verification
