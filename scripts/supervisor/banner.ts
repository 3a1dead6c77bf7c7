import type { Servers } from '../servers/provide-servers';
import type { Orderable } from './demo-menu';

export interface Running {
  apiUrl: string;
  /** Undefined where this checkout has no simulator. */
  simulatorUrl: string | undefined;
  /** Where mails can be looked at, if they are caught here. */
  mailUrl?: string | undefined;
  servers: Servers;
  /** Whether a person reads it, and no log: then it has the passwords of the project's own servers in it. */
  onTerminal: boolean;
}

const HIDDEN = '…';

/** What a newcomer needs next: the addresses, and commands that work as they stand. */
export function banner(
  { apiUrl, simulatorUrl, mailUrl, servers, onTerminal }: Running,
  toTry: readonly string[],
): string {
  const shown = (url: string, how: string) =>
    onTerminal && !how.startsWith('given by') ? url : withoutPassword(url);
  return [
    '',
    'Ordermesh is running.',
    '',
    `  API          ${apiUrl}/api/v1`,
    `  Docs         ${apiUrl}/docs`,
    ...paymentLine(simulatorUrl),
    ...(mailUrl ? [`  Mails        ${mailUrl}   none leaves this machine`] : []),
    `  RabbitMQ UI  ${managementLogin(servers.managementUrl && shown(servers.managementUrl, servers.how.rabbitmq))}`,
    `  AMQP         ${shown(servers.rabbitmqUrl, servers.how.rabbitmq)}   (${servers.how.rabbitmq})`,
    `  PostgreSQL   ${shown(servers.databaseUrl, servers.how.postgres)}   (${servers.how.postgres})`,
    ...(onTerminal ? [] : ['               their passwords are in .local/mesh.json']),
    '',
    ...toTry,
    '',
    'Ctrl-C stops all of it. The data stays; npm start -- --fresh begins with none.',
    '',
  ].join('\n');
}

/** Of several brokers, each. */
const withoutPassword = (url: string) =>
  url
    .replace(/(\/\/[^:@/,]*:)[^@]*@/g, `$1${HIDDEN}@`)
    .replace(/([?&](?:ssl)?password=)[^&]*/g, `$1${HIDDEN}`);

function paymentLine(simulatorUrl: string | undefined): string[] {
  if (process.env.PAYMENT_GATEWAY === 'stripe') return ['  Payments     by Stripe'];
  const url = process.env.PAYMENT_SIMULATOR_URL || simulatorUrl;
  return url ? [`  Payments     ${url}   simulated card payments`] : [];
}

function managementLogin(url: string | undefined): string {
  if (!url) return 'not reachable (set RABBITMQ_MANAGEMENT_URL if it is elsewhere)';
  const { origin, username, password } = new URL(url);
  return `${origin}   user ${decodeURIComponent(username)}   password ${decodeURIComponent(password)}`;
}

/** Where callers have to say who they are. */
export const howToCall: readonly string[] = [
  '  Callers have to say who they are. A key that may do everything:',
  '',
  'export API_KEY=$(npm run -s keys -- create --role admin)',
];

/** Commands that place an order, or where to read how to. */
export function tryIt(apiUrl: string, orderable: Orderable | undefined): string[] {
  if (!orderable)
    return [`  Nothing can be ordered yet: see POST /inventory/add/restaurant in ${apiUrl}/docs`];
  const order = {
    restaurant_id: orderable.restaurantId,
    items: [{ menu_item_id: orderable.menuItemId, quantity: 2 }],
  };
  const key = process.env.API_KEY ? ` -H "authorization: Bearer $API_KEY"` : '';
  return [
    '  Place an order, and a moment later see that it is PREPARING:',
    '',
    `curl -sS ${apiUrl}/api/v1/orders${key} -H 'content-type: application/json' -d '${JSON.stringify(order)}'`,
    `curl -sS '${apiUrl}/api/v1/orders?limit=1'${key}`,
  ];
}
