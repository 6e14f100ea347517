// @azure/app-configuration: conditions, filters, pages, locks, flags, references, snapshots and refusals.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  AppConfigurationClient, featureFlagContentType, featureFlagPrefix, parseFeatureFlag, parseSecretReference,
  secretReferenceContentType,
} from "@azure/app-configuration";
import { all, armOptions, credential, startSimulator, subscription } from "./simulator.mjs";

let simulator, client, reader;
const status = (code) => (error) => error.statusCode === code;

before(async () => {
  simulator = await startSimulator(process.env.AZLIN_BINARY, "sample", "none");
  const { token } = await credential(simulator.http).getToken("https://management.azure.com/.default");
  const url = `${simulator.http}/subscriptions/${subscription}/resourceGroups/Production/providers` +
    "/Microsoft.AppConfiguration/configurationStores/prod-config/listKeys?api-version=2024-05-01";
  const { value } = await (await fetch(url, { method: "POST", headers: { Authorization: `Bearer ${token}` } })).json();
  const use = (name) => new AppConfigurationClient(value.find((key) => key.name === name).connectionString, armOptions(simulator));
  client = use("Primary");
  reader = use("Secondary Read Only");
});
after(async () => assert.equal(await simulator.stop(), 0));

test("a setting is written and deleted only as it was read", async () => {
  const made = await client.addConfigurationSetting({ key: "cond", value: "1", contentType: "text/plain", tags: { a: "1" } });
  assert.equal((await client.getConfigurationSetting(made, { onlyIfChanged: true })).statusCode, 304);
  await assert.rejects(client.addConfigurationSetting({ key: "cond", value: "2" }), status(412));
  await assert.rejects(client.setConfigurationSetting({ ...made, etag: "other" }, { onlyIfUnchanged: true }), status(412));
  const changed = await client.setConfigurationSetting({ ...made, value: "2" }, { onlyIfUnchanged: true });
  assert.notEqual(changed.etag, made.etag);
  assert.deepEqual(changed.tags, { a: "1" });
  await assert.rejects(client.deleteConfigurationSetting(made, { onlyIfUnchanged: true }), status(412));
  assert.equal((await client.deleteConfigurationSetting(changed, { onlyIfUnchanged: true })).statusCode, 200);
  assert.equal((await client.deleteConfigurationSetting({ key: "cond" })).statusCode, 204);
  await assert.rejects(client.getConfigurationSetting({ key: "cond" }), status(404));
});

test("filters by key, label, tag and field, with escapes", async () => {
  await client.setConfigurationSetting({ key: "x*y,z\\w", label: "l1", value: "v", tags: { a: "1", b: "2" } });
  await client.setConfigurationSetting({ key: "ключ/鍵 😀&+=", label: "é&=+", value: "ü" });
  const keys = async (options) => (await all(client.listConfigurationSettings(options))).map((one) => one.key);
  assert.deepEqual(await keys({ keyFilter: "x\\*y\\,z\\\\w" }), ["x*y,z\\w"]);
  assert.deepEqual(await keys({ labelFilter: "é&=+" }), ["ключ/鍵 😀&+="]);
  assert.deepEqual(await keys({ tagsFilter: ["a=1", "b=2"] }), ["x*y,z\\w"]);
  assert.ok(!(await keys({ labelFilter: "\0" })).includes("x*y,z\\w"));
  await assert.rejects(keys({ keyFilter: "*y" }), status(400));
  await assert.rejects(keys({ keyFilter: "a,b,c,d,e,f" }), status(400));
  const [few] = await all(client.listConfigurationSettings({ keyFilter: "x*", fields: ["key", "isReadOnly"] }));
  assert.deepEqual([few.key, few.value, few.isReadOnly], ["x*y,z\\w", undefined, false]);
  assert.deepEqual((await all(client.listLabels({ nameFilter: "l*" }))).map((one) => one.name), ["l1"]);
});

