#include "azlin/backup/group.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "azlin/core/error.hpp"
#include "azlin/snapshot/vm_tags.hpp"

namespace azlin::backup {

using core::Error;
using core::ErrorKind;
using nlohmann::json;

namespace {

constexpr std::size_t kLongestName = 40;
constexpr int kMostStages = 100;

bool is_group_name(std::string_view name) {
  const auto good = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; };
  return !name.empty() && name.size() <= kLongestName && std::all_of(name.begin(), name.end(), good);
}

std::optional<GroupMark> read_mark(const std::string& value) {
  const json body = json::parse(value, nullptr, false);
  if (!body.is_object() || body.size() != 3 || body.value("v", json()) != 1) return std::nullopt;
  const auto name = body.find("n"), order = body.find("o");
  if (name == body.end() || !name->is_string() || order == body.end() || !order->is_number_integer())
    return std::nullopt;
  if (!is_group_name(name->get<std::string>()) || *order < 1 || *order > kMostStages) return std::nullopt;
  return GroupMark{name->get<std::string>(), order->get<int>()};
}

}  // namespace

void check_group_name(std::string_view name) {
  if (!is_group_name(name))
    throw Error(
        ErrorKind::usage,
        fmt::format("'{}' is no name of a group: 1 to {} letters, digits, '-' or '_'", name, kLongestName));
}

std::string to_tag(const GroupMark& mark) {
  return nlohmann::ordered_json{{"v", 1}, {"n", mark.name}, {"o", mark.stage}}.dump();
}

GroupMark parse_group(const std::string& value, std::string_view vm) {
  if (const auto mark = read_mark(value)) return *mark;
  throw Error(ErrorKind::failed, fmt::format("the tag {} of VM {} cannot be read: {}", kGroupTag, vm, value),
              "`azlin apply` with a file that names its group writes it anew (docs/protection.md)");
}

std::optional<GroupMark> group_of(const azure::Vm& vm) {
  const auto* value = snapshot::find_tag(vm.tags, kGroupTag);
  return value == nullptr ? std::nullopt : std::optional(parse_group(*value, vm.name));
}

std::vector<GroupMember> members_of(const std::vector<azure::Vm>& vms, const std::string& group) {
  check_group_name(group);
  std::vector<GroupMember> out;
  std::set<std::string> known;
  for (const auto& vm : vms) {
    const auto mark = group_of(vm);
    if (!mark) continue;
    known.insert(mark->name);
    if (mark->name == group) out.push_back({{vm.subscription, vm.resource_group, vm.name}, mark->stage});
  }
  if (out.empty()) {
    std::string names;
    for (const auto& name : known) names += (names.empty() ? "there are: " : ", ") + name;
    throw Error(
        ErrorKind::not_found, fmt::format("no VM is in a group {}", group),
        names.empty() ? "`azlin apply` of a file with groups makes them (docs/protection.md)" : names);
  }
  std::sort(out.begin(), out.end(), [](const GroupMember& a, const GroupMember& b) {
    return std::tie(a.stage, a.vm.name) < std::tie(b.stage, b.vm.name);
  });
  return out;
}

std::string to_tag(const GroupRun& run) {
  return nlohmann::ordered_json{
      {"v", 1}, {"n", run.group}, {"run", run.id}, {"vms", run.members}, {"ms", run.spread.count()}}
      .dump();
}

std::optional<GroupRun> parse_group_run(const std::string& value) {
  const json body = json::parse(value, nullptr, false);
  if (!body.is_object() || body.value("v", json()) != 1) return std::nullopt;
  for (const char* key : {"n", "run"}) {
    if (!body.contains(key) || !body[key].is_string()) return std::nullopt;
  }
  for (const char* key : {"vms", "ms"}) {
    if (!body.contains(key) || !body[key].is_number_integer()) return std::nullopt;
  }
  return GroupRun{body["n"], body["run"], body["vms"], core::Millis{body["ms"].get<std::int64_t>()}};
}

std::optional<GroupRun> group_run_of(const snapshot::SnapshotSet& set) {
  const auto* os_disk = set.os_disk();
  const auto* value = os_disk == nullptr ? nullptr : snapshot::find_tag(os_disk->snapshot.tags, kGroupRunTag);
  return value == nullptr ? std::nullopt : parse_group_run(*value);
}

core::Millis spread_of(const std::vector<snapshot::SnapshotSet>& sets) {
  std::optional<core::TimePoint> first, last;
  for (const auto& set : sets) {
    for (const auto& member : set.members) {
      const auto at = member.snapshot.created_at;
      if (!first || at < *first) first = at;
      if (!last || at > *last) last = at;
    }
  }
  return first ? *last - *first : core::Millis{0};
}

}  // namespace azlin::backup
