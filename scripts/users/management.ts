import { parseRabbitmqServers, type RabbitmqTarget } from '../../shared/service/rabbitmq-url';
import { UserError } from '../servers/search';
import type { Management } from './make-broker-users';

const ANSWER_MS = 15_000;

/**
 * RabbitMQ's management API (https://www.rabbitmq.com/docs/http-api-reference).
 * @param urls with the login in it; without one, that of the broker's URL is used. Of several, nodes of one cluster, the
 *   first that answers
 * @param rabbitmqUrl its path is the virtual host
 */
export function openManagement(urls: string | readonly string[], rabbitmqUrl: string): Management {
  const [broker] = parseRabbitmqServers(rabbitmqUrl) as [RabbitmqTarget]; // one virtual host, one login
  const vhost = decodeURIComponent(new URL(broker.url).pathname.slice(1)) || '/';
  let nodes = [urls].flat().map((url) => nodeOf(url, broker));

  /** What is asked changes nothing when it is asked again. @throws {UserError} where no node answers */
  async function askAny(method: string, path: string, body: unknown) {
    let failure: unknown;
    for (const node of nodes) {
      try {
        const response = await send(`${node.home}${path.replace('{vhost}', encodeURIComponent(vhost))}`, {
          method,
          headers: { authorization: node.authorization, 'content-type': 'application/json' },
          body: body === undefined ? undefined : JSON.stringify(body),
          signal: AbortSignal.timeout(ANSWER_MS),
        });
        const text = await response.text();
        nodes = [node, ...nodes.filter((other) => other !== node)];
        return { node, response, text };
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure;
  }

  /** @returns what it answered; undefined where what is looked for, or deleted, is not there */
  async function ask(method: string, path: string, body?: unknown): Promise<string | undefined> {
    const { node, response, text } = await askAny(method, path, body);
    if (response.status === 401)
      throw new UserError(
        `RabbitMQ's management API at ${node.host} does not let ${node.user} in, or not as an administrator: RABBITMQ_MANAGEMENT_URL has to name one.`,
      );
    if (response.status === 404 && method !== 'PUT') return undefined;
    if (!response.ok)
      throw new UserError(
        `RabbitMQ's management API: ${method} ${path}: ${response.status} ${text.slice(0, 200)}`,
      );
    return text;
  }

  return {
    vhost,
    find: async <T>(path: string) => {
      const text = await ask('GET', path);
      return text === undefined ? undefined : (JSON.parse(text) as T);
    },
    ask: async (method, path, body) => void (await ask(method, path, body)),
  };
}

function nodeOf(url: string, broker: RabbitmqTarget) {
  const base = new URL(url);
  const [user, password] = base.username
    ? [decodeURIComponent(base.username), decodeURIComponent(base.password)]
    : [broker.user, broker.password];
  return {
    host: base.host,
    user,
    home: `${base.origin}${base.pathname.replace(/\/$/, '')}/api/`,
    authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
  };
}

async function send(url: string, request: RequestInit): Promise<Response> {
  try {
    return await fetch(url, request);
  } catch (error) {
    const { cause } = error as { cause?: { code?: string; message?: string } };
    throw new UserError(
      `RabbitMQ's management API does not answer at ${new URL(url).host} (${cause?.code ?? cause?.message ?? (error as Error).message}): ` +
        'set RABBITMQ_MANAGEMENT_URL, and enable the plugin (rabbitmq-plugins enable rabbitmq_management).',
    );
  }
}
