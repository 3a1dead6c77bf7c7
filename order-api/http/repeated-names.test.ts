import fc from 'fast-check';
import { repeatedName } from './repeated-names';

it.each([
  ['{"a":1,"a":2}', '#/a'],
  ['{"a":1, "\\u0061" :2}', '#/a'],
  ['[{"a":1},{"b":{"c":[0,{"d":1,"e":2,"d":3}]}}]', '#/1/b/c/1/d'],
  ['{"a":{"x":1},"b":{"x":1,"y":{"x":1},"x":2}}', '#/b/x'],
  ['{"__proto__":1,"__proto__":2}', '#/__proto__'],
  ['{"a":"{\\"b\\":1,\\"b\\":2}","a/b":1,"a/b":2}', '#/a~1b'],
])('%s repeats %s', (json, where) => expect(repeatedName(json)).toBe(where));

it.each([
  '1',
  '"a:a"',
  '[]',
  '{"a":"a","b":"a"}',
  '[{"a":1},{"a":1}]',
  '{"a":{"a":{"a":[]}}}',
  '["a","a"]',
  '{"a\\\\":1,"a":2}',
])('%s repeats nothing', (json) => expect(repeatedName(json)).toBeUndefined());

it('finds nothing in what JSON.stringify writes, and what is put there twice', () =>
  fc.assert(
    fc.property(fc.json(), fc.string(), fc.json(), (json, name, other) => {
      expect(repeatedName(json)).toBeUndefined();
      const member = `${JSON.stringify(name)} : ${json}`;
      expect(repeatedName(`[${other}, {${member}, ${member}}]`)).toBeDefined();
    }),
  ));

it('takes no longer than in proportion on a deep or a long one', () => {
  const deep = '{"a":'.repeat(40_000) + '1' + '}'.repeat(40_000);
  const long = `{${Array.from({ length: 20_000 }, (_, index) => `"n${index}":"${'\\\\"'.repeat(2)}"`).join()}}`;
  const begun = performance.now();
  expect([repeatedName(deep), repeatedName(long)]).toEqual([undefined, undefined]);
  expect(performance.now() - begun).toBeLessThan(5_000);
});
