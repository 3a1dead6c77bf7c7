import { z } from 'zod';
import { newId } from '../../shared/ids';
import { timestamp, uuid, wholeNumber } from '../http/fields';
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
      const [rotated] = await database.$queryRaw<{ until: Date }[]>`
        WITH endpoint AS (
          SELECT id, clock_timestamp() + make_interval(secs => ${body.overlap_seconds}) AS until
          FROM webhook_endpoints WHERE id = ${params.webhook_id}::uuid FOR UPDATE),
        before AS (
          SELECT s.id, row_number() OVER (ORDER BY s.id DESC) AS age FROM webhook_secrets s JOIN endpoint ON s.endpoint_id = endpoint.id),
        ended AS (
          UPDATE webhook_secrets s SET expires_at = least(s.expires_at, CASE WHEN before.age <= ${MOST_BEFORE}::int THEN endpoint.until ELSE now() END)
          FROM before, endpoint WHERE s.id = before.id),
        made AS (
          INSERT INTO webhook_secrets (id, endpoint_id, secret) SELECT ${newId()}::uuid, id, ${secret} FROM endpoint)
        SELECT until FROM endpoint`;
      log.info({ webhook_id: params.webhook_id }, 'the secret of a webhook was replaced');
      return {
        status: 200,
        body: {
          webhook_id: params.webhook_id,
          secret,
          previous_until: body.overlap_seconds > 0 && rotated ? rotated.until.toISOString() : null,
        },
      };
    },
  });
