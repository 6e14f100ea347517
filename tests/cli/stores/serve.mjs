// serve.mjs FOLDER KEY CERT gcs|azure|s3|s3-lock
//
// One store over TLS on a free port of 127.0.0.1, in the foreground. For gcs and azure also a CONNECT proxy that leads
// every host to it, since restic knows those stores by their public names alone. The first line on stdout is
// "listening STORE-PORT PROXY-PORT". s3-lock is s3 behind what Object Lock adds to a bucket: see withObjectLock.
import crypto from 'node:crypto';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import process from 'node:process';

const [folder, keyFile, certFile, kind] = process.argv.slice(2);
const tls = { key: fs.readFileSync(keyFile), cert: fs.readFileSync(certFile) };
const bin = (name) => path.join(process.cwd(), 'node_modules/.bin', name);

const listen = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));

function proxyTo(port) {
  const proxy = http.createServer((_, reply) => reply.writeHead(405).end());
  proxy.on('connect', (_, socket, head) => {
    const target = net.connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      target.write(head);
      target.pipe(socket).pipe(target);
    });
    target.on('error', () => socket.destroy());
    socket.on('error', () => target.destroy());
  });
  return listen(proxy);
}

// What restic asks of Google Cloud Storage, in memory. https://cloud.google.com/storage/docs/json_api
function fakeGcs() {
  const buckets = new Map();
  const meta = (bucket, name) => {
    const data = buckets.get(bucket).get(name);
    return { kind: 'storage#object', bucket, name, size: String(data.length), generation: '1', updated: '2025-01-01T00:00:00Z' };
  };
  const answer = (reply, status, body) => reply.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  const missing = (reply) => answer(reply, 404, { error: { code: 404, message: 'Not Found', errors: [{ reason: 'notFound' }] } });

  function list(reply, bucket, query) {
    const prefix = query.get('prefix') ?? '', delimiter = query.get('delimiter') ?? '';
    const items = [], prefixes = new Set();
    for (const name of [...buckets.get(bucket).keys()].sort()) {
      if (!name.startsWith(prefix)) continue;
      const cut = delimiter ? name.indexOf(delimiter, prefix.length) : -1;
      cut < 0 ? items.push(meta(bucket, name)) : prefixes.add(name.slice(0, cut + 1));
    }
    answer(reply, 200, { kind: 'storage#objects', items, prefixes: [...prefixes] });
  }

  function upload(reply, bucket, type, body) {  // multipart/related: the object's metadata, then its bytes
    const mark = Buffer.from(`--${/boundary="?([^";]+)"?/.exec(type)[1]}`);
    const parts = [];
    for (let at = body.indexOf(mark); at >= 0;) {
      const next = body.indexOf(mark, at + mark.length);
      if (next < 0) break;
      const part = body.subarray(at + mark.length + 2, next - 2);
      parts.push(part.subarray(part.indexOf('\r\n\r\n') + 4));
      at = next;
    }
    const { name } = JSON.parse(parts[0].toString());
    buckets.get(bucket).set(name, Buffer.from(parts[1]));
    answer(reply, 200, meta(bucket, name));
  }

  function download(request, reply, data) {
    const range = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '');
    if (!range) return reply.writeHead(200, { 'Content-Length': data.length }).end(data);
    const from = Number(range[1]), to = range[2] ? Math.min(Number(range[2]), data.length - 1) : data.length - 1;
    reply.writeHead(206, { 'Content-Length': to - from + 1, 'Content-Range': `bytes ${from}-${to}/${data.length}` });
    reply.end(data.subarray(from, to + 1));
  }

  function route(request, reply, body) {
    if (request.headers.authorization !== 'Bearer test-token')
      return answer(reply, 401, { error: { code: 401, message: 'Invalid Credentials' } });
    const url = new URL(request.url, 'https://storage.googleapis.com');
    let found;
    if ((found = /^\/upload\/storage\/v1\/b\/([^/]+)\/o$/.exec(url.pathname))) {
      return buckets.has(found[1]) ? upload(reply, found[1], request.headers['content-type'], body) : missing(reply);
    }
    if ((found = /^(?:\/storage\/v1)?\/b$/.exec(url.pathname)) && request.method === 'POST') {
      const { name } = JSON.parse(body.toString());
      buckets.set(name, buckets.get(name) ?? new Map());
      return answer(reply, 200, { kind: 'storage#bucket', name });
    }
    if ((found = /^(?:\/storage\/v1)?\/b\/([^/]+)$/.exec(url.pathname)))
      return buckets.has(found[1]) ? answer(reply, 200, { kind: 'storage#bucket', name: found[1] }) : missing(reply);
    if ((found = /^(?:\/storage\/v1)?\/b\/([^/]+)\/o$/.exec(url.pathname)))
      return buckets.has(found[1]) ? list(reply, found[1], url.searchParams) : missing(reply);
    if (!(found = /^(?:\/storage\/v1)?\/b\/([^/]+)\/o\/(.+)$/.exec(url.pathname)) && !(found = /^\/([^/]+)\/(.+)$/.exec(url.pathname)))
      return missing(reply);
    const objects = buckets.get(found[1]), name = decodeURIComponent(found[2]);
    if (!objects?.has(name)) return missing(reply);
    if (request.method === 'DELETE') return objects.delete(name), reply.writeHead(204).end();
    if (url.pathname.includes('/o/') && url.searchParams.get('alt') !== 'media') return answer(reply, 200, meta(found[1], name));
    return download(request, reply, objects.get(name));
  }

  return https.createServer(tls, (request, reply) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => route(request, reply, Buffer.concat(chunks)));
  });
}

