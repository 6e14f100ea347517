// The inspector's command-line mode, as `npx @modelcontextprotocol/inspector --cli` runs it.
// 0.15.0 is the newest one for Node.js 18 and 20; from 0.16.0 on it asks for 22.7.5.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { World, binary } from "./world.mjs";

const world = new World();
after(() => world.close());
const cli = fileURLToPath(new URL("node_modules/@modelcontextprotocol/inspector-cli/build/cli.js", import.meta.url));
const inspect = (...words) =>
  JSON.parse(execFileSync(process.execPath, [cli, "--cli", binary, "mcp", ...words], { env: world.env }).toString());

test("the inspector lists the tools", () => {
  const { tools } = inspect("--method", "tools/list");
  assert.ok(tools.some((tool) => tool.name === "recovery_services_list_vaults"));
  assert.ok(tools.some((tool) => tool.name === "create-backup"));
});

test("the inspector calls a tool with arguments", () => {
  inspect("--method", "tools/call", "--tool-name", "backup_configure", "--tool-arg", "vm=vm1");
  const reply = inspect("--method", "tools/call", "--tool-name", "backup_trigger", "--tool-arg", "vm=vm1", "--tool-arg", "tier=daily");
  assert.equal(reply.isError, false);
  const listed = inspect("--method", "tools/call", "--tool-name", "backup_list", "--tool-arg", "vm=vm1");
  assert.match(JSON.stringify(listed.structuredContent.result), /vm1-backup-daily/);
});

test("the inspector is refused what is not confirmed", () => {
  const reply = inspect("--method", "tools/call", "--tool-name", "backup_restore", "--tool-arg", "vm=vm1", "--tool-arg", "backup=vm1-backup");
  assert.equal(reply.isError, true);
  assert.match(reply.structuredContent.error.message, /not confirmed/);
});
