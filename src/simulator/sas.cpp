#include "simulator/sas.hpp"

#include <fmt/format.h>

#include "simulator/disk_model.hpp"
#include "simulator/disk_rules.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr std::int64_t kMaxSeconds = 5'184'000;  // 60 days, since February 2025
constexpr std::int64_t kMaxPerFamily = 5;
constexpr const char* kColumns =
    "resource, account, container, policy, signature, may_write, needs_token, expires, volume, bytes, "
    "family, unique_id, "
    "created, version";
constexpr const char* kModified =
    "MAX(created, COALESCE((SELECT w.written FROM disk_writes w WHERE w.resource = disk_sas.resource), 0))";

std::int64_t to_millis(core::TimePoint time) {
  return time.time_since_epoch().count();
}

core::TimePoint from_millis(std::int64_t millis) {
  return core::TimePoint{core::Millis{millis}};
}

SasGrant read_grant(const store::Statement& row) {
  return {row.text(0),
          row.text(1),
          row.text(2),
          row.text(3),
          row.text(4),
          row.integer(5) != 0,
          row.integer(6) != 0,
          from_millis(row.integer(7)),
          row.integer(8),
          static_cast<std::uint64_t>(row.integer(9)),
          row.text(10),
          row.text(11),
          from_millis(row.integer(12)),
          row.integer(13),
          from_millis(row.integer(14))};
}

std::optional<SasGrant> grant_of(Context& context, const std::string& resource_key) {
  auto row = context.state.db().prepare(
      fmt::format("SELECT {}, {} FROM disk_sas WHERE resource = ?", kColumns, kModified));
  row.bind(1, std::string_view(resource_key));
  if (!row.step()) return {};
  return read_grant(row);
}

void save_grant(Context& context, const SasGrant& grant) {
  context.state.db()
      .prepare(
          fmt::format("INSERT OR REPLACE INTO disk_sas ({}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)", kColumns))
      .bind(1, std::string_view(grant.resource))
      .bind(2, std::string_view(grant.account))
      .bind(3, std::string_view(grant.container))
      .bind(4, std::string_view(grant.policy))
      .bind(5, std::string_view(grant.signature))
      .bind(6, std::int64_t{grant.write})
      .bind(7, std::int64_t{grant.needs_token})
      .bind(8, to_millis(grant.expires))
      .bind(9, grant.volume)
      .bind(10, static_cast<std::int64_t>(grant.bytes))
      .bind(11, std::string_view(grant.family))
      .bind(12, std::string_view(grant.unique_id))
      .bind(13, to_millis(grant.created))
      .bind(14, grant.version)
      .run();
}

void delete_grant(Context& context, const std::string& resource_key) {
  context.state.db()
      .prepare("DELETE FROM disk_sas WHERE resource = ?")
      .bind(1, std::string_view(resource_key))
      .run();
}

std::string url_of(const SasGrant& grant, const std::string& base_url) {
  return fmt::format("{}/_sas/{}/{}/abcd?sv=2018-03-28&sr=b&si={}&sig={}", base_url, grant.account,
                     grant.container, grant.policy, percent_encode(grant.signature));
}

std::string random_word(std::size_t length) {
  std::string word = new_guid();
  std::erase(word, '-');
  return word.substr(0, length);
}

bool is_upload(const std::string& state) {
  return state == "ReadyToUpload" || state == "ActiveUpload";
}

void check_access_allowed(const Resource& resource, bool write) {
  const auto& properties = resource.body["properties"];
  const auto state = disk_state(resource);
  if (state == "Attached") {
    throw ApiError(409, "Conflict",
                   fmt::format("Access not permitted because disk {} is currently attached to running VM {}.",
                               resource.name, resource.body.value("managedBy", "")));
  }
  if (properties.value("networkAccessPolicy", "AllowAll") != "AllowAll" ||
      properties.value("publicNetworkAccess", "Enabled") == "Disabled") {
    throw_not_allowed(fmt::format(
        "Access to '{}' is not permitted by its networkAccessPolicy '{}' and publicNetworkAccess.",
        resource.name, properties.value("networkAccessPolicy", "")));
  }
  if (volume_of(resource) == 0 || properties.value("provisioningState", "Succeeded") == "Failed") {
    throw_not_allowed(fmt::format("'{}' is in provisioning state 'Failed'.", resource.name));
  }
  check_copy_complete(resource);
  if (write != is_upload(state)) {
    throw_not_allowed(fmt::format("Access '{}' is not permitted for '{}' in state '{}'.",
                                  write ? "Write" : "Read", resource.name, state));
  }
}

