// Microsoft's SDKs of Key Vault: secrets, keys and what they do, certificates.
import assert from "node:assert/strict";
import { createHash, createPublicKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { after, before, test } from "node:test";
import { CertificateClient } from "@azure/keyvault-certificates";
import { CryptographyClient, KeyClient } from "@azure/keyvault-keys";
import { SecretClient } from "@azure/keyvault-secrets";
import { all, armOptions, credential, startSimulator, subscription } from "./simulator.mjs";

let simulator, uri, options, secrets, keys, certificates;
const fast = { intervalInMs: 50 };

before(async () => {
  simulator = await startSimulator(process.env.AZLIN_BINARY);
  const { token } = await credential(simulator.http).getToken("https://management.azure.com/.default");
  const path = `subscriptions/${subscription}/resourceGroups/Production/providers/Microsoft.KeyVault/vaults/staging-kv`;
  const vault = await fetch(`${simulator.http}/${path}?api-version=2022-07-01`, { headers: { Authorization: `Bearer ${token}` } });
  uri = (await vault.json()).properties.vaultUri;
  options = { ...armOptions(simulator), disableChallengeResourceVerification: true };
  [secrets, keys, certificates] = [SecretClient, KeyClient, CertificateClient].map((Client) => new Client(uri, credential(simulator.http), options));
});
after(async () => assert.equal(await simulator.stop(), 0));

const crypto = async (name, more = {}) => new CryptographyClient(await keys.getKey(name), credential(simulator.http), { ...options, ...more });
// Newer clients keep the outer code only.
const refused = (work, status, code) => assert.rejects(work, (error) => {
  assert.equal(error.statusCode, status, error.message);
  const body = error.response.bodyAsText ? JSON.parse(error.response.bodyAsText).error : error;
  if (code) assert.equal(body.innererror?.code ?? body.code, code, error.message);
  return true;
});
// For a second or so after a purge the name is still held.
const whenFree = async (work) => {
  for (let tries = 0; ; ++tries) {
    try {
      return await work();
    } catch (error) {
      if (error.statusCode !== 409 || tries > 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
};

test("a secret's attributes are kept, changed and obeyed", async () => {
  const made = await secrets.setSecret("attributes", "v", {
    contentType: "text/plain", tags: { a: "b" }, notBefore: new Date(1e12), expiresOn: new Date(2e12) });
  assert.equal(made.properties.contentType, "text/plain");
  assert.equal(made.properties.expiresOn.getTime(), 2e12);
  assert.equal(made.properties.recoverableDays, 7);
  assert.equal(made.properties.recoveryLevel, "CustomizedRecoverable+Purgeable");
  await secrets.updateSecretProperties("attributes", made.properties.version, { enabled: false, tags: { c: "d" } });
  await refused(secrets.getSecret("attributes"), 403, "Forbidden");
  await refused(secrets.backupSecret("attributes"), 403, "Forbidden");
  const [listed] = await all(secrets.listPropertiesOfSecretVersions("attributes"));
  assert.equal(listed.enabled, false);
  assert.deepEqual(listed.tags, { c: "d" });
  await secrets.setSecret("expired", "still readable", { expiresOn: new Date(Date.now() - 1000) });
  assert.equal((await secrets.getSecret("expired")).value, "still readable");
});

test("bad names, sizes and numbers of tags are refused", async () => {
  await refused(secrets.setSecret("under_score", "v"), 400, "BadParameter");
  await refused(secrets.setSecret("big", "x".repeat(25_601)), 400, "BadParameter");
  await secrets.setSecret("big", "x".repeat(25_600));
  const tags = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`t${i}`, "v"]));
  await refused(secrets.setSecret("tags", "v", { tags }), 400, "BadParameter");
  await refused(secrets.setSecret("typed", "v", { contentType: "x".repeat(256) }), 400, "BadParameter");
  await refused(secrets.setSecret("n".repeat(128), "v"), 400, "BadParameter");
  await refused(secrets.setSecret("tags", "v", { tags: { ["k".repeat(257)]: "v" } }), 400, "BadParameter");
  await refused(secrets.setSecret("times", "v", { notBefore: new Date(2e12), expiresOn: new Date(1e12) }), 400, "BadParameter");
  await refused(secrets.restoreSecretBackup(new Uint8Array([1, 2, 3])), 400, "BadParameter");
  await refused(secrets.getDeletedSecret("nothing"), 404, "SecretNotFound");
  await refused(secrets.purgeDeletedSecret("nothing"), 404, "SecretNotFound");
});

test("a deleted secret is shown with its dates, recovered, purged", async () => {
  await secrets.setSecret("gone", "v");
  const deleted = await (await secrets.beginDeleteSecret("gone", fast)).pollUntilDone();
  assert.match(deleted.recoveryId, /\/deletedsecrets\/gone$/);
  assert.equal(deleted.scheduledPurgeDate - deleted.deletedOn, 7 * 86_400_000);
  assert.deepEqual((await all(secrets.listDeletedSecrets())).map((one) => one.name), ["gone"]);
  await refused(secrets.getSecret("gone"), 404, "SecretNotFound");
  await refused(secrets.setSecret("gone", "again"), 409, "Conflict");
  await secrets.purgeDeletedSecret("gone");
  await whenFree(() => secrets.setSecret("gone", "new"));
  assert.equal((await all(secrets.listPropertiesOfSecretVersions("gone"))).length, 1);
});

test("pages have the size that was asked for", async () => {
  for (let i = 0; i < 7; ++i) await secrets.setSecret(`page-${i}`, "v");
  const sizes = [];
  for await (const page of secrets.listPropertiesOfSecrets().byPage({ maxPageSize: 3 })) sizes.push(page.length);
  assert.ok(sizes.slice(0, -1).every((size) => size === 3) && sizes.length > 2, String(sizes));
});

test("versions and deleted secrets come in pages, too", async () => {
  for (let i = 0; i < 7; ++i) await secrets.setSecret("versions", String(i));
  const seen = new Set();
  const sizes = [];
  for await (const page of secrets.listPropertiesOfSecretVersions("versions").byPage({ maxPageSize: 3 })) {
    sizes.push(page.length);
    for (const one of page) seen.add(one.version);
  }
  assert.deepEqual(sizes, [3, 3, 1]);
  assert.equal(seen.size, 7);
  assert.deepEqual(await all(secrets.listPropertiesOfSecretVersions("nothing")), []);
  for (const name of ["away-1", "away-2", "away-3"]) {
    await secrets.setSecret(name, "v");
    await (await secrets.beginDeleteSecret(name, fast)).pollUntilDone();
  }
  const deleted = [];
  for await (const page of secrets.listDeletedSecrets().byPage({ maxPageSize: 2 })) {
    assert.ok(page.length <= 2);
    deleted.push(...page.map((one) => one.name));
  }
  assert.deepEqual(deleted.filter((name) => name.startsWith("away-")).sort(), ["away-1", "away-2", "away-3"]);
  await (await secrets.beginRecoverDeletedSecret("away-1", fast)).pollUntilDone();
  assert.equal((await secrets.getSecret("away-1")).value, "v");
  await refused(secrets.purgeDeletedSecret("away-1"), 404, "SecretNotFound");
});

for (const [name, algorithm] of [["RSA1_5"], ["RSA-OAEP"], ["RSA-OAEP-256"]].map(([a]) => [a.toLowerCase().replace("_", "-"), a]))
  test(`an RSA key encrypts and wraps by ${algorithm}`, async () => {
    await keys.createRsaKey(name, { keySize: 2048 });
    const client = await crypto(name);
    const { result } = await client.encrypt(algorithm, Buffer.from("hello"));
    assert.equal(Buffer.from((await client.decrypt(algorithm, result)).result).toString(), "hello");
    const wrapped = await client.wrapKey(algorithm, Buffer.alloc(32, 7));
    assert.deepEqual(Buffer.from((await client.unwrapKey(algorithm, wrapped.result)).result), Buffer.alloc(32, 7));
    await refused(client.decrypt(algorithm, Buffer.alloc(256, 1)), 400, "BadParameter");
  });

test("signatures hold, also outside the vault", async () => {
  const digest = (bits) => createHash(`sha${bits}`).update("text").digest();
  await keys.createRsaKey("sign-rsa");
  for (const algorithm of ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]) {
    const client = await crypto("sign-rsa");
    const { result } = await client.sign(algorithm, digest(algorithm.slice(2)));
    assert.equal((await client.verify(algorithm, digest(algorithm.slice(2)), result)).result, true);
    result[9] ^= 1;
    assert.equal((await client.verify(algorithm, digest(algorithm.slice(2)), result)).result, false);
  }
  for (const [curve, algorithm, bits] of [["P-256", "ES256", 256], ["P-384", "ES384", 384], ["P-521", "ES512", 512], ["P-256K", "ES256K", 256]]) {
    await keys.createEcKey(`sign-${curve}`, { curve });
    const client = await crypto(`sign-${curve}`);
    const { result } = await client.sign(algorithm, digest(bits));
    assert.equal((await client.verify(algorithm, digest(bits), result)).result, true);
    const { key } = await keys.getKey(`sign-${curve}`);
    assert.equal(key.x.length, { 256: 32, 384: 48, 512: 66 }[bits]);
  }
  const ec = await crypto("sign-P-256");
  await refused(ec.sign("ES384", digest(384)), 400, "BadParameter");
  await refused(ec.sign("ES256", digest(384)), 400, "BadParameter");
});

