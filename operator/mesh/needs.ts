import type { MeshState, Need, ServiceState } from './mesh-state';
import type { Troubles } from './read-database';

/** What is older in the outbox than this does not move. */
const OUTBOX_SECONDS = 60;
/** Processes hear of a pause within this time, or are of a version that does not know of pauses. */
const HEARD_SECONDS = 10;

/** What does not end by itself, or should not go on for long, the gravest first. */
export function findNeeds(state: Omit<MeshState, 'needs'>, troubles: Troubles | undefined): Need[] {
  const { postgresql, rabbitmq, services, outbox } = state;
  return [
    ...unreachable('PostgreSQL', postgresql.error),
    ...unreachable('RabbitMQ', rabbitmq.error),
    ...services.flatMap((service) => needsOf(service, state)),
    ...outboxNeeds(outbox),
    ...(troubles ? troubleNeeds(troubles) : []),
    ...pauseNeeds(state),
  ];
}

const need = (code: string, part: string, sentence: string, command: string | null = null): Need => ({
  code,
  part,
  sentence,
  command,
});

const unreachable = (server: string, error: string | null): Need[] =>
  error === null
    ? []
    : [need('server_away', server, error.startsWith(server) ? error : `${server} cannot be read: ${error}`)];

function needsOf(one: ServiceState, { postgresql }: Omit<MeshState, 'needs'>): Need[] {
  const { service, instances, queue, dead_letters, paused } = one;
  const found: Need[] = [];
  if (instances.length === 0 && postgresql.reachable)
    found.push(need('service_away', service, `no instance of ${service} runs, or none reaches the database`));
  for (const { ready, reasons, instance, host } of instances)
    if (!ready)
      found.push(
        need(
          'not_ready',
          service,
          `${service} (${instance.slice(0, 8)} at ${host}) is not ready: ${Object.values(reasons).join('; ')}`,
        ),
      );
  if (queue === 'missing')
    found.push(need('queue_missing', service, `${service} has no queue`, 'npm run migrate'));
  else if (queue && queue.consumers === 0 && !paused && instances.length > 0)
    found.push(
      need('no_consumer', service, `nobody takes from the queue of ${service}, where ${queue.waiting} wait`),
    );
  if (dead_letters)
    found.push(
      need(
        'dead_letters',
        service,
        `${dead_letters} dead letters of ${service}`,
        `npm run dlq -- list --service ${service}`,
      ),
    );
  return found;
}

function outboxNeeds(outbox: MeshState['outbox']): Need[] {
  if (!outbox) return [];
  const found: Need[] = [];
  if (outbox.oldest_seconds > OUTBOX_SECONDS)
    found.push(
      need(
        'outbox_stuck',
        'outbox-publisher',
        `${outbox.waiting} events wait to be published, the oldest for ${Math.round(outbox.oldest_seconds)} s`,
      ),
    );
  if (outbox.refused > 0)
    found.push(
      need(
        'publishing_refused',
        'outbox-publisher',
        `RabbitMQ has refused ${outbox.refused} events; they are tried again`,
      ),
    );
  return found;
}

function troubleNeeds({
  inReview,
  tokensUnreadable,
  notSent,
  webhooksOff,
  stuck,
  oldestStuck,
}: Troubles): Need[] {
  const counted: [number, string, string, string, string][] = [
    [inReview, 'payments_in_review', 'payment-service', 'payments in review', 'npm run payments -- list'],
    [
      tokensUnreadable,
      'card_tokens_unreadable',
      'payment-service',
      'payments whose card token payment-service cannot read: its CARD_TOKEN_KEY lacks the key of order-api',
      'npm run payments -- list --stuck 1s',
    ],
    [
      stuck,
      'orders_stuck',
      'status-service',
      'orders placed more than 15 minutes ago and not decided',
      `npm run mesh -- why ${oldestStuck}`,
    ],
    [
      notSent,
      'notifications_failed',
      'notification-service',
      'notifications failed for good since yesterday',
      'npm run notifications -- list --status failed',
    ],
  ];
  const found = counted
    .filter(([count]) => count > 0)
    .map(([count, code, part, what, command]) => need(code, part, `${count} ${what}`, command));
  if (webhooksOff > 0)
    found.push(
      need(
        'webhooks_disabled',
        'notification-service',
        `${webhooksOff} webhooks are disabled: their owners were told`,
      ),
    );
  return found;
}

function pauseNeeds({ pauses, services, as_of }: Omit<MeshState, 'needs'>): Need[] {
  return pauses.flatMap(({ part, by, why, since }) => {
    const resume = need(
      'paused',
      part,
      `${part} is paused by ${by} since ${since.replace(/\.\d+Z$/, 'Z')}: ${why}`,
      `npm run mesh -- resume ${part}`,
    );
    const isOld = Date.parse(as_of) - Date.parse(since) > HEARD_SECONDS * 1_000;
    const deaf = services
      .filter(({ service }) => service === part)
      .flatMap(({ instances }) => instances.filter(({ paused }) => isOld && !paused.includes(part)));
    return deaf.length === 0
      ? [resume]
      : [
          resume,
          need(
            'pause_not_heard',
            part,
            `${deaf.length} instances of ${part} go on all the same: they are of a version that knows no pauses, or cannot read them`,
          ),
        ];
  });
}
