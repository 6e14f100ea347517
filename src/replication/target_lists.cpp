#include "replication/target_lists.hpp"

#include "azlin/core/error.hpp"
#include "azlin/core/log.hpp"
#include "azlin/core/names.hpp"

namespace azlin::replication {

using core::Error;
using core::ErrorKind;

namespace {

bool runs_on(const azure::Snapshot& copy) {
  return copy.provisioning_state != "Failed" && copy.copy_error.empty() &&
         copy.completion_percent.value_or(100.0) < 100.0;
}

}  // namespace

std::map<std::string, azure::Snapshot> TargetLists::running(arm::ArmClient& arm,
                                                            const std::vector<std::string>& ids,
                                                            const std::stop_token& stop) {
  struct Group {
    core::ResourceId place;  // of one of its copies
    std::set<std::string> wanted;
  };
  std::map<std::string, Group> groups;  // by their ids in lower case
  for (const auto& id : ids) {
    const auto lower = core::to_lower(id);
    auto& group = groups[lower.substr(0, lower.find("/providers/"))];
    group.place = core::ResourceId::parse(id);
    group.wanted.insert(lower);
  }
  std::map<std::string, azure::Snapshot> out;
  for (const auto& [group, members] : groups) {
    const auto& [place, wanted] = members;
    if (wanted.size() < kWorthAList || large_.contains(group)) continue;
    std::size_t listed = 0, found = 0;
    const auto note = [&](azure::Snapshot&& each) {
      auto id = core::to_lower(each.id);
      if (wanted.contains(id)) {
        ++found;
        if (runs_on(each)) out.emplace(std::move(id), std::move(each));
      }
      if (++listed > wanted.size() * kListedForACopy) large_.insert(group);
      return found < wanted.size() && !large_.contains(group);
    };
    try {
      azure::list_snapshots(arm, place.subscription, place.resource_group, note, stop);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      core::log_info("cannot list the snapshots of {}: {}", group, error.what());
    }
  }
  return out;
}

}  // namespace azlin::replication
