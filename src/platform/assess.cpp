#include "azlin/platform/assess.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/parallel.hpp"
#include "azlin/platform/cosmos.hpp"
#include "azlin/platform/storage.hpp"
#include "platform/fields.hpp"

namespace azlin::platform {

using core::Error;
using core::ErrorKind;
using State = Finding::State;
using How = Mend::How;

namespace {

Finding finding(std::string check, std::string expected, std::string found, bool good) {
  Finding out;
  out.state = good ? State::good : State::short_of;
  out.check = std::move(check);
  out.expected = std::move(expected);
  out.found = std::move(found);
  return out;
}

Finding with_command(Finding out, std::string command, Mend mend = {}) {
  if (out.state == State::good) return out;
  out.command = std::move(command);
  out.mend = std::move(mend);
  return out;
}

std::string on_off(bool on) {
  return on ? "on" : "off";
}

std::string at_least_days(int days) {
  return fmt::format("{} days or more", days);
}

std::string days_text(int days) {
  return days == 0 ? "off" : fmt::format("{} days", days);
}

Finding check_age(const char* what, const std::optional<SavedCopy>& last, int most_days, core::TimePoint now,
                  const std::string& command) {
  const auto age = last ? std::chrono::duration_cast<std::chrono::days>(now - last->at).count() : 0;
  const bool good = last && now - last->at <= std::chrono::days{most_days};
  auto out = finding(
      what, fmt::format("at most {} days old", most_days),
      last ? fmt::format("{} days old, in {}", age, last->path) : std::string("none from this machine"),
      good);
  return with_command(std::move(out), command);
}

}  // namespace

bool Assessed::falls_short() const {
  return std::any_of(findings.begin(), findings.end(),
                     [](const auto& each) { return each.state != State::good; });
}

std::vector<Finding> check_cosmos(const Resource& resource, const Expectations& expected) {
  const auto account = read_cosmos(resource);
  const auto& name = resource.name;
  std::vector<Finding> out;
  if (!expected.cosmos_backup.empty()) {
    const auto& policy = account.policy;
    const bool right_type = core::equal_ignoring_case(policy.type, expected.cosmos_backup);
    // A tier that the service does not show cannot be said to fall short.
    const bool right_tier = policy.type != "Continuous" || expected.cosmos_tier.empty() ||
                            policy.tier.empty() || policy.tier == expected.cosmos_tier;
    const std::string found = policy.type == "Continuous"
                                  ? "Continuous" + (policy.tier.empty() ? "" : ", " + policy.tier)
                                  : fmt::format("Periodic, every {} minutes, kept {} hours",
                                                policy.interval_minutes, policy.retention_hours);
    auto one =
        finding("backup policy",
                expected.cosmos_backup + (expected.cosmos_tier.empty() ? "" : ", " + expected.cosmos_tier),
                found, right_type && right_tier);
    const auto tier = expected.cosmos_tier.empty() ? "" : " --tier " + expected.cosmos_tier;
    one = with_command(std::move(one),
                       fmt::format("azlin platform cosmos backup-policy set {} --type {}{}", name,
                                   expected.cosmos_backup, tier),
                       {How::cosmos_policy, expected.cosmos_tier, policy.type != "Continuous", true});
    if (policy.migration == "InProgress") one.note = "a migration to continuous backup is under way";
    if (account.api == "Cassandra" || account.many_writers) {
      one.mend = {};
      one.note = "this account cannot have continuous backup";
    }
    out.push_back(std::move(one));
  }
  if (expected.cosmos_regions > 0) {
    const auto count = static_cast<int>(account.regions.size());
    out.push_back(with_command(finding("regions", fmt::format("{} or more", expected.cosmos_regions),
                                       std::to_string(count), count >= expected.cosmos_regions),
                               fmt::format("azlin platform cosmos regions {} --add REGION", name)));
  }
  if (expected.cosmos_automatic_failover) {
    const bool good = account.automatic_failover || account.many_writers;
    out.push_back(with_command(finding("automatic failover", "on", on_off(account.automatic_failover), good),
                               fmt::format("azlin platform cosmos regions {} --automatic-failover on", name),
                               {How::cosmos_failover, "on", false, false}));
  }
  if (account.consistency == "Strong" && account.regions.size() == 2)
    out.push_back(
        with_command(finding("consistency", "3 regions with Strong", "Strong over 2 regions", false),
                     fmt::format("azlin platform cosmos regions {} --add REGION", name)));
  return out;
}

std::vector<Finding> check_storage(const Resource& account, const json& blob_service,
                                   const Expectations& expected) {
  const auto& name = account.name;
  const auto& properties = props(blob_service);
  const auto days = [&](const char* policy) {
    const auto& value = at(properties, policy);
    return flag(value, "enabled") ? static_cast<int>(number(value, "days")) : 0;
  };
  const auto command = fmt::format("azlin platform storage protection set {}", name);
  std::vector<Finding> out;
  if (expected.storage_versioning) {
    const bool hierarchical = flag(props(account.body), "isHnsEnabled");
    const bool on = flag(properties, "isVersioningEnabled");
    auto one = with_command(finding("versioning", "on", on_off(on), on), command + " --versioning on",
                            {How::storage_protection, "versioning", false, true});
    if (hierarchical && !on) {
      one.mend = {};
      one.note = "an account with a hierarchical namespace has no versions";
    }
    out.push_back(std::move(one));
  }
  if (expected.storage_blob_days > 0) {
    const int now = days("deleteRetentionPolicy");
    out.push_back(with_command(
        finding("soft delete of blobs", at_least_days(expected.storage_blob_days), days_text(now),
                now >= expected.storage_blob_days),
        fmt::format("{} --blob-soft-delete-days {}", command, expected.storage_blob_days),
        {How::storage_protection, fmt::format("blob:{}", expected.storage_blob_days), false, true}));
  }
  if (expected.storage_container_days > 0) {
    const int now = days("containerDeleteRetentionPolicy");
    out.push_back(with_command(
        finding("soft delete of containers", at_least_days(expected.storage_container_days), days_text(now),
                now >= expected.storage_container_days),
        fmt::format("{} --container-soft-delete-days {}", command, expected.storage_container_days),
        {How::storage_protection, fmt::format("container:{}", expected.storage_container_days), false,
         true}));
  }
  if (!expected.storage_redundancy.empty()) {
    const auto sku = text(at(account.body, "sku"), "name");
    const bool good = std::find(expected.storage_redundancy.begin(), expected.storage_redundancy.end(),
                                sku) != expected.storage_redundancy.end();
    auto one =
        finding("redundancy", fmt::format("{}", fmt::join(expected.storage_redundancy, " or ")), sku, good);
    // The nearest expected one that a PATCH reaches; else the first, by hand.
    std::string target = expected.storage_redundancy.front();
    Mend change;
    for (const auto& each : expected.storage_redundancy) {
      if (good) break;
      const auto plan = plan_sku(sku, each, text(account.body, "kind"));
      if (!plan.refusal.empty() || plan.steps.size() != 1 || plan.steps.front().how != SkuStep::How::patch)
        continue;
      target = each;
      change = {How::storage_sku, each, false, true};
      break;
    }
    out.push_back(with_command(
        std::move(one), fmt::format("azlin platform storage replication set {} {}", name, target), change));
  }
  return out;
}

std::vector<Finding> check_vault(const Resource& vault, const std::optional<SavedCopy>& last,
                                 core::TimePoint now, const Expectations& expected) {
  const auto& properties = props(vault.body);
  std::vector<Finding> out;
  if (expected.vault_soft_delete_days > 0) {
    const int days = flag(properties, "enableSoftDelete", true)
                         ? static_cast<int>(number(properties, "softDeleteRetentionInDays", 90))
                         : 0;
    auto one = finding("soft delete", at_least_days(expected.vault_soft_delete_days), days_text(days),
                       days >= expected.vault_soft_delete_days);
    if (one.state != State::good) one.note = "the days are fixed when a vault is made: a new vault is needed";
    out.push_back(std::move(one));
  }
  if (expected.vault_purge_protection) {
    const bool on = flag(properties, "enablePurgeProtection");
    out.push_back(with_command(finding("purge protection", "on", on_off(on), on),
                               fmt::format("azlin platform apply --only {}", vault.name),
                               {How::purge_protection, "", true, false}));
  }
  if (expected.vault_backup_age_days > 0)
    out.push_back(check_age("last backup", last, expected.vault_backup_age_days, now,
                            fmt::format("azlin platform keyvault backup {} --to FOLDER", vault.name)));
  return out;
}

std::vector<Finding> check_store(const Resource& store, const std::optional<SavedCopy>& last,
                                 core::TimePoint now, const Expectations& expected) {
  const auto sku = core::to_lower(text(at(store.body, "sku"), "name"));
  const bool is_free = sku == "free";
  std::vector<Finding> out;
  if (expected.store_standard)
    out.push_back(with_command(finding("history", "30 days (Standard)",
                                       is_free ? "7 days (Free)" : "30 days (" + sku + ")", !is_free),
                               fmt::format("az appconfig update --name {} --sku Standard", store.name)));
  if (expected.store_purge_protection) {
    const bool on = flag(props(store.body), "enablePurgeProtection");
    auto one = with_command(finding("purge protection", "on", on_off(on), on),
                            fmt::format("azlin platform apply --only {}", store.name),
                            {How::purge_protection, "", true, false});
    if (is_free) {
      one.mend = {};
      one.note = "a Free store has none";
    }
    out.push_back(std::move(one));
  }
  if (expected.store_export_age_days > 0)
    out.push_back(check_age("last export", last, expected.store_export_age_days, now,
                            fmt::format("azlin platform appconfig export {} --to FILE", store.name)));
  return out;
}

namespace {

std::vector<Finding> check_one(Service& service, const Resource& resource, const Expectations& expected,
                               const std::optional<SavedCopy>& last, std::stop_token stop) {
  const auto now = service.clock().now();
  switch (resource.kind) {
    case Kind::cosmos:
      return check_cosmos(resource, expected);
    case Kind::storage:
      return check_storage(
          resource, service.get(resource.id + "/blobServices/default", kStorageVersion, std::move(stop)),
          expected);
    case Kind::key_vault:
      return check_vault(resource, last, now, expected);
    case Kind::app_configuration:
      return check_store(resource, last, now, expected);
    case Kind::aks:
      break;
  }
  return {};
}

Finding unchecked(const std::string& check, const Error& error) {
  Finding out;
  out.state = State::unchecked;
  out.check = check;
  out.expected = "readable";
  out.found = error.what();
  out.note = error.hint();
  return out;
}

}  // namespace

std::vector<Assessed> assess(Service& service, BackupLog& log, const Expectations& expected,
                             const std::string& subscription, const std::optional<std::string>& group,
                             std::stop_token stop) {
  std::vector<Assessed> all;
  for (const auto kind : kAllKinds) {
    const auto notes = expected.notes.contains(kind) ? expected.notes.at(kind) : KindNotes{};
    std::vector<Resource> listed;
    try {
      listed = service.resources(kind, subscription, group, stop);
    } catch (const arm::ArmError& error) {
      // A provider that was never registered has no resources.
      if (error.code() == "MissingSubscriptionRegistration" || error.code() == "SubscriptionNotRegistered")
        continue;
      // Nothing was looked at, and nothing will be: no finding about resources.
      if (error.code() == "ResourceGroupNotFound" || error.code() == "SubscriptionNotFound") throw;
      Assessed failed;
      failed.resource.kind = kind;
      failed.resource.name = std::string("all ") + info(kind).label;
      failed.findings.push_back(unchecked("list", error));
      all.push_back(std::move(failed));
      continue;
    }
    const auto first = all.size();
    for (auto& resource : listed) all.push_back({std::move(resource), notes, "", {}});
    std::vector<std::optional<SavedCopy>> last(all.size());
    for (auto i = first; i < all.size(); ++i)
      last[i] =
          log.last(all[i].resource.id, kind == Kind::key_vault ? "keyvault backup" : "appconfig export");
    const auto outcomes = core::run_parallel(all.size() - first, 8, stop, [&](std::size_t i) {
      auto& one = all[first + i];
      if (kind == Kind::cosmos) one.consistency = read_cosmos(one.resource).consistency;
      one.findings = check_one(service, one.resource, expected, last[first + i], stop);
    });
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      if (!outcomes[i]) continue;
      try {
        std::rethrow_exception(outcomes[i]);
      } catch (const Error& error) {
        if (error.kind() == ErrorKind::interrupted) throw;
        all[first + i].findings.push_back(unchecked("settings", error));
      }
    }
  }
  return all;
}

