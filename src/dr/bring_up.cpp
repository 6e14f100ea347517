#include "dr/bring_up.hpp"

#include <fmt/format.h>

#include "azlin/azure/compute.hpp"
#include "azlin/core/cancel.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/parallel.hpp"
#include "dr/steps.hpp"

namespace azlin::dr {

using core::Error;
using core::ErrorKind;

namespace {

constexpr int kParallelDisks = 8;

void make_disk(const Maker& maker, const backup::RestoreDisk& disk) {
  azure::NewDisk wanted;
  wanted.id = disk.new_id;
  wanted.location = maker.region;
  wanted.sku = disk.sku;
  wanted.zone = disk.zone;
  wanted.snapshot_id = disk.snapshot_id;
  wanted.encryption_set_id = disk.encryption_set_id;
  wanted.tags = maker.tags;
  step(maker.operation, "create-disk", {{"id", disk.new_id}, {"snapshot", disk.snapshot_id}}, [&] {
    const auto made = azure::create_disk(maker.arm, wanted, maker.stop);
    if (made.size_bytes == disk.size_bytes) return;
    throw Error(ErrorKind::failed, fmt::format("disk {} has {} bytes, its snapshot {}", disk.name,
                                               made.size_bytes, disk.size_bytes));
  });
}

}  // namespace

void make_group(const Maker& maker, const snapshot::VmRef& target) {
  step(maker.operation, "create-group", {{"name", target.resource_group}}, [&] {
    azure::ensure_resource_group(maker.arm, target.subscription, target.resource_group, maker.region,
                                 maker.tags, maker.stop);
  });
}

void make_security_group(const Maker& maker, const std::string& id,
                         const std::vector<azure::SecurityRule>& rules) {
  step(maker.operation, "create-nsg", {{"id", id}},
       [&] { azure::create_security_group(maker.arm, id, maker.region, rules, maker.tags, maker.stop); });
}

void make_disks(const Maker& maker, const std::vector<backup::RestoreDisk>& disks) {
  const auto ends = core::run_parallel(disks.size(), kParallelDisks, maker.stop,
                                       [&](std::size_t i) { make_disk(maker, disks[i]); });
  for (const auto& failure : ends) {
    if (failure) std::rethrow_exception(failure);
  }
  core::throw_if_stopped(maker.stop, "restoring the backup");
}

void make_vm(const Maker& maker, const std::string& id, const backup::NewVm& vm) {
  const std::string body = backup::vm_body(vm);
  step(maker.operation, "create-vm", {{"id", id}},
       [&] { azure::create_vm(maker.arm, id, body, maker.stop); });
}

}  // namespace azlin::dr
