import { readiness, type Health } from './health-server';
import { identity } from './identity';
import { NO_REST, readGauge } from './metrics';
import type { Pauses } from './pauses';

/** How a process is, for Prometheus: what `/readyz` says of each check, and which of its parts are paused. */
export function readHealthGauges(
  health: Pick<Health, 'checks'>,
  pauses: Pauses,
  parts: readonly string[],
): void {
  readGauge(
    'ordermesh_ready',
    'Whether the process gets its work done, by check of /readyz: 1, or 0 where it does not hold',
    ['service', 'check'],
    async () => {
      const { body } = await readiness(health);
      const { service } = identity();
      return Object.entries(body.checks).map(([check, ok]) => ({
        labels: { service, check },
        value: Number(ok),
      }));
    },
    // A check that waited for its database would otherwise be told long after that is back.
    { rest: NO_REST },
  );
  readGauge(
    'ordermesh_paused',
    'Whether people have paused the part: 1, or 0 where it works',
    ['part'],
    () => parts.map((part) => ({ labels: { part }, value: pauses.of(part) ? 1 : 0 })),
    { rest: NO_REST },
  );
}
