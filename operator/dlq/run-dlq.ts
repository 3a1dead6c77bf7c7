import { openPublisher } from '../../shared/messaging/publisher';
import { withBroker, type Broker } from '../command-line/broker';
import { oneLine } from '../command-line/table';
import { UsageError } from '../command-line/usage-error';
import { readDlqArguments, type DlqArguments } from './arguments';
import { chooseQueues, type DeadLetterQueue } from './choose-queues';
import { openDecisions, type Decisions } from './decisions';
import { countMatching } from './list';
import { discard, replay, type Settled } from './settle-matching';
import { show } from './show';
import { printCounts } from './tally';
import { usage } from './usage';

/** What a run of the command works with. */
export interface DlqRun {
  args: string[];
  rabbitmqUrl: () => string;
  /** Where decisions are put on record; undefined where it was not said. */
  databaseUrl: () => string | undefined;
  /** Who runs it. */
  user: () => string;
  /** The services that there are. */
  services: () => string[];
  /** Those of `examples/`, which need not be there. */
  examples?: () => string[];
  print: (text: string) => void;
  warn: (text: string) => void;
  /** Asks a person; undefined where there is none. */
  confirm?: (question: string) => Promise<boolean>;
  stopping: AbortSignal;
}

const REPLAY_RATE = 200;
const CONFIRM_TIMEOUT_MS = 30_000;

/** `npm run dlq`. @returns the exit code @throws {UsageError} @throws {UserError} */
export async function runDlq(run: DlqRun): Promise<number> {
  const given = readDlqArguments(run.args);
  if (given.action === 'help') {
    run.print(usage);
    return 0;
  }
  if (given.action === 'discard' && !given.yes && !given.dryRun && !run.confirm)
    throw new UsageError(
      'discard removes messages for good and cannot ask for confirmation here: add --yes.',
    );
  return withBroker(run.rabbitmqUrl(), 'ordermesh-dlq', async (broker) => {
    const queues = await chooseQueues(
      broker,
      given.services,
      run.services(),
      run.examples?.() ?? [],
      run.warn,
    );
    switch (given.action) {
      case 'list':
        return list(run, given, broker, queues);
      case 'show': {
        const { print, warn, stopping } = run;
        const shown = await show(broker, queues, { ...given, print, stopping });
        if (shown === 0) warn('No such dead letter.');
        return shown > 0 || stopping.aborted ? 0 : 1;
      }
      case 'replay':
        return given.dryRun
          ? list(run, given, broker, queues, 'Would be replayed:')
          : replayAll(run, given, broker, queues);
      default:
        return given.dryRun
          ? list(run, given, broker, queues, 'Would be discarded:')
          : discardAll(run, given, broker, queues);
    }
  });
}

async function list(
  { print, stopping }: DlqRun,
  { filter, json }: DlqArguments,
  broker: Broker,
  queues: DeadLetterQueue[],
  title?: string,
): Promise<number> {
  const { counts } = await countMatching(broker, queues, filter, stopping);
  if (title) print(title);
  printCounts(counts, json, print);
  return 0;
}

async function replayAll(
  run: DlqRun,
  { filter, rate = REPLAY_RATE }: DlqArguments,
  broker: Broker,
  queues: DeadLetterQueue[],
): Promise<number> {
  const { print, stopping } = run;
  const publisher = await openPublisher(broker.session, CONFIRM_TIMEOUT_MS);
  return withDecisions(run, async (decisions) => {
    let code = 0;
    for (const from of queues) {
      if (stopping.aborted) break;
      const settled = await replay(broker, publisher, from, { filter, rate, decisions, stopping });
      print(`${from.queue}: ${settled.done} replayed to ${from.service}${rest(settled)}`);
      if (settled.refused > 0) code = 1;
    }
    return code;
  });
}

async function discardAll(
  run: DlqRun,
  { filter, yes, rate = Infinity }: DlqArguments,
  broker: Broker,
  queues: DeadLetterQueue[],
): Promise<number> {
  const { print, confirm, stopping } = run;
  let read: Map<string, number> | undefined;
  if (!yes) {
    const counted = await countMatching(broker, queues, filter, stopping);
    read = counted.read;
    printCounts(counted.counts, false, print);
    if (counted.counts.length === 0 || stopping.aborted) return 0;
    if (!(await confirm?.('Discard them for good?'))) {
      print('Nothing was discarded.');
      return 0;
    }
  }
  return withDecisions(run, async (decisions) => {
    for (const from of queues) {
      // No more than were counted: what came since then, nobody has agreed to.
      const atMost = read?.get(from.queue);
      if (stopping.aborted || atMost === 0) continue;
      const settled = await discard(broker, from, { filter, rate, atMost, decisions, stopping });
      print(`${from.queue}: ${settled.done} discarded${rest(settled)}`);
    }
    return 0;
  });
}

async function withDecisions<T>(
  { databaseUrl, user, warn }: DlqRun,
  work: (decisions: Decisions) => Promise<T>,
): Promise<T> {
  const decisions = await openDecisions({ databaseUrl: databaseUrl(), user: user(), warn });
  try {
    return await work(decisions);
  } finally {
    await decisions.end();
  }
}

function rest({ read, done, refused, refusal = '', stopped }: Settled): string {
  const stay = read - done - refused;
  const why = oneLine(refusal);
  return (
    (stay > 0 ? `, ${stay} left as they were` : '') +
    (stopped ? `; stopped, as RabbitMQ refused ${refused}, which are still here: ${why}` : '') +
    (refused > 0 && !stopped ? `; ${refused} cannot be sent again, and are still here: ${why}` : '')
  );
}
