import { z } from 'zod';
import { parseDuration } from './duration';

/** A variable that a parser reads; what the parser throws is what is reported. */
export const parsed = <T>(parse: (text: string) => T) =>
  z.string().transform((text, context): T => {
    try {
      return parse(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return z.NEVER;
    }
  });

/** A number in decimal digits: what JavaScript takes for one beside, such as `0x10`, `1e4` or ` 5`, is a slip of the pen. */
const decimal = (form: RegExp, least: number, most: number, error: string) =>
  parsed((text) => {
    const value = form.test(text) ? Number(text) : NaN;
    if (value >= least && value <= most) return value;
    throw new Error(error);
  });

export const wholeNumber = (least: number, most: number, error: string) =>
  decimal(/^\d+$/, least, most, error);

/** The same with a decimal point, if need be. */
export const decimalNumber = (least: number, most: number, error: string) =>
  decimal(/^(\d+(\.\d*)?|\.\d+)$/, least, most, error);

/** A duration such as `15m`, read as milliseconds. */
export const duration = (fallback: string) => parsed(parseDuration).prefault(fallback);
