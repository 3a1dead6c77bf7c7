import { z } from 'zod';
import { rfc3339 } from '../../shared/events/attributes';
import { newId } from '../../shared/ids';
import type { Database } from '../../shared/service/database';
import { id, timestamp, uuid } from '../http/fields';
import { exampleIds } from '../http/live-examples';
import { notFound, Problem } from '../http/problem';
import { route, type Route } from '../http/route';
import { common, deliveriesAt, paramsOfOne, type Scope } from './scopes';
import { eventType } from './webhook-fields';
import { readWebhook, type WebhookRow } from './webhook-view';

// notification-service sends. What it is asked for here, it reads from a table, a moment later.

export const testWebhook = (scope: Scope): Route =>
  route({
    ...common(scope),
    method: 'post',
    path: `${scope.path}/{webhook_id}/test`,
    name: scope.names.test,
    example: { params: scope.exampleParams, body: { event_type: 'order.placed.v1' } },
    summary: 'Send it a sample event, once',
    description:
      'Its CloudEvent has `test: true`, and is about nothing that there is. It is sent also where the webhook is paused or disabled; what became of it is among the deliveries.',
    params: paramsOfOne(scope),
    body: z.strictObject({
      event_type: eventType
        .optional()
        .meta({ description: 'Where it is absent, one of those that the webhook is sent' }),
    }),
    bodyOptional: true,
    answers: {
      202: {
        description: 'It is sent now',
        schema: z
          .object({ delivery_id: uuid, event_type: z.string().meta({ example: 'order.placed.v1' }) })
          .meta({ id: 'WebhookTest' }),
      },
    },
    async handle({ params, body }, { database, log }) {
      const webhook = await readWebhook(database, params);
      const deliveryId = newId();
      const eventType = body.event_type ?? webhook.event_types[0] ?? 'order.placed.v1';
      await database.$executeRaw`
        INSERT INTO webhook_requests (id, endpoint_id, kind, event_type)
        VALUES (${deliveryId}::uuid, ${webhook.id}::uuid, 'TEST', ${eventType})`;
      log.info({ webhook_id: webhook.id, delivery_id: deliveryId }, 'a test of a webhook was requested');
      return {
        status: 202,
        headers: deliveriesAt(scope, params),
        body: { delivery_id: deliveryId, event_type: eventType },
      };
    },
  });

export const resendDelivery = (scope: Scope): Route =>
  route({
    ...common(scope),
    method: 'post',
    path: `${scope.path}/{webhook_id}/deliveries/{delivery_id}/resend`,
    name: scope.names.resend,
    example: {
      params: {
        ...scope.exampleParams,
        delivery_id: scope.concerns ? exampleIds.restaurantDelivery : exampleIds.delivery,
      },
    },
    summary: 'Send an event again, whatever became of it before',
    description: 'With the same `webhook-id`: a receiver can tell that it has had it.',
    params: paramsOfOne(scope).extend({ delivery_id: id }),
    answers: {
      202: {
        description: 'It is sent now',
        schema: z.object({ delivery_id: uuid }).meta({ id: 'WebhookResend' }),
      },
    },
    problems: { 'webhook-off': 'It is paused or disabled; nothing was done' },
    async handle({ params }, { database, log }) {
      const webhook = await readWebhook(database, params);
      const known = await database.$queryRaw<unknown[]>`
        SELECT id FROM notifications
        WHERE id = ${params.delivery_id}::uuid AND channel = 'WEBHOOK' AND recipient = ${webhook.id}`;
      if (known.length === 0)
        throw notFound(`There is no delivery ${params.delivery_id} to webhook ${webhook.id}.`);
      checkIsOn(webhook);
      await request(database, { endpointId: webhook.id, kind: 'RESEND', deliveryId: params.delivery_id });
      log.info({ webhook_id: webhook.id, delivery_id: params.delivery_id }, 'a delivery is to be sent again');
      return { status: 202, headers: deliveriesAt(scope, params), body: { delivery_id: params.delivery_id } };
    },
  });

/** How far back events are sent again. */
const LONGEST_DAYS = 30;
const DAY_MS = 86_400_000;

const since = rfc3339
  .refine((time) => Date.parse(time) <= Date.now(), { error: 'must be in the past' })
  .meta({ type: 'string', format: 'date-time', example: '2026-11-21T08:30:00Z' });

export const recoverWebhook = (scope: Scope): Route =>
  route({
    ...common(scope),
    method: 'post',
    path: `${scope.path}/{webhook_id}/recover`,
    name: scope.names.recover,
    example: { params: scope.exampleParams, body: { since: '2026-11-21T08:30:00Z' } },
    summary: 'Send again what it did not get since a moment',
    description: `What failed or was dropped, and what happened while it was paused or disabled: from the history, in the order of each order's life. ${LONGEST_DAYS} days back at most, and not from before it was added.`,
    params: paramsOfOne(scope),
    body: z.strictObject({ since }),
    answers: {
      202: {
        description: 'It is being sent',
        schema: z
          .object({
            webhook_id: uuid,
            since: timestamp.meta({ description: 'From when on it is sent again' }),
          })
          .meta({ id: 'WebhookRecovery' }),
      },
    },
    problems: { 'webhook-off': 'It is paused or disabled; nothing was done' },
    async handle({ params, body }, { database, log }) {
      const webhook = await readWebhook(database, params);
      checkIsOn(webhook);
      const earliest = Math.max(webhook.created_at.getTime(), Date.now() - LONGEST_DAYS * DAY_MS);
      const from = new Date(Math.max(Date.parse(body.since), earliest)).toISOString();
      await request(database, { endpointId: webhook.id, kind: 'RECOVER', since: from });
      log.info({ webhook_id: webhook.id, since: from }, 'a webhook is to be sent what it missed');
      return {
        status: 202,
        headers: deliveriesAt(scope, params),
        body: { webhook_id: webhook.id, since: from },
      };
    },
  });

function checkIsOn({ paused, disabled_at }: WebhookRow): void {
  if (!paused && !disabled_at) return;
  const how = paused ? 'paused' : 'disabled';
  throw new Problem(409, 'Conflict', `The webhook is ${how}; switch it on first. Nothing was done.`, {
    type: 'webhook-off',
  });
}

interface Wanted {
  endpointId: string;
  kind: 'RESEND' | 'RECOVER';
  deliveryId?: string;
  since?: string;
}

const request = (database: Database, { endpointId, kind, deliveryId, since }: Wanted) =>
  database.webhookRequest.create({ data: { id: newId(), endpointId, kind, deliveryId, since } });
