import { z } from 'zod';
import { newId } from '../../shared/ids';
import type { Tx } from '../../shared/service/database';
import { timestamp, uuid, wholeNumber } from '../http/fields';
import { notFound } from '../http/problem';
import { route, type Route } from '../http/route';
import { common, paramsOfOne, type Scope } from './scopes';
import { makeSecret, secretAnswer } from './secrets';
import { readWebhook } from './webhook-view';

const DAY_S = 86_400;
/** Of secrets before the newest; each adds a signature to whatever is sent. */
const MOST_BEFORE = 4;

export const rotateSecret = (scope: Scope): Route =>
  route({
    ...common(scope),
    method: 'post',
    path: `${scope.path}/{webhook_id}/rotate`,
    name: scope.names.rotate,
    example: { params: scope.exampleParams, body: { overlap_seconds: DAY_S } },
    summary: 'Give it another secret',
    description:
      'For the overlap everything is signed with both secrets, so that the receiver can be changed in its own time. `overlap_seconds: 0` ends the one before at once: for one that has leaked.',
    params: paramsOfOne(scope),
    body: z.strictObject({ overlap_seconds: wholeNumber(0, 7 * DAY_S).default(DAY_S) }),
    bodyOptional: true,
    answers: {
      200: {
        description: 'The new secret',
        schema: z
          .object({
            webhook_id: uuid,
            secret: secretAnswer,
            previous_until: timestamp
              .nullable()
              .meta({ description: 'Until then the secret before signs too; null: it does not' }),
          })
          .meta({ id: 'RotatedSecret' }),
      },
    },
    async handle({ params, body }, { database, log }) {
      await readWebhook(database, params);
      const secret = makeSecret();
      const until = await database.$transaction((tx) =>
        replace(tx, params.webhook_id, secret, body.overlap_seconds),
      );
      log.info({ webhook_id: params.webhook_id }, 'the secret of a webhook was replaced');
      return {
        status: 200,
        body: {
          webhook_id: params.webhook_id,
          secret,
          previous_until: body.overlap_seconds > 0 ? until.toISOString() : null,
        },
      };
    },
  });

/**
 * One rotation at a time: the lock is a statement of its own, for the next one sees what is committed by then.
 * @returns when the secret before ends
 */
async function replace(tx: Tx, webhookId: string, secret: string, overlapSeconds: number): Promise<Date> {
  const [endpoint] = await tx.$queryRaw<{ until: Date }[]>`
    SELECT clock_timestamp() + make_interval(secs => ${overlapSeconds}) AS until
    FROM webhook_endpoints WHERE id = ${webhookId}::uuid FOR UPDATE`;
  if (!endpoint) throw notFound(`There is no webhook ${webhookId} any more.`);
  await tx.$executeRaw`
    WITH before AS (
      SELECT id, row_number() OVER (ORDER BY created_at DESC, id DESC) AS age
      FROM webhook_secrets WHERE endpoint_id = ${webhookId}::uuid),
    ended AS (
      UPDATE webhook_secrets s SET expires_at = least(s.expires_at,
        CASE WHEN before.age <= ${MOST_BEFORE}::int THEN ${endpoint.until}::timestamptz ELSE now() END)
      FROM before WHERE s.id = before.id)
    INSERT INTO webhook_secrets (id, endpoint_id, secret, created_at)
    VALUES (${newId()}::uuid, ${webhookId}::uuid, ${secret}, clock_timestamp())`;
  return endpoint.until;
}
