import { readArguments } from '../command-line/read-arguments';
import { UsageError } from '../command-line/usage-error';

/** What the command line asks for. */
export type MeshArguments =
  | { action: 'help' }
  /** `order`: an id, or a reference of the caller's. */
  | { action: 'why'; order: string; json: boolean };

const options = {
  help: { type: 'boolean', default: false, short: 'h' },
  json: { type: 'boolean', default: false },
} as const;

/** @throws {UsageError} saying what is wrong */
export function readMeshArguments(args: string[]): MeshArguments {
  const { values, positionals } = readArguments(args, options);
  const [action, order, ...more] = positionals;
  if (values.help) return { action: 'help' };
  if (action !== 'why') throw new UsageError('Say what to do: why.');
  if (!order?.trim()) throw new UsageError('why needs the id or the reference of an order.');
  if (more[0] !== undefined)
    throw new UsageError(`"${more[0]}" is not understood. A reference with spaces needs quotes around it.`);
  return { action, order: order.trim(), json: values.json };
}
