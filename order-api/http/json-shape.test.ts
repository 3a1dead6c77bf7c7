import fc from 'fast-check';
import { namesIn, shapeOf } from './json-shape';

const shape = (text: string) => shapeOf(Buffer.from(text));

test('a text has as many names as its value, whatever is in its strings', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(0, 2), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      expect(shape(text).names).toBe(namesIn(JSON.parse(text)));
    }),
    { numRuns: 500 },
  );
});

test.each([
  ['{}', 1],
  ['[[],[]]', 2],
  ['{"a":"[[[{{{","b\\"]":[{"c":"\\\\"}]}', 3],
  [`${'['.repeat(10_000)}${']'.repeat(10_000)}`, 10_000],
  ['7', 0],
])('%.40s is so deep', (text, depth) => expect(shape(text).depth).toBe(depth));

test.each([
  ['{"a":1,"a":1}', 1],
  ['{"a":1,"\\u0061":2}', 1],
  ['{"a":{"b":1},"c":{"b":1}}', 0],
  ['[{"a":1},{"a":1,"b":{"c":[{"d":1,"d":2}]},"a":3}]', 2],
  ['{"":1,"":2}', 1],
  ['{"__proto__":1,"__proto__":2}', 1],
])('%s: has more names than its value, where one is there twice', (text, more) => {
  expect(shape(text).names - namesIn(JSON.parse(text))).toBe(more);
});
