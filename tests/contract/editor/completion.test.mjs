// An editor's completion and checks with the schema that azlin prints.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';

const require = createRequire(import.meta.url);
const rpc = require('vscode-jsonrpc/node');

const folder = mkdtempSync(join(tmpdir(), 'azlin-editor-'));
const schema = join(folder, 'protection.schema.json');
writeFileSync(schema, execFileSync(process.env.AZLIN_BINARY, ['plan', '--schema']));

const server = spawn(process.execPath, [require.resolve('yaml-language-server/bin/yaml-language-server'), '--stdio'],
  { stdio: ['pipe', 'pipe', 'ignore'] });
const connection = rpc.createMessageConnection(new rpc.StreamMessageReader(server.stdout), new rpc.StreamMessageWriter(server.stdin));
const diagnostics = new Map();
const waiting = new Map();
connection.onNotification('textDocument/publishDiagnostics', ({ uri, diagnostics: found }) => {
  diagnostics.set(uri, found);
  waiting.get(uri)?.();
});
const settings = { yaml: { completion: true, validate: true }, '[yaml]': { 'editor.tabSize': 2 }, editor: { tabSize: 2 } };
connection.onRequest('workspace/configuration', ({ items }) => items.map(({ section }) => settings[section] ?? {}));
connection.onRequest('client/registerCapability', () => null);
connection.listen();
await connection.sendRequest('initialize', { processId: process.pid, rootUri: null, capabilities: {
    workspace: { configuration: true },
    textDocument: { completion: { completionItem: { documentationFormat: ['plaintext'] } } } } });
connection.sendNotification('initialized', {});
after(() => {
  connection.dispose();
  server.kill();
});

let documents = 0;
// Opens a document and waits until it was looked at; `|` stands for the cursor.
async function open(text) {
  const whole = `# yaml-language-server: $schema=${schema}\n${text}`;
  const before = whole.slice(0, whole.indexOf('|') < 0 ? whole.length : whole.indexOf('|'));
  const uri = pathToFileURL(join(folder, `protection-${documents++}.yaml`)).href;
  connection.sendNotification('textDocument/didOpen',
    { textDocument: { uri, languageId: 'yaml', version: 1, text: whole.replace('|', '') } });
  if (!diagnostics.has(uri)) await new Promise((resolve) => waiting.set(uri, resolve));
  const lines = before.split('\n');
  return { uri, position: { line: lines.length - 1, character: lines.at(-1).length } };
}

async function completions(text) {
  const { uri, position } = await open(text);
  const list = await connection.sendRequest('textDocument/completion', { textDocument: { uri }, position });
  return (list.items ?? list).map((item) => item.label);
}

async function problems(text) {
  const { uri } = await open(text);
  return diagnostics.get(uri).map((each) => each.message);
}

test('keys of the file and of a rule are offered', async () => {
  const top = await completions('version: 1\n|\n');
  for (const key of ['rules', 'templates', 'groups', 'alerts', 'expectations']) assert.ok(top.includes(key), key);
  const rule = await completions('version: 1\nrules:\n  - name: a\n    |\n');
  for (const key of ['select', 'template', 'schedule', 'retention', 'region', 'verification', 'drill'])
    assert.ok(rule.includes(key), `${key} in ${rule}`);
});

test('levels and severities are offered', async () => {
  const levels = await completions('version: 1\ntemplates:\n  t:\n    verification:\n      level: |\n');
  assert.deepEqual(levels.filter((each) => ['disk', 'content', 'full'].includes(each)).sort(), ['content', 'disk', 'full']);
  const severities = await completions('version: 1\nalerts:\n  rpo_exceeded:\n    severity: |\n');
  assert.ok(severities.includes('critical'));
});

test('a good file has no problem, an unknown key is one', async () => {
  assert.deepEqual(await problems('version: 1\nrules:\n  - name: a\n    select: {name: "db-*"}\n    schedule: off\n    retention: {daily: 7}\n'), []);
  const found = await problems('version: 1\nrules:\n  - name: a\n    select: {name: "db-*"}\n    retension: {daily: 7}\n');
  assert.ok(found.some((message) => message.includes('retension')), `${found}`);
});
