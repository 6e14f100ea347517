// What the tools say of themselves, and whether it is true.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import Ajv2020 from "ajv/dist/2020.js";
import { World, call, ok } from "./world.mjs";

const world = new World();
const folder = (name) => join(world.home, name);
let client, reader;

before(async () => {
  mkdirSync(folder("etc"));
  writeFileSync(join(folder("etc"), "app.conf"), "port=80\n");
  client = await world.connect();
  reader = await world.connect("--read-only");
  // Something of everything, so that readers have something to read.
  await ok(client, "backup_configure", { vm: "vm1", daily_retention: 7, confirm: "vm1" });
  await ok(client, "backup_trigger", { vm: "vm1" });
  writeFileSync(folder("protection.yaml"), JSON.stringify(await ok(client, "protection_export")));
  await ok(client, "recovery_services_register_vm", { vm: "prod-db-vm", workload: "SAPHana" });
  await ok(client, "recovery_services_create_policy", { name: "hana-policy", workload: "SAPHana" });
  await ok(client, "recovery_services_enable_protection", { item: "HXE/HXE", server: "prod-db-vm", policy: "hana-policy" });
  await ok(client, "recovery_services_trigger_backup", { item: "HXE/HXE", server: "prod-db-vm", type: "full" });
});
after(() => world.close());

const annotationsOf = async (of) => Object.fromEntries((await of.listTools()).tools.map((tool) => [tool.name, tool.annotations]));

test("schemas are valid JSON Schema 2020-12, and names are those that clients take", async () => {
  const ajv = new Ajv2020({ strict: true, allErrors: true });
  for (const of of [client, reader]) {
    for (const tool of (await of.listTools()).tools) {
      assert.match(tool.name, /^[A-Za-z0-9_-]{1,64}$/);
      for (const schema of [tool.inputSchema, tool.outputSchema]) {
        assert.ok(ajv.validateSchema(schema), `${tool.name}: ${JSON.stringify(ajv.errors)}`);
        ajv.compile(schema);
        assert.equal(schema.type, "object");
      }
      for (const [name, property] of Object.entries(tool.inputSchema.properties))
        assert.ok(property.description, `${tool.name}.${name} has no description`);
      for (const name of tool.inputSchema.required) assert.ok(name in tool.inputSchema.properties, `${tool.name}.${name}`);
    }
  }
});

test("no tool takes a program of this machine, or a file that holds a secret", async () => {
  const forbidden = /hook|command$|identity|ssh_key|ssh_config|password|secret|token|^key$|^plan$|evidence|interactive/;
  const inGuest = ["verify_command"];  // runs in the drill's VM, cut off from production
  for (const tool of (await client.listTools()).tools) {
    for (const name of Object.keys(tool.inputSchema.properties))
      assert.ok(!forbidden.test(name) || inGuest.includes(name), `${tool.name} offers ${name}`);
  }
  const reply = await call(client, "dr_failover", { vm: "vm1", target_region: "westus2", confirm: "vm1", hook: "touch /tmp/x" });
  assert.equal(reply.structuredContent.exitCode, 2);
  assert.match(reply.structuredContent.error.message, /no argument 'hook'/);
});

// R reads, W adds or changes, D can destroy or overwrite.
const effects = {
  recovery_services_list_vaults: "R", recovery_services_test_connection: "R", recovery_services_register_vm: "W",
  recovery_services_reregister_vm: "W", recovery_services_unregister_vm: "D", recovery_services_check_registration_status: "R",
  recovery_services_create_policy: "W", recovery_services_list_policies: "R", recovery_services_get_policy_details: "R",
  recovery_services_list_protectable_items: "W", recovery_services_enable_protection: "W",
  recovery_services_disable_protection: "D", recovery_services_list_protected_items: "R", recovery_services_trigger_backup: "W",
  recovery_services_list_backup_jobs: "R", recovery_services_get_job_status: "R", recovery_services_wait_for_job: "R",
  recovery_services_get_backup_summary: "R", recovery_services_list_recovery_points: "R",
  recovery_services_restore_original_location: "D", recovery_services_restore_alternate_location: "D",
  recovery_services_restore_as_files: "D", recovery_services_clear_auth_cache: "W",
  "create-backup": "W", "list-backups": "R", "restore-backup": "D", "verify-backup": "W", "download-backup": "D",
  "schedule-backup": "W", "backup-database": "W", "backup-files": "W", "backup-containers": "W", "backup-vm-snapshot": "W",
  "backup-compare": "R", "backup-migrate": "W", "backup-encrypt": "D", "backup-sync": "W",
  archive_schedules: "R", archive_report: "R",
  backup_configure: "D", backup_show_configuration: "R", backup_trigger: "W", backup_list: "R", backup_forecast: "R",
  backup_restore: "D", backup_hold: "W", backup_delete: "D", backup_replicate: "W", backup_replicate_all: "W",
  backup_replication_status: "W", backup_replication_jobs: "W", backup_verify: "W", backup_verify_all: "W",
  backup_verification_report: "R",
  dr_test: "W", dr_test_history: "R", dr_success_rate: "R", dr_readiness: "R", dr_failover: "D", dr_cleanup: "D",
  protection_plan: "R", protection_apply: "D", protection_export: "R",
  status: "R", report: "R", cost: "R", platform_assess: "R", alerts: "R", orphans: "R", operations: "R",
  operation_show: "R", doctor: "R",
};