// Runs a store's own program and waits for the port that it prints.
function run(program, args, pattern, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    let text = '';
    const read = (chunk) => {
      text += chunk;
      const found = pattern.exec(text);
      if (found) resolve(Number(found[1]));
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.on('exit', (code) => reject(new Error(`${program} ended with ${code}: ${text}`)));
    for (const signal of ['SIGTERM', 'SIGINT']) {
      process.on(signal, () => {
        child.kill(signal);
        process.exit(0);
      });
    }
  });
}

// S3's Object Lock and versioning in front of `store`, as far as azlin and restic can see them. FOLDER.json
// says what the bucket is set to, {enabled, versioned, mode, days}, at each request; with "unheld": TEXT objects whose key
// has that text are not held. Signatures are checked, and uploads need a checksum, as S3 asks of them.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
function withObjectLock(store, file, secret) {
  const hash = (text) => crypto.createHash('sha256').update(text).digest('hex');
  const hmac = (key, text) => crypto.createHmac('sha256', key).update(text).digest();
  const encode = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase());
  const written = new Map();  // path -> [mode, days], as the bucket was set when it was put

  function signedWell(request, url) {
    const found = /Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=(\w+)/.exec(request.headers.authorization ?? '');
    if (!found) return false;
    const [, , day, region, names, signature] = found;
    const query = [...url.searchParams].map(([name, value]) => `${encode(name)}=${encode(value)}`).sort().join('&');
    const headers = names.split(';').map((name) => `${name}:${request.headers[name].trim()}\n`).join('');
    const canonical = [request.method, url.pathname, query, headers, names, request.headers['x-amz-content-sha256']].join('\n');
    const text = ['AWS4-HMAC-SHA256', request.headers['x-amz-date'], `${day}/${region}/s3/aws4_request`, hash(canonical)].join('\n');
    const key = [day, region, 's3', 'aws4_request'].reduce(hmac, 'AWS4' + secret);
    return hmac(key, text).toString('hex') === signature;
  }
  const refuse = (reply, status, code) =>
    reply.writeHead(status, { 'Content-Type': 'application/xml' }).end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}.</Message></Error>`);
  const answer = (reply, xml) => reply.writeHead(200, { 'Content-Type': 'application/xml' }).end('<?xml version="1.0"?>\n' + xml);

  function configuration(reply, set) {
    if (!set.enabled) return refuse(reply, 404, 'ObjectLockConfigurationNotFoundError');
    const rule = set.mode ? `<Rule><DefaultRetention><Mode>${set.mode}</Mode><Days>${set.days}</Days></DefaultRetention></Rule>` : '';
    answer(reply, `<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>${rule}</ObjectLockConfiguration>`);
  }

  return (request, reply) => {
    const url = new URL(request.url, 'https://store');
    if (!signedWell(request, url)) return refuse(reply, 403, 'SignatureDoesNotMatch');
    if (url.pathname.split('/')[1] !== 'bucket') return refuse(reply, 404, 'NoSuchBucket');
    const set = JSON.parse(fs.readFileSync(file));
    const object = url.pathname.split('/').length > 2 && url.pathname.split('/')[2] !== '';
    if (url.searchParams.has('object-lock')) return configuration(reply, set);
    if (url.searchParams.has('versioning'))
      return answer(reply, `<VersioningConfiguration>${set.versioned ? '<Status>Enabled</Status>' : ''}</VersioningConfiguration>`);
    if (object && request.method === 'PUT' && set.mode) {
      if (!request.headers['content-md5']) return refuse(reply, 400, 'InvalidRequest');
      if (!set.unheld || !url.pathname.includes(set.unheld)) written.set(url.pathname, [set.mode, set.days]);
    }
    if (object && request.method === 'HEAD' && written.has(url.pathname)) {
      const [mode, days] = written.get(url.pathname);
      const send = reply.writeHead.bind(reply);
      reply.writeHead = (...rest) => {
        const since = new Date(reply.getHeader('last-modified')).getTime();
        reply.setHeader('x-amz-object-lock-mode', mode);
        if (since) reply.setHeader('x-amz-object-lock-retain-until-date', new Date(since + days * 86400000).toISOString());
        return send(...rest);
      };
    }
    store(request, reply);
  };
}

let port, proxy = 0;
if (kind === 'gcs') {
  port = await listen(fakeGcs());
} else if (kind === 'azure') {
  // The account and its key come in AZURITE_ACCOUNTS.
  port = await run(process.execPath, [bin('azurite-blob'), '--blobPort', '0', '--location', folder, '--key', keyFile, '--cert', certFile,
    '--skipApiVersionCheck', '--disableTelemetry'], /listen[a-z]* on https:\/\/127\.0\.0\.1:(\d+)/);
} else if (kind === 's3' || kind === 's3-lock') {
  const { default: S3rver } = await import('s3rver');
  const store = new S3rver({ silent: true, directory: folder, configureBuckets: kind === 's3' ? [] : [{ name: 'bucket' }] });
  await store.configureBuckets();
  const handler = kind === 's3' ? store.callback() : withObjectLock(store.callback(), folder + '.json', 'S3RVER');
  port = await listen(https.createServer(tls, handler));
} else {
  throw new Error(`no store '${kind}'`);
}
if (!kind.startsWith('s3')) proxy = await proxyTo(port);
console.log(`listening ${port} ${proxy}`);
