#include "azlin/backup/schedule.hpp"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"

namespace azlin::backup {

using core::Error;
using core::ErrorKind;
using nlohmann::json;

namespace {

// Azure keeps at most 500 incremental snapshots of a disk; one more is taken before the oldest goes.
constexpr int kMostSnapshotsOfADisk = 500;

// Reads one JSON object, and notices keys that nobody asked for.
class Reader {
 public:
  Reader(const json& object, std::string_view vm) : object_(object), vm_(vm) {}

  const json* find(const char* key) {
    const auto found = object_.find(key);
    if (found == object_.end()) return nullptr;
    ++used_;
    return &*found;
  }
  [[noreturn]] void fail(const std::string& why) const { throw InvalidSchedule(vm_, why); }

  std::optional<bool> boolean(const char* key) {
    const json* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_boolean()) fail(fmt::format("'{}' is not true or false", key));
    return value->get<bool>();
  }
  std::optional<int> count(const char* key) {
    const json* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number_integer() || *value < 1 || *value > kMostSnapshotsOfADisk) {
      fail(fmt::format("'{}' is not a whole number from 1 to {}", key, kMostSnapshotsOfADisk));
    }
    return value->get<int>();
  }
  // A null counts as left out: the long form writes nulls.
  std::optional<std::string> text(const char* key) {
    const json* value = find(key);
    if (value == nullptr || value->is_null()) return std::nullopt;
    if (!value->is_string() || value->get_ref<const std::string&>().empty())
      fail(fmt::format("'{}' is not a text", key));
    return value->get<std::string>();
  }
  template <class Value>
  Value need(std::optional<Value> value, const char* key) const {
    if (!value) fail(fmt::format("'{}' is missing", key));
    return *value;
  }
  void end() const {
    if (used_ != object_.size()) fail("it has a key that this azlin does not know");
  }

 private:
  const json& object_;
  std::string_view vm_;
  std::size_t used_ = 0;
};

BackupSchedule read_compact(Reader& in) {
  const json& version = *in.find("v");
  if (version != 1) in.fail(fmt::format("it has version {}, this azlin knows 1", version.dump()));
  BackupSchedule out;
  out.enabled = in.need(in.boolean("on"), "on");
  out.daily = in.need(in.count("d"), "d");
  out.weekly = in.need(in.count("w"), "w");
  out.monthly = in.need(in.count("m"), "m");
  for (const char tier : in.text("off").value_or("")) {
    if (tier != 'w' && tier != 'm') in.fail("'off' names an unknown tier");
    (tier == 'w' ? out.weekly_on : out.monthly_on) = false;
  }
  out.target_region = in.text("to");
  return out;
}

// The form that azlin wrote before it had a version: every field but `enabled` may be missing.
BackupSchedule read_long(Reader& in) {
  BackupSchedule out;
  out.enabled = in.need(in.boolean("enabled"), "enabled");
  const auto retention = [&](const char* key, const char* short_key, int fallback) {
    const auto value = in.count(key);
    const auto also = in.count(short_key);
    return value.value_or(also.value_or(fallback));
  };
  out.daily = retention("daily_retention", "daily", out.daily);
  out.weekly = retention("weekly_retention", "weekly", out.weekly);
  out.monthly = retention("monthly_retention", "monthly", out.monthly);
  for (const char* last : {"last_daily", "last_weekly", "last_monthly"}) in.text(last);
  const bool cross_region = in.boolean("cross_region_enabled").value_or(false);
  const auto target = in.text("target_region");
  if (cross_region && !target) in.fail("cross-region is on without 'target_region'");
  if (cross_region) out.target_region = target;
  return out;
}

void check_retention(std::optional<int> value, const char* flag) {
  if (!value || *value >= 1) return;
  throw Error(ErrorKind::usage, fmt::format("{} must be positive, not {}", flag, *value),
              "to do without a tier use --no-weekly or --no-monthly; `azlin backup disable` stops backups");
}

