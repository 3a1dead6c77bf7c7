import type { ChannelModel } from 'amqplib';
import { audit } from '../../operator/audit/audit';
import { deadLetterQueuesAt } from '../../operator/audit/dead-letter-queues';
import { runDlq } from '../../operator/dlq/run-dlq';
import { parseMessage } from '../../shared/events/envelope';
import { connectBroker } from '../../shared/messaging/connect-broker';
import { EVENTS_EXCHANGE, parseRetryDelays } from '../../shared/messaging/topology';
import { startMesh, type Mesh } from '../../shared/testing/mesh';
import { until } from '../../shared/testing/until';
import { seededRandom } from '../testbed/random';
import { brew, kinds, type ExpectedLetter, type Target } from './brew';
import { countRows, growth, sum } from './count-rows';
import { overheard, type Draft } from './good-events';
import { collectGarbage, heldMemory } from './held-memory';
import { openRawPublisher } from './raw-publisher';
import { readLetters, type FoundLetter } from './read-letters';
import { watchMemory } from './watch-memory';

// npm run fuzz and npm run test:slow set these two, and send new messages, many times as many; npm test the same ones each time. A
// failure names the seed that repeats them.
const MESSAGES = Number(process.env.FUZZ_MESSAGES ?? 150);
const isSlow = process.env.FUZZ_MESSAGES !== undefined;
const SEED = Number(process.env.FUZZ_SEED || (isSlow ? Math.floor(Math.random() * 2 ** 31) : 2026));
const RETRY_DELAYS = '50ms,100ms';
const AT_A_TIME = 100;
const MOST_OVERHEARD = 500;
const MOST_ON_THEIR_WAY = 2_000;
/** Resident, garbage included. */
const MORE_MEGABYTES = 150;
/** Held when the garbage is collected: from before the first message, and from when the first third had been sent. */
const MORE_HELD = 30;
const MORE_HELD_SINCE_A_THIRD = 15;
/** On a machine of its own it takes a tenth of that. */
const MINUTES = 1 + MESSAGES / 500;

let mesh: Mesh;
let listener: ChannelModel | undefined;
let target: Target;
let item: { restaurantId: string; itemId: string };
beforeAll(async () => {
  process.env.RETRY_DELAYS = RETRY_DELAYS; // for the set-up, too
  mesh = await startMesh({ environment: { RETRY_DELAYS, ...collectGarbage } });
  const rows = await mesh.db.database.subscription.findMany({ where: { until: null } });
  const subscriptions = new Map<string, Set<string>>();
  for (const { consumer, eventType } of rows)
    subscriptions.set(consumer, (subscriptions.get(consumer) ?? new Set()).add(eventType));
  const user = decodeURIComponent(new URL(mesh.broker.url).username);
  target = { subscriptions, retryDelays: parseRetryDelays(RETRY_DELAYS), user };
  item = await mesh.addItem(1_000_000);
  await overhear();
}, 180_000);
afterAll(async () => {
  await listener?.close();
  await (mesh as Mesh | undefined)?.stop();
});

/** Bad messages are made of the good ones that are under way. */
async function overhear(): Promise<void> {
  listener = await connectBroker(mesh.broker.url, { clientProperties: { connection_name: 'stranger' } });
  const channel = await listener.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.bindQueue(queue, EVENTS_EXCHANGE, 'order.#');
  await channel.bindQueue(queue, EVENTS_EXCHANGE, 'payment.#');
  await channel.bindQueue(queue, EVENTS_EXCHANGE, 'inventory.#');
  await channel.consume(
    queue,
    (message) => {
      // Bad ones are heard here, too.
      if (!message || message.content.length > 10_000 || overheard.events.length >= MOST_OVERHEARD) return;
      if (String(message.properties.messageId).startsWith('fuzz-')) return;
      if (!parseMessage(message.content, () => true).ok) return;
      overheard.events.push(JSON.parse(message.content.toString()) as Draft);
    },
    { noAck: true },
  );
}

const place = (token?: string) => mesh.place(item.restaurantId, item.itemId, 1, token);

/** All that follows from orders has happened. */
async function settled(): Promise<void> {
  await mesh.quiet();
  await until(
    'every payment to be captured, and every notification to be told',
    async () => {
      const [row] = await mesh.db.database.$queryRaw<{ open: bigint }[]>`
        SELECT (SELECT count(*) FROM payments WHERE state <> 'CAPTURED')
          + (SELECT count(*) FROM orders WHERE status <> 'PREPARING')
          + (SELECT count(*) FROM notification_batches WHERE delivered_at IS NULL) AS open`;
      return row?.open === 0n;
    },
    60_000,
  );
  await mesh.quiet();
}