test("annotations say of every tool what it can do", async () => {
  const annotations = await annotationsOf(client);
  assert.deepEqual(Object.keys(annotations).sort(), Object.keys(effects).sort());
  for (const [name, effect] of Object.entries(effects)) {
    assert.equal(annotations[name].readOnlyHint, effect === "R", name);
    assert.equal(annotations[name].destructiveHint, effect === "D", name);
  }
});

// A call of every tool that a server which only reads has. What needs an archive is called where there is none.
const reads = {
  recovery_services_list_vaults: {}, recovery_services_test_connection: { vault: "my-vault" },
  recovery_services_check_registration_status: { vm: "prod-db-vm" }, recovery_services_list_policies: {},
  recovery_services_get_policy_details: { name: "hana-policy" }, recovery_services_list_protectable_items: {},
  recovery_services_list_protected_items: {}, recovery_services_list_backup_jobs: {},
  recovery_services_get_job_status: (jobs) => ({ job: jobs[0].id }),
  recovery_services_wait_for_job: (jobs) => ({ job: jobs[0].id }), recovery_services_get_backup_summary: {},
  recovery_services_list_recovery_points: { item: "HXE/HXE", server: "prod-db-vm" },
  "list-backups": { destination: folder("none") }, "verify-backup": { backup: "x", destination: folder("none") },
  "backup-compare": { a: "x", b: "y", destination: folder("none") },
  archive_schedules: {}, archive_report: {},
  backup_show_configuration: { vm: "vm1" }, backup_list: { all: true }, backup_forecast: { vm: "vm1", on: "2030-01-01" },
  backup_replication_status: { vm: "vm1" }, backup_replication_jobs: {}, backup_verification_report: {},
  dr_test_history: {}, dr_success_rate: {}, dr_readiness: { all: true }, status: {}, protection_plan: { file: folder("protection.yaml") }, protection_export: {}, report: { days: 30 }, cost: {},
  platform_assess: {}, alerts: {}, orphans: {}, operations: {}, operation_show: { id: 1 }, doctor: { vm: "vm1" },
};
const withoutArchive = ["list-backups", "verify-backup", "backup-compare"];

test("what only reads changes nothing in Azure", async () => {
  const annotations = await annotationsOf(reader);
  assert.deepEqual(Object.keys(annotations).sort(), Object.keys(reads).sort());
  const { jobs } = await ok(client, "recovery_services_list_backup_jobs", {});
  for (const [name, args] of Object.entries(reads)) {
    assert.equal(annotations[name].readOnlyHint, true, name);
    const before = world.lastRequest();
    const reply = await call(reader, name, typeof args === "function" ? args(jobs) : args);
    assert.deepEqual(world.writesSince(before), [], name);
    const code = reply.structuredContent.exitCode;
    assert.notEqual(code, 2, `${name}: ${JSON.stringify(reply.structuredContent)}`);
    if (!withoutArchive.includes(name)) assert.ok(!reply.isError, `${name}: ${JSON.stringify(reply.structuredContent)}`);
  }
});

test("a server that only reads refuses everything else, tools and arguments", async () => {
  for (const name of Object.keys(effects).filter((each) => !(each in reads)))
    await assert.rejects(reader.callTool({ name, arguments: { vm: "vm1" } }), /only reads/, name);
  const before = world.lastRequest();
  for (const [name, args] of [["orphans", { remove: true }], ["recovery_services_list_protectable_items", { refresh: true }],
    ["verify-backup", { backup: "x", deep_check: true }], ["report", { output: folder("x") }], ["platform_assess", { html: folder("x") }],
    ["cost", { refresh_prices: true }], ["backup_list", { vm: "vm1", dry_run: false }]]) {
    const reply = await call(reader, name, args);
    assert.equal(reply.structuredContent.exitCode, 2, name);
    assert.match(reply.structuredContent.error.message, /has no argument/, name);
  }
  assert.deepEqual(world.writesSince(before), []);
});

