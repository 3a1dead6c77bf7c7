import type { Channel, ChannelModel, ConfirmChannel } from 'amqplib';
import type { Logger } from '../service/logger';
import { backoff } from '../service/backoff';
import { permanentConnectionError } from '../service/permanent-connection-error';
import { within } from '../service/within';
import { addressOfBroker, avoidBroker, connectBroker } from './connect-broker';
import { briefly } from './failure';
import { gatherWrites } from '../service/gather-writes';

/**
 * One connection to the broker with the channels on it, from its opening to its end. When anything
 * of it breaks, all of it is given up and a new session is begun: no message of one session is ever
 * acknowledged on another, and there is one path of recovery, the one of a fresh start.
 */
export interface Session {
  openChannel(): Promise<Channel>;
  openConfirmChannel(): Promise<ConfirmChannel>;
  /** Opens channels whose end is not the session's: for {@link onLooseChannel}. */
  readonly loose: Pick<ChannelModel, 'createChannel'>;
  /** Ends the session with a reason; safe to call at any time, any number of times. */
  fail(reason: unknown): void;
  readonly open: boolean;
  /** Whether the broker is in alarm, and reads nothing more of this connection until that is over. */
  readonly blocked: boolean;
  /** Told once, when the session has ended. */
  onEnd(listener: (reason: Error) => void): void;
}

export interface SessionKeeper {
  /** True from the end of a successful set-up to the end of that session, unless the broker blocks it. */
  isUp(): boolean;
  /** What ended the last session, while there is no other; in one line, without a secret. */
  downBecause(): string | undefined;
  /** Closes the current session and begins no other. */
  stop(): Promise<void>;
}

