import { z } from 'zod';
import { eventTypes } from '../../shared/events/contracts';
import { Prisma, type Database } from '../../shared/service/database';
import { openEnum, timestamp, uuid } from '../http/fields';
import { notFound } from '../http/problem';

/** What there is to know of an endpoint, its secret apart. */
export const webhookAnswer = z
  .object({
    webhook_id: uuid,
    restaurant_id: uuid.nullable().meta({ description: 'null: of the whole shop', example: null }),
    url: z.string().meta({ example: 'https://shop.example/ordermesh' }),
    event_types: z.array(openEnum(eventTypes)).meta({ description: 'What it is sent' }),
    paused: z.boolean().meta({ example: false }),
    status: openEnum(
      ['ENABLED', 'PAUSED', 'DISABLED'],
      'DISABLED: it failed for three days, or answered 410. `paused: false` switches it on again. ',
    ).meta({ example: 'ENABLED' }),
    failing_since: timestamp
      .nullable()
      .meta({ description: 'Since then every attempt has failed', example: null }),
    disabled_at: timestamp.nullable().meta({ example: null }),
    disabled_reason: openEnum(['FAILING', 'GONE'], 'Why it is DISABLED: ').nullable().meta({ example: null }),
    created_at: timestamp,
  })
  .meta({ id: 'Webhook' });

export interface WebhookRow {
  id: string;
  restaurant_id: string | null;
  url: string;
  event_types: string[];
  paused: boolean;
  failing_since: Date | null;
  disabled_at: Date | null;
  disabled_reason: string | null;
  created_at: Date;
}

/** Reads endpoints; what was before they were switched on last is of no interest. */
export const WEBHOOKS = Prisma.sql`
  SELECT e.id, e.restaurant_id, e.url, e.event_types, e.paused, e.created_at,
    CASE WHEN h.failing_since > e.enabled_at THEN h.failing_since END AS failing_since,
    CASE WHEN h.disabled_at > e.enabled_at THEN h.disabled_at END AS disabled_at,
    CASE WHEN h.disabled_at > e.enabled_at THEN h.disabled_reason END AS disabled_reason
  FROM webhook_endpoints e LEFT JOIN webhook_health h ON h.endpoint_id = e.id`;

/** An endpoint of a restaurant, or of the whole shop where there is none. */
export const isOf = (restaurantId: string | undefined): Prisma.Sql =>
  restaurantId === undefined
    ? Prisma.sql`restaurant_id IS NULL`
    : Prisma.sql`restaurant_id = ${restaurantId}::uuid`;

/** Which endpoint a request is about. */
export interface WhichWebhook {
  id?: string | undefined;
  webhook_id: string;
}

/** @throws {Problem} 404 where there is none, or it is another's */
export async function readWebhook(database: Database, which: WhichWebhook): Promise<WebhookRow> {
  const [row] = await database.$queryRaw<WebhookRow[]>`
    ${WEBHOOKS} WHERE e.id = ${which.webhook_id}::uuid AND e.${isOf(which.id)}`;
  if (!row) throw unknownWebhook(which);
  return row;
}

export const unknownWebhook = ({ id, webhook_id }: WhichWebhook) =>
  notFound(
    `There is no webhook ${webhook_id} ${id === undefined ? 'of the whole shop' : `of restaurant ${id}`}.`,
  );

export function showWebhook(row: WebhookRow): z.output<typeof webhookAnswer> {
  return {
    webhook_id: row.id,
    restaurant_id: row.restaurant_id,
    url: row.url,
    event_types: row.event_types.length > 0 ? row.event_types : [...eventTypes].sort(),
    paused: row.paused,
    status: row.paused ? 'PAUSED' : row.disabled_at ? 'DISABLED' : 'ENABLED',
    failing_since: row.failing_since?.toISOString() ?? null,
    disabled_at: row.disabled_at?.toISOString() ?? null,
    disabled_reason: row.disabled_reason,
    created_at: row.created_at.toISOString(),
  };
}
