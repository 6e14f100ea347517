#include "azlin/platform/service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mutex>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "platform/fields.hpp"

namespace azlin::platform {

using core::Error;
using core::ErrorKind;

namespace {

arm::Call call_of(const std::string& method, const std::string& path, const std::string& version,
                  const json& body, const std::vector<std::pair<std::string, std::string>>& query) {
  arm::Call call;
  call.method = method;
  call.path = path;
  call.api_version = version;
  call.query = query;
  if (!body.is_null()) call.body = body.dump();
  return call;
}

Resource resource_of(Kind kind, json body) {
  Resource out;
  out.kind = kind;
  out.id = text(body, "id");
  const auto parts = core::ResourceId::parse(out.id);
  out.name = text(body, "name").empty() ? parts.name : text(body, "name");
  out.resource_group = parts.resource_group;
  out.subscription = parts.subscription;
  for (const char c : text(body, "location"))
    if (c != ' ') out.location += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  out.body = std::move(body);
  return out;
}

}  // namespace

const KindInfo& info(Kind kind) {
  static const std::array<KindInfo, 5> kTable = {{
      {"Microsoft.DocumentDB/databaseAccounts", kCosmosVersion, "Cosmos DB", "cosmos"},
      {"Microsoft.Storage/storageAccounts", kStorageVersion, "Storage", "storage"},
      {"Microsoft.KeyVault/vaults", kKeyVaultVersion, "Key Vault", "keyvault"},
      {"Microsoft.AppConfiguration/configurationStores", kAppConfigVersion, "App Configuration", "appconfig"},
      {"Microsoft.ContainerService/managedClusters", kAksVersion, "AKS", "aks"},
  }};
  return kTable.at(static_cast<std::size_t>(kind));
}

json Service::get(const std::string& path, const std::string& version, std::stop_token stop,
                  const std::vector<std::pair<std::string, std::string>>& query) {
  return arm_.send(call_of("GET", path, version, nullptr, query), std::move(stop)).json();
}

std::optional<json> Service::find(const std::string& path, const std::string& version, std::stop_token stop) {
  auto reply = arm_.find(call_of("GET", path, version, nullptr, {}), std::move(stop));
  if (!reply) return std::nullopt;
  return reply->json();
}

std::vector<json> Service::list(const std::string& path, const std::string& version, std::stop_token stop,
                                const std::vector<std::pair<std::string, std::string>>& query) {
  std::vector<json> out;
  arm_.list(
      call_of("GET", path, version, nullptr, query),
      [&](json&& item) {
        out.push_back(std::move(item));
        return true;
      },
      std::move(stop));
  return out;
}

json Service::ask(const std::string& path, const std::string& version, const json& body,
                  std::stop_token stop) {
  auto call = call_of("POST", path, version, body.is_null() ? json::object() : body, {});
  call.repeatable = http::Repeatable::yes;
  return arm_.run(call, std::move(stop));
}

json Service::change(const std::string& method, const std::string& path, const std::string& version,
                     const json& body, std::stop_token stop, const arm::Progress& progress,
                     const std::vector<std::pair<std::string, std::string>>& query) {
  if (planned_ != nullptr) {
    planned_->push_back({method, path, body});
    return nullptr;
  }
  auto call = call_of(method, path, version, body, query);
  // Each says how something shall be, not what to add: twice is as good as once.
  if (method == "PATCH") call.repeatable = http::Repeatable::yes;
  return arm_.run(call, std::move(stop), progress);
}

std::vector<Resource> Service::resources(Kind kind, const std::string& subscription,
                                         const std::optional<std::string>& group, std::stop_token stop) {
  std::string path = "/subscriptions/" + subscription;
  if (group) path += "/resourceGroups/" + *group;
  std::vector<Resource> out;
  for (auto& body : list(path + "/providers/" + info(kind).type, info(kind).version, std::move(stop)))
    out.push_back(resource_of(kind, std::move(body)));
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

Resource Service::resource(Kind kind, const std::string& subscription,
                           const std::optional<std::string>& group, const std::string& name,
                           std::stop_token stop) {
  if (name.starts_with("/subscriptions/")) {
    if (!core::equal_ignoring_case(core::ResourceId::parse(name).type, info(kind).type))
      throw Error(ErrorKind::usage, fmt::format("{} is not the id of a {} resource", name, info(kind).label));
    return resource_of(kind, get(name, info(kind).version, std::move(stop)));
  }
  std::vector<Resource> found;
  std::string known;
  for (auto& each : resources(kind, subscription, group, stop)) {
    known += (known.empty() ? "" : ", ") + each.name;
    if (core::equal_ignoring_case(each.name, name)) found.push_back(std::move(each));
  }
  if (found.size() == 1) return resource_of(kind, get(found.front().id, info(kind).version, std::move(stop)));
  if (found.empty()) {
    throw Error(
        ErrorKind::not_found,
        fmt::format("there is no {} resource '{}'{}", info(kind).label, name,
                    group ? " in the group " + *group : ""),
        known.empty() ? "this subscription has none that this credential sees" : "there are: " + known);
  }
  throw Error(ErrorKind::usage,
              fmt::format("{} {} resources are named '{}'", found.size(), info(kind).label, name),
              "say which group with -g, or give the full id");
}

std::string geography_of(const std::string& region) {
  struct Row {
    const char *geography, *regions;
  };
  static constexpr Row kRows[] = {
      {"United States",
       " eastus eastus2 centralus northcentralus southcentralus westcentralus westus westus2 westus3 "},
      {"Canada", " canadacentral canadaeast "},
      {"Brazil", " brazilsouth brazilsoutheast "},
      {"Mexico", " mexicocentral "},
      {"Europe", " northeurope westeurope "},
      {"France", " francecentral francesouth "},
      {"Germany", " germanywestcentral germanynorth "},
      {"Italy", " italynorth "},
      {"Norway", " norwayeast norwaywest "},
      {"Poland", " polandcentral "},
      {"Spain", " spaincentral "},
      {"Sweden", " swedencentral swedensouth "},
      {"Switzerland", " switzerlandnorth switzerlandwest "},
      {"United Kingdom", " uksouth ukwest "},
      {"UAE", " uaenorth uaecentral "},
      {"Qatar", " qatarcentral "},
      {"Israel", " israelcentral "},
      {"South Africa", " southafricanorth southafricawest "},
      {"India", " centralindia southindia westindia jioindiawest jioindiacentral "},
      {"Asia Pacific", " eastasia southeastasia "},
      {"Japan", " japaneast japanwest "},
      {"Korea", " koreacentral koreasouth "},
      {"Australia", " australiaeast australiasoutheast australiacentral australiacentral2 "},
      {"New Zealand", " newzealandnorth "},
  };
  const std::string wanted = " " + region + " ";
  for (const auto& row : kRows)
    if (std::string_view(row.regions).find(wanted) != std::string_view::npos) return row.geography;
  return "";
}

}  // namespace azlin::platform