export interface KeepSessionOptions {
  url: string;
  /** Shown in the management UI's list of connections. */
  name: string;
  log: Logger;
  /** Declares, subscribes, opens channels. When it throws, the session ends and is tried again. */
  setUp: (session: Session) => Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;
const SET_UP_TIMEOUT_MS = 30_000;
const CLOSE_TIMEOUT_MS = 2_000;
/** What goes out with one system call at most, and is read with one. */
const SOCKET_BUFFER_BYTES = 256 * 1024;

/** Keeps a session open: connects, sets up, and does it again with jittered backoff whenever one ends. */
export function keepSession(options: KeepSessionOptions): SessionKeeper {
  const { log } = options;
  const stopping = new AbortController();
  let up = false;
  let blocked = false;
  let current: Session | undefined;
  let why: string | undefined;

  const running = (async () => {
    for (let failures = 0; !stopping.signal.aborted; failures++) {
      const reason = await runSession(options, stopping.signal, {
        open: (session) => (current = session),
        up: (address) => {
          up = true;
          why = undefined;
          failures = 0;
          log.info({ address }, 'connected to RabbitMQ');
        },
        blocked: (why) => {
          blocked = why !== undefined;
          if (blocked) log.warn({ why }, 'RabbitMQ is in alarm and takes no messages; waiting');
          else log.info('RabbitMQ takes messages again');
        },
      });
      up = blocked = false;
      current = undefined;
      if (stopping.signal.aborted) return;
      const refused = permanentConnectionError(reason);
      why = refused ?? (isBrokersFault(reason) ? BROKERS_FAULT : briefly(reason));
      if (refused && lacksRight(refused))
        log.error({ error: refused }, 'RabbitMQ refuses what the user has no right to, connecting again');
      else if (refused) log.error({ error: refused }, 'RabbitMQ refuses the login, connecting again');
      else if (why === BROKERS_FAULT) log.error({ error: why }, 'RabbitMQ failed, connecting again');
      else log.warn({ error: briefly(reason) }, 'RabbitMQ is away, connecting again');
      await backoff(failures, { signal: stopping.signal });
    }
  })();

  return {
    isUp: () => up && !blocked,
    downBecause: () => why,
    stop: async () => {
      stopping.abort();
      current?.fail(new Error('stopping'));
      await running;
    },
  };
}

/** https://www.rabbitmq.com/amqp-0-9-1-reference.html#constant.internal-error */
const INTERNAL_ERROR = 541;
const BROKERS_FAULT =
  'an internal error of RabbitMQ (541); its log says which. A queue that has lost its leader for good has to be deleted: see "A queue without a leader" in docs/guides/operations.md';

/** The login is fine, but not for this exchange or queue. */
const lacksRight = (refusal: string): boolean => /ACCESS_REFUSED - .*access to/.test(refusal);

const isBrokersFault = (reason: unknown): boolean => (reason as { code?: unknown }).code === INTERNAL_ERROR;

/** Runs one session to its end and says why it ended. Never throws. */
async function runSession(
  { url, name, setUp }: KeepSessionOptions,
  stopping: AbortSignal,
  on: {
    open: (session: Session) => void;
    up: (address: string | undefined) => void;
    /** With why, or with undefined when it is over. */
    blocked: (why: string | undefined) => void;
  },
): Promise<unknown> {
  const options = {
    timeout: CONNECT_TIMEOUT_MS,
    noDelay: true,
    keepAlive: true,
    highWaterMark: SOCKET_BUFFER_BYTES,
    clientProperties: { connection_name: name },
  };
  const connecting = connectBroker(url, options);
  let connection: ChannelModel;
  try {
    connection = await unlessStopped(connecting, stopping);
  } catch (error) {
    if (stopping.aborted) closeIfItComes(connecting);
    return error;
  }
  gatherWrites(connection);
  const session = openSession(connection);
  connection.on('blocked', (why) => on.blocked(why));
  connection.on('unblocked', () => on.blocked(undefined));
  on.open(session.session);
  if (stopping.aborted) session.session.fail(new Error('stopping'));
  try {
    await Promise.race([
      within(SET_UP_TIMEOUT_MS, setUp(session.session)),
      session.ended.then((reason) => Promise.reject(reason)),
    ]);
    if (session.session.open) on.up(addressOfBroker(connection));
  } catch (error) {
    session.session.fail(error);
  }
  const reason = await session.ended;
  if (!stopping.aborted) avoidBroker(connection);
  await within(CLOSE_TIMEOUT_MS, connection.close()).catch(() => {
    // Closed already, or the broker does not answer: the socket goes either way.
    (connection.connection as unknown as { stream?: { destroy(): void } }).stream?.destroy();
  });
  return reason;
}

/** Watches over a connection: the first error of it, or of a channel that the session opened, ends the session. */
export function openSession(connection: ChannelModel): { session: Session; ended: Promise<Error> } {
  let reason: Error | undefined;
  let blocked = false;
  const listeners: ((reason: Error) => void)[] = [];
  const fail = (cause: unknown) => {
    if (reason) return;
    reason = cause instanceof Error ? cause : new Error(String(cause));
    for (const listener of listeners) listener(reason);
  };
  const onEnd = (listener: (reason: Error) => void) => {
    if (reason) listener(reason);
    else listeners.push(listener);
  };
  const ended = new Promise<Error>((resolve) => onEnd(resolve));
  // These come first: an error without a listener would end the process.
  connection.on('error', fail);
  connection.on('close', (error) => fail(error ?? new Error('the connection was closed')));
  connection.on('blocked', () => (blocked = true));
  connection.on('unblocked', () => (blocked = false));
  const guard = <C extends Channel>(channel: C): C => {
    channel.on('error', fail);
    // A connection that ends closes its channels first, and says in the same turn of the event loop why.
    channel.on('close', () => queueMicrotask(() => fail(new Error('a channel was closed'))));
    return channel;
  };
  return {
    ended,
    session: {
      openChannel: async () => guard(await connection.createChannel()),
      openConfirmChannel: async () => guard(await connection.createConfirmChannel()),
      loose: connection,
      fail,
      get open() {
        return !reason;
      },
      get blocked() {
        return blocked;
      },
      onEnd,
    },
  };
}

/** A promise's result, unless the signal comes first: a broker that accepts and says nothing must not hold up the end. */
function unlessStopped<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(new Error('stopping'));
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop);
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

function closeIfItComes(connecting: Promise<ChannelModel>): void {
  connecting
    .then(
      (connection) => connection.close(),
      () => undefined, // it never came
    )
    .catch(() => undefined);
}
