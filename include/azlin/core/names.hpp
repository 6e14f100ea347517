#pragma once
// Azure's rules for names, checked before any request. Each function throws core::Error (usage) naming the
// value and the rule. Source: "Naming rules and restrictions for Azure resources".
#include <string>
#include <string_view>

namespace azlin::core {

// 1-64 (the Linux limit) of letters, digits, '-', '_', '.'; starts alphanumeric, ends so or in '_'.
void check_vm_name(std::string_view name);
// 1-90 of letters, digits, '-', '_', '.', '(', ')'; does not end in '.'.
void check_resource_group(std::string_view name);
// 1-80 of a VM name's letters, beginning and ending as it does. `what` is "snapshot", "disk", …
void check_compute_name(std::string_view name, std::string_view what);
// Lower-case letters and digits, 3-32, such as "westus2". "West US 2" is accepted by normalize_region.
void check_region(std::string_view region);
// "West US 2" -> "westus2". Throws as check_region does.
std::string normalize_region(std::string_view region);
// A GUID.
void check_subscription(std::string_view id);

bool equal_ignoring_case(std::string_view a, std::string_view b);
std::string to_lower(std::string_view text);

// A new random GUID, lower case.
std::string new_guid();

// An ARM resource id taken apart. Ids and names are compared ignoring case.
struct ResourceId {
  std::string subscription, resource_group;
  std::string type;  // "Microsoft.Compute/snapshots"
  std::string name;  // the last segment
  // Throws core::Error (failed) when `id` is not of the form /subscriptions/…/providers/NS/type/name[/…].
  static ResourceId parse(std::string_view id);
};

}  // namespace azlin::core