namespace {

// Read afresh, so that several findings of one account do not undo each other.
void mend_protection(Service& service, const Resource& account, const std::string& value,
                     std::stop_token stop) {
  const auto now = read_protection(service, account, stop);
  ProtectionChange change;
  const auto colon = value.find(':');
  const int days = colon == std::string::npos ? 0 : std::stoi(value.substr(colon + 1));
  if (value == "versioning") change.versioning = true;
  if (value.starts_with("blob:")) change.blob_delete_days = std::max(days, now.blob_delete_days);
  if (value.starts_with("container:"))
    change.container_delete_days = std::max(days, now.container_delete_days);
  set_protection(service, account, plan_protection(now, change, account), stop);
}

}  // namespace

void mend(Service& service, const Resource& resource, const Mend& mend, std::stop_token stop) {
  switch (mend.how) {
    case How::storage_protection:
      return mend_protection(service, resource, mend.value, stop);
    case How::storage_sku:
      return make_sku_step(service, resource, {SkuStep::How::patch, mend.value}, stop);
    case How::cosmos_policy: {
      const auto account = read_cosmos(resource);
      PolicyChange change;
      change.type = "Continuous";
      if (!mend.value.empty()) change.tier = mend.value;
      std::string loses;
      bool irreversible = false;
      return set_policy(service, account, plan_policy(account, change, loses, irreversible), stop);
    }
    case How::cosmos_failover:
      return set_automatic_failover(service, read_cosmos(resource), true, stop);
    case How::purge_protection:
      service.change("PATCH", resource.id, info(resource.kind).version,
                     {{"properties", {{"enablePurgeProtection", true}}}}, stop);
      return;
    case How::none:
      break;
  }
  throw Error(ErrorKind::usage, "this is mended by hand");
}

