import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { Client } from 'pg';
import { readRelease } from '../../scripts/contracts/release';
import { UserError } from '../../scripts/servers/search';
import type { Control } from '../../scripts/supervisor/control';
import { pause } from '../../shared/service/pause';
import { PostgresClient } from '../../shared/service/postgres-client';
import { sessionConfig } from '../../shared/service/session-settings';
import { startService, type Surroundings } from '../testbed/measured-process';
import { ownServers } from '../testbed/own-server';
import { seededRandom } from '../testbed/random';
import { openRunFolder, type RunFolder } from '../testbed/run-folder';
import { Scope } from '../testbed/scope';
import type { VersionsArguments } from './arguments';
import { runCommandOf, type Finished } from './commands';
import { Fleet } from './fleet';
import { inWords, startLoad, type Load, type LoadCounts } from './load';
import { prepareVersion, thisVersion, type Version } from '../testbed/prepare-version';

const SIMULATOR = 'payment-simulator';
const ORDER_API = 'order-api';
const INSTANCES = 2;
/** How long nothing may come to its end while something is under way. */
const STILL_MS = 60_000;
const QUIET_MS = 900_000;
const LOOK_EVERY_MS = 2_000;

/** What each version is told; the newer one changes what may be changed while the mesh runs. */
const OLDER = { RETRY_DELAYS: '1s,3s,10s,30s' };
const NEWER = {
  RETRY_DELAYS: '2s,3s,8s,20s',
  CONSUMER_PREFETCH: '80',
  CONSUMER_BATCH: '25',
  PAYMENT_CONCURRENCY: '32',
};

/** @returns whether nothing was found wrong */
export async function runVersions(given: VersionsArguments, control: Control): Promise<boolean> {
  const older = await prepareVersion(given.from ?? readRelease().commit, control.say);
  const newer = thisVersion();
  control.say(`${older.name} and ${newer.name}, ${given.rate} orders/s`);
  const folder = await openRunFolder();
  let wrong: string[] = ['it did not come to its end'];
  try {
    wrong = await tryBoth(given, control, folder, older, newer);
    for (const one of wrong) console.log(`WRONG  ${one}`);
    console.log(wrong.length === 0 ? 'Nothing was found wrong.' : `${wrong.length} things were found wrong.`);
  } finally {
    if ((given.keep || wrong.length > 0) && !control.stopping.aborted)
      control.say(`logs are kept in ${folder.folder}`);
    else folder.remove();
  }
  return wrong.length === 0;
}

