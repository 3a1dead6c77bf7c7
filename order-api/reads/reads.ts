import { setMaxListeners } from 'node:events';
import { performance } from 'node:perf_hooks';
import { briefly, isPassing } from '../../shared/messaging/failure';
import { openDatabase, Prisma, type Database } from '../../shared/service/database';
import type { Logger } from '../../shared/service/logger';
import { counter, readGauge } from '../../shared/service/metrics';
import { pause } from '../../shared/service/pause';
import { Signal } from '../../shared/service/signal';
import { within } from '../../shared/service/within';
import { latest } from './latest';
import { assertIsServer, CLUSTER, readPositions } from './replica-position';

/**
 * Reads that need not come from the primary.
 *
 * A read goes to the replica only if the replica has all that was committed before the read began: the primary is asked
 * how far its log is (a question that needs no table, and that all reads of the moment share), and the replica is waited
 * for until it has replayed that much, for a moment. So everybody reads what they or anybody else have written, whichever
 * order-api took it, and versions never go backwards. Where the replica is too far behind, or away, or hangs, the primary
 * is read.
 */
export interface Reads {
  /** Does a read that writes nothing; it may be begun a second time, at the primary. */
  read<T>(work: (database: Database) => Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

export interface ReplicaOptions {
  primary: Database;
  url: string;
  poolSize: number;
  log: Logger;
}

/** So long a read waits for a replica that is a little behind. */
const CATCH_UP_MS = 50;
const LOOK_AGAIN_MS = 2;
/** How often the replica is asked whether it is well, while reads come and while none does, and how long it may take to say so. */
const WATCH_EVERY_MS = 500;
const QUIET_MS = 5_000;
const ANSWER_MS = 1_000;
/** For an answer to who reads; as at the primary. */
const READ_MS = 8_000;

const reads = counter(
  'ordermesh_replica_reads_total',
  'Reads that may be done at the replica, by what became of that: replica (done there), behind or away (done at the primary), failed (begun there, done at the primary)',
  ['outcome'],
);

/** Where no replica is given. */
export const primaryAlone = (primary: Database): Reads => ({
  read: (work) => work(primary),
  stop: async () => undefined,
});

/** What the replica is, as it last said; `away` says why it cannot be read. */
type State = { replayed: bigint } | { away: string };

export function openReads({ primary, url, poolSize, log }: ReplicaOptions): Reads {
  const stopping = new AbortController();
  const asked = new Signal();
  const positions = readPositions(url, ANSWER_MS);
  let state: State = { away: 'it was not asked yet' };
  let committed = 0n;
  /** What it was last waited for in vain. */
  let missed = 0n;
  let lost = anew();
  /** The primary's; a replica of another cluster is none. */
  let cluster = '';
  let replica: { server: string; database: Database } | undefined;

  /** Where it is another server than before, or was started again, nothing of the old one is used any more. */
  function connectTo(server: string): void {
    if (replica?.server === server) return;
    setState({ away: 'it was started again, or another took its place' });
    void replica?.database.$disconnect();
    const database = openDatabase({
      url,
      poolSize,
      applicationName: 'order-api reads',
      answerTimeoutMs: READ_MS,
      onIdleError: () => undefined, // whoever asks next is told
      checkConnection: (client) => assertIsServer(client, server),
    });
    replica = { server, database };
  }

  function setState(now: State): void {
    const before = state;
    state = now;
    if ('away' in now === 'away' in before) return;
    if ('away' in now) {
      lost.abort();
      log.warn({ why: now.away }, 'the replica cannot be read; reads go to the primary');
    } else {
      lost = anew();
      missed = 0n;
      log.info('reads go to the replica');
    }
  }

  /** How far the primary's log is; what was committed before the call is in it. */
  const readCommitted = latest(async () => {
    const [row] = await primary.$queryRaw<{ at: string; cluster: string }[]>`
      SELECT pg_wal_lsn_diff(CASE WHEN current_setting('synchronous_commit') = 'off'
        THEN pg_current_wal_insert_lsn() ELSE pg_current_wal_flush_lsn() END, '0/0')::text AS at,
        ${Prisma.raw(CLUSTER)} AS cluster`;
    committed = BigInt(row!.at);
    cluster = row!.cluster;
    return committed;
  });

  const readReplayed = latest(async () => {
    const position = await positions.read();
    connectTo(position.server);
    if (!position.follows) setState({ away: 'it is no replica: it follows no primary' });
    else if (position.cluster !== cluster)
      setState({ away: 'it is no replica of the database that DATABASE_URL names' });
    else setState({ replayed: position.replayed });
    return position;
  });

  /** Whether the replica has all up to there, or comes to have it in a moment. */
  async function reaches(target: bigint): Promise<boolean> {
    const has = () => 'replayed' in state && state.replayed >= target;
    if (has()) return true;
    if ('away' in state || state.replayed < missed) return false; // it is known to be far behind: nobody waits
    const deadline = performance.now() + CATCH_UP_MS;
    for (let left = CATCH_UP_MS; left > 0; left = deadline - performance.now()) {
      await within(left, readReplayed()).catch(() => undefined);
      if (has()) return true;
      await pause(LOOK_AGAIN_MS, stopping.signal);
    }
    missed = target;
    return false;
  }

  async function watch(): Promise<void> {
    let warned = false;
    while (!stopping.signal.aborted) {
      const seen = asked.given;
      try {
        const at = await readCommitted();
        const position = await readReplayed();
        const isBehind = 'replayed' in state && state.replayed < missed;
        if (isBehind && !warned)
          log.warn(
            { bytes: Number(at - position.replayed) },
            'the replica is behind; reads go to the primary',
          );
        if (!isBehind && warned) log.info('the replica has caught up');
        warned = isBehind;
      } catch (error) {
        // Whichever of the two it was: without the primary's word nothing may be read here.
        setState({ away: briefly(error) });
      }
      await pause(WATCH_EVERY_MS, stopping.signal);
      await asked.after(seen, QUIET_MS - WATCH_EVERY_MS, stopping.signal);
    }
  }
  const watching = watch();

  readGauge(
    'ordermesh_replica_lag_bytes',
    'How much of the primary’s log the replica has not replayed',
    [],
    () =>
      'replayed' in state ? [{ labels: {}, value: Math.max(0, Number(committed - state.replayed)) }] : [],
  );

  return {
    read: async (work) => {
      asked.give();
      if ('away' in state) {
        reads.inc({ outcome: 'away' });
        return work(primary);
      }
      const { signal } = lost;
      const reached = await reaches(await readCommitted());
      if (!reached || !replica) {
        reads.inc({ outcome: 'away' in state ? 'away' : 'behind' });
        return work(primary);
      }
      try {
        const result = await unlessLost(work(replica.database), signal);
        reads.inc({ outcome: 'replica' });
        return result;
      } catch (error) {
        // What failed by itself, and not with the replica, would fail again.
        if (!signal.aborted && (!isPassing(error) || isSlow(error))) throw error;
        reads.inc({ outcome: 'failed' });
        return work(primary);
      }
    },
    stop: async () => {
      stopping.abort();
      await watching;
      await Promise.all([positions.stop(), replica?.database.$disconnect()]);
    },
  };
}

/** Every read under way listens. */
function anew(): AbortController {
  const lost = new AbortController();
  setMaxListeners(0, lost.signal);
  return lost;
}

/** It is a long read, and no shorter anywhere else. */
const isSlow = (error: unknown): boolean => /query read timeout|statement timeout/i.test(String(error));

/** What a replica that hangs has been asked is not waited for. */
function unlessLost<T>(work: Promise<T>, lost: AbortSignal): Promise<T> {
  work.catch(() => undefined); // nobody may be there to hear of it
  return new Promise((resolve, reject) => {
    const leave = () => reject(new Error('the replica was lost'));
    if (lost.aborted) return leave();
    lost.addEventListener('abort', leave, { once: true });
    work.then(resolve, reject).finally(() => lost.removeEventListener('abort', leave));
  });
}
