import type { Pool } from 'pg';
import { histogram, NO_REST, readGauge } from './metrics';

const pools = new Map<Pool, string>();

/** The pools' numbers summed by their name. */
function gauge(name: string, help: string, count: (pool: Pool) => number): void {
  const read = () => {
    const sums = new Map<string, number>();
    for (const [pool, label] of pools) sums.set(label, (sums.get(label) ?? 0) + count(pool));
    return [...sums].map(([label, value]) => ({ labels: { pool: label }, value }));
  };
  readGauge(name, help, ['pool'], read, { rest: NO_REST });
}

gauge(
  'ordermesh_database_pool_size',
  'Connections to PostgreSQL that may be open',
  (pool) => pool.options.max ?? 10,
);
gauge(
  'ordermesh_database_pool_used',
  'Connections to PostgreSQL in use',
  (pool) => pool.totalCount - pool.idleCount,
);
gauge('ordermesh_database_pool_waiting', 'Who waits for a connection', (pool) => pool.waitingCount);

const waits = histogram(
  'ordermesh_database_pool_wait_seconds',
  'How long a connection was waited for, where none was free',
  ['pool'],
  [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10],
);

/** Tells of a pool for as long as it is open. @param name the service's */
export function watchPool(pool: Pool, name: string): void {
  pools.set(pool, name);
  waits.zero({ pool: name });
  const connect = pool.connect.bind(pool) as (...given: unknown[]) => unknown;
  // Who finds one free does not wait, and costs nothing more.
  pool.connect = ((...given: unknown[]) => {
    if (pool.idleCount > 0) return connect(...given);
    const end = waits.startTimer({ pool: name });
    const [callback] = given;
    if (typeof callback === 'function')
      return connect((...result: unknown[]) => {
        end();
        (callback as (...result: unknown[]) => void)(...result);
      });
    return (connect() as Promise<unknown>).finally(end);
  }) as typeof pool.connect;
  const close = pool.end.bind(pool) as () => Promise<void>;
  pool.end = (() => {
    pools.delete(pool);
    return close();
  }) as typeof pool.end;
}