test("what a key may do is obeyed", async () => {
  await keys.createRsaKey("limited");
  const client = await crypto("limited");
  await keys.updateKeyProperties("limited", { keyOps: ["verify"] });
  await refused(client.sign("RS256", Buffer.alloc(32)), 403, "KeyOperationForbidden");
  await keys.updateKeyProperties("limited", { keyOps: ["sign", "verify"], enabled: false });
  await refused(client.sign("RS256", Buffer.alloc(32)), 403, "KeyDisabled");
});

test("a key of one's own is imported, rotated, backed up and restored with its private half", async () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const own = Object.fromEntries(Object.entries(privateKey.export({ format: "jwk" })).map(([name, value]) =>
    [name, name === "kty" ? value : Buffer.from(value, "base64url")]));
  await keys.importKey("own", own);
  const first = await keys.getKey("own");
  const { result } = await (await crypto("own")).encrypt("RSA-OAEP", Buffer.from("ours"));
  const rotated = await keys.rotateKey("own");
  assert.notEqual(rotated.properties.version, first.properties.version);
  assert.equal((await all(keys.listPropertiesOfKeyVersions("own"))).length, 2);

  const policy = await keys.updateKeyRotationPolicy("own", { expiresIn: "P90D", lifetimeActions: [{ action: "Rotate", timeBeforeExpiry: "P30D" }] });
  assert.equal(policy.expiresIn, "P90D");
  assert.equal((await keys.getKeyRotationPolicy("own")).lifetimeActions[0].action, "Rotate");

  const backup = await keys.backupKey("own");
  await refused(keys.restoreKeyBackup(backup), 409, "Conflict");
  await (await keys.beginDeleteKey("own", fast)).pollUntilDone();
  await keys.purgeDeletedKey("own");
  await whenFree(() => keys.restoreKeyBackup(backup));
  assert.equal((await all(keys.listPropertiesOfKeyVersions("own"))).length, 2);
  const old = new CryptographyClient(first.id, credential(simulator.http), options);
  assert.equal(Buffer.from((await old.decrypt("RSA-OAEP", result)).result).toString(), "ours");
});