namespace {

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

}  // namespace

std::string assessment_html(const std::vector<Assessed>& all, core::TimePoint now) {
  std::string rows;
  for (const auto& each : all) {
    rows += fmt::format(
        "<h2>{} <small>{}{}</small></h2>\n<p>{}</p>\n<dl><dt>RTO</dt><dd>{}</dd><dt>RPO</dt><dd>{}</dd>"
        "<dt>Compliance</dt><dd>{}</dd><dt>Cost</dt><dd>{}</dd></dl>\n",
        escaped(each.resource.name), info(each.resource.kind).label,
        each.consistency.empty() ? "" : ", consistency " + escaped(each.consistency),
        escaped(each.notes.strategy), escaped(each.notes.rto), escaped(each.notes.rpo),
        escaped(each.notes.compliance), escaped(each.notes.cost));
    if (each.findings.empty()) continue;
    rows += "<table><tr><th></th><th>Check</th><th>Expected</th><th>Found</th><th>Mended by</th></tr>\n";
    for (const auto& one : each.findings) {
      const char* mark = one.state == State::good       ? "ok"
                         : one.state == State::short_of ? "short"
                                                        : "unchecked";
      rows += fmt::format(
          "<tr class=\"{0}\"><td>{0}</td><td>{1}</td><td>{2}</td><td>{3}</td><td><code>{4}</code> "
          "{5}</td></tr>\n",
          mark, escaped(one.check), escaped(one.expected), escaped(one.found), escaped(one.command),
          escaped(one.note));
    }
    rows += "</table>\n";
  }
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Platform "
      "resources</title><style>"
      "body{{font:15px system-ui;max-width:70em;margin:2em "
      "auto}}table{{border-collapse:collapse}}td,th{{padding:.3em "
      ".6em;border:1px solid #ccc;text-align:left}}.short td:first-child{{background:#f6c6c6}}.unchecked "
      "td:first-child"
      "{{background:#f6e8b0}}.ok "
      "td:first-child{{background:#cdeccd}}dt{{font-weight:600}}</style></head><body>\n"
      "<h1>Platform resources</h1>\n<p>{} UTC</p>\n{}</body></html>\n",
      core::to_display(now), rows);
}

}  // namespace azlin::platform
