import { EVENTS_EXCHANGE } from '../../shared/messaging/topology';
import type { Login } from './find-logins';

/** The tag of a mesh's users: RabbitMQ itself takes no notice of a tag that it does not know. */
export const MARK = 'ordermesh';

/** The rights of a user in a virtual host: regular expressions that names have to match. */
export interface Permissions {
  configure: string;
  write: string;
  read: string;
  /** For the routing keys of the events exchange. */
  keys: { write: string; read: string };
}

const NONE = '^$';
const quoted = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const oneOf = (...patterns: string[]) => `^(${patterns.join('|')})$`;
const EVENTS = quoted(EVENTS_EXCHANGE);

/**
 * What a login may do on the broker. A consumer has its own exchange and queues, and binds from the events exchange what
 * it takes; only the relay writes there. Operators read dead letters, and give a service its messages again.
 * @param consumers all of them, by name
 */
export function permissionsOf(login: Login, consumers: readonly string[]): Permissions | undefined {
  const { name, broker } = login;
  if (broker?.as === 'consumer') {
    const own = `${quoted(name)}(\\.dlq|\\.retry\\..+)?`;
    const keys = { write: NONE, read: oneOf(...broker.types.map(quoted)) };
    return { configure: oneOf(own), write: oneOf(own), read: oneOf(own, EVENTS), keys };
  }
  const services = consumers.map(quoted);
  if (broker?.as === 'operator') {
    const read = oneOf(...services.map((service) => `${service}\\.dlq`));
    return { configure: NONE, write: oneOf(...services), read, keys: { write: NONE, read: NONE } };
  }
  if (broker?.as !== 'relay') return undefined;
  // It declares the exchange where that is gone. Types that are not known here yet are published too.
  return { configure: oneOf(EVENTS), write: oneOf(EVENTS), read: NONE, keys: { write: '.*', read: NONE } };
}

/** The management API of the broker, as an administrator. */
export interface Management {
  /** The virtual host of the mesh. */
  vhost: string;
  /** What is at a path, as in {@link ask}. @returns undefined where nothing is */
  find<T>(path: string): Promise<T | undefined>;
  /** The path begins after `/api/`; `{vhost}` stands for the virtual host. @throws {Error} for any other answer than 2xx */
  ask(method: string, path: string, body?: unknown): Promise<void>;
}

/** Makes a user, gives it its password and exactly these permissions in the virtual host. */
export async function makeBrokerUser(
  management: Management,
  user: string,
  password: string,
  { keys, ...permissions }: Permissions,
): Promise<void> {
  const name = encodeURIComponent(user);
  await management.ask('PUT', `users/${name}`, { password, tags: MARK });
  // The narrower first: a user without topic permissions may use all keys of what it may use.
  await management.ask('PUT', `topic-permissions/{vhost}/${name}`, { exchange: EVENTS_EXCHANGE, ...keys });
  await management.ask('PUT', `permissions/{vhost}/${name}`, permissions);
}
