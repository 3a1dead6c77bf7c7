import { counter } from '../../shared/service/metrics';
import {
  GatewayBusyError,
  GatewaySetupError,
  GatewayUnavailableError,
  NoAnswerError,
  type Gateway,
} from './gateway';

export type GatewayOperation = Exclude<keyof Gateway, 'name'>;

const calls = counter(
  'ordermesh_gateway_calls_total',
  'Calls to the payment gateway, their retries included: done, declined, refused, no_answer, busy, not_asked (circuit open), not_set_up, failed',
  ['operation', 'outcome'],
);

/** Counts a call by how it ends. */
export async function countCall<T>(operation: GatewayOperation, call: Promise<T>): Promise<T> {
  try {
    const answer = await call;
    calls.inc({ operation, outcome: (answer as { kind?: string }).kind ?? 'done' });
    return answer;
  } catch (error) {
    calls.inc({ operation, outcome: outcomeOf(error) });
    throw error;
  }
}

function outcomeOf(error: unknown): string {
  if (error instanceof GatewayUnavailableError) return 'not_asked';
  if (error instanceof GatewayBusyError) return 'busy';
  if (error instanceof NoAnswerError) return 'no_answer';
  return error instanceof GatewaySetupError ? 'not_set_up' : 'failed';
}