void check_contradictions(const ScheduleChange& change) {
  const std::array<std::pair<bool, const char*>, 3> pairs = {{
      {change.no_weekly && change.weekly, "--no-weekly and --weekly-retention"},
      {change.no_monthly && change.monthly, "--no-monthly and --monthly-retention"},
      {change.cross_region == false && change.target_region, "--no-cross-region and --target-region"},
  }};
  for (const auto& [both, names] : pairs) {
    if (both)
      throw Error(ErrorKind::usage, fmt::format("{} contradict each other", names), "give one of them");
  }
}

void change_target(BackupSchedule& schedule, const ScheduleChange& change, std::string_view vm_region) {
  if (change.cross_region == false) schedule.target_region.reset();
  if (change.target_region) schedule.target_region = core::normalize_region(*change.target_region);
  if (change.cross_region == true && !schedule.target_region) {
    throw Error(ErrorKind::usage, "cross-region replication needs a region to copy to",
                "add --target-region REGION");
  }
  if (schedule.target_region && core::equal_ignoring_case(*schedule.target_region, vm_region)) {
    throw Error(ErrorKind::usage,
                fmt::format("the target region {} is the VM's own region", *schedule.target_region),
                "a replica protects against the loss of a region only in another one");
  }
}

}  // namespace

std::string BackupSchedule::retention_text(Tier tier) const {
  const char* unit = tier == Tier::daily ? "day" : tier == Tier::weekly ? "week" : "month";
  return core::counted(static_cast<std::size_t>(retention(tier)), unit);
}

int BackupSchedule::retention(Tier tier) const {
  if (tier == Tier::daily) return daily;
  return tier == Tier::weekly ? weekly : monthly;
}

InvalidSchedule::InvalidSchedule(std::string_view vm, std::string_view why)
    : core::Error(
          ErrorKind::failed,
          fmt::format("the tag {} of VM {} cannot be read: {}; no backup was deleted", kScheduleTag, vm, why),
          fmt::format("look at it with `az vm show`, then write it anew with `azlin backup configure {} "
                      "--replace`",
                      vm)) {}

std::string to_tag(const BackupSchedule& schedule) {
  nlohmann::ordered_json out = {{"v", 1},
                                {"on", schedule.enabled},
                                {"d", schedule.daily},
                                {"w", schedule.weekly},
                                {"m", schedule.monthly}};
  const std::string off = std::string(schedule.weekly_on ? "" : "w") + (schedule.monthly_on ? "" : "m");
  if (!off.empty()) out["off"] = off;
  if (schedule.target_region) out["to"] = *schedule.target_region;
  return out.dump();
}

BackupSchedule parse_schedule(std::string_view tag_value, std::string_view vm) {
  const json object = json::parse(tag_value, nullptr, false);
  if (object.is_discarded()) throw InvalidSchedule(vm, "it is not JSON, or is cut off");
  if (!object.is_object()) throw InvalidSchedule(vm, "it is not a JSON object");
  Reader reader(object, vm);
  BackupSchedule schedule = object.contains("v") ? read_compact(reader) : read_long(reader);
  reader.end();
  return schedule;
}

BackupSchedule apply(const std::optional<BackupSchedule>& existing, const ScheduleChange& change,
                     std::string_view vm_region) {
  check_retention(change.daily, "--daily-retention");
  check_retention(change.weekly, "--weekly-retention");
  check_retention(change.monthly, "--monthly-retention");
  check_contradictions(change);
  BackupSchedule out = existing.value_or(BackupSchedule{});
  out.enabled = true;
  out.daily = change.daily.value_or(out.daily);
  out.weekly = change.weekly.value_or(out.weekly);
  out.monthly = change.monthly.value_or(out.monthly);
  if (change.weekly || change.no_weekly) out.weekly_on = !change.no_weekly;
  if (change.monthly || change.no_monthly) out.monthly_on = !change.no_monthly;
  change_target(out, change, vm_region);
  // Summed as 64 bits: each number may be as large as an int.
  const std::int64_t most = std::int64_t{out.daily} + out.weekly + out.monthly + 1;
  if (most > kMostSnapshotsOfADisk) {
    throw Error(
        ErrorKind::usage,
        fmt::format("this schedule would keep up to {} snapshots of a disk; Azure allows {} incremental ones",
                    most, kMostSnapshotsOfADisk),
        "keep fewer days, weeks or months");
  }
  return out;
}

}  // namespace azlin::backup
