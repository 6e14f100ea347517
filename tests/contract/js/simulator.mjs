// Starts the simulated Azure for a test and gives an SDK client for it.
import { spawn } from "node:child_process";
import { webcrypto } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import readline from "node:readline";
import { ComputeManagementClient } from "@azure/arm-compute";

// Node.js 18 has it, but not under the name that the SDK uses.
globalThis.crypto ??= webcrypto;

export const subscription = "00000000-0000-0000-0000-000000000001";

// Resolves when the server has printed both of its addresses.
export async function startSimulator(binary, seed = "sample", latency = "demo", blobEndpoint = "") {
  const home = mkdtempSync(join(tmpdir(), "azlin-js-"));
  const child = spawn(
    binary,
    ["simulator", "serve", "--port", "0", "--tls-port", "0", "--state", join(home, "state"), "--latency", latency,
      "--seed", seed, ...(blobEndpoint ? ["--blob-endpoint", blobEndpoint] : [])],
    { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, HOME: home, AZLIN_HOME: join(home, ".azlin") } });
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (pattern) => {
    const { value, done } = await lines.next();
    const found = done ? null : pattern.exec(value);
    if (!found) throw new Error(`the simulator printed ${JSON.stringify(value)}, expected ${pattern}`);
    return found;
  };
  const [, http] = await next(/^listening on (http:\/\/127\.0\.0\.1:\d+)$/);
  const [, https, certificate] = await next(/^listening on (https:\/\/127\.0\.0\.1:\d+) \(certificate: (.+)\)$/);
  const stop = async () => {
    const ended = new Promise((resolve) => child.on("exit", resolve));
    child.kill("SIGTERM");
    const code = await ended;
    rmSync(home, { recursive: true, force: true });
    return code;
  };
  return { http, https, ca: readFileSync(certificate, "utf8"), stop };
}

// A credential as a managed identity has it: the resource is the scope without "/.default".
export function credential(http) {
  return {
    async getToken(scopes) {
      const resource = [scopes].flat()[0].replace(/\/\.default$/, "");
      const query = `api-version=2018-02-01&resource=${encodeURIComponent(resource)}`;
      const reply = await fetch(`${http}/metadata/identity/oauth2/token?${query}`, { headers: { Metadata: "true" } });
      const token = await reply.json();
      return { token: token.access_token, expiresOnTimestamp: Number(token.expires_on) * 1000 };
    },
  };
}

// Every item of a list in pages.
export const all = async (pages) => {
  const items = [];
  for await (const item of pages) items.push(item);
  return items;
};

// What every client is given besides its address.
export const armOptions = (simulator) => ({ tlsOptions: { ca: simulator.ca }, retryOptions: { maxRetries: 0 } });

// The SDK as it comes: only the address and the certificate are ours.
export function computeClient(simulator) {
  return new ComputeManagementClient(credential(simulator.http), subscription, {
    endpoint: simulator.https,
    ...armOptions(simulator),
  });
}
