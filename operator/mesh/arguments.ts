import { readArguments } from '../command-line/read-arguments';
import { UsageError } from '../command-line/usage-error';

/** What the command line asks for. */
export type MeshArguments =
  | { action: 'help' }
  | { action: 'show'; json: boolean; watch: boolean }
  /** `order`: an id, or a reference of the caller's. */
  | { action: 'why'; order: string; json: boolean }
  | { action: 'pause'; part: string; why: string }
  | { action: 'resume'; part: string };

const options = {
  help: { type: 'boolean', default: false, short: 'h' },
  json: { type: 'boolean', default: false },
  watch: { type: 'boolean', default: false, short: 'w' },
  why: { type: 'string' },
} as const;
type Option = keyof typeof options;

const LONGEST_WHY = 500;

/** @throws {UsageError} saying what is wrong */
export function readMeshArguments(args: string[]): MeshArguments {
  const { values, positionals } = readArguments(args, options);
  const [action = 'show', subject, ...more] = positionals;
  if (values.help) return { action: 'help' };
  const given = (Object.keys(options) as Option[]).filter((name) => values[name]);
  const only = (...names: Option[]) => {
    const other = given.find((name) => !names.includes(name));
    if (other) throw new UsageError(`--${other} does not go with ${action}.`);
  };
  switch (action) {
    case 'show':
      only('json', 'watch');
      if (subject !== undefined) throw notUnderstood(subject);
      return { action, json: values.json, watch: values.watch };
    case 'why':
      only('json');
      return {
        action,
        order: named(
          action,
          subject,
          more,
          'the id or the reference of an order',
          'A reference with spaces needs quotes around it.',
        ),
        json: values.json,
      };
    case 'pause':
      only('why');
      return {
        action,
        part: partOf(action, subject, more, 'pause takes one part, and --why "the reason" in quotes.'),
        why: reason(values.why),
      };
    case 'resume':
      only();
      return { action, part: partOf(action, subject, more, 'resume takes one part.') };
    default:
      throw new UsageError(
        `"${action}" is not understood. Say why, pause or resume, or nothing for the state of all.`,
      );
  }
}

const partOf = (action: string, subject: string | undefined, more: readonly string[], hint: string) =>
  named(action, subject, more, 'the name of a service, "gateway" or a channel', hint).toLowerCase();

/** @param hint for whoever names more than one */
function named(
  action: string,
  subject: string | undefined,
  more: readonly string[],
  what: string,
  hint: string,
): string {
  if (!subject?.trim()) throw new UsageError(`${action} needs ${what}.`);
  if (more[0] !== undefined) throw notUnderstood(more[0], ` ${hint}`);
  return subject.trim();
}

/** Whoever looks at it at three in the morning wants to know. */
function reason(why: string | undefined): string {
  if (!why?.trim()) return 'no reason given';
  if (why.length > LONGEST_WHY) throw new UsageError(`--why may have ${LONGEST_WHY} characters at most.`);
  return why.trim();
}

const notUnderstood = (word: string, hint = '') => new UsageError(`"${word}" is not understood.${hint}`);
