import { readTraceContext, writeTraceparent } from './trace-context';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

it.each([
  [`00-${TRACE}-${SPAN}-01`, 1],
  [`00-${TRACE}-${SPAN}-00`, 0],
  [`00-${TRACE}-${SPAN}-03`, 3],
  [`00-${TRACE}-${SPAN}-ff`, 3], // bits that are not known are not handed on
  [`cc-${TRACE}-${SPAN}-01`, 1], // a later version
  [`cc-${TRACE}-${SPAN}-01-what-it-may-have-more`, 1],
])('%s', (text, flags) => {
  expect(readTraceContext(text)).toEqual({ traceId: TRACE, spanId: SPAN, flags, state: undefined });
  expect(writeTraceparent(readTraceContext(text)!)).toBe(`00-${TRACE}-${SPAN}-0${flags}`);
});

it.each([
  undefined,
  42,
  '',
  `ff-${TRACE}-${SPAN}-01`,
  `00-${'0'.repeat(32)}-${SPAN}-01`,
  `00-${TRACE}-${'0'.repeat(16)}-01`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  `00-${TRACE}-${SPAN}-01-more`,
  `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`, // the header came twice
  `cc-${TRACE}-${SPAN}-01more`,
  `00-${TRACE}-${SPAN}-1`,
  ` 00-${TRACE}-${SPAN}-01`,
  `00-${TRACE}-${SPAN}-01\n`,
  `cc-${TRACE}-${SPAN}-01-${'x'.repeat(1_000)}`,
])('%p is none', (text) => expect(readTraceContext(text, 'a=1')).toBeUndefined());

const many = (members: number, characters: number): string =>
  Array.from({ length: members }, (_, at) => `k${at}=${'v'.repeat(characters)}`).join(',');

it.each<[unknown, string | undefined]>([
  ['vendor=1,b=2', 'vendor=1,b=2'],
  ['', undefined],
  ['no pair', undefined],
  ['a=\u00e4', undefined],
  [`a=${'x'.repeat(600)}`, undefined],
  [['a=1'], undefined],
  [' a=1 \t,\t b=2, ,', 'a=1,b=2'],
  ['fw529a3039@dt=FfffffA;1,1-2@nr=0-0', 'fw529a3039@dt=FfffffA;1,1-2@nr=0-0'],
  ...['a=1,a=2', '=,@x=1', '@x=1', 'a@@b=1', 'A=1', 'a=b=c', 'a=', '=a'].map((bad): [string, undefined] => [
    bad,
    undefined,
  ]),
  [many(32, 1), many(32, 1)],
  [many(33, 1), undefined],
  [`${many(5, 90)},long=${'v'.repeat(130)},z=1`, `${many(5, 90)},z=1`],
  [many(8, 90), many(5, 90)],
])('tracestate %p', (state, expected) =>
  expect(readTraceContext(`00-${TRACE}-${SPAN}-01`, state)?.state).toBe(expected),
);
