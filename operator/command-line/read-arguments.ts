import { parseArgs, type ParseArgsConfig } from 'node:util';
import { UsageError } from './usage-error';

/** `parseArgs`, strict, in the words of a command line. @throws {UsageError} */
export function readArguments<T extends NonNullable<ParseArgsConfig['options']>>(args: string[], options: T) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Reads an option with its parser. @throws {UsageError} naming the option */
export function readOption<T>(name: string, text: string, parse: (text: string) => T): T;
export function readOption<T>(
  name: string,
  text: string | undefined,
  parse: (text: string) => T,
): T | undefined;
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

/** A parser of numbers within bounds, both included. */
export const numberFrom =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() !== '' && value >= least && value <= most) return value;
    throw new Error(`"${text}" is not a number from ${least} to ${most}`);
  };

/** A parser of whole numbers within bounds, both included. */
export const wholeNumberFrom =
  (least: number, most: number) =>
  (text: string): number => {
    const value = numberFrom(least, most)(text);
    if (Number.isInteger(value)) return value;
    throw new Error(`"${text}" is not a whole number`);
  };
