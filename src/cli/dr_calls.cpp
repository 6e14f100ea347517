#include "cli/dr_calls.hpp"

#include <fmt/format.h>

namespace azlin::cli {

namespace {

using Calls = std::vector<PlannedCall>;

std::string group_id(const snapshot::VmRef& target) {
  return fmt::format("/subscriptions/{}/resourceGroups/{}", target.subscription, target.resource_group);
}

// The network of a drill.
void add_site(const dr::DrillPlan& plan, bool together, Calls& calls) {
  if (plan.own_group) calls.push_back({"PUT", group_id(plan.target), "removed with the drill"});
  const bool open = !plan.public_ip_id.empty();
  const std::string rules = open ? "inbound SSH from the tester alone; outbound Run Command alone"
                                 : "denies inbound, and outbound but for Run Command";
  calls.push_back({"PUT", plan.nsg_id, rules + (together ? "; its VMs reach each other" : "")});
  calls.push_back({"PUT", plan.network_id, "no peering, no routes"});
}

void add_vm(const dr::DrillPlan& plan, Calls& calls) {
  const bool open = !plan.public_ip_id.empty();
  if (open) calls.push_back({"PUT", plan.public_ip_id, {}});
  calls.push_back({"PUT", plan.nic_id, open ? "with the public address" : "no public address"});
  for (const auto& disk : plan.disks) calls.push_back({"PUT", disk.new_id, "from " + disk.snapshot_id});
  calls.push_back({"PUT", plan.target.id(), plan.vm_size});
}

void add_cleanup(const std::vector<dr::DrillPlan>& plans, Calls& calls) {
  for (const auto& plan : plans) calls.push_back({"DELETE", plan.target.id(), {}});
  for (const auto& plan : plans) calls.push_back({"DELETE", plan.nic_id, {}});
  for (const auto& plan : plans) {
    if (!plan.public_ip_id.empty()) calls.push_back({"DELETE", plan.public_ip_id, {}});
    for (const auto& disk : plan.disks) calls.push_back({"DELETE", disk.new_id, {}});
  }
  const dr::DrillPlan& first = plans.front();
  calls.push_back({"DELETE", first.network_id, {}});
  calls.push_back({"DELETE", first.nsg_id, {}});
  if (first.own_group) calls.push_back({"DELETE", group_id(first.target), {}});
}

}  // namespace

Calls calls_of(const std::vector<dr::DrillPlan>& plans, bool cleanup) {
  Calls calls;
  for (const auto& plan : plans) {
    for (const auto& member : plan.set.members)
      calls.push_back(tags_patch(member.snapshot.id, snapshot::kInUseTag));
  }
  add_site(plans.front(), plans.size() > 1, calls);
  for (const auto& plan : plans) add_vm(plan, calls);
  if (cleanup) add_cleanup(plans, calls);
  return calls;
}

Calls calls_of(const dr::FailoverPlan& plan) {
  Calls calls;
  if (plan.done_before) return calls;
  for (const auto& member : plan.set.members)
    calls.push_back(tags_patch(member.snapshot.id, snapshot::kInUseTag));
  if (plan.new_group)
    calls.push_back({"PUT",
                     fmt::format("/subscriptions/{}/resourceGroups/{}", plan.target.subscription,
                                 plan.target.resource_group),
                     plan.region});
  if (plan.new_network) {
    calls.push_back({"PUT", plan.nsg_id, "Azure's own rules: nothing comes in from outside"});
    calls.push_back({"PUT", plan.network_id, "no peering"});
  }
  calls.push_back({"PUT", plan.nic_id, "in " + plan.subnet_id});
  for (const auto& disk : plan.disks) calls.push_back({"PUT", disk.new_id, "from " + disk.snapshot_id});
  calls.push_back({"PUT", plan.target.id(), plan.vm_size});
  return calls;
}

}  // namespace azlin::cli