async function tryBoth(
  given: VersionsArguments,
  control: Control,
  folder: RunFolder,
  older: Version,
  newer: Version,
): Promise<string[]> {
  const scope = new Scope();
  let servers: Awaited<ReturnType<typeof ownServers>> | undefined;
  try {
    servers = await ownServers(control);
    const urls = { DATABASE_URL: servers.postgres.url, RABBITMQ_URL: servers.rabbitmq.url };
    const run: Surroundings = {
      control,
      logFile: (name) => folder.log(name),
      profiles: undefined,
      remember: (pid) => folder.remember(pid),
      // A service starts every few seconds. Its first seconds, and what consumers do meanwhile, take nothing from answers.
      givesWay: (name) => ![ORDER_API, SIMULATOR].includes(name),
    };
    const journal = path.join(folder.folder, `${SIMULATOR}.jsonl`);
    const simulator = await startService(run, scope, SIMULATOR, { SIMULATOR_JOURNAL: journal });
    const shared = {
      ...urls,
      DATABASE_POOL_SIZE: '5',
      PAYMENT_SIMULATOR_URL: simulator.url,
      CARD_TOKEN_KEY: randomBytes(32).toString('base64'),
      WEBHOOK_ALLOW_PRIVATE: 'true',
    };
    const environmentOf = (version: Version) => ({ ...shared, ...(version === older ? OLDER : NEWER) });
    const fleet = new Fleet(run, scope, environmentOf);
    const migrate = async (version: Version) =>
      must(
        await runCommandOf(version, 'scripts/migrate', [], environmentOf(version)),
        `${version.name}: npm run migrate`,
      );

    await migrate(older);
    for (const service of meshOf(older))
      for (let index = 0; index < INSTANCES; index += 1) await fleet.start(service, older);
    const load = await startLoad({
      urls: fleet.doorUrls,
      rate: given.rate,
      random: seededRandom(given.seed),
    });
    const state = async (what: string) => {
      control.say(
        `${what}: ${fleet.count(older)} of ${older.name}, ${fleet.count(newer)} of ${newer.name}; ` +
          `${load.counts.accepted.size} orders, ${load.counts.failures.length} failed requests`,
      );
      await scope.unlessBroken(pause(given.seconds * 1_000, control.stopping));
      control.stopping.throwIfAborted();
    };
    try {
      await state('all of the older');
      const check = await runCommandOf(newer, 'scripts/migrate', ['--check'], environmentOf(newer));
      control.say(`npm run migrate -- --check: exit code ${check.code}\n${check.stdout.trim()}`);
      await migrate(newer);
      await state('the older on the newer schema');
      await roll(fleet, load, older, newer, () => state('some of each'));
      await state('all of the newer');
      await roll(fleet, load, newer, older, () => state('back, some of each'));
      await state('back to the older');
      await roll(fleet, load, older, newer, () => Promise.resolve());
      await state('all of the newer again');
    } finally {
      await load.stop();
      for (const failure of inWords(load.counts.failures)) control.say(`requests failed: ${failure}`);
    }
    control.say(
      `${load.counts.requests} requests, the slowest ${Math.round(load.counts.slowestMs)} ms; ` +
        `${load.counts.moved} found a closed door and took another`,
    );
    return await judge({ control, scope, fleet, older, newer, environmentOf, load: load.counts });
  } finally {
    await scope.end();
    for (const server of Object.values(servers ?? {})) await server.end();
  }
}

const meshOf = (version: Version) => version.services.filter((service) => service !== SIMULATOR);

/** One instance at a time: a new one beside the old, and when it is ready the old one leaves. */
async function roll(
  fleet: Fleet,
  load: Load,
  from: Version,
  to: Version,
  halfWay: () => Promise<void>,
): Promise<void> {
  for (let round = 0; round < INSTANCES; round += 1) {
    for (const service of new Set([...meshOf(to), ...meshOf(from)])) {
      const old = fleet.of(service).find(({ version }) => version === from);
      if (meshOf(to).includes(service)) await fleet.start(service, to);
      if (old) await fleet.stop(old, load.served);
    }
    if (round === 0) await halfWay();
  }
}

interface Judged {
  control: Control;
  scope: Scope;
  fleet: Fleet;
  older: Version;
  newer: Version;
  environmentOf: (version: Version) => Record<string, string>;
  load: LoadCounts;
}

