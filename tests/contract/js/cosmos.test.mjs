// @azure/arm-cosmosdb: accounts, their changes, keys, databases, throughput, what can be restored, and refusals.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CosmosDBManagementClient } from "@azure/arm-cosmosdb";
import { all, armOptions, credential, startSimulator, subscription } from "./simulator.mjs";

const group = "Production", name = "js-one", soon = { updateIntervalInMs: 20 };
let simulator, client, accounts;
const code = (wanted) => (error) => error.code === wanted;
const update = (change) => accounts.beginUpdateAndWait(group, name, change, soon);

before(async () => {
  simulator = await startSimulator(process.env.AZLIN_BINARY, "sample", "none");
  client = new CosmosDBManagementClient(credential(simulator.http), subscription, { endpoint: simulator.https, ...armOptions(simulator) });
  accounts = client.databaseAccounts;
  const made = await accounts.beginCreateOrUpdateAndWait(group, name, {
    location: "eastus", databaseAccountOfferType: "Standard", identity: { type: "SystemAssigned" },
    locations: [{ locationName: "East US", failoverPriority: 0 }],
    backupPolicy: { type: "Periodic", periodicModeProperties: { backupIntervalInMinutes: 240, backupRetentionIntervalInHours: 8 } },
  }, soon);
  assert.equal(made.provisioningState, "Succeeded");
  assert.match(made.identity.principalId, /^[0-9a-f-]{36}$/);
});
after(async () => assert.equal(await simulator.stop(), 0));

test("names are taken or free, also while an account is refused", async () => {
  assert.equal((await accounts.checkNameExists("prod-cosmos")).body, true);
  assert.equal((await accounts.checkNameExists("nobody-has-it")).body, false);
  assert.ok((await all(accounts.list())).some((one) => one.name === name));
  const one = { location: "eastus", databaseAccountOfferType: "Standard", locations: [{ locationName: "eastus", failoverPriority: 0 }] };
  await assert.rejects(accounts.beginCreateOrUpdateAndWait(group, "JS_One", one, soon), code("BadRequest"));
  await assert.rejects(accounts.get(group, "nobody-has-it"), code("ResourceNotFound"));
});

test("regions change alone, and one takes over", async () => {
  const two = [{ locationName: "East US", failoverPriority: 0 }, { locationName: "West US 2", failoverPriority: 1 }];
  await assert.rejects(update({ locations: two, enableAutomaticFailover: true }), code("BadRequest"));
  assert.equal((await update({ locations: two })).locations.length, 2);
  assert.equal((await update({ enableAutomaticFailover: true })).enableAutomaticFailover, true);
  assert.deepEqual((await update({ tags: { by: "js" } })).tags, { by: "js" });
  await accounts.beginFailoverPriorityChangeAndWait(group, name, {
    failoverPolicies: [{ locationName: "West US 2", failoverPriority: 0 }, { locationName: "East US", failoverPriority: 1 }],
  }, soon);
  assert.equal((await accounts.get(group, name)).writeLocations[0].locationName, "West US 2");
  assert.equal((await client.locations.get("eastus")).name, "East US");
  assert.ok((await all(client.locations.list())).length > 10);
});

test("keys are told, and made anew", async () => {
  const before = await accounts.listKeys(group, name);
  assert.deepEqual(Object.keys(await accounts.listReadOnlyKeys(group, name)).sort(),
    ["primaryReadonlyMasterKey", "secondaryReadonlyMasterKey"]);
  await accounts.beginRegenerateKeyAndWait(group, name, { keyKind: "secondary" }, soon);
  const after = await accounts.listKeys(group, name);
  assert.equal(after.primaryMasterKey, before.primaryMasterKey);
  assert.notEqual(after.secondaryMasterKey, before.secondaryMasterKey);
  const { connectionStrings } = await accounts.listConnectionStrings(group, name);
  assert.ok(connectionStrings[1].connectionString.includes(after.secondaryMasterKey));
});

