import { z } from 'zod';
import { Prisma } from '../../shared/service/database';
import { exampleIds } from '../http/live-examples';
import { route, type Route } from '../http/route';
import { common, paramsOfOne, type Scope } from './scopes';
import { checkReceiver, webhookFields } from './webhook-fields';
import { isOf, readWebhook, showWebhook, unknownWebhook, webhookAnswer } from './webhook-view';

export const changeWebhook = (scope: Scope): Route =>
  route({
    ...common(scope),
    method: 'patch',
    path: `${scope.path}/{webhook_id}`,
    name: scope.names.change,
    example: { params: scope.exampleParams, body: { paused: false } },
    summary: 'Change its address or events, pause it, or switch it on again',
    description:
      'While it is paused or disabled nothing is sent, and events are not kept for it: `recover` fetches them from the history. `paused: false`, or another `url`, switches on what was disabled.',
    params: paramsOfOne(scope),
    body: z
      .strictObject({
        url: webhookFields.url.optional(),
        event_types: webhookFields.event_types
          .nullable()
          .optional()
          .meta({ description: 'null: all of them, those to come included' }),
        paused: z.boolean({ error: 'must be true or false' }).optional(),
      })
      .refine((changes) => Object.keys(changes).length > 0, {
        error: 'must name at least one of url, event_types, paused',
      }),
    answers: { 200: { description: 'The webhook as it is now', schema: webhookAnswer } },
    async handle({ params, body }, { allowPrivateWebhooks, database, log }) {
      checkReceiver(body.url, allowPrivateWebhooks);
      const url = body.url ?? null;
      const changed = await database.$executeRaw`
        UPDATE webhook_endpoints SET ${Prisma.join([
          Prisma.sql`enabled_at = CASE WHEN ${body.paused === false} OR url <> coalesce(${url}, url) THEN now() ELSE enabled_at END`,
          Prisma.sql`url = coalesce(${url}, url)`,
          ...(body.paused === undefined ? [] : [Prisma.sql`paused = ${body.paused}`]),
          ...(body.event_types === undefined
            ? []
            : [Prisma.sql`event_types = ${body.event_types ?? []}::text[]`]),
        ])}
        WHERE id = ${params.webhook_id}::uuid AND ${isOf(params.id)}`;
      if (changed === 0) throw unknownWebhook(params);
      log.info({ webhook_id: params.webhook_id, changed: Object.keys(body) }, 'webhook changed');
      return { status: 200, body: showWebhook(await readWebhook(database, params)) };
    },
  });

export const removeWebhook = (scope: Scope): Route =>
  route({
    ...common(scope),
    method: 'delete',
    path: `${scope.path}/{webhook_id}`,
    name: scope.names.remove,
    example: {
      params: {
        ...scope.exampleParams,
        webhook_id: scope.concerns ? exampleIds.restaurantWebhookToRemove : exampleIds.webhookToRemove,
      },
    },
    summary: 'Remove it: nothing is sent there any more, and its deliveries cannot be read any more',
    params: paramsOfOne(scope),
    answers: { 204: { description: 'Removed' } },
    async handle({ params }, { database, log }) {
      const removed = await database.$executeRaw`
        DELETE FROM webhook_endpoints WHERE id = ${params.webhook_id}::uuid AND ${isOf(params.id)}`;
      if (removed === 0) throw unknownWebhook(params);
      log.info({ webhook_id: params.webhook_id }, 'webhook removed');
      return { status: 204, body: undefined };
    },
  });