async function judge({ control, scope, older, newer, environmentOf, load }: Judged): Promise<string[]> {
  const wrong = inWords(load.failures).map((failure) => `requests failed: ${failure}`);
  const audit = (version: Version, grace: string) =>
    runCommandOf(version, 'operator/audit', ['--grace', grace], environmentOf(version));

  const { DATABASE_URL = '' } = environmentOf(newer);
  const database = new PostgresClient(
    sessionConfig(DATABASE_URL, { kind: 'command', applicationName: 'versions' }),
  );
  await database.connect();
  try {
    let letters = await scope.unlessBroken(untilQuiet(database, control));
    if (letters.includes('unknown_type')) {
      // What an older instance did not know and gave up on, as an operator would have it.
      control.say(`dead letters that the newer version knows are replayed: ${letters}`);
      must(
        await runCommandOf(
          newer,
          'operator/dlq',
          ['replay', '--reason', 'unknown_type'],
          environmentOf(newer),
        ),
        'npm run dlq -- replay',
      );
      letters = await scope.unlessBroken(untilQuiet(database, control));
    }
    control.say(`dead letters: ${letters || 'none'}`);
    const { rows } = await database.query<{ reference: string }>(
      'SELECT reference FROM orders WHERE reference IS NOT NULL',
    );
    const kept = new Set(rows.map(({ reference }) => reference));
    const lost = [...load.accepted].filter((reference) => !kept.has(reference));
    if (lost.length > 0) wrong.push(`${lost.length} accepted orders are not there, such as ${lost[0]}`);
    if (kept.size !== rows.length) wrong.push(`${rows.length - kept.size} orders are there twice`);
    if (letters) wrong.push(`there are dead letters: ${letters}`);
  } finally {
    await database.end();
  }
  for (const version of [newer, older]) {
    const { code, stdout, stderr } = await audit(version, '1s');
    control.say(`npm run audit of ${version.name}: exit code ${code}\n${stdout.trim()}`);
    if (code !== 0)
      wrong.push(`the audit of ${version.name} ended with ${code}: ${failuresIn(stdout + stderr)}`);
  }
  return wrong;
}

/** Waits until nothing is under way. @returns the dead letters that there are */
async function untilQuiet(database: Client, control: Control): Promise<string> {
  const deadline = Date.now() + QUIET_MS;
  let changedAt = Date.now();
  for (let before = ''; ;) {
    const { rows } = await database.query<{ left: string }>(LEFT);
    const left = rows.map((row) => row.left).join(', ');
    if (!left) break;
    if (left !== before) changedAt = Date.now();
    before = left;
    const stillMs = Date.now() - changedAt;
    if (stillMs > STILL_MS)
      throw new UserError(`For ${Math.round(stillMs / 1_000)} s nothing came to its end of: ${left}`);
    if (Date.now() > deadline) throw new UserError(`After ${QUIET_MS / 1_000} s there is still: ${left}`);
    await pause(LOOK_EVERY_MS, control.stopping);
    control.stopping.throwIfAborted();
  }
  const { rows } = await database.query<{ letter: string }>(
    `SELECT count(DISTINCT event_id) || ' of ' || consumer || ' (' || coalesce(type, '?') || ', ' || reason || ')' AS letter
     FROM delivery_failures f WHERE outcome = 'DEAD_LETTERED' AND NOT EXISTS (
       SELECT FROM processed_events p WHERE p.consumer = f.consumer AND p.event_id = f.event_id)
     GROUP BY consumer, type, reason ORDER BY 1`,
  );
  return rows.map(({ letter }) => letter).join(', ');
}

/** What has not come to its end. */
const LEFT = `
  SELECT count(*) || ' events in the outbox' AS left FROM outbox_events HAVING count(*) > 0
  UNION ALL
  SELECT count(*) || ' events not handled by ' || s.consumer FROM event_log e
  JOIN subscriptions s ON s.event_type = e.type AND s.until IS NULL AND e.published_at >= s.since
  WHERE NOT EXISTS (SELECT FROM processed_events p WHERE p.consumer = s.consumer AND p.event_id = e.event_id)
    AND (SELECT f.outcome FROM delivery_failures f WHERE f.consumer = s.consumer AND f.event_id = e.event_id
      ORDER BY f.id DESC LIMIT 1) IS DISTINCT FROM 'DEAD_LETTERED'
  GROUP BY s.consumer
  UNION ALL
  SELECT count(*) || ' orders still PLACED' FROM orders WHERE status = 'PLACED' HAVING count(*) > 0`;

function must(finished: Finished, what: string): Finished {
  if (finished.code !== 0)
    throw new UserError(`${what} failed (${finished.code}):\n${finished.stdout}${finished.stderr}`);
  return finished;
}

const failuresIn = (output: string): string =>
  output
    .split('\n')
    .filter((line) => /^FAIL|error/i.test(line))
    .slice(0, 5)
    .join(' | ') || output.trim().slice(-300);