test("pages that did not change are not sent again", async () => {
  for (let number = 0; number < 120; ++number) await client.setConfigurationSetting({ key: `page/${number}`, value: "1" });
  const etags = [];
  for await (const page of client.listConfigurationSettings({ keyFilter: "page/*" }).byPage()) etags.push(page.etag);
  assert.equal(etags.length, 2);
  const again = async () => {
    const found = [];
    for await (const page of client.listConfigurationSettings({ keyFilter: "page/*", pageEtags: etags }).byPage())
      found.push(page.items.length);
    return found;
  };
  assert.deepEqual(await again(), [0, 0]);
  await client.setConfigurationSetting({ key: "page/99", value: "2" }); // the order is that of texts: on the second page
  assert.deepEqual(await again(), [0, 20]);
});

test("locks, flags and references", async () => {
  const flag = await client.addConfigurationSetting({
    key: `${featureFlagPrefix}js`, contentType: featureFlagContentType, isReadOnly: false,
    value: { id: "js", enabled: true, description: "d",
      conditions: { clientFilters: [{ name: "Microsoft.Targeting", parameters: { Audience: { Users: ["a"] } } }] } },
  });
  assert.deepEqual(parseFeatureFlag(flag).value.conditions.clientFilters[0].parameters, { Audience: { Users: ["a"] } });
  const secretId = "https://prod-kv.vault.azure.net/secrets/db-password";
  await client.setConfigurationSetting({ key: "ref", contentType: secretReferenceContentType, isReadOnly: false, value: { secretId } });
  const read = await client.getConfigurationSetting({ key: "ref" });
  assert.equal(parseSecretReference(read).value.secretId, secretId);
  await assert.rejects(client.setReadOnly({ key: "ref", etag: "other" }, true, { onlyIfUnchanged: true }), status(412));
  assert.equal((await client.setReadOnly({ key: "ref" }, true)).isReadOnly, true);
  await assert.rejects(client.setConfigurationSetting({ key: "ref", value: "x" }), status(409));
  await assert.rejects(client.deleteConfigurationSetting({ key: "ref" }), status(409));
  assert.equal((await client.setReadOnly({ key: "ref" }, false)).isReadOnly, false);
  await assert.rejects(client.setReadOnly({ key: "nothing" }, true), status(404));
  assert.equal((await all(client.listRevisions({ keyFilter: "ref" }))).length, 3);
});

test("what is refused", async () => {
  assert.ok((await all(reader.listConfigurationSettings())).length > 0);
  await assert.rejects(reader.setConfigurationSetting({ key: "a", value: "1" }), status(403));
  await assert.rejects(client.setConfigurationSetting({ key: "big", value: "x".repeat(11_000) }), status(413));
});

test("snapshots are made, listed, archived and recovered", async () => {
  const name = "before/the change ä";
  const wait = { updateIntervalInMs: 20 };
  const snapshot = await client.beginCreateSnapshotAndWait({
    name, filters: [{ keyFilter: "app*", labelFilter: "prod" }, { keyFilter: "app*" }], compositionType: "key_label",
    retentionPeriodInSeconds: 3600, tags: { by: "js" },
  }, wait);
  assert.equal(snapshot.status, "ready");
  assert.equal(snapshot.itemCount, 4);
  assert.equal((await all(client.listConfigurationSettingsForSnapshot(name))).length, 4);
  await assert.rejects(client.beginCreateSnapshotAndWait({ name, filters: [{ keyFilter: "app*" }] }, wait), status(409));
  await assert.rejects(client.beginCreateSnapshotAndWait(
    { name: "short", filters: [{ keyFilter: "app*" }], retentionPeriodInSeconds: 5 }, wait), status(400));
  await assert.rejects(client.getSnapshot("none"), status(404));
  assert.equal((await client.archiveSnapshot(name)).status, "archived");
  assert.deepEqual(await all(client.listSnapshots({ statusFilter: ["ready"] })), []);
  assert.equal((await client.recoverSnapshot(name)).status, "ready");
  assert.equal((await all(client.listSnapshots({ nameFilter: "before*" }))).length, 1);
});
