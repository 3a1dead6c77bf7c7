import { parseArgs, type ParseArgsConfig } from 'node:util';
import { UsageError } from './run-command-line';

/** `parseArgs`, strict, in the words of a command line. @throws {UsageError} */
export function readArguments<T extends NonNullable<ParseArgsConfig['options']>>(args: string[], options: T) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Reads an option with its parser. @throws {UsageError} naming the option */
export function readOption<T>(
  name: string,
  text: string | undefined,
  parse: (text: string) => T,
): T | undefined {
  if (text === undefined) return undefined;
  try {
    return parse(text);
  } catch (error) {
    throw new UsageError(`--${name}: ${(error as Error).message}`);
  }
}

/** @throws {Error} unless it is a whole number of at least 1 */
export function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`"${text}" is not a whole number of at least 1`);
  return Number(text);
}
