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

it.each([
  ['vendor=1,b=2', 'vendor=1,b=2'],
  ['', undefined],
  ['no pair', undefined],
  ['a=\u00e4', undefined],
  [`a=${'x'.repeat(600)}`, undefined],
  [['a=1'], undefined],
])('tracestate %p', (state, expected) =>
  expect(readTraceContext(`00-${TRACE}-${SPAN}-01`, state)?.state).toBe(expected),
);
