import { connect, type Channel, type ChannelModel } from 'amqplib';
import { briefly } from '../../shared/messaging/failure';
import type { Session } from '../../shared/messaging/session';
import { within } from '../../shared/service/within';
import { UserError } from '../servers/search';

/** A command's one connection to RabbitMQ. */
export interface Broker {
  /** For publishers: the end of any channel opened here is the end of the session. */
  session: Session;
  /** A channel that may be closed without ending the session; an error of it ends the session. */
  openChannel(): Promise<Channel>;
  /** How much is ready in a queue and who holds on to it; undefined when there is no such queue. */
  inspect(queue: string): Promise<{ messages: number; consumers: number } | undefined>;
}

const CONNECT_TIMEOUT_MS = 10_000;
const CLOSE_TIMEOUT_MS = 2_000;
const HEARTBEAT_SECONDS = 10;

/**
 * Does some work over a connection of its own. A command does not connect again: it ends, and because it
 * leaves the broker in a good state at every moment, it can simply be run again.
 * @throws {UserError} when the broker cannot be reached, or is lost on the way
 */
export async function withBroker<T>(
  url: string,
  name: string,
  work: (broker: Broker) => Promise<T>,
): Promise<T> {
  const connection = await open(url, name);
  let reason: Error | undefined;
  const listeners: ((reason: Error) => void)[] = [];
  const fail = (cause: unknown) => {
    if (reason) return;
    reason = cause instanceof Error ? cause : new Error(String(cause));
    for (const listener of listeners) listener(reason);
  };
  const onEnd = (listener: (reason: Error) => void) =>
    reason ? listener(reason) : void listeners.push(listener);
  connection.on('error', fail);
  connection.on('close', () => fail(new Error('the connection was closed')));
  const guard = <C extends Channel>(channel: C): C => {
    channel.on('error', fail);
    return channel;
  };
  const broker: Broker = {
    session: {
      openChannel: async () => guard(await connection.createChannel()),
      openConfirmChannel: async () => guard(await connection.createConfirmChannel()),
      fail,
      get open() {
        return !reason;
      },
      onEnd,
    },
    openChannel: async () => guard(await connection.createChannel()),
    inspect: (queue) => inspect(connection, queue),
  };
  const ended = new Promise<never>((_, reject) => onEnd(reject));
  try {
    return await Promise.race([work(broker), ended]);
  } catch (error) {
    throw reason ? new UserError(`RabbitMQ was lost: ${briefly(reason)}. Run the command again.`) : error;
  } finally {
    await close(connection);
  }
}

async function open(url: string, name: string): Promise<ChannelModel> {
  const address = new URL(url);
  if (!address.searchParams.has('heartbeat'))
    address.searchParams.set('heartbeat', String(HEARTBEAT_SECONDS));
  try {
    return await connect(address.toString(), {
      timeout: CONNECT_TIMEOUT_MS,
      clientProperties: { connection_name: name },
    });
  } catch (error) {
    // Without the login in it.
    throw new UserError(
      `RabbitMQ at ${address.host}${address.pathname} does not let us in: ${saidBy(error)}`,
    );
  }
}

/** A refused connection to a name with several addresses is an error without words. */
const saidBy = (error: unknown) =>
  error instanceof AggregateError ? error.errors.map(briefly).join('; ') : briefly(error);

/** On a channel of its own: asking for a queue that is not there closes it. */
async function inspect(connection: ChannelModel, queue: string) {
  const channel = await connection.createChannel();
  channel.on('error', () => undefined); // the call below rejects with it
  try {
    const { messageCount, consumerCount } = await channel.checkQueue(queue);
    await channel.close();
    return { messages: messageCount, consumers: consumerCount };
  } catch (error) {
    if (/NOT_FOUND/.test(briefly(error))) return undefined;
    throw error;
  }
}

async function close(connection: ChannelModel): Promise<void> {
  await within(CLOSE_TIMEOUT_MS, connection.close()).catch(() => {
    (connection.connection as unknown as { stream?: { destroy(): void } }).stream?.destroy();
  });
}
