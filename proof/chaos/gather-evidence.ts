import type { Control } from '../../scripts/supervisor/control';
import { messageOf } from '../../scripts/servers/wait-until';
import type { Inflicted } from './carry-out';
import type { ChaosArguments } from './chaos-arguments';
import { auditQuietMesh, checkOrders, checkStock, failuresByReason } from './check-outcome';
import { checkMails } from './check-mails';
import { checkWebhooks } from './check-webhooks';
import { checkPayments } from './check-payments';
import { checkDeadLetters } from './dead-letters';
import type { Drive } from './drive';
import type { Fault } from './fault';
import type { Arsenal } from './arsenal';
import { countRequests } from './gateway';
import type { Menu } from './menu';
import { RETRY_LABELS, type ChaosMesh } from './mesh';
import type { Endpoint } from './judge-webhooks';
import { untilQuiet } from './quiet';
import type { Evidence } from './scorecard';
import { silentStandstills } from './standstills';
import { judgeTakeovers, type Takeover } from './takeovers';
import type { Watch } from './watch';
import type { WebhookReceiver } from './webhook-receiver';

export interface Run {
  given: ChaosArguments;
  control: Control;
  mesh: ChaosMesh;
  arsenal: Arsenal;
  drive: Drive;
  menu: Menu;
  /** Where webhooks arrive, and those that were asked for. */
  hooks: { receiver: WebhookReceiver; endpoints: readonly Endpoint[] };
  watch: Watch;
  consumers: readonly string[];
  inflicted: readonly Inflicted[];
  leftOut: readonly Fault[];
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
    broker: mesh.broker,
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
  const takeovers = judgeTakeovers(inflicted, watch.samples());
  violations.push(...silence(run), ...missedTakeovers(takeovers, run));
  const deaths = mesh.processes.flatMap((one) => one.deaths);
  violations.push(...deaths.map((death) => `${death}, and nobody had killed it`));
  violations.push(...drive.books.improper);
  const orders = await check('orders', () => checkOrders(postgres.url, drive.books, menu, mesh.heard));
  violations.push(...(orders?.violations ?? []));
  violations.push(...((await check('stock', () => checkStock(postgres.url, drive.stock))) ?? []));
  const payments = await check('payments', async () =>
    checkPayments(postgres.url, await arsenal.gateway.books()),
  );
  violations.push(...(payments?.violations ?? []));
  const mails = await check('mails', () => checkMails(postgres.url, mesh.mails));
  violations.push(...(mails?.violations ?? []));
  const { receiver, endpoints } = run.hooks;
  const webhooks = await check('webhooks', () => checkWebhooks(postgres.url, receiver, endpoints));
  violations.push(...(webhooks?.violations ?? []));
  const requests = await check('the gateway', () => countRequests(mesh.journal));
  const deadLetters = await check('dead letters', () =>
    checkDeadLetters(arsenal.stranger, consumers, arsenal.poison, arsenal.deletedQueues),
  );
  violations.push(...(deadLetters?.violations ?? []));
  const audit = await check('promises', () => auditQuietMesh(postgres.url, rabbitmq.url, mesh.gateway.url));
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
    mails: mails?.counts ?? null,
    webhooks: webhooks?.counts ?? null,
    unknownButDone: orders?.unknownButDone ?? 0,
    inflicted,
    leftOut: run.leftOut.length,
    watch,
    quietAfterMs,
    duplicates: {
      published_again: arsenal.tampered.duplicated,
      put_into_another_order: arsenal.tampered.reordered,
      ignored_by_consumers: mesh.heard.ignored(),
    },
    deadLetters: deadLetters ?? { byReason: {}, violations: [] },
    failures: failures ?? {},
    deaths,
    takeovers,
    audit: audit ?? null,
    violations,
  };
}

const silence = ({ watch, startedAt }: Run): string[] =>
  silentStandstills(watch.samples()).map(
    ({ service, from, to, waiting }) =>
      `${waiting} events waited for ${service} from ${secondsIn(from, startedAt)} to ${secondsIn(to, startedAt)}, ` +
      'nothing was done, and all of its processes said that they are ready',
  );

const missedTakeovers = (takeovers: readonly Takeover[], { startedAt }: Run): string[] =>
  takeovers
    .filter(({ afterMs }) => afterMs === undefined)
    .map(
      ({ at }) =>
        `the relay that owned the outbox was stopped at ${secondsIn(at, startedAt)}, and no standby published instead`,
    );

const secondsIn = (at: number, startedAt: number) => `${((at - startedAt) / 1_000).toFixed(1)} s`;
