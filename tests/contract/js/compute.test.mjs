// What a backup tool written on @azure/arm-compute does, from the list of VMs to the deleted copy.
import assert from "node:assert/strict";
import https from "node:https";
import { after, before, test } from "node:test";
import { computeClient, startSimulator, subscription } from "./simulator.mjs";

const group = "Production";
const compute = `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.Compute`;
let simulator, client;

before(async () => {
  simulator = await startSimulator(process.env.AZLIN_BINARY);
  client = computeClient(simulator);
});
after(async () => assert.equal(await simulator.stop(), 0));

const all = async (pages) => {
  const items = [];
  for await (const item of pages) items.push(item);
  return items;
};

// A ranged read of a SAS, which needs no token.
const readRange = (url, range) =>
  new Promise((resolve, reject) => {
    const headers = { Range: range, "x-ms-version": "2020-10-02" };
    https.get(url, { headers, ca: simulator.ca }, (reply) => {
      const parts = [];
      reply.on("data", (part) => parts.push(part));
      reply.on("end", () => resolve({ status: reply.statusCode, headers: reply.headers, body: Buffer.concat(parts) }));
    }).on("error", reject);
  });

const options = { updateIntervalInMs: 50 };
const rejectsWith = (promise, statusCode, code) =>
  assert.rejects(promise, (error) => error.statusCode === statusCode && error.code === code);

test("the VMs of the sample are listed, by group and for the subscription", async () => {
  const names = (await all(client.virtualMachines.list(group))).map((vm) => vm.name).sort();
  assert.deepEqual(names, ["critical-vm", "my-vm", "prod-app-vm", "prod-db-vm", "staging-vm", "vm1"]);
  assert.equal((await all(client.virtualMachines.listAll())).length, names.length);
});

test("the instance view tells the power state and that the agent is ready", async () => {
  const view = await client.virtualMachines.instanceView(group, "prod-db-vm");
  assert.ok(view.statuses.some((status) => status.code === "PowerState/running"));
  assert.equal(view.vmAgent.statuses[0].displayStatus, "Ready");
  const vm = await client.virtualMachines.get(group, "prod-db-vm", { expand: "instanceView" });
  assert.equal(vm.instanceView.statuses.length, view.statuses.length);
  assert.deepEqual(vm.storageProfile.dataDisks.map((disk) => disk.lun), [0, 1]);
});

test("a missing VM is a 404 with ARM's code", async () => {
  await rejectsWith(client.virtualMachines.get(group, "no-such-vm"), 404, "ResourceNotFound");
});

test("an incremental snapshot is taken, copied to another region, read and made a disk again", async () => {
  const vm = await client.virtualMachines.get(group, "prod-db-vm");
  const source = vm.storageProfile.osDisk.managedDisk.id;
  const taken = await client.snapshots.beginCreateOrUpdateAndWait(group, "js-snap", {
    location: "eastus", incremental: true, sku: { name: "Standard_LRS" }, tags: { made: "by js" },
    creationData: { createOption: "Copy", sourceResourceId: source },
  }, options);
  assert.equal(taken.provisioningState, "Succeeded");
  assert.equal(taken.incremental, true);
  assert.equal(taken.creationData.sourceResourceId.toLowerCase(), source.toLowerCase());
  assert.ok(taken.incrementalSnapshotFamilyId && taken.timeCreated instanceof Date);
  assert.equal(taken.completionPercent, undefined);

  await client.snapshots.beginCreateOrUpdateAndWait(group, "js-copy", {
    location: "westus2", incremental: true, sku: { name: "Standard_LRS" },
    creationData: { createOption: "CopyStart", sourceResourceId: taken.id },
  }, options);
  let copy = await client.snapshots.get(group, "js-copy");
  for (let i = 0; i < 200 && (copy.completionPercent ?? 100) < 100; ++i) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    copy = await client.snapshots.get(group, "js-copy");
  }
  assert.equal(copy.completionPercent ?? 100, 100);
  assert.equal(copy.location, "westus2");

  const { accessSAS } = await client.snapshots.beginGrantAccessAndWait(
    group, "js-snap", { access: "Read", durationInSeconds: 600 }, options);
  assert.ok(accessSAS.startsWith(simulator.https));
  const first = await readRange(accessSAS, "bytes=512-1023");
  assert.equal(first.status, 206);
  assert.equal(first.body.subarray(0, 8).toString(), "EFI PART");
  const size = taken.diskSizeGB * 2 ** 30;
  assert.equal(first.headers["content-range"], `bytes 512-1023/${size + 512}`);
  const footer = await readRange(accessSAS, `bytes=${size}-${size + 511}`);
  assert.equal(footer.body.subarray(0, 8).toString(), "conectix");
  await client.snapshots.beginRevokeAccessAndWait(group, "js-snap", options);
  assert.equal((await readRange(accessSAS, "bytes=0-511")).status, 403);

  const disk = await client.disks.beginCreateOrUpdateAndWait(group, "js-disk", {
    location: "eastus", sku: { name: "Premium_LRS" },
    creationData: { createOption: "Copy", sourceResourceId: taken.id },
  }, options);
  assert.equal(disk.diskState, "Unattached");
  assert.equal(disk.diskSizeGB, taken.diskSizeGB);

  await client.disks.beginDeleteAndWait(group, "js-disk", options);
  await client.snapshots.beginDeleteAndWait(group, "js-copy", options);
  await client.snapshots.beginDeleteAndWait(group, "js-snap", options);
  await rejectsWith(client.snapshots.get(group, "js-snap"), 404, "ResourceNotFound");
});

test("an attached disk cannot be deleted", async () => {
  const vm = await client.virtualMachines.get(group, "prod-db-vm");
  await rejectsWith(client.disks.beginDeleteAndWait(group, vm.storageProfile.osDisk.name, options), 409,
    "OperationNotAllowed");
});

test("a VM is stopped and started, and a script runs in it", async () => {
  await client.virtualMachines.beginDeallocateAndWait(group, "staging-vm", options);
  const stopped = await client.virtualMachines.instanceView(group, "staging-vm");
  assert.ok(stopped.statuses.some((status) => status.code === "PowerState/deallocated"));
  await client.virtualMachines.beginStartAndWait(group, "staging-vm", options);
  const result = await client.virtualMachines.beginRunCommandAndWait(group, "staging-vm", {
    commandId: "RunShellScript", script: ["hostname", "systemctl is-active ssh"],
  }, options);
  assert.match(result.value[0].message, /\[stdout\]\nstaging-vm\nactive\n/);
});

test("sizes and quota can be asked for", async () => {
  const skus = await all(client.resourceSkus.list({ filter: "location eq 'eastus'" }));
  const size = skus.find((sku) => sku.resourceType === "virtualMachines" && sku.name === "Standard_D2s_v5");
  assert.equal(size.capabilities.find((one) => one.name === "vCPUs").value, "2");
  const usages = await all(client.usageOperations.list("eastus"));
  assert.ok(usages.find((usage) => usage.name.value === "cores").currentValue > 0);
});

test("a restore point collection is made and deleted", async () => {
  const collection = await client.restorePointCollections.createOrUpdate(group, "js-points", {
    location: "eastus", source: { id: `${compute}/virtualMachines/my-vm` },
  });
  assert.equal(collection.provisioningState, "Succeeded");
  const point = await client.restorePoints.beginCreateAndWait(group, "js-points", "p1",
    { consistencyMode: "CrashConsistent" }, options);
  assert.equal(point.consistencyMode, "CrashConsistent");
  await client.restorePointCollections.beginDeleteAndWait(group, "js-points", options);
});