/** What one order leaves in every table. */
async function measure(token?: string) {
  const before = await countRows(mesh.db.database);
  await place(token);
  await settled();
  return growth(before, await countRows(mesh.db.database));
}

/** Good orders, by cash and by card, until they are to end. */
function keepOrdering() {
  const placed = { cash: 0, card: 0 };
  let going = true;
  const ordering = (async () => {
    while (going) {
      await Promise.all([
        place().then(() => (placed.cash += 1)),
        place('tok_approved').then(() => (placed.card += 1)),
      ]);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  return async () => {
    going = false;
    await ordering;
    return placed;
  };
}

/**
 * Sends them all, no faster than they are set aside.
 * @param atAThird called when a third of them has been
 */
async function sendAll(atAThird: () => Promise<void>): Promise<ExpectedLetter[]> {
  const random = seededRandom(SEED);
  const publisher = await openRawPublisher(mesh.broker.url);
  const expected: ExpectedLetter[] = [];
  for (let number = 0; number < MESSAGES; number += 1) {
    const { message, letters } = brew(random, number, target);
    await publisher.publish(message);
    expected.push(...letters);
    if (number === Math.floor(MESSAGES / 3)) await atAThird();
    if (number % AT_A_TIME !== AT_A_TIME - 1) continue;
    await publisher.flush();
    await until(
      'the consumers to follow',
      async () => expected.length - (await lettersThere()) < MOST_ON_THEIR_WAY,
      60_000,
    );
  }
  await publisher.flush();
  await publisher.close();
  return expected;
}

const services = () => [...target.subscriptions.keys()];
async function lettersThere(): Promise<number> {
  let there = 0;
  for (const service of services())
    there += (await mesh.broker.channel.checkQueue(`${service}.dlq`)).messageCount;
  return there;
}

/** It moves a letter without a copy that says why. */
const BY_THE_BROKER = ['expired', 'rejected'];
const keyOf = ({ service, mark }: { service: string; mark: string }) => `${service} ${mark}`;

/** What is wrong with the dead letters, each in words. */
function compare(expected: readonly ExpectedLetter[], found: readonly FoundLetter[]): string[] {
  const left = new Map(expected.map((one) => [keyOf(one), one]));
  const wrong: string[] = [];
  for (const letter of found) {
    const wanted = left.get(keyOf(letter));
    left.delete(keyOf(letter));
    if (!wanted) wrong.push(`${keyOf(letter)}: ${letter.reason}, and there should be none, or no second one`);
    else if (wanted.reasons && !wanted.reasons.includes(letter.reason))
      wrong.push(
        `${keyOf(letter)}: ${letter.reason}, not ${wanted.reasons.join(' or ')} (${wanted.kind}, ${wanted.way})`,
      );
    else if (wanted.reasons && !letter.isExplained && !BY_THE_BROKER.includes(letter.reason))
      wrong.push(`${keyOf(letter)} does not say why (${wanted.kind}, ${wanted.way})`);
  }
  return [...wrong, ...[...left.values()].map((one) => `${keyOf(one)} is missing (${one.kind}, ${one.way})`)];
}

/** Services that have more letters of what is too large than they have on record: the broker's own do not say why. */
async function unrecorded(found: readonly FoundLetter[]): Promise<string[]> {
  const rows = await mesh.db.database.$queryRaw<{ consumer: string; count: number }[]>`
    SELECT consumer, count(*)::int AS count FROM delivery_failures WHERE reason = 'too_large' GROUP BY consumer`;
  const recorded = new Map(rows.map(({ consumer, count }) => [consumer, count]));
  const letters = found.filter(({ reason }) => reason === 'too_large' || reason === 'rejected');
  return services().filter(
    (service) => letters.filter((one) => one.service === service).length > (recorded.get(service) ?? 0),
  );
}

const tally = (names: readonly string[]) =>
  names.reduce<Record<string, number>>(
    (counts, name) => ({ ...counts, [name]: (counts[name] ?? 0) + 1 }),
    {},
  );

async function dlq(...args: string[]) {
  const printed: string[] = [];
  const code = await runDlq({
    args,
    rabbitmqUrl: () => mesh.broker.url,
    databaseUrl: () => mesh.db.url,
    user: () => 'test',
    services,
    print: (text) => printed.push(text),
    warn: (text) => printed.push(text),
    stopping: new AbortController().signal,
  });
  return { code, printed };
}

it(
  `does nothing about what is bad, says why, and goes on with what is good (seed ${SEED})`,
  async () => {
    const [cash, card] = [await measure(), await measure('tok_approved')];
    const before = await countRows(mesh.db.database);
    const memory = watchMemory(mesh.processes);
    const heldBefore = await heldMemory(mesh.processes);
    let heldAtAThird = heldBefore;
    const stopOrdering = keepOrdering();
    let expected: ExpectedLetter[];
    try {
      expected = await sendAll(async () => void (heldAtAThird = await heldMemory(mesh.processes)));
      await until('all to be set aside', async () => (await lettersThere()) >= expected.length, 20_000).catch(
        () => undefined,
      );
    } finally {
      await stopOrdering();
    }
    const placed = await stopOrdering();
    await settled();
    const megabytes = memory.end();
    const held = await heldMemory(mesh.processes);

    const found = await readLetters(mesh.broker.url, services());
    if (isSlow)
      console.info({
        seed: SEED,
        messages: MESSAGES,
        goodOrders: placed,
        whatIsBad: tally(expected.map(({ kind }) => kind)),
        sentTo: tally(expected.map(({ way }) => way)),
        deadLettersExpected: expected.length,
        deadLettersFound: found.length,
        theirReasons: tally(found.map(({ reason }) => reason)),
        megabytesResident: megabytes,
        megabytesHeld: Object.fromEntries(
          Object.keys(held).map((name) => [
            name,
            { before: heldBefore[name], atAThird: heldAtAThird[name], after: held[name] },
          ]),
        ),
      });
    const wrong = compare(expected, found);
    expect({ count: wrong.length, first: wrong.slice(0, 20) }).toEqual({ count: 0, first: [] });
    expect(await unrecorded(found)).toEqual([]);
    expect(new Set(expected.map(({ kind }) => kind))).toEqual(new Set(kinds));
    expect(growth(before, await countRows(mesh.db.database))).toEqual(
      sum(cash, placed.cash, card, placed.card),
    );
    expect(await mesh.available(item.itemId)).toBe(1_000_000 - 2 - placed.cash - placed.card);
    for (const { name, url, log } of mesh.processes) {
      expect({ name, ready: (await fetch(`${url}/readyz`)).status }).toEqual({ name, ready: 200 });
      expect({ name, lost: log.filter(({ msg }) => /connecting again|loop failed/.test(msg)) }).toEqual({
        name,
        lost: [],
      });
    }
    for (const [name, { first, most }] of Object.entries(megabytes))
      expect({ name, grew: Math.max(most - first, MORE_MEGABYTES) }).toEqual({ name, grew: MORE_MEGABYTES });
    for (const [name, now] of Object.entries(held)) {
      const grew = [now - heldBefore[name]!, now - heldAtAThird[name]!];
      const most = [MORE_HELD, MORE_HELD_SINCE_A_THIRD];
      expect({ name, grew: grew.map((one, n) => Math.max(one, most[n]!)) }).toEqual({ name, grew: most });
    }

    // Whoever looks after them gets along with every one.
    const listed = JSON.parse((await dlq('list', '--json')).printed.join('')) as { count: number }[];
    expect(listed.reduce((all, { count }) => all + count, 0)).toBe(expected.length);
    for (const how of [[], ['--json']])
      expect((await dlq('show', '--limit', '1000000', ...how)).printed).toHaveLength(expected.length);
    const replayed = await dlq('replay', '--all', '--rate', '5000');
    expect({
      code: replayed.code,
      refused: replayed.printed.filter((line) => line.includes('still here')),
    }).toEqual({ code: 0, refused: [] });
    await until(
      'all to be dead letters again',
      async () => (await lettersThere()) >= expected.length,
      60_000,
    );
    const again = compare(expected, await readLetters(mesh.broker.url, services()));
    expect({ count: again.length, first: again.slice(0, 20) }).toEqual({ count: 0, first: [] });
    expect(growth(before, await countRows(mesh.db.database))).toEqual(
      sum(cash, placed.cash, card, placed.card),
    );
    const report = await audit({ databaseUrl: mesh.db.url, queues: deadLetterQueuesAt(mesh.broker.url) });
    expect(
      report.checks.filter(({ violations, unknown }) => violations > 0 || unknown !== undefined),
    ).toEqual([]);
  },
  MINUTES * 60_000 + 480_000,
);
