// flaky.mjs PORT EVERY [HOLD]
//
// A bad connection to the server on 127.0.0.1:PORT: a proxy on a free port that spoils each EVERY-th request in turn: cuts it
// off before the server sees it, drops the reply after the work was done, sends half of the reply, changes one byte of it,
// answers 503, answers 429. What is asked for again goes through. The first line on stdout is "listening PROXY-PORT"; at
// SIGTERM the last one is "spoiled COUNT of REQUESTS". While there is a file HOLD with "WORD NUMBER", so many requests whose
// URL has the word go through, and more of them wait until the file is gone.
import fs from 'node:fs';
import http from 'node:http';
import process from 'node:process';

const [port, every] = process.argv.slice(2, 4).map(Number);
const hold = process.argv[4];
const agent = new http.Agent({ keepAlive: true });
let requests = 0, spoiled = 0, gone_through = 0;
const kinds = ['cut', 'drop', 'half', 'change', 503, 429];

function choose(request) {
  if (++requests % every !== 0) return null;
  const kind = kinds[spoiled++ % kinds.length];
  return kind === 'change' && request.method !== 'GET' ? 'half' : kind;
}

function refuse(request, reply, status) {
  request.resume();
  request.on('end', () => reply.writeHead(status, { 'Retry-After': '0', 'Content-Type': 'application/xml' })
    .end('<?xml version="1.0"?><Error><Code>ServerBusy</Code><Message>Ingress is over the account limit.</Message></Error>'));
}

function pass(request, reply, kind) {
  const forward = http.request({ host: '127.0.0.1', port, agent, method: request.method, path: request.url, headers: request.rawHeaders }, (answer) => {
    const pieces = [];
    answer.on('data', (piece) => pieces.push(piece));
    answer.on('end', () => {
      if (kind === 'drop') return reply.destroy();
      const body = Buffer.concat(pieces);
      if (kind === 'change' && body.length > 1000) body[body.length >> 1] ^= 1;
      reply.writeHead(answer.statusCode, answer.rawHeaders);
      if (kind !== 'half') return reply.end(body);
      reply.write(body.subarray(0, body.length >> 1), () => reply.destroy());
    });
  });
  forward.on('error', () => reply.destroy());
  request.on('aborted', () => forward.destroy());
  request.pipe(forward);
}

// undefined: nothing is held.
function held() {
  try {
    return fs.readFileSync(hold, 'utf8').split(' ');
  } catch {
    gone_through = 0;
    return undefined;
  }
}

// True: it waits, and begins again later.
function waits(request, reply) {
  const rule = hold === undefined ? undefined : held();
  if (rule === undefined || !request.url.includes(rule[0]) || ++gone_through <= Number(rule[1])) return false;
  const timer = setInterval(() => {
    if (held() !== undefined) return;
    clearInterval(timer);
    if (!reply.destroyed) serve(request, reply);
  }, 50);
  reply.on('close', () => clearInterval(timer));
  return true;
}

function serve(request, reply) {
  if (waits(request, reply)) return;
  const kind = choose(request);
  if (kind === 'cut') return request.socket.destroy();
  if (typeof kind === 'number') return refuse(request, reply, kind);
  pass(request, reply, kind);
}

const server = http.createServer(serve);
process.on('SIGTERM', () => {
  console.log(`spoiled ${spoiled} of ${requests}`);
  process.exit(0);
});
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