void check_family_limit(Context& context, const Resource& resource) {
  const auto family = resource.body["properties"].value("incrementalSnapshotFamilyId", "");
  if (family.empty()) return;
  auto row = context.state.db().prepare(
      "SELECT COUNT(*) FROM disk_sas WHERE family = ? AND expires > ? AND resource <> ?");
  row.bind(1, std::string_view(family))
      .bind(2, to_millis(context.now()))
      .bind(3, std::string_view(resource.key()));
  row.step();
  if (row.integer(0) >= kMaxPerFamily) {
    throw_not_allowed(
        fmt::format("At most {} snapshots of a snapshot family may have an active shared access signature.",
                    kMaxPerFamily));
  }
}

std::int64_t checked_duration(const Json& body) {
  const auto found = body.find("durationInSeconds");
  if (found == body.end() || found->is_null()) throw_missing("grantAccessData.durationInSeconds");
  const auto seconds = found->is_number_integer() ? found->get<std::int64_t>() : 0;
  if (seconds < 1 || seconds > kMaxSeconds) {
    throw_invalid("durationInSeconds",
                  fmt::format("The value '{}' of parameter 'durationInSeconds' is out of range. The "
                              "value must be between '1' and '{}', inclusive.",
                              found->dump(), kMaxSeconds));
  }
  return seconds;
}

bool checked_access(const Json& body) {
  const auto access = choice(body, "access", "access", {"None", "Read", "Write"});
  if (access.empty()) throw_missing("grantAccessData.access");
  if (access == "None") throw_invalid("access", "The value 'None' of parameter 'access' is not allowed.");
  // Our choice: what the simulator cannot give is refused, never ignored.
  if (choice(body, "fileFormat", "fileFormat", {"VHD", "VHDX"}) == "VHDX") {
    throw_invalid("fileFormat", "The file format 'VHDX' is not supported for this resource.");
  }
  if (body.value("getSecureVMGuestStateSAS", Json(false)) == Json(true)) {
    throw_invalid("getSecureVMGuestStateSAS", "The VM guest state is not available for this resource.");
  }
  return access == "Write";
}

SasGrant new_grant(const Resource& resource, bool write) {
  const auto& properties = resource.body["properties"];
  SasGrant grant;
  grant.resource = resource.key();
  grant.account = "md-" + random_word(12);
  grant.container = random_word(12);
  grant.policy = new_guid();
  grant.signature = base64url_encode(new_guid() + new_guid()).substr(0, 43) + "=";
  grant.write = write;
  grant.needs_token = properties.value("dataAccessAuthMode", "None") == "AzureActiveDirectory";
  grant.volume = volume_of(resource);
  grant.bytes = properties.contains("diskSizeBytes")
                    ? properties["diskSizeBytes"].get<std::uint64_t>()
                    : resource.hidden.value("diskSizeBytes", std::uint64_t{0});
  grant.family = properties.value("incrementalSnapshotFamilyId", "");
  grant.unique_id = properties.value("uniqueId", "");
  grant.created = resource.created;
  return grant;
}

// The state to go back to when nobody has access any more.
std::string resting_state(const Resource& resource) {
  return resource.body.value("managedBy", "").empty() ? "Unattached" : "Reserved";
}

Json grant_access(Context& context, const Json& data) {
  auto resource = context.state.find(data.at("id").get<std::string>());
  if (!resource) throw_source_not_found(data.at("id").get<std::string>());
  check_family_limit(context, *resource);  // again: others may have been granted meanwhile
  const bool write = data.at("write").get<bool>();
  const auto until = context.now() + std::chrono::seconds(data.at("seconds").get<std::int64_t>());
  auto grant = grant_of(context, resource->key());
  if (!grant) grant = new_grant(*resource, write);
  grant->expires = std::max(grant->expires, until);
  save_grant(context, *grant);
  auto& properties = resource->body["properties"];
  if (properties.contains("diskState")) properties["diskState"] = write ? "ActiveUpload" : "ActiveSAS";
  context.save(*resource);
  context.operations.schedule({"disk.sas_expired", resource->id, {{"id", resource->id}}},
                              until - context.now());
  return {{"accessSAS", url_of(*grant, data.at("base").get<std::string>())}};
}

