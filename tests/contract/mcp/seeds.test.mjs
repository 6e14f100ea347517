// Every tool that the requirement documents name, called by that name: it works, or says what to use instead.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { World, call, ok } from "./world.mjs";

const world = new World();
const folder = (name) => join(world.home, name);
let client;

before(async () => {
  client = await world.connect();
});
after(() => world.close());

const database = { item: "HXE/HXE", server: "prod-db-vm" };
const restore = { ...database, point: "latest" };

// In an order in which each finds what it needs.
const recoveryServices = [
  ["recovery_services_list_vaults", {}],
  ["recovery_services_test_connection", { vault: "my-vault" }],
  ["recovery_services_register_vm", { vm: "prod-db-vm", workload: "SAPHana" }],
  ["recovery_services_check_registration_status", { vm: "prod-db-vm" }],
  ["recovery_services_reregister_vm", { vm: "prod-db-vm" }],
  ["recovery_services_register_vm", { vm: "prod-app-vm", workload: "SAPHana" }],
  ["recovery_services_create_policy", { name: "daily-full", workload: "SAPHana", daily: true }],
  ["recovery_services_list_policies", { workload: "SAPHana" }],
  ["recovery_services_get_policy_details", { name: "daily-full" }],
  ["recovery_services_list_protectable_items", { refresh: true }],
  ["recovery_services_enable_protection", { ...database, policy: "daily-full" }],
  ["recovery_services_list_protected_items", {}],
  ["recovery_services_trigger_backup", { ...database, type: "full" }],
  ["recovery_services_list_backup_jobs", { since: "24h" }],
  ["recovery_services_get_backup_summary", {}],
  ["recovery_services_list_recovery_points", database],
  ["recovery_services_restore_original_location", { ...restore, confirm: "HXE/HXE" }],
  ["recovery_services_restore_alternate_location", { ...restore, target_server: "prod-db-vm", target_database: "HXE2" }],
  ["recovery_services_restore_as_files", { ...restore, path: "/hana/restore" }],
  ["recovery_services_disable_protection", { ...database, delete_backup_data: true, confirm: "HXE/HXE" }],
  ["recovery_services_clear_auth_cache", {}],
];

test("the tools for Recovery Services work by their names", async () => {
  for (const [name, args] of recoveryServices) await ok(client, name, args);
  const { jobs } = await ok(client, "recovery_services_list_backup_jobs", {});
  assert.equal((await ok(client, "recovery_services_get_job_status", { job: jobs[0].id })).status, "Completed");
  await ok(client, "recovery_services_unregister_vm", { vm: "prod-app-vm", confirm: "prod-app-vm" });
});

const restic = spawnSync("restic", ["version"]).status === 0;

test("the tools for archives work by their names", { skip: !restic && "restic is not installed" }, async () => {
  mkdirSync(folder("etc"));
  writeFileSync(join(folder("etc"), "app.conf"), "port=80\n");
  mkdirSync(world.env.AZLIN_HOME, { recursive: true });
  writeFileSync(join(world.env.AZLIN_HOME, "archive.yaml"), `services:\n  nextcloud:\n    config: [${folder("etc")}]\n`);
  const destination = folder("repo");
  await ok(client, "create-backup", { type: "service", services: ["nextcloud"], name: "daily", includeData: false,
    encrypt: true, compress: true, verify: true, destination });
  await ok(client, "backup-files", { paths: [folder("etc")], name: "etc", compress: false, destination });
  const { archives } = await ok(client, "list-backups", { destination });
  assert.equal(archives.length, 2);
  await ok(client, "verify-backup", { backup: "daily", deep_check: true, destination });
  await ok(client, "restore-backup", { backup: "daily", mode: "selective", services: ["nextcloud"], target: folder("back"), destination, dry_run: true });
  await ok(client, "restore-backup", { backup: "daily", services: ["nextcloud"], mode: "selective", target: folder("back"), verify: true, destination, confirm: folder("back") });
  assert.ok(existsSync(folder("back")));
  await ok(client, "download-backup", { backupName: "etc", format: "zip", downloadPath: folder("etc.zip"), destination });
  assert.equal(readFileSync(folder("etc.zip")).subarray(0, 2).toString(), "PK");
  await ok(client, "schedule-backup", { name: "nightly", schedule: "0 2 * * *", backupType: "config", retention: "30d", destination });
  await ok(client, "backup-compare", { a: "daily", b: "etc", destination });
  await ok(client, "backup-migrate", { archives: ["etc"], to_bundle: folder("bundles"), destination });
  await ok(client, "backup-sync", { to: folder("second"), destination });
  await ok(client, "backup-vm-snapshot", { vm: "vm1", name: "vm1", destination });
  const { bundles } = await ok(client, "backup-migrate", { archives: ["daily"], to_bundle: folder("bundles"), destination });
  await ok(client, "backup-encrypt", { bundle: bundles[0].folder, destination: folder("third") });
  // What is not on this machine is named, and that is no mistake in the call.
  for (const [name, args] of [["backup-database", { engine: "postgresql", database: "shop", host: "127.0.0.1", port: "1", destination }],
    ["backup-containers", { volume: ["v"], destination }]]) {
    const reply = await call(client, name, { name: "x", ...args });
    assert.equal(reply.isError, true, name);
    assert.notEqual(reply.structuredContent.exitCode, 2, `${name}: ${JSON.stringify(reply.structuredContent)}`);
    assert.ok(reply.structuredContent.error.message.length > 10, name);
  }
});

test("what the documents name and the tools do not take is refused with what to use", async () => {
  for (const [name, args, hint] of [
    ["download-backup", { backupName: "x", password: "s" }, /AZLIN_PACKAGE_PASSWORD/],
    ["download-backup", { backupName: "x", encrypt: true }, /encrypted-zip/],
    ["restore-backup", { backup: "x", type: "config-only" }, /mode/],
    ["schedule-backup", { name: "x", schedule: "@daily", destination: "/x", encrypt: true }, /always encrypted/],
    ["create-backup", { include_data: true }, /includeData/],
  ]) {
    const reply = await call(client, name, args);
    assert.equal(reply.structuredContent.exitCode, 2, name);
    assert.match(reply.structuredContent.error.hint, hint, name);
  }
});
