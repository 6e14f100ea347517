// The VM of a drill and the network around it.
#include <fmt/format.h>

#include "azlin/azure/network.hpp"
#include "dr/run.hpp"
#include "dr/steps.hpp"

namespace azlin::dr {

using core::Error;
using core::ErrorKind;

namespace {

// Nothing comes in but SSH from the tester, where there is one. Out goes HTTPS to Azure when Run Command is
// needed (its results travel so), else nothing; peered and on-premises networks are VirtualNetwork. VMs that
// are drilled together reach each other: `together` is their prefix, or empty.
std::vector<azure::SecurityRule> isolation(bool run_command, const std::string& tester,
                                           const std::string& together) {
  std::vector<azure::SecurityRule> rules = {
      {"deny-inbound", 200, "Inbound", "Deny", "*", "*", "*", "*"},
      {"deny-networks", 110, "Outbound", "Deny", "*", "*", "VirtualNetwork", "*"}};
  if (!tester.empty()) rules.push_back({"allow-tester", 100, "Inbound", "Allow", "Tcp", tester, "*", "22"});
  if (!together.empty()) {
    rules.push_back({"allow-drill-in", 110, "Inbound", "Allow", "*", together, together, "*"});
    rules.push_back({"allow-drill-out", 100, "Outbound", "Allow", "*", together, together, "*"});
  }
  if (run_command)
    rules.push_back({"allow-run-command", 200, "Outbound", "Allow", "Tcp", "*", "AzureCloud", "443"});
  rules.push_back({"deny-outbound", 4096, "Outbound", "Deny", "*", "*", "*", "*"});
  return rules;
}

}  // namespace

void DRTestManager::build_network(Run& run, std::stop_token stop) {
  const DrillPlan& plan = run.plan;
  Drill& drill = run.drill;
  const Maker maker = run.maker(arm_, stop);
  if (plan.own_group) make_group(maker, plan.target);
  azure::NewNetwork network;
  network.id = plan.network_id;
  network.location = plan.region;
  network.nsg_id = plan.nsg_id;
  network.outbound = drill.run_command;
  network.tags = drill.tags();
  make_security_group(maker, plan.nsg_id,
                      isolation(drill.run_command, plan.public_ip_id.empty() ? "" : run.config.tester_address,
                                drill.together ? network.prefix : ""));
  std::string subnet_id;
  step(drill.operation, "create-network", {{"id", plan.network_id}},
       [&] { subnet_id = azure::create_network(arm_, network, stop); });
  // A policy of the subscription may have joined it to others by now.
  const auto made = azure::find_network(arm_, plan.network_id, stop);
  if (!made || !made->peerings.empty() || !made->route_tables.empty()) {
    throw Error(
        ErrorKind::failed,
        fmt::format("the drill's network {} is not isolated: it has {} peerings and {} route tables",
                    plan.network_id, made ? made->peerings.size() : 0, made ? made->route_tables.size() : 0),
        "something in the subscription (a policy?) adds them; the VM was not started");
  }
  drill.subnet_id = subnet_id;
}

// The first VM of a drill builds it; one after a failure tries again.
void DRTestManager::ensure_network(Run& run, std::stop_token stop) {
  {
    const std::lock_guard lock(run.drill.building);
    if (run.drill.subnet_id.empty()) build_network(run, stop);
  }
  const DrillPlan& plan = run.plan;
  azure::NewNic nic;
  if (!plan.public_ip_id.empty()) {
    nic.public_ip_id = plan.public_ip_id;
    step(run.drill.operation, "create-public-ip", {{"id", plan.public_ip_id}}, [&] {
      run.address =
          azure::create_public_ip(arm_, plan.public_ip_id, plan.region, plan.zone, run.drill.tags(), stop);
    });
  }
  nic.id = plan.nic_id;
  nic.location = plan.region;
  nic.subnet_id = run.drill.subnet_id;
  nic.nsg_id = plan.nsg_id;
  nic.tags = run.drill.tags();
  step(run.drill.operation, "create-nic", {{"id", nic.id}}, [&] { azure::create_nic(arm_, nic, stop); });
}

void DRTestManager::restore(Run& run, std::stop_token stop) {
  DrillPlan& plan = run.plan;
  Drill& drill = run.drill;
  std::map<std::string, int> alone;
  if (!run.fitted) fit(plan, run.config, alone, stop);
  run.result.warnings = plan.warnings;
  step(drill.operation, "mark", {{"value", drill.record.in_use}}, [&] {
    backups_.snapshots().tag(plan.set, {{snapshot::kInUseTag, drill.record.in_use}}, stop);
  });
  ensure_network(run, stop);
  run.first_disk = clock_.now();
  const Maker maker = run.maker(arm_, stop);
  make_disks(maker, plan.disks);
  // Neither the VM's tags nor its identity: nothing may take it for the original.
  make_vm(maker, plan.target.id(),
          {plan.spec, plan.region, plan.zone, plan.vm_size, plan.disks, plan.nic_id, drill.tags()});
}

}  // namespace azlin::dr
