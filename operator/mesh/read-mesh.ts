import { briefly } from '../../shared/messaging/failure';
import { LateError, within } from '../../shared/service/within';
import { withDatabase } from '../command-line/with-database';
import { askInstances, type AskedInstance } from './ask-instances';
import { showPause, type MeshState, type ServerState, type ServiceState } from './mesh-state';
import { findNeeds } from './needs';
import { readTables, type OrderCount, type Tables } from './read-database';
import { readQueues, type QueueCounts } from './read-queues';

/** Where the mesh is to be read. */
export interface MeshSources {
  databaseUrl: string;
  /** Undefined where none is known. */
  rabbitmqUrl: string | undefined;
  /** The services that there are, where the database does not say. */
  knownServices: () => string[];
  /** Where processes of this machine answer, for when the database does not. */
  healthUrls: () => Record<string, string>;
  countOrders: OrderCount;
}

/** A server that has not answered by then is away, for whoever looks at a screen. */
const ANSWER_MS = 12_000;
const API = 'order-api';
const RELAY = 'outbox-publisher';

/** Reads all that can be read. What is away is said, and the rest is there. Never throws. */
export async function readMesh(sources: MeshSources): Promise<MeshState> {
  const database = await attempt(() =>
    withDatabase('mesh', sources.databaseUrl, (open) => readTables(open, sources.countOrders)),
  );
  const tables = database.value;
  const consumers = tables?.consumers.map(({ service }) => service) ?? sources.knownServices();
  const { rabbitmqUrl } = sources;
  const broker = rabbitmqUrl
    ? await attempt(() => readQueues(rabbitmqUrl, consumers))
    : { value: undefined, error: 'RABBITMQ_URL is not set' };
  const asked = tables ? [] : await askInstances(sources.healthUrls());
  const services = servicesOf(consumers, tables, broker.value, asked);
  const state: Omit<MeshState, 'needs'> = {
    as_of: (tables?.now ?? new Date()).toISOString(),
    postgresql: serverOf(database.error),
    rabbitmq: serverOf(broker.error),
    services,
    pauses: (tables?.pauses ?? []).map((pause) => ({ part: pause.part, ...showPause(pause) })),
    outbox: tables?.outbox ?? null,
    orders: tables?.orders ?? null,
    orders_per_second: tables?.ordersPerSecond ?? null,
    hops: tables?.hops ?? null,
  };
  return { ...state, needs: findNeeds(state, tables?.troubles) };
}

async function attempt<T>(read: () => Promise<T>): Promise<{ value?: T; error?: string }> {
  try {
    return { value: await within(ANSWER_MS, read()) };
  } catch (error) {
    return {
      error: error instanceof LateError ? `it does not answer within ${ANSWER_MS / 1_000} s` : briefly(error),
    };
  }
}

const serverOf = (error: string | undefined): ServerState => ({
  reachable: error === undefined,
  error: error ?? null,
});

function servicesOf(
  consumers: readonly string[],
  tables: Tables | undefined,
  queues: Map<string, QueueCounts> | undefined,
  asked: readonly AskedInstance[],
): ServiceState[] {
  const heard = [...(tables?.instances ?? []), ...asked].map(({ service }) => service);
  const rest = new Set([...consumers, ...heard].filter((name) => name !== API && name !== RELAY));
  return [API, RELAY, ...[...rest].sort()].map((service) => {
    const own = tables?.instances.filter((one) => one.service === service) ?? [];
    const pause = tables?.pauses.find(({ part }) => part === service);
    const types = tables?.consumers.find((one) => one.service === service)?.types;
    const counts = queues?.get(service);
    return {
      service,
      paused: pause ? showPause(pause) : null,
      instances: tables ? own.map(showInstance) : asked.filter((one) => one.service === service).map(plain),
      queue: queueOf(counts),
      dead_letters: counts?.dead?.messages ?? null,
      in_per_second:
        types && tables ? sum(tables.published.filter(({ type }) => types.includes(type))) : null,
      out_per_second: own.some(({ per_second }) => per_second !== null) ? sum(own) : null,
      behind_seconds: tables?.progress.find(({ consumer }) => consumer === service)?.behind_seconds ?? null,
    };
  });
}

const queueOf = (counts: QueueCounts | undefined): ServiceState['queue'] =>
  (counts &&
    (counts.work ? { waiting: counts.work.messages, consumers: counts.work.consumers } : 'missing')) ??
  null;

const showInstance = ({ service: _, per_second: __, ...one }: Tables['instances'][number]) => ({
  ...one,
  started_at: one.started_at.toISOString(),
  seen_at: one.seen_at.toISOString(),
});
const plain = ({ service: _, ...one }: AskedInstance) => one;

const sum = (rates: readonly { per_second: number | null }[]) =>
  rates.reduce((total, { per_second }) => total + (per_second ?? 0), 0);
