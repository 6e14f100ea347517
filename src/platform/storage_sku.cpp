// From one redundancy to another: what a PATCH can do, what needs a migration, what is refused.
// Source: "Change how a storage account is replicated".
#include <fmt/format.h>

#include <array>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/platform/storage.hpp"
#include "platform/fields.hpp"

namespace azlin::platform {

using core::Error;
using core::ErrorKind;

namespace {

using How = SkuStep::How;

struct Sku {
  const char* name;
  bool premium, zones, geo, read;
};
constexpr std::array<Sku, 8> kSkus = {{{"Standard_LRS", false, false, false, false},
                                       {"Standard_ZRS", false, true, false, false},
                                       {"Standard_GRS", false, false, true, false},
                                       {"Standard_RAGRS", false, false, true, true},
                                       {"Standard_GZRS", false, true, true, false},
                                       {"Standard_RAGZRS", false, true, true, true},
                                       {"Premium_LRS", true, false, false, false},
                                       {"Premium_ZRS", true, true, false, false}}};

const Sku& sku_of(const std::string& name) {
  std::string all;
  for (const auto& sku : kSkus) {
    if (core::equal_ignoring_case(sku.name, name)) return sku;
    all += (all.empty() ? "" : ", ") + std::string(sku.name);
  }
  throw Error(ErrorKind::usage, "'" + name + "' is no redundancy of Storage", "one of " + all);
}

std::string with(bool zones, bool geo, bool read) {
  for (const auto& sku : kSkus)
    if (!sku.premium && sku.zones == zones && sku.geo == geo && sku.read == read) return sku.name;
  return "";
}

}  // namespace

SkuPlan plan_sku(const std::string& from_name, const std::string& to_name, const std::string& account_kind,
                 bool hierarchical_nfs) {
  const auto &from = sku_of(from_name), &to = sku_of(to_name);
  SkuPlan plan;
  if (&from == &to) return plan;
  if (from.premium != to.premium) {
    plan.refusal = "an account stays standard or premium for life: copy its data into a new account";
  } else if (from.premium && account_kind != "FileStorage" && account_kind != "BlockBlobStorage") {
    plan.refusal = "premium page blobs are locally redundant only: copy the data into a new account";
  } else if (to.geo && (account_kind == "BlockBlobStorage" || account_kind == "FileStorage")) {
    plan.refusal = "premium accounts have no copy in another region";
  } else if (to.zones && !from.zones && hierarchical_nfs) {
    plan.refusal = "an account with NFS 3.0 cannot be moved to zones";
  } else if ((from.zones || to.zones) && account_kind != "StorageV2" && account_kind != "FileStorage" &&
             account_kind != "BlockBlobStorage") {
    plan.refusal = "zones need a general-purpose v2 account: upgrade it first";
  }
  if (!plan.refusal.empty()) return plan;
  if (from.zones == to.zones) {
    // Zones get their copy in the other region by a migration, and lose it by a PATCH.
    const bool migrates = from.zones && !from.geo && to.geo;
    plan.steps = {{migrates ? How::migrate : How::patch, to.name}};
    return plan;
  }
  if (to.zones) {
    // LRS -> GZRS and the like: the copy in the other region first, then the zones.
    if (to.geo && (!from.geo || from.read != to.read))
      plan.steps.push_back({How::patch, with(false, true, to.read)});
    if (!to.geo && from.geo) plan.steps.push_back({How::patch, "Standard_LRS"});
  } else {
    // Out of the zones: a migration changes nothing else, so the geo part is brought in line before it.
    if (!to.geo && from.geo) plan.steps.push_back({How::patch, "Standard_ZRS"});
    if (to.geo && !from.geo) plan.steps.push_back({How::migrate, with(true, true, to.read)});
    if (to.geo && from.geo && from.read != to.read)
      plan.steps.push_back({How::patch, with(true, true, to.read)});
  }
  plan.steps.push_back({How::migrate, to.name});
  return plan;
}

Replication read_replication(Service& service, const Resource& account, std::stop_token stop) {
  const auto body = service.get(account.id, kStorageVersion, stop, {{"$expand", "geoReplicationStats"}});
  Replication out;
  out.sku = text(at(body, "sku"), "name");
  out.primary = text(props(body), "primaryLocation");
  out.secondary = text(props(body), "secondaryLocation");
  const auto& stats = at(props(body), "geoReplicationStats");
  out.status = text(stats, "status");
  out.last_sync = core::parse_time(text(stats, "lastSyncTime"));
  out.can_failover = flag(stats, "canFailover");
  return out;
}

std::string migration_status(Service& service, const Resource& account, std::stop_token stop) {
  const auto migration =
      service.find(account.id + "/accountMigrations/default", kStorageVersion, std::move(stop));
  return migration ? text(props(*migration), "migrationStatus") : "";
}

void make_sku_step(Service& service, const Resource& account, const SkuStep& step, std::stop_token stop) {
  if (step.how == How::patch) {
    service.change("PATCH", account.id, kStorageVersion, {{"sku", {{"name", step.sku}}}}, std::move(stop));
    return;
  }
  const json body = {{"properties", {{"targetSkuName", step.sku}}}};
  if (service.dry_run()) {
    service.change("POST", account.id + "/startAccountMigration", kStorageVersion, body, std::move(stop));
    return;
  }
  arm::Call call;
  call.method = "POST";
  call.path = account.id + "/startAccountMigration";
  call.api_version = kStorageVersion;
  call.body = body.dump();
  try {
    service.arm().send(call, stop);  // the migration itself may take days: it is only begun
  } catch (const http::NetworkError&) {
    // The reply is lost: is it ordered?
    const auto ordered = service.find(account.id + "/accountMigrations/default", kStorageVersion, stop);
    if (!ordered || text(props(*ordered), "targetSkuName") != step.sku ||
        text(props(*ordered), "migrationStatus") == "Failed")
      throw;
  }
}

}  // namespace azlin::platform
