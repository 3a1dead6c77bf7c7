import { EVENTS_EXCHANGE } from '../../shared/messaging/topology';
import { processOf, type Arsenal, type Inflict } from './arsenal';
import { poisonIn } from './dead-letters';
import type { Fault, HandKind } from './fault';
import { holdLock } from './hold-lock';
import { pause } from './pause';
import { CAPTURE } from './stranger';
import type { ServerName } from '../testbed/breakable-server';

/** A server that is away meanwhile is back within this time; so is what the mesh has to restore by itself. */
const WITHIN_MS = 75_000;
const AGAIN_MS = 500;
const POLICY = 'chaos';
/** Less than there is in a dead-letter queue, and than waits in a retry queue under way. */
const FEW = 2;
/**
 * Sets the share of memory at which the broker takes no more messages to one that is always in use, and has the broker
 * itself set the usual one again: starting its command-line tool may take longer than the alarm is to last.
 */
const memoryAlarm = (ms: number) => `
  {ok, Usual} = application:get_env(rabbit, vm_memory_high_watermark),
  {ok, _} = timer:apply_after(${ms}, vm_memory_monitor, set_vm_memory_high_watermark, [Usual]),
  vm_memory_monitor:set_vm_memory_high_watermark(1.0e-7).`;

/** Tries again until it is done: a server may be away in another fault. @throws its last error when the time is up */
async function insist<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  for (const until = Date.now() + WITHIN_MS; ;) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > until || signal.aborted) throw error;
      await pause(AGAIN_MS, signal);
    }
  }
}

/** Holds what was done for its time, and heals it in any case. */
async function hold(
  { durationMs }: Fault,
  { signal }: Arsenal,
  harm: () => Promise<unknown>,
  heal: () => Promise<unknown>,
): Promise<void> {
  try {
    await insist(signal, harm);
    await pause(durationMs, signal);
  } finally {
    await insist(signal, heal);
  }
}

/** Takes something of the topology away, and waits until the mesh has it all again. */
async function takeAway({ broker, signal }: Arsenal, harm: () => Promise<unknown>): Promise<void> {
  const before = await insist(signal, () => broker.bindings());
  await insist(signal, harm);
  await insist(signal, async () => {
    const now = await broker.bindings();
    // That of a client of chaos's own: nobody else would restore it.
    const ours = [...before].find((one) => one.startsWith(EVENTS_EXCHANGE) && one.includes(CAPTURE));
    if (ours && !now.has(ours)) await broker.bind(CAPTURE, '#').catch(() => undefined);
    const gone = [...before].filter((one) => one !== ours && !now.has(one));
    if (gone.length > 0) throw new Error(`the mesh has not restored ${gone.join(', ')}`);
  });
}

/** Longer than a queue takes to elect its leader after a start. */
const ELECTED_WITHIN_MS = 10_000;

/**
 * RabbitMQ (3.10) may lose a queue that was deleted and declared anew when it is started again, after a crash or in peace: it
 * stays on record and has no leader ever again. Does what an operator does by the book: deletes it, and the mesh declares it anew.
 */
export async function deleteLeaderless({ broker, deletedQueues, signal }: Arsenal): Promise<void> {
  for (const { queue, saved } of new Map(deletedQueues.map((one) => [one.queue, one])).values()) {
    for (
      const until = Date.now() + ELECTED_WITHIN_MS;
      await insist(signal, () => broker.isLeaderless(queue));
    ) {
      if (Date.now() < until && !signal.aborted) {
        await pause(AGAIN_MS, signal);
        continue;
      }
      await insist(signal, () => broker.deleteQueue(queue));
      deletedQueues.push({ queue, at: Date.now(), saved });
      break;
    }
  }
}

export const inflictByHand: Record<HandKind, Inflict> = {
  lock: async ({ target, durationMs }, { servers, random, signal }) => {
    const release = await insist(signal, () => holdLock(servers.postgres.url, target, random, signal));
    await pause(durationMs, signal);
    await release();
  },
  unbind: ({ target }, arsenal) =>
    takeAway(arsenal, async () => {
      const { broker, random } = arsenal;
      const own = new RegExp(`^${EVENTS_EXCHANGE} -> ${target} \\((.+)\\)$`);
      const keys = [...(await broker.bindings())].flatMap((one) => own.exec(one)?.[1] ?? []);
      await broker.unbind(target, random.pick(keys));
    }),
  'exchange-delete': (_fault, arsenal) =>
    takeAway(arsenal, () => arsenal.broker.deleteExchange(EVENTS_EXCHANGE)),
  'queue-delete': ({ target }, arsenal) =>
    takeAway(arsenal, async () => {
      const saved = await poisonIn(arsenal.stranger, target);
      await arsenal.broker.deleteQueue(target);
      arsenal.deletedQueues.push({ queue: target, at: Date.now(), saved });
    }),
  policy: (fault, arsenal) =>
    hold(
      fault,
      arsenal,
      () => arsenal.broker.setPolicy(POLICY, fault.target, { 'max-length': FEW }),
      () => arsenal.broker.removePolicy(POLICY),
    ),
  alarm: async ({ durationMs }, { servers, broker, signal }) => {
    await insist(signal, () => servers.rabbitmq.control('eval', memoryAlarm(durationMs)));
    await pause(durationMs, signal);
    await insist(signal, () => broker.assertNoAlarm());
  },
  clock: async ({ target, durationMs }, arsenal) => {
    const victim = processOf(arsenal, target);
    victim.shiftClock(1_000 * Number.parseInt(target.split(':')[1]!, 10));
    await pause(durationMs, arsenal.signal);
    victim.shiftClock(0);
  },
  'rotate-password': async (fault, arsenal) => {
    const [service, server] = fault.target.split(':') as [string, ServerName];
    const rotate = (right: boolean) => () => arsenal.logins.setPassword(service, server, right);
    await hold(
      fault,
      arsenal,
      async () => {
        await rotate(false)();
        // The broker's API learns of a connection seconds after it was made.
        await pause(fault.durationMs / 2, arsenal.signal);
        await rotate(false)();
      },
      rotate(true),
    );
  },
  revoke: async (fault, arsenal) => {
    const [service, right] = fault.target.split(':') as [string, string];
    await hold(
      fault,
      arsenal,
      () => arsenal.logins.revoke(service, right),
      () => arsenal.logins.grant(service, right),
    );
  },
};
