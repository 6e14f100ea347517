// An agent's session by the official client: azlin mcp against the simulated Azure.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

const binary = process.env.AZLIN_BINARY;
const home = mkdtempSync(join(tmpdir(), "azlin-mcp-"));
const env = { PATH: process.env.PATH, HOME: home, AZLIN_HOME: join(home, ".azlin"), AZLIN_CLOUD: "simulator" };
const azlin = (...words) => JSON.parse(execFileSync(binary, ["-o", "json", ...words], { env }).toString());
let client;

async function connect(...flags) {
  const made = new Client({ name: "test", version: "1" });
  await made.connect(new StdioClientTransport({ command: binary, args: ["mcp", ...flags], env, stderr: "inherit" }));
  return made;
}

const call = (name, args = {}, options = {}) =>
  client.callTool({ name, arguments: args }, undefined, { timeout: 120_000, ...options });

async function ok(name, args, options) {
  const reply = await call(name, args, options);
  assert.ok(!reply.isError, JSON.stringify(reply.structuredContent));
  return reply.structuredContent.result;
}

before(async () => {
  execFileSync(binary, ["simulator", "start", "--latency", "none"], { env });
  client = await connect();
});
after(async () => {
  await client.close();
  execFileSync(binary, ["simulator", "stop"], { env });
  rmSync(home, { recursive: true, force: true });
});

test("the tools of the requirement are there, each with schema and annotations", async () => {
  const { tools } = await client.listTools();
  const names = tools.map((tool) => tool.name);
  for (const name of ["recovery_services_list_vaults", "recovery_services_clear_auth_cache",
    "recovery_services_restore_as_files", "backup_trigger", "backup_verify", "dr_test", "dr_readiness"]) {
    assert.ok(names.includes(name), `${name} is missing`);
  }
  for (const tool of tools) {
    assert.equal(tool.inputSchema.type, "object");
    assert.equal(typeof tool.annotations.readOnlyHint, "boolean");
  }
});

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
});

test("a server that only reads offers nothing else", async () => {
  const reader = await connect("--read-only");
  const { tools } = await reader.listTools();
  assert.ok(tools.length > 10);
  assert.ok(tools.every((tool) => tool.annotations.readOnlyHint));
  await assert.rejects(reader.callTool({ name: "backup_trigger", arguments: { vm: "vm1" } }), /only reads/);
  await reader.close();
});

test("a cancelled call is interrupted, and the server goes on", async () => {
  const stop = new AbortController();
  const running = call("dr_readiness", { all: true }, { signal: stop.signal });
  stop.abort("enough");
  await assert.rejects(running);
  await ok("backup_list", { vm: "vm1" });
});
