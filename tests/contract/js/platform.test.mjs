// Microsoft's SDKs of the platform resources: Key Vault, App Configuration, Cosmos DB and, over Azurite, blobs.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, test } from "node:test";
import { AppConfigurationClient } from "@azure/app-configuration";
import { CosmosDBManagementClient } from "@azure/arm-cosmosdb";
import { StorageManagementClient } from "@azure/arm-storage";
import { SecretClient } from "@azure/keyvault-secrets";
import { BlobServiceClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import { all, armOptions, credential, startSimulator, subscription } from "./simulator.mjs";

const group = "Production";
let simulator, azurite, blobPort;

before(async () => {
  azurite = spawn("node_modules/.bin/azurite-blob",
    ["--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck"],
    { stdio: ["ignore", "pipe", "inherit"] });
  blobPort = await new Promise((resolve, reject) => {
    let said = "";
    azurite.on("exit", () => reject(new Error("azurite ended")));
    azurite.stdout.on("data", (text) => {
      const found = /successfully listens on http:\/\/127\.0\.0\.1:(\d+)/.exec((said += text));
      if (found) resolve(Number(found[1]));
    });
  });
  simulator = await startSimulator(process.env.AZLIN_BINARY, "sample", "demo", `http://127.0.0.1:${blobPort}`);
});
after(async () => {
  azurite.removeAllListeners("exit");
  azurite.kill();
  assert.equal(await simulator.stop(), 0);
});

const arm = (type, version) => async (path, method = "GET") => {
  const { token } = await credential(simulator.http).getToken("https://management.azure.com/.default");
  const url = `${simulator.http}/subscriptions/${subscription}/resourceGroups/${group}/providers/${type}/${path}?api-version=${version}`;
  return (await fetch(url, { method, headers: { Authorization: `Bearer ${token}` } })).json();
};

const secretClient = async (vault) => {
  const { properties } = await arm("Microsoft.KeyVault/vaults", "2022-07-01")(vault);
  return new SecretClient(properties.vaultUri, credential(simulator.http),
    { ...armOptions(simulator), disableChallengeResourceVerification: true });
};

test("secrets are set, listed, deleted, recovered, backed up and restored", async () => {
  const client = await secretClient("staging-kv");
  for (let number = 0; number < 30; ++number) await client.setSecret(`js-${number}`, `value-${number}`);
  const listed = await all(client.listPropertiesOfSecrets());
  assert.equal(listed.filter((one) => one.name.startsWith("js-")).length, 30);
  await client.setSecret("js-0", "newer");
  assert.equal((await all(client.listPropertiesOfSecretVersions("js-0"))).length, 2);

  const backup = await client.backupSecret("js-0");
  const deletion = await client.beginDeleteSecret("js-0", { intervalInMs: 50 });
  await deletion.pollUntilDone();
  await assert.rejects(client.setSecret("js-0", "again"), (error) => error.statusCode === 409);
  await client.purgeDeletedSecret("js-0");
  for (let tries = 0; ; ++tries) {
    try {
      await client.restoreSecretBackup(backup);
      break;
    } catch (error) {  // for a second or so after a purge the name is still held
      assert.equal(error.statusCode, 409);
      assert.ok(tries < 100);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  assert.equal((await client.getSecret("js-0")).value, "newer");
  assert.equal((await all(client.listPropertiesOfSecretVersions("js-0"))).length, 2);

  const gone = await client.beginDeleteSecret("js-1", { intervalInMs: 50 });
  await gone.pollUntilDone();
  const back = await client.beginRecoverDeletedSecret("js-1", { intervalInMs: 50 });
  await back.pollUntilDone();
  assert.equal((await client.getSecret("js-1")).value, "value-1");
  await assert.rejects(client.getSecret("nothing"), (error) => error.code === "SecretNotFound");
});

test("settings, labels, locks, revisions and snapshots of a configuration store", async () => {
  const { value } = await arm("Microsoft.AppConfiguration/configurationStores", "2022-05-01")("prod-config/listKeys", "POST");
  const client = new AppConfigurationClient(value[0].connectionString, armOptions(simulator));
  await client.setConfigurationSetting({ key: "js/a b", label: "täst", value: "1", tags: { by: "js" } });
  const read = await client.getConfigurationSetting({ key: "js/a b", label: "täst" });
  assert.equal(read.value, "1");
  assert.deepEqual(read.tags, { by: "js" });
  await assert.rejects(client.addConfigurationSetting({ key: "js/a b", label: "täst", value: "2" }), (error) => error.statusCode === 412);
  await client.setReadOnly({ key: "js/a b", label: "täst" }, true);
  await assert.rejects(client.setConfigurationSetting({ key: "js/a b", label: "täst", value: "2" }), (error) => error.statusCode === 409);
  await client.setReadOnly({ key: "js/a b", label: "täst" }, false);

  for (let number = 0; number < 120; ++number) await client.setConfigurationSetting({ key: `many/${number}`, value: "x" });
  assert.equal((await all(client.listConfigurationSettings({ keyFilter: "many/*" }))).length, 120);
  assert.equal((await all(client.listRevisions({ keyFilter: "js/*" }))).length, 3);
  assert.ok((await all(client.listConfigurationSettings({ keyFilter: ".appconfig.featureflag/*" }))).length > 0);

  const snapshot = await client.beginCreateSnapshotAndWait(
    { name: "js-snap", filters: [{ keyFilter: "many/*" }], retentionPeriodInSeconds: 3600 }, { updateIntervalInMs: 50 });
  assert.equal(snapshot.status, "ready");
  assert.equal((await all(client.listConfigurationSettingsForSnapshot("js-snap"))).length, 120);
});

test("a Cosmos DB account is looked at and restored", async () => {
  const client = new CosmosDBManagementClient(credential(simulator.http), subscription, { endpoint: simulator.https, ...armOptions(simulator) });
  const account = await client.databaseAccounts.get(group, "prod-cosmos");
  assert.equal(account.backupPolicy.type, "Continuous");
  const restorable = (await all(client.restorableDatabaseAccounts.list())).find((one) => one.accountName === "prod-cosmos");
  assert.equal(restorable.name, account.instanceId);
  const restored = await client.databaseAccounts.beginCreateOrUpdateAndWait(group, "js-restored", {
    location: "eastus", databaseAccountOfferType: "Standard", createMode: "Restore",
    locations: [{ locationName: "eastus", failoverPriority: 0 }], backupPolicy: { type: "Continuous" },
    restoreParameters: { restoreMode: "PointInTime", restoreSource: restorable.id,
      restoreTimestampInUtc: new Date(Date.now() - 3600_000) },
  }, { updateIntervalInMs: 100 });
  assert.equal(restored.provisioningState, "Succeeded");
  assert.deepEqual((await all(client.sqlResources.listSqlDatabases(group, "js-restored"))).map((one) => one.name), ["chat"]);
});

test("the blobs of an account are Azurite's, with the keys of ARM", async () => {
  const client = new StorageManagementClient(credential(simulator.http), subscription, { endpoint: simulator.https, ...armOptions(simulator) });
  const name = "devstoreaccount1";
  const account = await client.storageAccounts.beginCreateAndWait(group, name,
    { location: "eastus", kind: "StorageV2", sku: { name: "Standard_LRS" } }, { updateIntervalInMs: 50 });
  const { keys } = await client.storageAccounts.listKeys(group, name);
  const blobs = new BlobServiceClient(account.primaryEndpoints.blob.replace(/\/$/, ""), new StorageSharedKeyCredential(name, keys[0].value));
  const container = blobs.getContainerClient("js-data");
  await container.create();
  await container.getBlockBlobClient("a/b.txt").upload("hello", 5);
  assert.equal(String(await container.getBlobClient("a/b.txt").downloadToBuffer()), "hello");

  // A signature that ARM makes with the account's key, which Azurite checks.
  const soon = new Date(Date.now() + 3600_000), address = account.primaryEndpoints.blob.replace(/\/$/, "");
  const { accountSasToken } = await client.storageAccounts.listAccountSAS(group, name,
    { services: "b", resourceTypes: "sco", permissions: "rl", sharedAccessExpiryTime: soon });
  const reader = new BlobServiceClient(`${address}?${accountSasToken}`).getContainerClient("js-data");
  assert.deepEqual((await all(reader.listBlobsFlat())).map((one) => one.name), ["a/b.txt"]);
  await assert.rejects(reader.getBlobClient("a/b.txt").delete(), (error) => error.statusCode === 403);
  const { serviceSasToken } = await client.storageAccounts.listServiceSAS(group, name,
    { canonicalizedResource: `/blob/${name}/js-data`, resource: "c", permissions: "r", sharedAccessExpiryTime: soon });
  const one = new BlobServiceClient(`${address}?${serviceSasToken}`).getContainerClient("js-data").getBlobClient("a/b.txt");
  assert.equal(String(await one.downloadToBuffer()), "hello");
});

test("containers are locked for good, and lifecycle rules kept", async () => {
  const client = new StorageManagementClient(credential(simulator.http), subscription, { endpoint: simulator.https, ...armOptions(simulator) });
  const name = "jslocked01", containers = client.blobContainers;
  await client.storageAccounts.beginCreateAndWait(group, name,
    { location: "eastus", kind: "StorageV2", sku: { name: "Standard_LRS" } }, { updateIntervalInMs: 50 });
  await containers.create(group, name, "held", { metadata: { a: "b" } });
  await containers.setLegalHold(group, name, "held", { tags: ["case1"] });
  await assert.rejects(containers.delete(group, name, "held"), (error) => error.code === "ContainerHasLegalHold");
  await containers.clearLegalHold(group, name, "held", { tags: ["case1"] });
  const period = (days) => ({ parameters: { immutabilityPeriodSinceCreationInDays: days } });
  const { etag } = await containers.createOrUpdateImmutabilityPolicy(group, name, "held", period(3));
  const locked = await containers.lockImmutabilityPolicy(group, name, "held", etag);
  assert.equal(locked.state, "Locked");
  await containers.extendImmutabilityPolicy(group, name, "held", locked.etag, period(10));
  await assert.rejects(containers.extendImmutabilityPolicy(group, name, "held", locked.etag, period(11)), (error) => error.statusCode === 412);
  await assert.rejects(client.storageAccounts.delete(group, name), (error) => error.code === "AccountProtectedFromDeletion");
  assert.deepEqual((await all(containers.list(group, name))).map((found) => [found.name, found.hasImmutabilityPolicy]), [["held", true]]);
  const rule = { name: "old", type: "Lifecycle", definition: { filters: { blobTypes: ["blockBlob"] },
    actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: 365 } } } } };
  assert.equal((await client.managementPolicies.createOrUpdate(group, name, "default", { policy: { rules: [rule] } })).policy.rules[0].enabled, true);
  await client.managementPolicies.delete(group, name, "default");
  await assert.rejects(client.managementPolicies.get(group, name, "default"), (error) => error.code === "ManagementPolicyNotFound");
});