void end_access(Context& context, const std::string& id) {
  auto resource = context.state.find(id);
  if (!resource) return;
  revoke_sas(context, *resource);
  auto& properties = resource->body["properties"];
  const auto state = disk_state(*resource);
  if (state != "ActiveSAS" && state != "ActiveUpload") return;
  properties["diskState"] = resting_state(*resource);
  context.save(*resource);
}

// An upload stays ActiveUpload until endGetAccess (our choice): a disk half written must not pass for a
// finished one.
Json expire_access(Context& context, const Json& data) {
  const auto resource = context.state.find(data.at("id").get<std::string>());
  const auto grant = resource ? grant_of(context, resource->key()) : std::nullopt;
  if (grant && !grant->write && grant->expires <= context.now()) end_access(context, resource->id);
  return nullptr;
}

}  // namespace

std::optional<SasGrant> find_grant(Context& context, const std::string& account,
                                   const std::string& container) {
  auto row = context.state.db().prepare(
      fmt::format("SELECT {}, {} FROM disk_sas WHERE container = ? AND account = ?", kColumns, kModified));
  row.bind(1, std::string_view(container)).bind(2, std::string_view(account));
  if (!row.step()) return {};
  return read_grant(row);
}

std::int64_t count_write(Context& context, const SasGrant& grant) {
  context.state.db()
      .prepare("UPDATE disk_sas SET version = version + 1 WHERE resource = ?")
      .bind(1, std::string_view(grant.resource))
      .run();
  context.state.db()
      .prepare("INSERT OR REPLACE INTO disk_writes (resource, written) VALUES (?, ?)")
      .bind(1, std::string_view(grant.resource))
      .bind(2, to_millis(context.now()))
      .run();
  const auto now = grant_of(context, grant.resource);
  return now ? now->version : grant.version + 1;
}

bool has_active_sas(Context& context, const Resource& resource) {
  const auto grant = grant_of(context, resource.key());
  return grant && (grant->write || grant->expires > context.now());
}

void revoke_sas(Context& context, const Resource& resource) {
  delete_grant(context, resource.key());
  context.operations.cancel(resource.id, "disk.sas_expired");
}

Reply begin_get_access(Context& context, const Request& request, Resource resource) {
  const auto& body = request.object();
  const bool write = checked_access(body);
  const auto seconds = checked_duration(body);
  check_idle(context, resource);
  check_access_allowed(resource, write);
  check_family_limit(context, resource);
  const Json data = {{"id", resource.id}, {"write", write}, {"seconds", seconds}, {"base", request.base_url}};
  const Work work{"disk.grant_access", resource.id, data, core::Millis{300}, core::Millis{100}};
  return context.operations.start(request, LroShape::disk, resource.location, work, 202);
}

Reply end_get_access(Context& context, const Request& request, const Resource& resource) {
  check_idle(context, resource);
  const Work work{
      "disk.end_access", resource.id, {{"id", resource.id}}, core::Millis{300}, core::Millis{100}};
  return context.operations.start(request, LroShape::disk, resource.location, work, 202);
}

void register_sas(Context& context) {
  context.state.db().execute(
      "CREATE TABLE IF NOT EXISTS disk_sas (resource TEXT PRIMARY KEY, account TEXT NOT NULL, container TEXT "
      "NOT NULL UNIQUE,"
      " policy TEXT NOT NULL, signature TEXT NOT NULL, may_write INTEGER NOT NULL, needs_token INTEGER NOT "
      "NULL,"
      " expires INTEGER NOT NULL, volume INTEGER NOT NULL, bytes INTEGER NOT NULL, family TEXT NOT NULL,"
      " unique_id TEXT NOT NULL, created INTEGER NOT NULL, version INTEGER NOT NULL) WITHOUT ROWID;"
      "CREATE INDEX IF NOT EXISTS disk_sas_by_family ON disk_sas (family);"
      "CREATE TABLE IF NOT EXISTS disk_writes (resource TEXT PRIMARY KEY, written INTEGER NOT NULL) WITHOUT "
      "ROWID");
  context.on_reset.push_back(
      [&context] { context.state.db().execute("DELETE FROM disk_sas; DELETE FROM disk_writes"); });
  context.operations.on("disk.grant_access", grant_access);
  context.operations.on("disk.sas_expired", expire_access);
  context.operations.on("disk.end_access", [](Context& ctx, const Json& data) {
    end_access(ctx, data.at("id").get<std::string>());
    return Json();
  });
}

}  // namespace azlin::simulator
