#include "simulator/compute_vms.hpp"

#include <fmt/format.h>

#include "simulator/api_versions.hpp"
#include "simulator/disk_model.hpp"
#include "simulator/json_util.hpp"
#include "simulator/network.hpp"
#include "simulator/plain_types.hpp"
#include "simulator/providers.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr core::Millis kNicHold{180'000};
constexpr std::size_t kPageSize = 1'000;

Json visible(Context& context, const Resource& vm, bool with_view) {
  Json body = vm.body;
  if (with_view) body["properties"]["instanceView"] = instance_view(context, vm);
  return body;
}

Reply with_etag(Reply reply, const Resource& vm) {
  return std::move(reply.with("ETag", text_at(vm.body, "/etag")));
}

// 412: the code and text are our choice.
void check_etag(const Request& request, const std::optional<Resource>& vm) {
  const auto wanted = request.header("if-match"), none = request.header("if-none-match");
  const bool missed = wanted && (!vm || (*wanted != "*" && *wanted != text_at(vm->body, "/etag")));
  if (missed || (none && *none == "*" && vm))
    throw ApiError(412, "PreconditionFailed",
                   "The condition specified using HTTP conditional header(s) is not met.");
}

void check_nic_rights(Context& context, const Request& request, const VmPlan& plan) {
  for (const auto& nic : plan.nics_added)
    context.access.check_linked(request, "Microsoft.Network/networkInterfaces/join/action", nic);
}

Reply create_vm(Context& context, Request& request, Resource vm) {
  const auto plan = plan_create(context, request.json, vm);
  check_nic_rights(context, request, plan);
  vm.hidden = {{"power", "creating"}};
  apply_plan(context, vm, plan);
  const Work work{"vm.create", vm.id, {{"id", vm.id}}, core::Millis{2'000}, core::Millis{40'000}};
  return with_etag(context.operations.start(request, LroShape::vm, vm.location, work, 201, vm.body, false),
                   vm);
}

