#include "azlin/snapshot/schedule.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "azlin/core/error.hpp"

namespace azlin::snapshot {

using core::Error;
using core::ErrorKind;
using nlohmann::json;

namespace {

constexpr int kMostKept = 499;  // one more is taken before the oldest goes; Azure keeps 500 of a disk
constexpr int kLongestInterval = 24 * 366;

[[noreturn]] void fail(std::string_view vm, std::string_view why) {
  throw Error(ErrorKind::failed,
              fmt::format("the tag {} of VM {} cannot be read: {}; nothing was deleted", kSnapshotScheduleTag,
                          vm, why),
              fmt::format("write it anew with `azlin snapshot enable {}`", vm));
}

int whole_number(const json& object, const char* key, std::string_view vm) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_integer() || *found < 1 || *found > kLongestInterval) {
    fail(vm, fmt::format("'{}' is missing or not a whole number over 0", key));
  }
  return found->get<int>();
}

}  // namespace

void check(const SnapshotSchedule& schedule) {
  if (schedule.interval_hours < 1 || schedule.interval_hours > kLongestInterval) {
    throw Error(ErrorKind::usage, fmt::format("the interval must be from 1 to {} hours, not {}",
                                              kLongestInterval, schedule.interval_hours));
  }
  if (schedule.keep < 1 || schedule.keep > kMostKept) {
    throw Error(ErrorKind::usage, fmt::format("the number of snapshots to keep must be from 1 to {}, not {}",
                                              kMostKept, schedule.keep));
  }
}

std::string to_tag(const SnapshotSchedule& schedule) {
  return nlohmann::ordered_json{
      {"v", 1}, {"on", schedule.enabled}, {"h", schedule.interval_hours}, {"keep", schedule.keep}}
      .dump();
}

SnapshotSchedule parse_snapshot_schedule(std::string_view tag_value, std::string_view vm) {
  const json object = json::parse(tag_value, nullptr, false);
  if (!object.is_object()) fail(vm, "it is not a JSON object, or is cut off");
  if (!object.contains("v") || object["v"] != 1) fail(vm, "it has a version that this azlin does not know");
  if (!object.contains("on") || !object["on"].is_boolean()) fail(vm, "'on' is missing or not true or false");
  if (object.size() != 4) fail(vm, "it has a key that this azlin does not know");
  SnapshotSchedule schedule;
  schedule.enabled = object["on"].get<bool>();
  schedule.interval_hours = whole_number(object, "h", vm);
  schedule.keep = whole_number(object, "keep", vm);
  if (schedule.keep > kMostKept) fail(vm, "'keep' is more than Azure keeps");
  return schedule;
}

}  // namespace azlin::snapshot
