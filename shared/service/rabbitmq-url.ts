import { readCertificate } from './postgres-url';
import { parseServerUrl, splitServers } from './server-url';

/** What a RABBITMQ_URL says of one server. */
export interface RabbitmqTarget {
  /** `host:port`, for people. */
  address: string;
  /** For amqplib: without the login, and with its own names of the parameters. */
  url: string;
  user: string;
  password: string;
  tls: { ca?: string; cert?: string; key?: string; rejectUnauthorized?: boolean; servername?: string };
  connectTimeoutMs?: number;
}

/** RabbitMQ's names (https://www.rabbitmq.com/docs/uri-query-parameters) and amqplib's. */
const NUMBERS: Record<string, string> = {
  heartbeat: 'heartbeat',
  frame_max: 'frameMax',
  frameMax: 'frameMax',
  channel_max: 'channelMax',
  channelMax: 'channelMax',
  maxFrameSize: 'maxFrameSize',
  connection_timeout: '',
};
const FILES = { cacertfile: 'ca', certfile: 'cert', keyfile: 'key' } as const;
const OTHERS = ['verify', 'server_name_indication', 'locale'];
const HEARTBEAT_SECONDS = '10';

/**
 * Reads a RABBITMQ_URL that may name several nodes of one cluster: `amqp://user:password@one:5672,two:5672/vhost`, or
 * whole URLs with a comma between them.
 * @throws {Error} as {@link parseRabbitmqUrl}
 */
export function parseRabbitmqServers(text: string, caFile?: string): RabbitmqTarget[] {
  const targets = splitServers(text).map((one) => parseRabbitmqUrl(one, caFile));
  const vhosts = new Set(targets.map(({ url }) => decodeURIComponent(new URL(url).pathname.slice(1)) || '/'));
  if (vhosts.size > 1)
    throw new Error('names several virtual hosts: all its addresses have to be nodes of one cluster');
  return [...new Map(targets.map((target) => [target.address, target])).values()];
}

/**
 * Reads a RABBITMQ_URL of one server (https://www.rabbitmq.com/docs/uri-spec). The path is the virtual host; a slash in its name is
 * written %2F. Without a `heartbeat` it is 10 s: a broker that vanished is noticed within twice as long.
 * @param caFile the certificate of a private authority, where the URL names none
 * @throws {Error} with one line that says what is wrong and repeats no secret
 */
export function parseRabbitmqUrl(text: string, caFile = process.env.RABBITMQ_CA_FILE): RabbitmqTarget {
  const url = parseServerUrl('RABBITMQ_URL', text, ['amqp', 'amqps']);
  if (!url.hostname) throw new Error('names no host');
  const given = url.searchParams;
  const unknown = [...given.keys()].filter(
    (name) => !(name in NUMBERS || name in FILES || OTHERS.includes(name)),
  );
  if (unknown.length > 0)
    throw new Error(
      `has parameters that are not supported: ${unknown.map((name) => name.slice(0, 40)).join(', ')}`,
    );
  for (const name of new Set(given.keys()))
    if (given.getAll(name).length > 1) throw new Error(`says ${name} more than once`);
  const clean = new URL(url);
  clean.username = clean.password = clean.search = '';
  for (const [name, value] of given) {
    if (name in NUMBERS && !/^\d{1,9}$/.test(value))
      throw new Error(`has a ${name} that is not a whole number`);
    if (NUMBERS[name]) clean.searchParams.set(NUMBERS[name], value);
    if (name === 'locale') clean.searchParams.set(name, value);
  }
  if (!given.has('heartbeat')) clean.searchParams.set('heartbeat', HEARTBEAT_SECONDS);
  const anonymous = !url.username && !url.password;
  return {
    address: `${url.hostname}:${url.port || (url.protocol === 'amqps:' ? 5671 : 5672)}`,
    url: clean.href,
    user: anonymous ? 'guest' : decodeURIComponent(url.username),
    password: anonymous ? 'guest' : decodeURIComponent(url.password),
    tls: url.protocol === 'amqps:' ? tlsOf(given, caFile) : {},
    ...(given.has('connection_timeout') && { connectTimeoutMs: Number(given.get('connection_timeout')) }),
  };
}

function tlsOf(given: URLSearchParams, caFile: string | undefined): RabbitmqTarget['tls'] {
  const tls: RabbitmqTarget['tls'] = {};
  for (const [name, field] of Object.entries(FILES)) {
    const file = given.get(name);
    if (file) tls[field] = readCertificate(file, name);
  }
  if (!tls.ca && caFile) tls.ca = readCertificate(caFile, 'RABBITMQ_CA_FILE');
  const verify = given.get('verify');
  if (verify !== null && verify !== 'verify_none' && verify !== 'verify_peer')
    throw new Error('has an unknown verify: say verify_peer or verify_none');
  if (verify === 'verify_none') tls.rejectUnauthorized = false;
  const servername = given.get('server_name_indication');
  if (servername && servername !== 'disable') tls.servername = servername;
  return tls;
}
