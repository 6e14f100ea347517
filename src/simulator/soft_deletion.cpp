#include "simulator/soft_deletion.hpp"

#include <fmt/format.h>

#include "simulator/json_util.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

std::string deleted_id(const SoftDeletion& kind, const std::string& subscription, const std::string& location,
                       const std::string& name) {
  return fmt::format("/subscriptions/{}/providers/{}/{}", subscription,
                     fmt::format(fmt::runtime(kind.list), location), name);
}

bool name_is_taken(Context& context, const SoftDeletion& kind, const std::string& name) {
  return !context.state.list_by_ref(kind.type, lower(name)).empty() ||
         !context.state.list_by_ref(kind.deleted_type, lower(name)).empty();
}

void soft_delete(Context& context, const SoftDeletion& kind, const Resource& live, std::chrono::days days,
                 const char* type, Json properties) {
  properties[kind.live_id] = live.id;
  properties["location"] = live.location;
  properties["tags"] = live.body.value("tags", Json::object());
  properties["deletionDate"] = core::to_iso8601(context.now());
  properties["scheduledPurgeDate"] = core::to_iso8601(context.now() + days);
  Resource deleted;
  deleted.id = deleted_id(kind, live.subscription, live.location, live.name);
  deleted.type = kind.deleted_type;
  deleted.name = live.name;
  deleted.ref = live.ref;
  deleted.hidden = {{"location", live.location}, {"body", live.body}, {"hidden", live.hidden}};
  deleted.body = {{"id", deleted.id}, {"name", deleted.name}, {"type", type}, {"properties", properties}};
  context.save(deleted);
  context.operations.schedule({kind.purge_kind, deleted.id, {{"id", deleted.id}}},
                              std::chrono::duration_cast<core::Millis>(days));
}

std::optional<Resource> bring_back(Context& context, const SoftDeletion& kind, const std::string& id) {
  for (const auto& deleted : context.state.list_by_ref(kind.deleted_type, lower(last_segment(id)))) {
    const std::string own = text_at(deleted.body, std::string("/properties/") + kind.live_id);
    if (!same(own, id)) continue;
    Resource live;
    live.id = own;
    live.name = deleted.name;
    live.type = kind.type;
    live.location = deleted.hidden["location"];
    live.ref = deleted.ref;
    live.live = true;
    live.body = deleted.hidden["body"];
    live.hidden = deleted.hidden["hidden"];
    context.operations.cancel(deleted.id, kind.purge_kind);
    context.state.erase(deleted.id);
    context.save(live);
    return live;
  }
  return std::nullopt;
}

Reply name_availability(const Request& request, const char* bad,
                        const std::function<void(const std::string&)>& check) {
  try {
    check(text_at(request.object(), "/name"));
  } catch (const ApiError& error) {
    return Reply::json(200, {{"nameAvailable", false},
                             {"reason", error.status == 409 ? "AlreadyExists" : bad},
                             {"message", error.message}});
  }
  return Reply::json(200, {{"nameAvailable", true}});
}

}  // namespace azlin::simulator