const policy = { issuerName: "Self", subject: "CN=test", subjectAlternativeNames: { dnsNames: ["a.example"] }, keySize: 2048, validityInMonths: 6 };

test("certificates are made, listed, changed, deleted and recovered", async () => {
  const made = await (await certificates.beginCreateCertificate("web", policy, { ...fast, tags: { a: "1" } })).pollUntilDone();
  const parsed = new X509Certificate(Buffer.from(made.cer));
  assert.equal(parsed.subject, "CN=test");
  assert.equal(parsed.subjectAltName, "DNS:a.example");
  assert.equal(made.policy.lifetimeActions[0].action, "AutoRenew");
  await certificates.updateCertificateProperties("web", made.properties.version, { tags: { b: "2" } });
  assert.deepEqual((await certificates.getCertificateVersion("web", made.properties.version)).properties.tags, { b: "2" });
  await certificates.updateCertificatePolicy("web", { ...policy, validityInMonths: 7 });
  assert.equal((await certificates.getCertificatePolicy("web")).validityInMonths, 7);
  await certificates.deleteCertificateOperation("web");
  await refused(certificates.getCertificateOperation("web"), 404, "PendingCertificateNotFound");
  await refused(secrets.backupSecret("web"), 403);
  await (await certificates.beginDeleteCertificate("web", fast)).pollUntilDone();
  await refused(secrets.getSecret("web"), 404, "SecretNotFound");
  await (await certificates.beginRecoverDeletedCertificate("web", fast)).pollUntilDone();
  assert.equal((await all(certificates.listPropertiesOfCertificateVersions("web"))).length, 1);
});

