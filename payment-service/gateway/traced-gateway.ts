import { errorTypeOf, KIND, startSpan, type Span } from '../../shared/tracing/span';
import type { Gateway } from './gateway';
import type { GatewayOperation } from './gateway-metrics';

/** The gateway as one piece of work sees it: each call is a span beneath the work's, its retries included. */
export function tracedGateway(gateway: Gateway, work: Span | undefined): Gateway {
  if (!work) return gateway;

  async function call<T>(operation: GatewayOperation, ask: () => Promise<T>): Promise<T> {
    const span = startSpan(`${operation} ${gateway.name}`, KIND.client, work)
      ?.set('ordermesh.gateway', gateway.name)
      .set('ordermesh.operation', operation);
    try {
      const answer = await ask();
      span?.set('ordermesh.outcome', (answer as { kind?: string }).kind ?? 'done');
      return answer;
    } catch (error) {
      span?.fail(errorTypeOf(error)); // not its words: a gateway may quote what it was sent
      throw error;
    } finally {
      span?.end();
    }
  }

  return {
    name: gateway.name,
    open: (...given) => call('open', () => gateway.open(...given)),
    authorize: (...given) => call('authorize', () => gateway.authorize(...given)),
    capture: (...given) => call('capture', () => gateway.capture(...given)),
    void: (...given) => call('void', () => gateway.void(...given)),
    refund: (...given) => call('refund', () => gateway.refund(...given)),
    read: (...given) => call('read', () => gateway.read(...given)),
  };
}
