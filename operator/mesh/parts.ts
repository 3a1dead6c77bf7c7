import { currentConsumers } from '../../shared/messaging/subscriptions';
import type { Database } from '../../shared/service/database';
import { CHANNELS, GATEWAY, type Pause } from '../../shared/service/pauses';
import { storableText } from '../../shared/storable-text';
import { UsageError } from '../command-line/usage-error';

/** Services that take no events, and can be paused all the same. */
const OTHER_SERVICES = ['order-api', 'outbox-publisher'];

/** @throws {UsageError} which lists what can be paused, where the part is none of that */
export async function checkPart(database: Database, part: string): Promise<void> {
  const services = [
    ...(await currentConsumers(database)).map(({ service }) => service),
    ...OTHER_SERVICES,
  ].sort();
  const parts = [...services, GATEWAY, ...CHANNELS];
  if (!parts.includes(part))
    throw new UsageError(`There is no part "${part}". These can be paused: ${parts.join(', ')}.`);
}

/** @returns the pause, and whether it has just begun: somebody else may have been first */
export async function pausePart(
  database: Database,
  part: string,
  by: string,
  why: string,
): Promise<{ pause: Pause; begun: boolean }> {
  const [begun] = await database.$queryRaw<Pause[]>`
    INSERT INTO pauses (part, paused_by, why) VALUES (${part}, ${storableText(by)}, ${storableText(why)})
    ON CONFLICT (part) WHERE resumed_at IS NULL DO NOTHING
    RETURNING part, paused_by AS by, why, paused_at AS since`;
  if (begun) return { pause: begun, begun: true };
  const [there] = await database.$queryRaw<Pause[]>`
    SELECT part, paused_by AS by, why, paused_at AS since FROM pauses WHERE part = ${part} AND resumed_at IS NULL`;
  // It was resumed in between.
  return there ? { pause: there, begun: false } : pausePart(database, part, by, why);
}

/** @returns the pause that has ended; undefined where there was none */
export async function resumePart(database: Database, part: string, by: string): Promise<Pause | undefined> {
  const [ended] = await database.$queryRaw<Pause[]>`
    UPDATE pauses SET resumed_by = ${storableText(by)}, resumed_at = greatest(now(), paused_at)
    WHERE part = ${part} AND resumed_at IS NULL
    RETURNING part, paused_by AS by, why, paused_at AS since`;
  return ended;
}
