import { readPreferences } from './prefer';

it.each([
  [undefined, {}],
  ['', {}],
  ['wait=10', { waitSeconds: 10 }],
  ['WAIT = "10"', { waitSeconds: 10 }],
  ['wait=100', { waitSeconds: 30 }],
  ['wait=10, wait=20', { waitSeconds: 10 }],
  ['respond-async, wait=7;foo="a,b", handling=strict', { waitSeconds: 7, isStrict: true }],
  ['foo="a, wait=9"', {}],
  ['foo="a\\", wait=9", handling="STRICT"', { isStrict: true }],
  ['handling=lenient', {}],
  ['wait', {}],
  ['wait=0', {}],
  ['wait=-1', {}],
  ['wait=1.5', {}],
  ['wait=ten', {}],
  ['wait=99999999999999999999', { waitSeconds: 30 }],
  ['wait=5;', { waitSeconds: 5 }],
  ['"wait=5"', {}],
  [`${'x,'.repeat(5_000)}wait=5`, { waitSeconds: 5 }],
])('%s', (header, expected) => {
  expect(readPreferences(header)).toEqual({ isStrict: false, ...expected });
});
