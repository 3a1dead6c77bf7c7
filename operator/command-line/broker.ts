import type { Channel, ChannelModel } from 'amqplib';
import { connectBroker } from '../../shared/messaging/connect-broker';
import { briefly } from '../../shared/messaging/failure';
import { openSession, type Session } from '../../shared/messaging/session';
import { permanentConnectionError } from '../../shared/service/permanent-connection-error';
import { within } from '../../shared/service/within';
import { addressOf } from '../../scripts/server-urls';
import { UserError } from '../../scripts/servers/search';

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
  const { session, ended } = openSession(connection);
  const lost = ended.then((reason) => {
    throw new UserError(`RabbitMQ was lost: ${briefly(reason)}. Run the command again.`);
  });
  lost.catch(() => undefined); // it is heard where the work is awaited
  const broker: Broker = {
    session,
    openChannel: async () => {
      const channel = await connection.createChannel();
      channel.on('error', (error) => session.fail(error));
      return channel;
    },
    inspect: (queue) => inspect(connection, queue),
  };
  try {
    return await Promise.race([work(broker), lost]);
  } catch (error) {
    // What the work was told first is only what followed from it.
    if (!session.open) await lost;
    throw error;
  } finally {
    await close(connection);
  }
}

async function open(url: string, name: string): Promise<ChannelModel> {
  try {
    return await connectBroker(url, {
      timeout: CONNECT_TIMEOUT_MS,
      clientProperties: { connection_name: name },
    });
  } catch (error) {
    // Without the login in it.
    const refused = permanentConnectionError(error);
    const why = refused ? `does not let us in: ${refused}` : `cannot be reached: ${briefly(error)}`;
    throw new UserError(`RabbitMQ at ${addressOf(url)} ${why}`);
  }
}

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
