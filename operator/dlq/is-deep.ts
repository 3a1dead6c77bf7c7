/** Deeper than people write, and less deep than what `JSON.stringify` breaks at, or fills a screen with indents for. */
const MOST_LEVELS = 100;

/** Whether lists and objects are within each other so deep that they are shown otherwise. */
export function isDeep(value: unknown): boolean {
  let level = [value];
  for (let levels = 0; level.length > 0; levels++) {
    if (levels > MOST_LEVELS) return true;
    level = level.flatMap((one) =>
      typeof one === 'object' && one !== null ? Object.values(one) : [],
    ) as unknown[];
  }
  return false;
}