// What destroys: arguments, and what `confirm` must name.
const destroys = [
  ["recovery_services_unregister_vm", { vm: "prod-db-vm" }, "prod-db-vm"],
  ["recovery_services_disable_protection", { item: "HXE/HXE", server: "prod-db-vm", delete_backup_data: true }, "HXE/HXE"],
  ["recovery_services_disable_protection", { all: true, server: "prod-db-vm", delete_backup_data: true }, "prod-db-vm"],
  ["recovery_services_restore_original_location", { item: "HXE/HXE", server: "prod-db-vm", point: "latest" }, "HXE/HXE"],
  ["recovery_services_restore_alternate_location", { item: "HXE/HXE", server: "prod-db-vm", target_server: "prod-db-vm", target_database: "OLD", point: "latest", overwrite: true }, "OLD"],
  ["recovery_services_restore_as_files", { item: "HXE/HXE", server: "prod-db-vm", path: "/hana/restore", point: "latest", overwrite: true }, "/hana/restore"],
  ["restore-backup", { backup: "weekly", target: "/restore", destination: "/nowhere" }, "/restore"],
  ["download-backup", { backupName: "weekly", downloadPath: "/x.zip", force: true, destination: "/nowhere" }, "/x.zip"],
  ["backup-encrypt", { bundle: "/bundle", delete_plain: true, destination: "/nowhere" }, "/bundle"],
  ["backup_configure", { vm: "vm1", daily_retention: 1 }, "vm1"],
  ["backup_restore", { vm: "vm1", backup: "vm1-backup" }, "vm1"],
  ["backup_delete", { backup: "vm1-backup" }, "vm1-backup"],
  ["dr_failover", { vm: "vm1", target_region: "westus2" }, "vm1"],
  ["dr_cleanup", { drill: "drill-1" }, "drill-1"],
  ["protection_apply", { file: folder("protection.yaml"), hash: "abc" }, "abc"],
];

test("nothing is destroyed without a confirmation that names it", async () => {
  assert.deepEqual([...new Set(destroys.map(([name]) => name))].sort(), Object.keys(effects).filter((name) => effects[name] === "D").sort());
  const before = world.lastRequest();
  for (const [name, args, wanted] of destroys) {
    for (const confirm of [undefined, null, "", true, "yes", `${wanted}x`, [wanted]]) {
      const reply = await call(client, name, { ...args, confirm });
      assert.equal(reply.isError, true, name);
      assert.match(reply.structuredContent.error.message, /not confirmed/, name);
      assert.ok(reply.structuredContent.error.hint.includes(JSON.stringify(wanted)), `${name}: ${reply.structuredContent.error.hint}`);
    }
  }
  assert.deepEqual(world.writesSince(before), []);
});

test("a dry run needs no confirmation and changes nothing", async () => {
  const before = world.lastRequest();
  const others = [
    ["recovery_services_register_vm", { vm: "prod-app-vm", workload: "MSSQL" }], ["recovery_services_reregister_vm", { vm: "prod-db-vm" }],
    ["recovery_services_create_policy", { name: "policy-2", workload: "SAPHana" }],
    ["recovery_services_enable_protection", { item: "HXE/SYSTEMDB", server: "prod-db-vm", policy: "hana-policy" }],
    ["recovery_services_trigger_backup", { item: "HXE/HXE", server: "prod-db-vm", type: "full" }],
    ["recovery_services_list_protectable_items", { refresh: true }], ["recovery_services_clear_auth_cache", {}],
    ["backup_trigger", { vm: "vm1" }], ["backup_hold", { backup: "vm1-backup" }], ["backup_verify", { backup: "vm1-backup" }],
    ["backup_verify_all", { vm: "vm1" }], ["backup_replicate", { backup: "vm1-backup", target_region: "westus2" }],
    ["backup_replicate_all", { vm: "vm1", target_region: "westus2" }], ["dr_test", { vm: "vm1", test_region: "eastus" }], ["dr_cleanup", {}],
    ["backup-files", { paths: [folder("etc")], name: "etc", destination: folder("repo") }],
    ["backup-vm-snapshot", { vm: "vm1", name: "vm1", destination: folder("repo") }],
  ];
  for (const [name, args] of [...destroys, ...others]) {
    const reply = await call(client, name, { ...args, dry_run: true });
    assert.ok(!reply.structuredContent.error || reply.structuredContent.exitCode !== 2, `${name}: ${JSON.stringify(reply.structuredContent)}`);
    // Discovery: the service looks again at what there is.
    const writes = world.writesSince(before).filter(({ path }) => !/\/(refreshContainers|inquire)$/.test(path));
    assert.deepEqual(writes, [], name);
  }
});
