import { discoverSubscriptions } from '../../shared/messaging/declare-mesh';
import { EVENTS_EXCHANGE } from '../../shared/messaging/topology';
import type { ServerName } from '../testbed/breakable-server';
import { linkOf, processOf, type Arsenal, type Inflict } from './arsenal';
import type { Fault, FaultKind } from './fault';
import { deleteLeaderless, inflictByHand } from './faults-by-hand';
import type { FaultRates } from './gateway';
import { pause } from './pause';
import { brewPoison, type Poison } from './poison';

const server = (arsenal: Arsenal, { target }: Fault) => arsenal.servers[target as ServerName];

const outage =
  (takeDown: 'shutDown' | 'crash'): Inflict =>
  async (fault, arsenal) => {
    await server(arsenal, fault)[takeDown]();
    await pause(fault.durationMs, arsenal.signal);
    await server(arsenal, fault).startAgain();
  };

const blackholeAll: Inflict = async ({ target, durationMs }, { processes, signal }) => {
  const links = processes.flatMap((one) => one.links[target as ServerName] ?? []);
  for (const link of links) link.hold();
  await pause(durationMs, signal);
  for (const link of links) link.release();
};

const misbehave =
  (rates: FaultRates): Inflict =>
  async ({ durationMs }, { gateway, signal }) => {
    await gateway.misbehave(rates);
    await pause(durationMs, signal);
    await gateway.misbehave({});
  };

const freeze: Inflict = async ({ target, durationMs }, arsenal) => {
  const thaw = processOf(arsenal, target).freeze();
  await pause(durationMs, arsenal.signal);
  thaw();
};

const brokerOutage =
  (how: 'shutDown' | 'crash'): Inflict =>
  async (fault, arsenal) => {
    await outage(how)(fault, arsenal);
    await deleteLeaderless(arsenal);
  };

/** Slow enough that a call is under way at any moment. */
const UNDER_WAY_MS = 1_200;

export const inflict: Record<FaultKind, Inflict> = {
  'broker-stop': brokerOutage('shutDown'),
  'broker-kill': brokerOutage('crash'),
  'database-restart': outage('shutDown'),
  'database-crash': outage('crash'),
  'broker-blackhole': blackholeAll,
  'database-blackhole': blackholeAll,
  'relay-freeze': async ({ target, durationMs, at }, arsenal) => {
    // Who owns it is not known from the plan.
    await freeze({ at, kind: 'freeze', target: arsenal.relayOwner() ?? `${target}-1`, durationMs }, arsenal);
  },
  kill: async ({ target }, arsenal) => processOf(arsenal, target).kill(),
  freeze,
  cut: async ({ target }, arsenal) => linkOf(arsenal, target).cut(),
  blackhole: async ({ target, durationMs }, arsenal) => {
    const link = linkOf(arsenal, target);
    link.hold();
    await pause(durationMs, arsenal.signal);
    link.release();
  },
  'gateway-drops-before': misbehave({ drop_before: 0.6 }),
  'gateway-drops-after': misbehave({ drop_after: 0.6 }),
  'gateway-errors': misbehave({ error: 0.7 }),
  'gateway-hangs': misbehave({ hang_after: 0.5 }),
  'gateway-silent': misbehave({ hang_after: 1 }),
  'gateway-slow': misbehave({ delay_ms: UNDER_WAY_MS }),
  'gateway-kill': async ({ target }, arsenal) => processOf(arsenal, target).kill(),
  'gateway-freeze': freeze,
  'kill-mid-call': async (fault, arsenal) => {
    await arsenal.gateway.misbehave({ delay_ms: UNDER_WAY_MS });
    await pause(fault.durationMs, arsenal.signal);
    processOf(arsenal, fault.target).kill();
    await arsenal.gateway.misbehave({});
  },
  duplicate: async ({ target, durationMs }, { stranger, random, tampered, signal }) => {
    const { seen } = stranger;
    const types = target === 'exchange' ? undefined : takenBy(target);
    const fitting = types ? seen.filter(({ type }) => types.has(type)) : seen.slice();
    // Old news and fresh news alike, in any order, some more than once.
    const chosen = random.shuffle(fitting).slice(0, 30);
    const again = random.shuffle([...chosen, ...chosen.slice(0, 15), ...fitting.slice(-15).reverse()]);
    for (const { type, body, properties } of again) {
      const where = types ? { exchange: '', key: target } : { exchange: EVENTS_EXCHANGE, key: type };
      if (await stranger.publish({ ...where, body, properties }, signal)) tampered.duplicated += 1;
      await pause(durationMs / again.length, signal);
    }
  },
  reorder: async ({ target, durationMs }, { stranger, random, tampered, signal }) => {
    tampered.reordered += await stranger.reorder(target, durationMs, random, signal);
  },
  poison: async ({ target }, arsenal) => {
    for (const one of arsenal.random.shuffle(brewPoison(target)))
      if (await send(one, arsenal)) arsenal.poison.push(one);
  },
  ...inflictByHand,
};

async function send(
  { message, unencodable, id, queue }: Poison,
  { stranger, broker, signal }: Arsenal,
): Promise<boolean> {
  if (!unencodable) return stranger.publish(message, signal);
  const { headers } = message.properties as { headers: Record<string, unknown> };
  return broker.publish(queue, id, message.body, headers).catch(() => false);
}

/** To a consumer that has not subscribed to its type, a copy would be poison. */
const takenBy = (service: string): Set<string> =>
  new Set(discoverSubscriptions().find((one) => one.service === service)?.types);
