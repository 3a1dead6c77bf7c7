import { performance } from 'node:perf_hooks';
import { connect, credentials, type ChannelModel } from 'amqplib';
import { permanentConnectionError } from '../service/permanent-connection-error';
import { parseRabbitmqServers, type RabbitmqTarget } from '../service/rabbitmq-url';
import { within } from '../service/within';
import { surviveUnreadableHeaders } from './unreadable-headers';

export interface BrokerOptions {
  timeout?: number;
  noDelay?: boolean;
  keepAlive?: boolean;
  highWaterMark?: number;
  clientProperties?: { connection_name: string };
}

/** Each of several nodes gets so long at most: the next may be well. */
const ONE_OF_SEVERAL_MS = 4_000;
/** So long, a node that did not let us in or lost us comes after those that did. */
const AVOIDED_MS = 30_000;

const avoidedUntil = new Map<string, number>();
const addresses = new WeakMap<ChannelModel, string>();

/**
 * Connects to RabbitMQ as a RABBITMQ_URL says: the one place where a connection is opened. Of several nodes that it
 * names, any will do: they are tried in random order, so that the connections spread, and those that failed of late come
 * last. The login goes beside the URL, because amqplib would read what is not ASCII in it as Latin-1, and its errors may
 * repeat a URL.
 * @throws {Error} what amqplib or the socket says; with several nodes, one error that says it of each. It never has the
 * password in it.
 */
export async function connectBroker(url: string, options: BrokerOptions = {}): Promise<ChannelModel> {
  const targets = parseRabbitmqServers(url);
  if (targets.length === 1) return open(targets[0]!, options);
  const errors: Error[] = [];
  for (const target of inOrder(targets)) {
    const { connectTimeoutMs = Math.min(options.timeout ?? ONE_OF_SEVERAL_MS, ONE_OF_SEVERAL_MS) } = target;
    const opening = open(target, { ...options, timeout: connectTimeoutMs });
    try {
      // Not the socket's own time-out alone: what trickles would begin that anew each time.
      return await within(connectTimeoutMs, opening);
    } catch (error) {
      opening.then((connection) => connection.close()).catch(() => undefined);
      avoid(target.address);
      errors.push(toldOf(target.address, error));
    }
  }
  throw severalErrors(errors);
}

async function open(target: RabbitmqTarget, options: BrokerOptions): Promise<ChannelModel> {
  const connection = await connect(target.url, {
    ...options,
    timeout: target.connectTimeoutMs ?? options.timeout,
    ...target.tls,
    credentials: credentials.plain(target.user, target.password),
  });
  // Whoever calls gets an error by what fails. Without a listener, one on a connection that nobody calls would end the process.
  connection.on('error', () => undefined);
  surviveUnreadableHeaders(connection);
  addresses.set(connection, target.address);
  return connection;
}

/** The node of a connection, `host:port`. */
export const addressOfBroker = (connection: ChannelModel): string | undefined => addresses.get(connection);

/** Has another of the nodes tried first for a while. */
export const avoidBroker = (connection: ChannelModel): void => {
  const address = addresses.get(connection);
  if (address) avoid(address);
};

const avoid = (address: string) => void avoidedUntil.set(address, performance.now() + AVOIDED_MS);

/** At random, and then those that failed, the one that failed last at the end. */
function inOrder(targets: readonly RabbitmqTarget[]): RabbitmqTarget[] {
  const now = performance.now();
  return targets
    .map((target) => {
      const until = avoidedUntil.get(target.address) ?? 0;
      return { target, rank: until > now ? until : Math.random() - 1 };
    })
    .sort((one, other) => one.rank - other.rank)
    .map(({ target }) => target);
}

function toldOf(address: string, error: unknown): Error {
  const { code, message } = error as { code?: string; message?: string };
  // A name with several addresses fails with an error that has no words of its own.
  const words = message || code || String(error);
  return Object.assign(new Error(`${address}: ${words}`, { cause: error }), code ? { code } : {});
}

/** That a node refuses us for good is told where all of them do: else what may pass is. */
function severalErrors(errors: readonly Error[]): Error {
  const passing = errors.filter((error) => !permanentConnectionError(error));
  const told = passing.length > 0 ? passing : errors;
  const { code } = told[0] as { code?: string };
  return Object.assign(new Error(told.map(({ message }) => message).join('; ')), code ? { code } : {});
}
