import { permanentConnectionError } from '../../shared/service/permanent-connection-error';
import { splitServers } from '../../shared/service/server-url';
import { givenUrl } from '../given-url';
import { usualManagement } from '../server-urls';
import { assertManagementAnswers, assertPostgresAnswers, assertRabbitmqAnswers } from './readiness';
import { NotAvailable, type Search, type Server, UserError } from './search';
import { Hopeless, messageOf, waitUntil } from './wait-until';

/** The database that DATABASE_URL names. Never stopped, never wiped. */
export async function givenPostgres(search: Search): Promise<Server> {
  const url = givenUrl('DATABASE_URL');
  if (!url) throw new NotAvailable('DATABASE_URL is not set');
  await answers('DATABASE_URL', () => assertPostgresAnswers(url), search);
  return { url, how: 'given by DATABASE_URL', stop: async () => undefined };
}

/** The broker that RABBITMQ_URL names; its management API by RABBITMQ_MANAGEMENT_URL, or where it usually is. */
export async function givenRabbitmq(search: Search): Promise<Server> {
  const url = givenUrl('RABBITMQ_URL');
  if (!url) throw new NotAvailable('RABBITMQ_URL is not set');
  await answers('RABBITMQ_URL', () => assertRabbitmqAnswers(url), search);
  return {
    url,
    managementUrl: await management(url, search),
    how: 'given by RABBITMQ_URL',
    stop: async () => undefined,
  };
}

async function answers(variable: string, attempt: () => Promise<void>, search: Search): Promise<void> {
  try {
    await waitUntil(() => attempt().catch(giveUpIfRefused), {
      what: variable,
      timeoutMs: 30_000,
      everyMs: 500,
      signal: search.signal,
    });
  } catch (error) {
    if (search.signal.aborted) throw error;
    throw new UserError(`${variable} is set, but nothing usable answers there.\n${messageOf(error)}`);
  }
}

/** A wrong password does not become right by waiting for the server to come up. */
function giveUpIfRefused(error: unknown): never {
  const refused = permanentConnectionError(error);
  throw refused ? new Hopeless(refused) : error;
}

async function management(rabbitmqUrl: string, search: Search): Promise<string | undefined> {
  const node = splitServers(rabbitmqUrl)[0]!;
  const broker = new URL(node);
  const url = new URL(process.env.RABBITMQ_MANAGEMENT_URL || usualManagement(node));
  if (!url.username) [url.username, url.password] = [broker.username || 'guest', broker.password || 'guest'];
  const text = url.href.replace(/\/$/, '');
  try {
    await assertManagementAnswers(text, 3000);
    return text;
  } catch (error) {
    if (search.purpose === 'start') return undefined;
    throw new UserError(
      `The tests make a virtual host for each test file through RabbitMQ's management API, and\n` +
        `${url.origin} does not answer (${messageOf(error)}).\n` +
        'Enable the plugin (rabbitmq-plugins enable rabbitmq_management), or set RABBITMQ_MANAGEMENT_URL.',
    );
  }
}
