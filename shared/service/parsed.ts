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

/** A duration such as `15m`, read as milliseconds. */
export const duration = (fallback: string) => parsed(parseDuration).prefault(fallback);