test("a certificate's key and secret come back with it", async () => {
  for (const [name, more] of [["rsa", {}], ["ec", { keyType: "EC", keyCurveName: "P-256", keySize: undefined, contentType: "application/x-pem-file" }]]) {
    const made = await (await certificates.beginCreateCertificate(name, { ...policy, ...more }, fast)).pollUntilDone();
    const value = (await secrets.getSecret(name)).value;
    const backup = await certificates.backupCertificate(name);
    await (await certificates.beginDeleteCertificate(name, fast)).pollUntilDone();
    await certificates.purgeDeletedCertificate(name);
    await whenFree(() => certificates.restoreCertificateBackup(backup));
    assert.equal((await secrets.getSecret(name)).value, value);
    assert.deepEqual((await certificates.getCertificate(name)).cer, made.cer);
    const key = await keys.getKey(name);
    assert.equal(key.properties.managed, true);
    const jwk = createPublicKey(new X509Certificate(Buffer.from(made.cer)).publicKey.export({ type: "spki", format: "pem" })).export({ format: "jwk" });
    assert.equal(Buffer.from(key.key.n ?? key.key.x).toString("base64url"), jwk.n ?? jwk.x);
  }
});

test("a certificate is imported from PKCS #12 and from PEM", async () => {
  await (await certificates.beginCreateCertificate("source", policy, fast)).pollUntilDone();
  const pfx = Buffer.from((await secrets.getSecret("source")).value, "base64");
  const imported = await certificates.importCertificate("from-pfx", pfx);
  assert.deepEqual(imported.cer, (await certificates.getCertificate("source")).cer);
  await (await certificates.beginCreateCertificate("pem", { ...policy, contentType: "application/x-pem-file" }, fast)).pollUntilDone();
  const pem = Buffer.from((await secrets.getSecret("pem")).value);
  const again = await certificates.importCertificate("from-pem", pem, { policy: { contentType: "application/x-pem-file", issuerName: "Unknown", subject: "CN=test" } });
  assert.equal(again.policy.contentType, "application/x-pem-file");
  await refused(certificates.importCertificate("broken", Buffer.from("nonsense")), 400, "BadParameter");
});

test("contacts and issuers are kept", async () => {
  await refused(certificates.getContacts(), 404);
  await certificates.setContacts([{ email: "ops@example.com", name: "Ops" }]);
  assert.deepEqual((await certificates.getContacts())[0].email, "ops@example.com");
  await certificates.deleteContacts();
  await certificates.createIssuer("issuer", "Test", { accountId: "one" });
  await certificates.updateIssuer("issuer", { accountId: "two" });
  assert.equal((await certificates.getIssuer("issuer")).accountId, "two");
  assert.equal((await all(certificates.listPropertiesOfIssuers())).length, 1);
  await certificates.deleteIssuer("issuer");
  await refused(certificates.getIssuer("issuer"), 404);
});
