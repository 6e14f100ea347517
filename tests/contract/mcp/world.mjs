// A simulated Azure with a home of its own, and clients of `azlin mcp` that work on it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

export const binary = process.env.AZLIN_BINARY;

export class World {
  constructor() {
    this.home = mkdtempSync(join(tmpdir(), "azlin-mcp-"));
    this.env = {
      PATH: process.env.PATH, HOME: this.home, AZLIN_HOME: join(this.home, ".azlin"), AZLIN_CLOUD: "simulator",
      AZLIN_ARCHIVE_PASSWORD: "correct horse", AZLIN_ARCHIVE_TO_PASSWORD: "battery staple",
    };
    this.clients = [];
    execFileSync(binary, ["simulator", "start", "--latency", "none"], { env: this.env });
  }

  // What azlin prints with -o json; throws when it fails.
  azlin(...words) {
    return JSON.parse(execFileSync(binary, ["-o", "json", ...words], { env: this.env, stdio: ["ignore", "pipe", "pipe"] }).toString());
  }

  async connect(...flags) {
    const client = new Client({ name: "test", version: "1" });
    await client.connect(new StdioClientTransport({ command: binary, args: ["mcp", ...flags], env: this.env, stderr: "inherit" }));
    this.clients.push(client);
    return client;
  }

  lastRequest() {
    return this.azlin("simulator", "requests", "--since", "999999999").last;
  }

  // The requests since `number` that may change something in Azure.
  writesSince(number) {
    return this.azlin("simulator", "requests", "--since", String(number)).requests.filter(
      ({ method, path }) => !["GET", "HEAD"].includes(method) && !path.startsWith("/_simulator/") &&
        !/\/(token|providers\/Microsoft\.ResourceGraph\/resources)$/i.test(path) &&
        !/\/(listKeys|checkNameAvailability|regenerateBackupJobs)$/i.test(path));
  }

  async close() {
    for (const client of this.clients) await client.close();
    execFileSync(binary, ["simulator", "stop"], { env: this.env });
    rmSync(this.home, { recursive: true, force: true });
  }
}

export const call = (client, name, args = {}, options = {}) =>
  client.callTool({ name, arguments: args }, undefined, { timeout: 120_000, ...options });

export async function ok(client, name, args, options) {
  const reply = await call(client, name, args, options);
  assert.ok(!reply.isError, `${name}: ${JSON.stringify(reply.structuredContent)}`);
  return reply.structuredContent.result;
}
