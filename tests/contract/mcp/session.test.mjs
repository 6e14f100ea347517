// An agent's session by the official client: azlin mcp against the simulated Azure.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { World, call as callOn, ok as okOn } from "./world.mjs";

const world = new World();
const azlin = (...words) => world.azlin(...words);
const connect = (...flags) => world.connect(...flags);
let client;
const call = (...args) => callOn(client, ...args);
const ok = (...args) => okOn(client, ...args);

before(async () => {
  client = await connect();
});
after(() => world.close());

test("a VM is backed up, with progress, and the backup is listed", async () => {
  await ok("backup_configure", { vm: "vm1", confirm: "vm1" });
  const progress = [];
  await ok("backup_trigger", { vm: "vm1" }, { onprogress: (each) => progress.push(each) });
  assert.ok(progress.length > 0, "no progress was told");
  const backups = await ok("backup_list", { vm: "vm1" });
  assert.match(JSON.stringify(backups), /vm1-backup-monthly/);
});

test("a database is protected, backed up, waited for and restored in a vault", async () => {
  const { vaults } = await ok("recovery_services_list_vaults");
  assert.equal(vaults[0].name, "my-vault");
  await ok("recovery_services_register_vm", { vm: "prod-db-vm", workload: "SAPHana" });
  await ok("recovery_services_create_policy", { name: "hana-policy", workload: "SAPHana" });
  const database = { item: "HXE/HXE", server: "prod-db-vm" };
  await ok("recovery_services_enable_protection", { ...database, policy: "hana-policy" });
  const progress = [];
  await ok("recovery_services_trigger_backup", { ...database, type: "full" }, { onprogress: (each) => progress.push(each) });
  const { jobs } = await ok("recovery_services_list_backup_jobs", { operation: "Backup" });
  const job = await ok("recovery_services_get_job_status", { job: jobs[0].id });
  assert.equal(job.status, "Completed");
  const refused = await call("recovery_services_restore_original_location", { ...database, point: "latest" });
  assert.match(refused.structuredContent.error.message, /not confirmed/);
  await ok("recovery_services_restore_original_location", { ...database, point: "latest", confirm: database.item });
});

test("what destroys is refused without a confirmation that names it", async () => {
  const refused = await call("backup_restore", { vm: "vm1", backup: "vm1-backup-monthly" });
  assert.equal(refused.isError, true);
  assert.match(refused.structuredContent.error.message, /not confirmed/);
  const wrong = await call("backup_restore", { vm: "vm1", backup: "vm1-backup-monthly", confirm: "vm2" });
  assert.equal(wrong.isError, true);
  await ok("backup_restore", { vm: "vm1", backup: "vm1-backup-monthly", confirm: "vm1" });
});

test("an error carries its kind, its code and what to do", async () => {
  const reply = await call("backup_trigger", { vm: "prod-db-wm" });
  assert.equal(reply.isError, true);
  assert.equal(reply.structuredContent.exitCode, 3);
  assert.match(reply.structuredContent.error.hint, /prod-db-vm/);
});

test("every call is in the audit trail", async () => {
  const kinds = JSON.stringify(azlin("operations", "list", "--limit", "200"));
  for (const kind of ["mcp.backup_trigger", "mcp.backup_list", "mcp.backup_restore"]) assert.ok(kinds.includes(kind), kind);
  assert.ok(kinds.includes("not confirmed"), "a refused call left no line");
});

test("a secret in a call is told by no reply and kept in no file", async () => {
  const secret = "hunter2-7f3a";
  for (const args of [{ vm: "vm1", password: secret }, { vm: "vm1", all: secret }, { vm: { password: secret } }]) {
    const reply = await call("backup_list", args);
    assert.equal(reply.isError, true);
    assert.ok(!JSON.stringify(reply).includes(secret), JSON.stringify(reply));
  }
  const reply = await call("list-backups", { destination: `s3:https://key:${secret}@127.0.0.1:1/bucket?sig=${secret}` });
  assert.match(reply.structuredContent.error.message, /holds no password/);
  assert.throws(() => execFileSync("grep", ["-rlF", secret, world.env.AZLIN_HOME]), "grep found it");
});

test("two calls at once are both answered", async () => {
  const replies = await Promise.all([ok("backup_list", { vm: "vm1" }), ok("dr_test_history", {}), ok("alerts", {})]);
  assert.equal(replies.length, 3);
});

test("a cancelled call is interrupted, and the server goes on", async () => {
  const stop = new AbortController();
  const running = call("dr_readiness", { all: true }, { signal: stop.signal });
  stop.abort("enough");
  await assert.rejects(running);
  await ok("backup_list", { vm: "vm1" });
});

test("a cancelled backup leaves nothing half made", async () => {
  const ended = () => azlin("operations", "list", "--limit", "500").operations.filter(({ kind }) => kind === "mcp.backup_trigger").length;
  const before = ended();
  const stop = new AbortController();
  const running = call("backup_trigger", { vm: "critical-vm", tier: "daily" }, { signal: stop.signal, onprogress: () => stop.abort("enough") });
  await running.catch(() => {});
  const until = Date.now() + 60_000;  // its last line of audit says that it has ended
  while (ended() === before && Date.now() < until) {}
  await ok("status");
  const { operations } = azlin("operations", "list", "--state", "running");
  assert.deepEqual(operations, []);
  for (const backup of (await ok("backup_list", { vm: "critical-vm" })).backups) assert.equal(backup.complete ?? true, true);
});
