// DR policies of VMs, and the drills that are due by them.
#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/parallel.hpp"
#include "azlin/dr/manager.hpp"

namespace azlin::dr {

using core::Error;
using core::ErrorKind;

namespace {

const std::string* find_tag(const azure::Vm& vm, const char* wanted) {
  for (const auto& [name, value] : vm.tags) {
    if (core::equal_ignoring_case(name, wanted)) return &value;
  }
  return nullptr;
}

std::optional<DrPolicy> stated_policy(const azure::Vm& vm) {
  const auto* tag = find_tag(vm, kPolicyTag);
  return tag == nullptr ? std::nullopt : std::optional(parse_policy(*tag, vm.name));
}

// Where the region is down, callers do without the policy: a few attempts only.
azure::Vm read_vm(arm::ArmClient& arm, const VmRef& vm, std::stop_token stop) {
  arm::Call call;
  call.path = vm.id();
  call.api_version = "2024-07-01";
  call.outage_attempts = 3;
  if (const auto reply = arm.find(call, stop)) return azure::parse_vm(reply->body);
  throw Error(ErrorKind::not_found,
              fmt::format("there is no VM {} in resource group {}", vm.name, vm.resource_group));
}

PolicyView view_of(const azure::Vm& vm, const std::vector<DRTestResult>& history) {
  PolicyView view;
  view.vm = {vm.subscription, vm.resource_group, vm.name};
  try {
    const auto stated = stated_policy(vm);
    view.stated = stated.has_value();
    const auto* schedule = find_tag(vm, backup::kScheduleTag);
    view.policy = stated || schedule == nullptr
                      ? stated
                      : effective(stated, backup::parse_schedule(*schedule, vm.name));
  } catch (const Error& error) {
    view.error = error.what();
  }
  if (view.policy) view.due = next_due(*view.policy, view.vm, history);
  return view;
}

}  // namespace

PolicyView DRTestManager::show(const VmRef& vm, std::stop_token stop) {
  const auto machine = read_vm(arm_, vm, stop);
  return view_of(machine, get_test_history({.vm = vm.name, .subscription = vm.subscription}));
}

DrPolicy DRTestManager::plan_configure(const VmRef& vm, const PolicyChange& change, std::stop_token stop) {
  const auto machine = azure::get_vm(arm_, vm.id(), false, stop);
  const auto now = view_of(machine, {});
  // A tag that cannot be read is written anew when everything in it is stated.
  if (!now.error.empty() && !change.region) throw Error(ErrorKind::failed, now.error, "give --test-region");
  const auto policy = apply(now.policy, change, machine.location);
  if (change.region) backup::check_regions(arm_, vm.subscription, {policy.region}, stop);
  return policy;
}

void DRTestManager::configure(const VmRef& vm, const DrPolicy& policy, std::stop_token stop) {
  const std::string value = to_tag(policy);
  try {
    azure::merge_tags(arm_, vm.id(), {{kPolicyTag, value}}, stop);
  } catch (const Error& error) {
    journal_.record("dr.configure", vm.id(), value, error.what());
    throw;
  }
  journal_.record("dr.configure", vm.id(), value, {});
}

std::vector<PolicyView> DRTestManager::policies(const std::string& subscription,
                                                const std::optional<std::string>& group,
                                                std::stop_token stop) {
  const auto history = get_test_history({.subscription = subscription});
  std::vector<PolicyView> views;
  for (const auto& vm : azure::list_vms(arm_, subscription, group, stop)) {
    auto view = view_of(vm, history);
    if (view.policy || !view.error.empty()) views.push_back(std::move(view));
  }
  return views;
}

std::vector<ScheduledTest> DRTestManager::run_scheduled_tests(
    const std::vector<PolicyView>& due, int max_parallel,
    const std::function<void(std::size_t, const ScheduledTest&)>& ended, std::stop_token stop) {
  std::vector<ScheduledTest> tests(due.size());
  const auto work = [&](std::size_t i) {
    ScheduledTest& test = tests[i];
    test.vm = due[i].vm;
    try {
      if (!due[i].policy) throw Error(ErrorKind::failed, due[i].error);
      DRTestConfig config;
      config.vm = due[i].vm;
      config.test_region = due[i].policy->region;
      config.target_rto = due[i].policy->target_rto;
      test.result = run_dr_test(config, stop);
    } catch (const Error& error) {
      test.error = error.what();
      test.hint = error.hint();
    }
    if (ended) ended(i, test);
  };
  const auto ends = core::run_parallel(due.size(), max_parallel, stop, work);
  for (std::size_t i = 0; i < ends.size(); ++i) {
    if (!ends[i]) continue;
    tests[i].vm = due[i].vm;
    tests[i].error = "not run: interrupted";
  }
  return tests;
}

}  // namespace azlin::dr
