import { z } from 'zod';
import { newId } from '../../shared/ids';
import { exampleIds } from '../http/live-examples';
import { notFound, Problem } from '../http/problem';
import { route, type Route } from '../http/route';
import { common, paramsOfAll, type Scope } from './scopes';
import { makeSecret, secretAnswer } from './secrets';
import { checkReceiver, webhookFields } from './webhook-fields';
import { isOf, showWebhook, webhookAnswer } from './webhook-view';

/** More than anybody needs, and few enough that one caller cannot make everybody's events slow. */
const MOST = 1_000;

export const addWebhook = (scope: Scope): Route =>
  route({
    ...common(scope),
    method: 'post',
    path: scope.path,
    name: scope.names.add,
    example: {
      params: scope.concerns ? { id: exampleIds.restaurant } : {},
      body: { url: 'https://shop.example/ordermesh', event_types: ['order.placed.v1', 'order.cancelled.v1'] },
    },
    summary: `Have events ${scope.whose} sent to an address`,
    description:
      'By Standard Webhooks (standardwebhooks.com): each event is a POST with its CloudEvent as body, signed with the secret. Anything but a 2xx is tried again.',
    params: paramsOfAll(scope),
    body: z.strictObject({ url: webhookFields.url, event_types: webhookFields.event_types.optional() }),
    answers: {
      201: {
        description: 'Added; events from now on are sent there',
        schema: webhookAnswer.extend({ secret: secretAnswer }).meta({ id: 'NewWebhook' }),
      },
    },
    problems: { 'too-many-webhooks': 'There are as many as there may be' },
    async handle({ params, body }, { allowPrivateWebhooks, caller, database, log }) {
      checkReceiver(body.url, allowPrivateWebhooks);
      if (params.id !== undefined && !(await database.restaurant.findUnique({ where: { id: params.id } })))
        throw notFound(`There is no restaurant ${params.id}.`);
      const [webhookId, secret, eventTypes] = [newId(), makeSecret(), body.event_types ?? []];
      const [added] = await database.$queryRaw<{ created_at: Date }[]>`
        WITH endpoint AS (
          INSERT INTO webhook_endpoints (id, restaurant_id, url, event_types, created_by)
          SELECT ${webhookId}::uuid, ${params.id ?? null}::uuid, ${body.url}, ${eventTypes}::text[], ${caller.id}
          WHERE (SELECT count(*) FROM webhook_endpoints WHERE ${isOf(params.id)}) < ${MOST}::int
          RETURNING id, created_at),
        secret AS (
          INSERT INTO webhook_secrets (id, endpoint_id, secret) SELECT ${newId()}::uuid, id, ${secret} FROM endpoint)
        SELECT created_at FROM endpoint`;
      if (!added) throw tooMany(scope);
      log.info({ webhook_id: webhookId, restaurant_id: params.id }, 'webhook added');
      const row = {
        id: webhookId,
        restaurant_id: params.id ?? null,
        url: body.url,
        event_types: eventTypes,
        paused: false,
        failing_since: null,
        disabled_at: null,
        disabled_reason: null,
        created_at: added.created_at,
      };
      return {
        status: 201,
        headers: { Location: `/api/v1${scope.path.replace('{id}', params.id ?? '')}/${webhookId}` },
        body: { ...showWebhook(row), secret },
      };
    },
  });

const tooMany = ({ whose }: Scope) =>
  new Problem(
    409,
    'Conflict',
    `There are ${MOST} webhooks ${whose} already; remove one first. Nothing was added.`,
    {
      type: 'too-many-webhooks',
    },
  );
