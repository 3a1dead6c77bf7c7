const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Reads `500ms`, `5s`, `2m`, `1h` or `90d`.
 * @returns milliseconds
 * @throws {Error} saying what to write instead
 */
export function parseDuration(text: string): number {
  const match = /^([1-9]\d{0,6})(ms|s|m|h|d)$/.exec(text);
  if (!match) throw new Error(`"${text}" is not a duration; write e.g. 500ms, 5s, 2m, 1h or 90d`);
  return Number(match[1]) * (UNITS[match[2] as string] as number);
}
