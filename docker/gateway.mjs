// One published port in front of every replica of order-api, by TCP.
//
// A published range of ports ("8000-8019:8000") would also let order-api scale, but
// Docker hands a range out in turn: the replica that held 8000 comes back from a
// restart on 8001, and whoever relied on 8000 finds nobody there.
import { lookup } from 'node:dns/promises';
import { connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const { UPSTREAM_HOST = 'order-api', UPSTREAM_PORT = '8000', PORT = '8000' } = process.env;
const CONNECT_TIMEOUT_MS = 1_000;
const PATIENCE_MS = 3_000;
const RETRY_MS = 100;
const DRAIN_MS = 3_000;

let turn = 0;
let lastFound = [];
const clients = new Set();

const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, async (client) => {
  clients.add(client);
  client.once('close', () => clients.delete(client));
  client.on('error', () => client.destroy());
  const upstream = await connectToAny(client);
  if (!upstream) return refuse(client);
  upstream.on('error', () => client.destroy());
  // A side that ends is passed on by pipe; one that breaks takes the other with it.
  client.once('close', () => upstream.destroy());
  upstream.once('close', () => client.destroySoon());
  if (client.destroyed) return upstream.destroy();
  client.pipe(upstream).pipe(client);
});

/**
 * A connection to the next replica in turn that takes one. Nothing has been sent yet, so
 * trying another is safe; and when none does, the client waits a little, because
 * a replica that crashed is back within a second or two.
 */
async function connectToAny(client) {
  const deadline = Date.now() + PATIENCE_MS;
  const first = turn++;
  do {
    const replicas = await findReplicas();
    for (let i = 0; i < replicas.length && !client.destroyed; i++) {
      const upstream = await connectTo(replicas[(first + i) % replicas.length]).catch(() => undefined);
      if (upstream) return upstream;
    }
    await pause(RETRY_MS);
  } while (Date.now() < deadline && !client.destroyed);
  return undefined;
}

/** Docker's name server knows nobody for a moment while a container comes or goes: what it said last is tried then. */
async function findReplicas() {
  const found = await lookup(UPSTREAM_HOST, { all: true, family: 4 }).catch(() => []);
  if (found.length > 0) lastFound = found.map(({ address }) => address).sort();
  return lastFound;
}

function connectTo(host) {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port: Number(UPSTREAM_PORT),
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
    });
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => socket.destroy(new Error('no answer')));
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

function refuse(client) {
  const body = JSON.stringify({ title: 'Service Unavailable', status: 503, detail: 'No order-api answers.' });
  client.resume();
  client.end(
    'HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 1\r\n' +
      `connection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

server.listen(Number(PORT), '0.0.0.0', () =>
  console.log(`Passing port ${PORT} on to ${UPSTREAM_HOST}:${UPSTREAM_PORT}`),
);

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, () => {
    server.close(() => process.exit(0));
    // Requests in hand take milliseconds; idle connections and live streams would stay for ever.
    setTimeout(() => clients.forEach((client) => client.destroy()), DRAIN_MS).unref();
  });
}
