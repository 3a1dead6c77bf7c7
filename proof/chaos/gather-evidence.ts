import type { Control } from '../../scripts/supervisor/control';
import { messageOf } from '../../scripts/servers/wait-until';
import type { Inflicted } from './carry-out';
import type { ChaosArguments } from './chaos-arguments';
import { auditQuietMesh, checkOrders, checkStock, failuresByReason } from './check-outcome';
import { checkPayments } from './check-payments';
import { checkDeadLetters } from './dead-letters';
import type { Drive } from './drive';
import type { Arsenal } from './faults';
import { countRequests } from './gateway';
import type { Menu } from './menu';
import { RETRY_LABELS, type ChaosMesh } from './mesh';
import { untilQuiet } from './quiet';
import type { Evidence } from './scorecard';
import type { Watch } from './watch';

export interface Run {
  given: ChaosArguments;
  control: Control;
  mesh: ChaosMesh;
  arsenal: Arsenal;
  drive: Drive;
  menu: Menu;
  watch: Watch;
  consumers: readonly string[];
  inflicted: readonly Inflicted[];
  startedAt: number;
}

const QUIET_WITHIN_MS = 150_000;

/** Waits for quiet, and then looks at everything that could have gone wrong. */
export async function gatherEvidence(run: Run): Promise<Evidence> {
  const { control, mesh, arsenal, drive, menu, watch, consumers, inflicted } = run;
  const { postgres, rabbitmq } = mesh.servers;
  const endedAt = Date.now();
  control.say('no more orders; waiting for quiet');
  const left = await untilQuiet({
    watch,
    databaseUrl: postgres.url,
    broker: rabbitmq,
    stranger: arsenal.stranger,
    consumers,
    retryLabels: RETRY_LABELS,
    timeoutMs: QUIET_WITHIN_MS,
    signal: control.stopping,
  });
  control.stopping.throwIfAborted();
  const quietAfterMs = left === undefined ? Date.now() - endedAt : null;

  control.say('checking');
  const violations: string[] = [];
  const check = async <T>(what: string, work: () => Promise<T>): Promise<T | undefined> =>
    work().catch((error: unknown) => {
      violations.push(`${what} could not be checked: ${messageOf(error)}`);
      return undefined;
    });
  if (left !== undefined) violations.push(`the mesh is not quiet after ${QUIET_WITHIN_MS / 1000} s: ${left}`);
  for (const { fault, error, healedAt } of inflicted) {
    if (error) violations.push(`${fault.kind} ${fault.target} could not be made or healed: ${error}`);
    else if (!healedAt) violations.push(`${fault.kind} ${fault.target} was not healed in time`);
  }
  const deaths = mesh.processes.flatMap((one) => one.deaths);
  violations.push(...deaths.map((death) => `${death}, and nobody had killed it`));
  violations.push(...drive.books.improper);
  const orders = await check('orders', () => checkOrders(postgres.url, drive.books, menu));
  violations.push(...(orders?.violations ?? []));
  violations.push(...((await check('stock', () => checkStock(postgres.url, drive.stock))) ?? []));
  const payments = await check('payments', async () =>
    checkPayments(postgres.url, await arsenal.gateway.books()),
  );
  violations.push(...(payments?.violations ?? []));
  const requests = await check('the gateway', () => countRequests(mesh.journal));
  const deadLetters = await check('dead letters', () =>
    checkDeadLetters(arsenal.stranger, consumers, arsenal.poison),
  );
  violations.push(...(deadLetters?.violations ?? []));
  const audit = await check('promises', () => auditQuietMesh(postgres.url, mesh.gateway.url));
  for (const { name, violations: broken, findings, unknown } of audit?.checks ?? []) {
    if (unknown) violations.push(`audit: ${name}: not known: ${unknown}`);
    if (broken > 0) violations.push(`audit: ${name}: ${broken}, the first: ${JSON.stringify(findings[0])}`);
  }
  const failures = await check('failures', () => failuresByReason(postgres.url));
  return {
    given: run.given,
    servers: { postgres: postgres.how, rabbitmq: rabbitmq.how },
    startedAt: run.startedAt,
    drive,
    payments: payments?.counts ?? null,
    gatewayRequests: requests ?? null,
    unknownButDone: orders?.unknownButDone ?? 0,
    inflicted,
    watch,
    quietAfterMs,
    duplicates: {
      published_again: arsenal.tampered.duplicated,
      put_into_another_order: arsenal.tampered.reordered,
      ignored_by_consumers: mesh.ignored(),
    },
    deadLetters: deadLetters ?? { byReason: {}, violations: [] },
    failures: failures ?? {},
    deaths,
    audit: audit ?? null,
    violations,
  };
}
