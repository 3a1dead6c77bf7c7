import { z } from 'zod';
import { eventTypes } from '../../shared/events/contracts';
import { Prisma, type Database } from '../../shared/service/database';
import { cursor, pageOf, readCursor, UUID_PART } from '../http/cursor';
import { openEnum, page, severalOf, timestamp, uuid } from '../http/fields';
import { route, type Route } from '../http/route';
import { common, paramsOfOne, type Scope } from './scopes';
import { readWebhook } from './webhook-view';

const statuses = ['PENDING', 'SENT', 'FAILED', 'DROPPED'] as const;
/** The latest of each; of one that was sent again and again there may be more. */
const MOST_ATTEMPTS = 20;

const attempt = z.object({
  attempted_at: timestamp,
  latency_ms: z.int().meta({ example: 84 }),
  status: z.int().nullable().meta({ description: 'Of the answer; null: there was none', example: 200 }),
  error: z.string().nullable().meta({ description: 'Why there was no answer', example: null }),
  answer: z.string().nullable().meta({ description: 'Its first kilobyte', example: 'ok' }),
});

const delivery = z
  .object({
    delivery_id: uuid,
    event_id: uuid,
    event_type: openEnum(eventTypes),
    order_id: uuid.nullable(),
    test: z.boolean().meta({ example: false }),
    status: openEnum(
      statuses,
      'PENDING: it is sent, or will be. FAILED: every attempt failed. DROPPED: the webhook was off. ',
    ).meta({ example: 'SENT' }),
    reason: z.string().nullable().meta({ description: 'Why it was not sent, the last time', example: null }),
    next_attempt_at: timestamp.nullable().meta({ example: null }),
    created_at: timestamp,
    attempts: z.array(attempt).meta({ description: `The latest ${MOST_ATTEMPTS}, oldest first` }),
  })
  .meta({ id: 'WebhookDelivery' });

interface AttemptRow {
  attempted_at: string;
  latency_ms: number;
  detail: { status?: number; error?: string; answer?: string };
}

interface DeliveryRow {
  id: string;
  event_id: string;
  event_type: string;
  order_id: string | null;
  kind: string | null;
  status: string;
  last_error: string | null;
  next_attempt_at: Date | null;
  created_at: Date;
  attempts: AttemptRow[];
}

export const listDeliveries = (scope: Scope): Route =>
  route({
    ...common(scope),
    method: 'get',
    path: `${scope.path}/{webhook_id}/deliveries`,
    name: scope.names.listDeliveries,
    example: { params: scope.exampleParams },
    summary: 'What it was sent, newest first, and what it answered',
    params: paramsOfOne(scope),
    query: z.object({ status: severalOf(statuses).optional(), limit: page.limit, cursor }),
    answers: {
      200: {
        description: 'A page of deliveries',
        schema: z.object({ deliveries: z.array(delivery), next_cursor: z.string().nullable() }),
      },
    },
    async handle({ params, query }, { database }) {
      const { id } = await readWebhook(database, params);
      const list = ['webhook deliveries', id, query.status ?? null];
      const [before] = readCursor(list, query.cursor, [UUID_PART]) ?? [];
      const rows = await readDeliveries(database, id, { ...query, before });
      const shown = pageOf(rows, query.limit, list, (row) => [row.id]);
      return {
        status: 200,
        body: { deliveries: shown.rows.map(showDelivery), next_cursor: shown.next_cursor },
      };
    },
  });

interface Wanted {
  status?: readonly string[] | undefined;
  limit: number;
  before: string | undefined;
}

/** What most of them are. Of the others there is an index. */
const isUsual = (status: string) => status === 'PENDING' || status === 'SENT';
const UNSENT = Prisma.sql`AND n.status IN ('FAILED', 'DROPPED')`;

const readDeliveries = (database: Database, webhookId: string, { status, limit, before }: Wanted) =>
  database.$queryRaw<DeliveryRow[]>`
    SELECT n.id, n.event_id, n.event_type, n.order_id, n.kind, n.status, n.last_error, n.next_attempt_at, n.created_at,
      coalesce((
        SELECT json_agg(a ORDER BY a.id) FROM (
          SELECT id, attempted_at, latency_ms, detail FROM notification_attempts
          WHERE notification_id = n.id ORDER BY id DESC LIMIT ${MOST_ATTEMPTS}) AS a), '[]') AS attempts
    FROM notifications n WHERE n.channel = 'WEBHOOK' AND n.recipient = ${webhookId}
      ${before ? Prisma.sql`AND n.id < ${before}::uuid` : Prisma.empty}
      ${status ? Prisma.sql`AND n.status = ANY (${[...status]})` : Prisma.empty}
      ${status && !status.some(isUsual) ? UNSENT : Prisma.empty}
    ORDER BY n.id DESC LIMIT ${limit + 1}::int`;

const showDelivery = (row: DeliveryRow): z.output<typeof delivery> => ({
  delivery_id: row.id,
  event_id: row.event_id,
  event_type: row.event_type,
  order_id: row.order_id,
  test: row.kind === 'TEST',
  status: row.status,
  reason: row.status === 'SENT' ? null : row.last_error,
  next_attempt_at: row.next_attempt_at?.toISOString() ?? null,
  created_at: row.created_at.toISOString(),
  attempts: row.attempts.map(({ attempted_at, latency_ms, detail }) => ({
    attempted_at: new Date(attempted_at).toISOString(),
    latency_ms,
    status: detail.status ?? null,
    error: detail.error ?? null,
    answer: detail.answer ?? null,
  })),
});
