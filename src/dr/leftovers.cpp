#include "dr/leftovers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "azlin/azure/network.hpp"
#include "azlin/azure/tagged.hpp"
#include "azlin/core/cancel.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"

namespace azlin::dr {

using core::Error;
using core::ErrorKind;
using nlohmann::json;

namespace {

// Azure holds the NIC of a deleted or failed VM for 180 s.
constexpr core::Millis kRetryAfter = std::chrono::seconds{20};
constexpr int kTriesReserved = 12;
constexpr const char* kVmType = "Microsoft.Compute/virtualMachines";
constexpr const char* kDiskType = "Microsoft.Compute/disks";

// The order in which Azure lets go of them.
int rank(const std::string& id) {
  const std::string type = core::to_lower(core::ResourceId::parse(id).type);
  const char* order[] = {"microsoft.compute/virtualmachines", "microsoft.network/networkinterfaces",
                         "microsoft.compute/disks",           "microsoft.network/publicipaddresses",
                         "microsoft.network/virtualnetworks", "microsoft.network/networksecuritygroups"};
  const auto found = std::find(std::begin(order), std::end(order), type);
  return static_cast<int>(found - std::begin(order));
}

void remove_one(arm::ArmClient& arm, const std::string& id, std::stop_token stop) {
  const std::string type = core::ResourceId::parse(id).type;
  if (core::equal_ignoring_case(type, kVmType)) return azure::delete_vm(arm, id, stop);
  if (core::equal_ignoring_case(type, kDiskType)) return azure::delete_disk(arm, id, stop);
  if (core::to_lower(type).rfind("microsoft.network/", 0) == 0)
    return azure::delete_network_resource(arm, id, stop);
  throw Error(ErrorKind::failed, "azlin makes no resource of type " + type + " here", "remove it by hand");
}

struct Sweep {
  std::vector<Leftover> left;
  bool reserved = false;  // Azure says that it must be tried again later
};

Sweep sweep(arm::ArmClient& arm, const Owner& owner, const std::vector<std::string>& ids,
            std::stop_token stop) {
  Sweep result;
  for (const auto& id : ids) {
    try {
      const auto tags = tags_of(arm, id, stop);
      if (!tags || !is_owned(*tags, owner)) continue;
      remove_one(arm, id, stop);
      if (tags_of(arm, id, stop))
        result.left.push_back({id, "the service deleted it, and it is still there"});
    } catch (const arm::ArmError& error) {
      result.reserved = result.reserved || error.code() == "NicReservedForAnotherVm";
      result.left.push_back({id, error.what()});
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      result.left.push_back({id, error.what()});
    }
  }
  return result;
}

// Never with something in it that is not the owner's.
std::optional<Leftover> remove_group(arm::ArmClient& arm, const Owner& owner, const std::string& subscription,
                                     const std::string& name, std::stop_token stop) {
  const std::string id = fmt::format("/subscriptions/{}/resourceGroups/{}", subscription, name);
  try {
    const auto group = azure::find_resource_group(arm, subscription, name, stop);
    if (!group || !is_owned(group->tags, owner)) return std::nullopt;
    for (const auto& item : azure::list_group(arm, subscription, name, stop)) {
      const auto tags = tags_of(arm, item.id, stop);
      if (tags && !is_owned(*tags, owner))
        return Leftover{id, "it holds " + item.id + ", which is not of " + owner.id};
    }
    azure::delete_resource_group(arm, subscription, name, stop);
    if (azure::find_resource_group(arm, subscription, name, stop))
      return Leftover{id, "the service deleted it, and it is still there"};
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
    return Leftover{id, error.what()};
  }
  return std::nullopt;
}

}  // namespace

std::string to_tag(const DrillMark& mark) {
  return fmt::format("{} {} {}", mark.id,
                     core::to_iso8601(std::chrono::floor<std::chrono::seconds>(mark.until)), mark.by);
}

std::optional<DrillMark> parse_mark(const std::string& value) {
  std::istringstream stream(value);
  DrillMark mark;
  std::string until;
  if (!(stream >> mark.id >> until >> mark.by) || mark.id.rfind("d-", 0) != 0) return std::nullopt;
  const auto time = core::parse_time(until);
  if (!time) return std::nullopt;
  mark.until = *time;
  return mark;
}

std::optional<DrillMark> mark_of(const azure::Tags& tags) {
  for (const auto& [name, value] : tags) {
    if (core::equal_ignoring_case(name, kDrillTag)) return parse_mark(value);
  }
  return std::nullopt;
}

DrillRecord record_of(const std::vector<DrillPlan>& plans, const std::string& holder) {
  const DrillPlan& first = plans.front();
  DrillRecord record{first.drill_id, first.target.subscription, {}, {}, {}, {}, {}};
  record.mark = to_tag(DrillMark{first.drill_id, first.until, holder});
  record.in_use = snapshot::to_tag(snapshot::InUseMark{"drill", first.until});
  record.ids = {first.network_id, first.nsg_id};
  if (first.own_group) record.group = first.target.resource_group;
  for (const auto& plan : plans) {
    record.ids.insert(record.ids.end(), {plan.target.id(), plan.nic_id});
    for (const auto& disk : plan.disks) record.ids.push_back(disk.new_id);
    if (!plan.public_ip_id.empty()) record.ids.push_back(plan.public_ip_id);
    for (const auto& member : plan.set.members) record.snapshots.push_back(member.snapshot.id);
  }
  return record;
}

std::string to_json(const DrillRecord& record) {
  return json{{"drill", record.drill_id}, {"subscription", record.subscription},
              {"mark", record.mark},      {"ids", record.ids},
              {"group", record.group},    {"snapshots", record.snapshots},
              {"inUse", record.in_use}}
      .dump();
}

DrillRecord parse_record(const std::string& text) {
  try {
    const json body = json::parse(text);
    return {body.at("drill"), body.at("subscription"),
            body.at("mark"),  body.at("ids").get<std::vector<std::string>>(),
            body.at("group"), body.at("snapshots").get<std::vector<std::string>>(),
            body.at("inUse")};
  } catch (const json::exception& error) {
    throw Error(ErrorKind::failed,
                fmt::format("the journal's record of a drill cannot be read: {}", error.what()),
                "azlin dr cleanup finds what it left by its tags");
  }
}

std::optional<azure::Tags> tags_of(arm::ArmClient& arm, const std::string& id, std::stop_token stop) {
  try {
    return azure::get_tags(arm, id, stop);
  } catch (const arm::ArmError& error) {
    if (error.status() == 404) return std::nullopt;
    throw;
  }
}

bool is_owned(const azure::Tags& tags, const Owner& owner) {
  return std::any_of(tags.begin(), tags.end(), [&](const auto& tag) {
    return core::equal_ignoring_case(tag.first, owner.tag) &&
           tag.second.substr(0, tag.second.find(' ')) == owner.id;
  });
}

std::vector<Leftover> remove_owned(arm::ArmClient& arm, core::Clock& clock, const Owner& owner,
                                   const std::string& subscription, std::vector<std::string> ids,
                                   const std::string& group, std::stop_token stop) {
  std::stable_sort(ids.begin(), ids.end(),
                   [](const std::string& a, const std::string& b) { return rank(a) < rank(b); });
  Sweep result = sweep(arm, owner, ids, stop);
  // Once more at once: what held another thing may be gone by now.
  if (!result.left.empty() && !result.reserved) result = sweep(arm, owner, ids, stop);
  for (int tries = 1; result.reserved && tries < kTriesReserved; ++tries) {
    if (!clock.sleep_for(kRetryAfter, stop)) core::throw_if_stopped(stop, "removing what was made");
    result = sweep(arm, owner, ids, stop);
  }
  if (group.empty() || !result.left.empty()) return result.left;
  if (auto left = remove_group(arm, owner, subscription, group, stop)) result.left.push_back(*left);
  return result.left;
}

void unmark(arm::ArmClient& arm, const DrillRecord& record) {
  for (const auto& id : record.snapshots) {
    const auto tags = tags_of(arm, id, {});
    if (!tags) continue;
    const auto mark = tags->find(snapshot::kInUseTag);
    if (mark != tags->end() && mark->second == record.in_use) azure::remove_tags(arm, id, {*mark}, {});
  }
}

}  // namespace azlin::dr
