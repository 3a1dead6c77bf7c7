import { setTimeout as delay } from 'node:timers/promises';
import { closedLoad } from './closed-load';
import { Connection, encodeRequest, keyIn, withNewKey } from './connection';
import { InFlightGate } from './in-flight-gate';
import type { FromGenerator, Job, Outcome } from './job';
import { openLoad } from './open-load';
import { Tally } from './tally';

// The load generator: a process of its own, so that its CPU is told apart. One job after the other.

const tell = (message: FromGenerator) => void process.send?.(message);

async function run({ url, requests, connections, warmUpMs, measureMs, load }: Job): Promise<Outcome> {
  const { hostname, port, host } = new URL(url);
  const encoded = requests.map((request) => encodeRequest(request, host));
  const keys = requests.map(({ keyed }, index) => (keyed ? keyIn(encoded[index]!) : -1));
  let sent = 0;
  const nextRequest = () => {
    const index = sent++ % encoded.length;
    const request = encoded[index] as Buffer;
    return keys[index] === -1 ? request : withNewKey(request, keys[index]!);
  };
  const all = Array.from({ length: connections }, () => new Connection(hostname, Number(port)));
  const gate = load.kind === 'bounded' ? await InFlightGate.open(load.databaseUrl, load.inFlight) : undefined;

  await openAll(all, encodeRequest({ method: 'GET', path: '/healthz' }, host));
  const startMs = performance.now();
  const tally = new Tally(startMs + warmUpMs, startMs + warmUpMs + measureMs);
  void delay(warmUpMs).then(() => tell({ kind: 'began' }));
  const ended = delay(warmUpMs + measureMs).then(async () => {
    tell({ kind: 'ended' });
    await gate?.close(); // and so lets those go that wait
  });
  if (load.kind === 'open') await openLoad(all, nextRequest, tally, { ...load, startMs });
  else await closedLoad(all, nextRequest, tally, gate);
  await ended; // the last answer may come before the time is over
  for (const connection of all) connection.close();
  return tally.outcome();
}

/** Connections that come all at once are accepted one in a turn of the server's event loop: of that no latency shall tell. */
async function openAll(connections: readonly Connection[], request: Buffer): Promise<void> {
  for (let from = 0; from < connections.length; from += AT_ONCE)
    await Promise.all(connections.slice(from, from + AT_ONCE).map((connection) => connection.send(request)));
}

const AT_ONCE = 32;

process.on('message', (job: Job) => {
  run(job).then(
    (outcome) => tell({ kind: 'done', outcome }),
    (error: Error) => tell({ kind: 'failed', why: error.stack ?? error.message }),
  );
});
process.on('disconnect', () => process.exit(0));