Reply change_vm(Context& context, Request& request, Resource vm, bool put) {
  check_vm_idle(context, vm);
  const auto plan = plan_update(context, vm, request.json, put);
  check_nic_rights(context, request, plan);
  vm.body["properties"]["provisioningState"] = "Updating";
  context.save(vm);
  Json shown = plan.body;
  shown["properties"]["provisioningState"] = "Updating";
  const Work work{"vm.update",
                  vm.id,
                  {{"id", vm.id}, {"body", request.json}, {"put", put}},
                  core::Millis{600},
                  core::Millis{10'000}};
  return context.operations.start(request, LroShape::vm, vm.location, work, 200, shown, false);
}

Reply put_vm(Context& context, Request& request) {
  auto existing = context.state.find(request.target.id);
  check_etag(request, existing);
  drop_nulls_but_identities(request.json);
  auto fresh = make_resource(context, request, kVmType);
  return existing ? change_vm(context, request, std::move(*existing), true)
                  : create_vm(context, request, std::move(fresh));
}

Reply patch_vm(Context& context, Request& request) {
  auto vm = require(context, request.target.id);
  check_etag(request, vm);
  drop_nulls_but_identities(request.json);
  request.object();
  return change_vm(context, request, std::move(vm), false);
}

Reply get_vm(Context& context, Request& request) {
  const auto vm = require(context, request.target.id);
  const auto expand = request.query_or("$expand", "");
  if (!expand.empty() && !same(expand, "instanceView") && !same(expand, "userData"))
    throw ApiError(400, "InvalidParameter",
                   fmt::format("The value '{}' of parameter '$expand' is invalid.", expand), "$expand");
  return with_etag(Reply::json(200, visible(context, vm, same(expand, "instanceView"))), vm);
}

Reply delete_vm(Context& context, Request& request) {
  auto vm = context.state.find(request.target.id);
  if (!vm) return Reply::empty(204);
  check_etag(request, vm);
  const bool force = same(request.query_or("forcedeletion", "false"), "true");
  if (!force) check_vm_idle(context, *vm);
  for (const char* kind : {"vm.create", "vm.update", "vm.power", "vm.disks"})
    context.operations.cancel(vm->id, kind);
  vm->body["properties"]["provisioningState"] = "Deleting";
  context.save(*vm);
  const Work work{
      "vm.delete", vm->id, {{"id", vm->id}}, core::Millis{1'000}, core::Millis{force ? 10'000 : 40'000}};
  return context.operations.start(request, LroShape::vm, vm->location, work, 202);
}

// "?statusOnly=true": the power states of all, and nothing else.
Reply list_vms(Context& context, Request& request) {
  const bool status_only = same(request.query_or("statusonly", "false"), "true");
  const bool view = same(request.query_or("$expand", ""), "instanceView");
  if (!status_only && !view) return list_resources(context, request, kVmType);
  ListFilter filter;
  filter.subscription = lower(request.target.subscription);
  filter.group = lower(request.target.group);
  filter.type = kVmType;
  auto page = context.state.page(filter, page_start(request), kPageSize, {});
  for (auto& item : page.items) {
    const auto vm = require(context, text_at(Json::parse(item), "/id"));
    if (view) {
      item = visible(context, vm, true).dump();
      continue;
    }
    const Json power = {{"statuses", instance_view(context, vm)["statuses"]}};
    item = Json{{"id", vm.id},
                {"name", vm.name},
                {"type", kVmType},
                {"location", vm.location},
                {"properties",
                 {{"vmId", vm.body["properties"]["vmId"]},
                  {"provisioningState", vm.body["properties"]["provisioningState"]},
                  {"instanceView", power}}}}
               .dump();
  }
  return page_reply(request, page);
}

// --- attachDetachDataDisks ---

Json changed_disk_list(const Resource& vm, const Json& body) {
  Json disks = vm.body["properties"]["storageProfile"]["dataDisks"];
  for (const auto& entry : body.value("dataDisksToDetach", Json::array())) {
    const auto id = text_at(entry, "/diskId");
    const auto held = [&](const Json& disk) { return same(text_at(disk, "/managedDisk/id"), id); };
    const auto at = std::find_if(disks.begin(), disks.end(), held);
    if (at == disks.end())
      throw ApiError(400, "InvalidParameter", fmt::format("Disk {} is not attached to VM {}.", id, vm.name),
                     "diskId");
    disks.erase(at);
  }
  for (const auto& entry : body.value("dataDisksToAttach", Json::array())) {
    Json disk = {{"createOption", "Attach"}, {"managedDisk", {{"id", text_at(entry, "/diskId")}}}};
    for (const char* field : {"lun", "caching", "deleteOption"})
      if (entry.contains(field)) disk[field] = entry[field];
    if (!disk.contains("lun")) {
      std::int64_t lun = 0;
      const auto taken = [&](const Json& other) { return number_at(other, "/lun", -1) == lun; };
      while (std::any_of(disks.begin(), disks.end(), taken)) ++lun;
      disk["lun"] = lun;
    }
    disks.push_back(disk);
  }
  return disks;
}

Reply change_disks(Context& context, Request& request) {
  if (!version_at_least(request.api_version, "2024-03-01"))
    throw ApiError(400, "BadRequest", "attachDetachDataDisks needs api-version 2024-03-01 or later.");
  auto vm = require(context, request.target.id);
  check_vm_idle(context, vm);
  drop_nulls(request.json);
  const Json wanted = {
      {"properties", {{"storageProfile", {{"dataDisks", changed_disk_list(vm, request.object())}}}}}};
  plan_update(context, vm, wanted, false);
  vm.body["properties"]["provisioningState"] = "Updating";
  context.save(vm);
  const Work work{"vm.disks",
                  vm.id,
                  {{"id", vm.id}, {"body", wanted}, {"put", false}},
                  core::Millis{600},
                  core::Millis{10'000}};
  return context.operations.start(request, LroShape::vm, vm.location, work, 202);
}

// --- effects ---

Json created(Context& context, const Json& data) {
  auto vm = context.state.find(text_at(data, "/id"));
  if (!vm) return nullptr;
  allocate(context, *vm);
  boot(context, *vm);
  vm->body["properties"]["provisioningState"] = "Succeeded";
  context.save(*vm);
  return vm->body;
}

// A failed create leaves a Failed VM, which holds its disks; its NICs are held for 180 seconds.
void create_failed(Context& context, const Json& data, const ApiError&) {
  auto vm = context.state.find(text_at(data, "/id"));
  if (!vm) return;
  vm->hidden["power"] = "";
  vm->body["properties"]["provisioningState"] = "Failed";
  context.save(*vm);
  const auto until = (context.now() + kNicHold).time_since_epoch().count();
  for (const auto& entry : vm->body["properties"]["networkProfile"]["networkInterfaces"])
    if (auto nic = context.state.find(text_at(entry, "/id"))) {
      nic->body["properties"].erase("virtualMachine");
      nic->hidden["reserved"] = {{"vm", vm->id}, {"until", until}, {"failed", true}};
      save_network(context, *nic);
    }
}

Json updated(Context& context, const Json& data) {
  auto vm = context.state.find(text_at(data, "/id"));
  if (!vm) return nullptr;
  vm->body["properties"]["provisioningState"] = "Succeeded";
  const auto plan = plan_update(context, *vm, data["body"], flag_at(data, "/put", false));
  if (plan.restart) {
    auto resized = *vm;
    resized.body = plan.body;
    allocate(context, resized);
  }
  apply_plan(context, *vm, plan);
  if (plan.restart) {
    boot(context, *vm);
    context.save(*vm);
  }
  return vm->body;
}

Json disks_changed(Context& context, const Json& data) {
  updated(context, data);
  const auto vm = context.state.find(text_at(data, "/id"));
  return vm ? vm->body["properties"]["storageProfile"] : Json();
}

void update_failed(Context& context, const Json& data, const ApiError&) {
  auto vm = context.state.find(text_at(data, "/id"));
  if (!vm) return;
  vm->body["properties"]["provisioningState"] = "Failed";
  context.save(*vm);
}

void give_up_disk(Context& context, const Json& entry, const std::string& vm_id) {
  const auto id = text_at(entry, "/managedDisk/id");
  free_disk(context, id, vm_id);
  if (text_at(entry, "/deleteOption") == "Delete") erase_with_children(context, id);
}

// What the VM held: deleted where its deleteOption says so, else left behind, unattached.
void release_vm(Context& context, const Resource& vm) {
  const auto& properties = vm.body["properties"];
  give_up_disk(context, properties["storageProfile"]["osDisk"], vm.id);
  for (const auto& disk : properties["storageProfile"]["dataDisks"]) give_up_disk(context, disk, vm.id);
  for (const auto& entry : properties["networkProfile"]["networkInterfaces"]) {
    const auto id = text_at(entry, "/id");
    if (text_at(entry, "/properties/deleteOption") == "Delete") {
      remove_nic(context, id);
      continue;
    }
    auto nic = context.state.find(id);
    if (!nic || !same(text_at(nic->body, "/properties/virtualMachine/id"), vm.id)) continue;
    nic->body["properties"].erase("virtualMachine");
    nic->hidden["reserved"] = {{"vm", vm.id},
                               {"until", (context.now() + kNicHold).time_since_epoch().count()}};
    save_network(context, *nic);
  }
}

Json deleted(Context& context, const Json& data) {
  const auto vm = context.state.find(text_at(data, "/id"));
  if (!vm) return nullptr;
  release_vm(context, *vm);
  erase_with_children(context, vm->id);
  return nullptr;
}

}  // namespace

void add_seed_vm(Context& context, const std::string& id, const Json& body, core::TimePoint booted_at) {
  const auto target = parse_target("PUT", split_path(id));
  Resource vm;
  vm.id = id;
  vm.type = kVmType;
  vm.name = target.name;
  vm.location = text_at(body, "/location");
  vm.body = {{"id", id}, {"name", vm.name}, {"type", kVmType}, {"location", vm.location}};
  if (body.contains("tags")) vm.body["tags"] = body["tags"];
  vm.body["properties"] = Json::object();
  auto plan = plan_create(context, body, vm);
  plan.body["properties"]["provisioningState"] = "Succeeded";
  plan.body["properties"]["timeCreated"] = to_azure_time(booted_at);
  vm.hidden = {{"power", "running"},
               {"booted_at", booted_at.time_since_epoch().count()},
               {"agent_at", booted_at.time_since_epoch().count()},
               {"fault", ""},
               {"host", text_at(plan.body, "/properties/osProfile/computerName", vm.name)}};
  apply_plan(context, vm, plan);
}

void register_compute_vms(Router& router, Context& context) {
  auto& operations = context.operations;
  operations.on("vm.create", created, create_failed);
  operations.on("vm.update", updated, update_failed);
  operations.on("vm.disks", disks_changed, update_failed);
  operations.on("vm.delete", deleted, update_failed);
  // With its group: what it holds in other groups is given back, what is inside goes the same way.
  context.on_tags[lower(kVmType)] = save_model;
  context.on_erase[lower(kVmType)] = [](Context& ctx, const Resource& vm) {
    for (const auto& id : disk_ids(vm.body)) free_disk(ctx, id, vm.id);
  };
  const std::string path = group_path(kVmType), one = path + "/{name}";
  router.arm("PUT", one, kVmType, [&context](Request& r) { return put_vm(context, r); });
  router.arm("PATCH", one, kVmType, [&context](Request& r) { return patch_vm(context, r); });
  router.arm("GET", one, kVmType, [&context](Request& r) { return get_vm(context, r); });
  router.arm("DELETE", one, kVmType, [&context](Request& r) { return delete_vm(context, r); });
  router.arm("GET", one + "/instanceView", kVmType, [&context](Request& r) {
    return Reply::json(200, instance_view(context, require(context, r.target.id)));
  });
  router.arm("POST", one + "/attachDetachDataDisks", kVmType,
             [&context](Request& r) { return change_disks(context, r); });
  router.arm("GET", path, kVmType, [&context](Request& r) { return list_vms(context, r); });
  router.arm("GET", subscription_path(kVmType), kVmType,
             [&context](Request& r) { return list_vms(context, r); });
  register_vm_power(router, context);
  register_run_command(router, context);
  register_boot_diagnostics(router, context);
  register_capacity(router, context);
  register_vm_extras(router, context);
  register_compute_catalogue(router, context);
}

}  // namespace azlin::simulator
