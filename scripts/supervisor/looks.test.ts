import { Looks, START_MS, type Look } from './looks';

const EVERY_MS = 5_000;

/** When, of looks every five seconds, a process is first said to hang. */
function hangsAt(looks: Look[]): number | undefined {
  const process = new Looks('one', 0);
  const index = looks.findIndex((look, at) => process.hangsAfter(look, (at + 1) * EVERY_MS));
  return index < 0 ? undefined : (index + 1) * EVERY_MS;
}
const silent = (times: number) => Array<Look>(times).fill('silent');

test('one that has answered hangs after three looks in a row without a good answer', () => {
  expect(hangsAt(['well', ...silent(3)])).toBe(20_000);
  expect(hangsAt(['well', 'silent', 'stuck', 'silent'])).toBe(20_000);
  expect(hangsAt(['well', ...silent(2), 'well', ...silent(2), 'well'])).toBeUndefined();
});

test('one that has not answered yet is starting, for a minute', () => {
  expect(hangsAt([...silent(11), 'well', 'well'])).toBeUndefined();
  expect(hangsAt([...silent(11), 'well', ...silent(3)])).toBe(75_000);
  expect(hangsAt(silent(20))).toBe(START_MS + 2 * EVERY_MS);
});

test('one that says itself that it is stuck has answered', () => {
  expect(hangsAt(['stuck', 'stuck', 'stuck'])).toBe(15_000);
});

test('one that has answered elsewhere is not starting any more', () => {
  const process = new Looks('one', 0);
  process.answered();
  expect([1, 2, 3].map((at) => process.hangsAfter('silent', at))).toEqual([false, false, true]);
});
