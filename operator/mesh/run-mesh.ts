import type { Database } from '../../shared/service/database';
import { pause } from '../../shared/service/pause';
import type { Pause } from '../../shared/service/pauses';
import { readTimeline } from '../../shared/timeline/read-timeline';
import type { Timeline } from '../../shared/timeline/timeline';
import { oneLine } from '../command-line/table';
import { withDatabase } from '../command-line/with-database';
import { readMeshArguments, type MeshArguments } from './arguments';
import { findOrders, MOST_ORDERS } from './find-orders';
import type { MeshState } from './mesh-state';
import { checkPart, pausePart, resumePart } from './parts';
import { meshAsText } from './show-mesh';
import { timelineAsText } from './show-why';
import { usage } from './usage';

/** What a run of the command works with. */
export interface MeshRun {
  args: string[];
  databaseUrl: () => string;
  draftDeadlineMs: () => number;
  /** Reads how the mesh is. */
  readState: () => () => Promise<MeshState>;
  /** Who runs the command. */
  user: () => string;
  print: (text: string) => void;
  warn: (text: string) => void;
  /** Whether a person looks at a terminal, which can be wiped. */
  isTerminal?: boolean;
  stopping?: AbortSignal;
}

type Arguments<A extends MeshArguments['action']> = Extract<MeshArguments, { action: A }>;

const WATCH_EVERY_MS = 2_000;
const WIPE = '\u001b[H\u001b[J';

/** `npm run mesh`. @returns the exit code @throws {UsageError} @throws {UserError} */
export async function runMesh(run: MeshRun): Promise<number> {
  const given = readMeshArguments(run.args);
  switch (given.action) {
    case 'help':
      run.print(usage);
      return 0;
    case 'show':
      return show(run, given);
    case 'why': {
      const draftDeadlineMs = run.draftDeadlineMs();
      return withDatabase('mesh', run.databaseUrl(), (database) =>
        why(run, given, database, draftDeadlineMs),
      );
    }
    case 'pause':
      return withDatabase('mesh', run.databaseUrl(), (database) => pauseIt(run, given, database));
    case 'resume':
      return withDatabase('mesh', run.databaseUrl(), (database) => resumeIt(run, given, database));
  }
}

async function show(run: MeshRun, { json, watch }: Arguments<'show'>): Promise<number> {
  const read = run.readState();
  for (let first = true; ; first = false) {
    const state = await read();
    const text = json ? JSON.stringify(state, null, watch ? undefined : 2) : meshAsText(state);
    const between = json || first ? '' : '\n';
    run.print(watch && !json && run.isTerminal ? `${WIPE}${text}` : `${between}${text}`);
    if (!watch || run.stopping?.aborted)
      return state.postgresql.reachable && state.rabbitmq.reachable ? 0 : 1;
    await pause(WATCH_EVERY_MS, run.stopping);
    if (run.stopping?.aborted) return 0;
  }
}

async function pauseIt(
  run: MeshRun,
  { part, why: reason }: Arguments<'pause'>,
  database: Database,
): Promise<number> {
  await checkPart(database, part);
  const { pause: held, begun } = await pausePart(database, part, run.user(), reason);
  run.print(
    begun
      ? `${part} is paused: ${oneLine(held.why)}. It stops within seconds, and stays so until npm run mesh -- resume ${part}.`
      : `${part} is paused already, ${told(held)}. Nothing was changed.`,
  );
  return 0;
}

async function resumeIt(run: MeshRun, { part }: Arguments<'resume'>, database: Database): Promise<number> {
  await checkPart(database, part);
  const ended = await resumePart(database, part, run.user());
  run.print(
    ended
      ? `${part} is resumed; it was paused ${told(ended)}. It begins within seconds, slowly at first.`
      : `${part} is not paused. Nothing was changed.`,
  );
  return 0;
}

/** Another operator wrote it. */
const told = ({ by, since, why: reason }: Pause) =>
  oneLine(`by ${by} since ${since.toISOString().replace(/\.\d+Z$/, 'Z')}: ${reason}`);

async function why(
  { print, warn }: MeshRun,
  { order, json }: Arguments<'why'>,
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
