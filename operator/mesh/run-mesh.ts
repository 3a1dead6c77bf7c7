import { UserError } from '../../scripts/servers/search';
import { briefly, isPassing } from '../../shared/messaging/failure';
import { openDatabase, type Database } from '../../shared/service/database';
import { readTimeline } from '../../shared/timeline/read-timeline';
import type { Timeline } from '../../shared/timeline/timeline';
import { readMeshArguments, type MeshArguments } from './arguments';
import { findOrders, MOST_ORDERS } from './find-orders';
import { timelineAsText } from './show-why';
import { usage } from './usage';

/** What a run of the command works with. */
export interface MeshRun {
  args: string[];
  databaseUrl: () => string;
  draftDeadlineMs: () => number;
  print: (text: string) => void;
  warn: (text: string) => void;
}

/** `npm run mesh`. @returns the exit code @throws {UsageError} @throws {UserError} */
export async function runMesh(run: MeshRun): Promise<number> {
  const given = readMeshArguments(run.args);
  if (given.action === 'help') {
    run.print(usage);
    return 0;
  }
  const draftDeadlineMs = run.draftDeadlineMs();
  const database = openDatabase({
    url: run.databaseUrl(),
    poolSize: 1,
    applicationName: 'ordermesh-mesh',
    onIdleError: () => undefined, // the next statement says so
  });
  try {
    return await why(run, given, database, draftDeadlineMs);
  } catch (error) {
    if (isPassing(error))
      throw new UserError(`PostgreSQL cannot be used: ${briefly(error)}. Run the command again.`);
    throw error;
  } finally {
    await database.$disconnect();
  }
}

async function why(
  { print, warn }: MeshRun,
  { order, json }: Extract<MeshArguments, { action: 'why' }>,
  database: Database,
  draftDeadlineMs: number,
): Promise<number> {
  const ids = await findOrders(database, order);
  const found: Timeline[] = [];
  for (const id of ids.slice(0, MOST_ORDERS)) {
    const timeline = await readTimeline(database, id, { draftDeadlineMs });
    if (timeline) found.push(timeline);
  }
  if (found.length === 0) {
    warn(`There is no order ${order}.`);
    return 1;
  }
  print(found.map((one) => (json ? JSON.stringify(one) : timelineAsText(one))).join(json ? '\n' : '\n\n'));
  if (ids.length > MOST_ORDERS) warn(`There are more orders ${order}; these are the newest ${MOST_ORDERS}.`);
  return 0;
}