test("continuous backup has no way back, and knows what there was", async () => {
  await update({ backupPolicy: { type: "Continuous", continuousModeProperties: { tier: "Continuous7Days" } } });
  let { backupPolicy } = await accounts.get(group, name);
  assert.deepEqual([backupPolicy.type, backupPolicy.migrationState.status], ["Continuous", "Completed"]);
  ({ backupPolicy } = await update({ backupPolicy: { type: "Continuous", continuousModeProperties: { tier: "Continuous30Days" } } }));
  assert.equal(backupPolicy.continuousModeProperties.tier, "Continuous30Days");
  await assert.rejects(update({ backupPolicy: { type: "Periodic", periodicModeProperties: {} } }), code("BadRequest"));

  const sql = client.sqlResources;
  await sql.beginCreateUpdateSqlDatabaseAndWait(group, name, "d", { resource: { id: "d" }, options: { throughput: 400 } }, soon);
  const made = await sql.beginCreateUpdateSqlContainerAndWait(group, name, "d", "c",
    { resource: { id: "c", partitionKey: { paths: ["/id"], kind: "Hash" }, defaultTtl: 60 } }, soon);
  assert.deepEqual([made.resource.partitionKey.paths, made.resource.defaultTtl], [["/id"], 60]);
  assert.equal((await sql.getSqlDatabaseThroughput(group, name, "d")).resource.throughput, 400);
  const more = await sql.beginUpdateSqlDatabaseThroughputAndWait(group, name, "d", { resource: { throughput: 600 } }, soon);
  assert.equal(more.resource.throughput, 600);
  await assert.rejects(sql.getSqlContainerThroughput(group, name, "d", "c"), code("NotFound"));
  const told = await sql.beginRetrieveContinuousBackupInformationAndWait(group, name, "d", "c", { location: "West US 2" }, soon);
  assert.ok(told.continuousBackupInformation.latestRestorableTimestamp);
  await assert.rejects(all(client.mongoDBResources.listMongoDBDatabases(group, name)), code("BadRequest"));
  await sql.beginDeleteSqlContainerAndWait(group, name, "d", "c", soon);
  await assert.rejects(sql.getSqlContainer(group, name, "d", "c"), code("ResourceNotFound"));

  const source = (await all(client.restorableDatabaseAccounts.listByLocation("eastus"))).find((one) => one.accountName === name);
  assert.deepEqual(source.restorableLocations.map((one) => one.locationName).sort(), ["East US", "West US 2"]);
  const [database] = await all(client.restorableSqlDatabases.list("eastus", source.name));
  const events = await all(client.restorableSqlContainers.list("eastus", source.name,
    { restorableSqlDatabaseRid: database.resource.ownerResourceId }));
  assert.deepEqual(events.map((one) => [one.resource.ownerId, one.resource.operationType]), [["c", "Create"], ["c", "Delete"]]);
});

test("a restore in parts, from an account that is deleted, and refusals", async () => {
  const source = (await all(client.restorableDatabaseAccounts.list())).find((one) => one.accountName === "prod-cosmos");
  await accounts.beginDeleteAndWait(group, "prod-cosmos", soon);
  assert.ok((await client.restorableDatabaseAccounts.getByLocation("eastus", source.name)).deletionTime);
  const restore = (target, more = {}, location = "eastus") => accounts.beginCreateOrUpdateAndWait(group, target, {
    location, databaseAccountOfferType: "Standard", createMode: "Restore", locations: [{ locationName: location, failoverPriority: 0 }],
    restoreParameters: { restoreMode: "PointInTime", restoreSource: source.id,
      restoreTimestampInUtc: new Date(Date.now() - 3600_000), ...more },
  }, soon);
  await assert.rejects(restore("js-far", {}, "westeurope"), code("BadRequest"));
  await assert.rejects(restore("js-late", { restoreTimestampInUtc: new Date(Date.now() + 3600_000) }), code("BadRequest"));
  await assert.rejects(restore("js-part", { databasesToRestore: [{ databaseName: "none" }] }), code("BadRequest"));
  await restore("js-part", { databasesToRestore: [{ databaseName: "chat", collectionNames: ["sessions"] }] });
  assert.deepEqual((await all(client.sqlResources.listSqlContainers(group, "js-part", "chat"))).map((one) => one.name), ["sessions"]);
});
