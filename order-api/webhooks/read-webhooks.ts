import { z } from 'zod';
import { Prisma } from '../../shared/service/database';
import { cursor, pageOf, readCursor, UUID_PART } from '../http/cursor';
import { page } from '../http/fields';
import { exampleIds } from '../http/live-examples';
import { notFound } from '../http/problem';
import { route, type Route } from '../http/route';
import { common, paramsOfAll, paramsOfOne, type Scope } from './scopes';
import { isOf, readWebhook, showWebhook, webhookAnswer, WEBHOOKS, type WebhookRow } from './webhook-view';

export const listWebhooks = (scope: Scope): Route =>
  route({
    ...common(scope),
    method: 'get',
    path: scope.path,
    name: scope.names.list,
    example: { params: scope.concerns ? { id: exampleIds.restaurant } : {} },
    summary: `The webhooks ${scope.whose}, oldest first`,
    params: paramsOfAll(scope),
    query: z.object({ limit: page.limit, cursor }),
    answers: {
      200: {
        description: 'A page of them',
        schema: z.object({ webhooks: z.array(webhookAnswer), next_cursor: z.string().nullable() }),
      },
    },
    async handle({ params, query }, { database }) {
      if (params.id !== undefined && !(await database.restaurant.findUnique({ where: { id: params.id } })))
        throw notFound(`There is no restaurant ${params.id}.`);
      const list = ['webhooks', params.id ?? null];
      const [after] = readCursor(list, query.cursor, [UUID_PART]) ?? [];
      const rows = await database.$queryRaw<WebhookRow[]>`
        ${WEBHOOKS} WHERE e.${isOf(params.id)} ${after ? Prisma.sql`AND e.id > ${after}::uuid` : Prisma.empty}
        ORDER BY e.id LIMIT ${query.limit + 1}::int`;
      const shown = pageOf(rows, query.limit, list, (row) => [row.id]);
      return {
        status: 200,
        body: { webhooks: shown.rows.map(showWebhook), next_cursor: shown.next_cursor },
      };
    },
  });

export const getWebhook = (scope: Scope): Route =>
  route({
    ...common(scope),
    method: 'get',
    path: `${scope.path}/{webhook_id}`,
    name: scope.names.get,
    example: { params: scope.exampleParams },
    summary: `A webhook ${scope.whose}, and how it fares`,
    params: paramsOfOne(scope),
    answers: { 200: { description: 'The webhook', schema: webhookAnswer } },
    async handle({ params }, { database }) {
      return { status: 200, body: showWebhook(await readWebhook(database, params)) };
    },
  });
