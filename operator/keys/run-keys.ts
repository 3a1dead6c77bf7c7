import type { Database } from '../../shared/service/database';
import { withDatabase } from '../command-line/with-database';
import { readKeysArguments, type KeysArguments } from './arguments';
import { createKey, KeyError, listKeys, revokeKey, rotateKey } from './keys';
import { keysAsJson, keysAsText } from './show-keys';
import { usage } from './usage';

/** What a run of the command works with. */
export interface KeysRun {
  args: string[];
  databaseUrl: () => string;
  /** Who runs it; kept with a key. */
  user: () => string;
  /** Results: of a new key nothing but the key. Rejects where it cannot be written. */
  print: (text: string) => Promise<void> | void;
  /** What people are told beside it. */
  say: (text: string) => void;
}

/** `npm run keys`. @returns the exit code @throws {UsageError} @throws {UserError} */
export async function runKeys(run: KeysRun): Promise<number> {
  const given = readKeysArguments(run.args);
  if (given.action === 'help') {
    await run.print(usage);
    return 0;
  }
  try {
    await withDatabase('keys', run.databaseUrl(), (database) => act(run, given, database));
    return 0;
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    run.say(error.message);
    return 1;
  }
}

const ONCE = 'It is shown only now: keep it where secrets are kept.';

async function act(
  { print, say, user }: KeysRun,
  given: Exclude<KeysArguments, { action: 'help' }>,
  database: Database,
): Promise<void> {
  switch (given.action) {
    case 'create': {
      const { id, expiresAt } = await createKey(database, given.wanted, user(), print);
      return say(`The key ${id}, ${endOf(expiresAt)}. ${ONCE}`);
    }
    case 'list': {
      const keys = await listKeys(database, given.all);
      return print(given.json ? keysAsJson(keys) : keysAsText(keys));
    }
    case 'rotate': {
      const { id, expiresAt, previousUntil } = await rotateKey(database, given.id, given, print);
      const before = previousUntil
        ? `The secret before is good until ${previousUntil.toISOString()}.`
        : 'The secret before is good no more, 5 seconds from now.';
      return say(`The key ${id} with another secret, ${endOf(expiresAt)}. ${before} ${ONCE}`);
    }
    case 'revoke': {
      const wasInUse = await revokeKey(database, given.id);
      return say(
        wasInUse
          ? `The key ${given.id} is revoked; within 5 seconds nobody can use it.`
          : `The key ${given.id} was revoked before; nothing was done.`,
      );
    }
  }
}

const endOf = (expiresAt: Date | null) =>
  expiresAt ? `good until ${expiresAt.toISOString()}` : 'good until it is revoked';
