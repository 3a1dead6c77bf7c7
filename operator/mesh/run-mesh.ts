import type { Database } from '../../shared/service/database';
import { withDatabase } from '../command-line/with-database';
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
  return withDatabase('mesh', run.databaseUrl(), (database) => why(run, given, database, draftDeadlineMs));
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
