import { newTraceId, type TraceContext } from './trace-context';
import { chooseSampler, SAMPLERS } from './sampling';

const parent = (flags: number): TraceContext => ({
  traceId: newTraceId(),
  spanId: '00f067aa0ba902b7',
  flags,
});

it.each(SAMPLERS)('%s', (name) => {
  const sampled = (ratio: number, ...parents: (TraceContext | undefined)[]) =>
    parents.map((one) => chooseSampler(name, ratio)(one?.traceId ?? newTraceId(), one));
  const expected = {
    always_on: [true, true, true],
    always_off: [false, false, false],
    traceidratio: [true, true, true],
    parentbased_always_on: [true, true, false],
    parentbased_always_off: [false, true, false],
    parentbased_traceidratio: [true, true, false],
  }[name];
  expect(sampled(1, undefined, parent(1), parent(0))).toEqual(expected);
  if (name === 'traceidratio') expect(sampled(0, undefined, parent(1))).toEqual([false, false]);
  if (name === 'parentbased_traceidratio') expect(sampled(0, undefined, parent(1))).toEqual([false, true]);
});

it('takes about the share that it is told, and all services the same traces', () => {
  const ids = Array.from({ length: 10_000 }, newTraceId);
  const [one, other] = [chooseSampler('traceidratio', 0.1), chooseSampler('parentbased_traceidratio', 0.1)];
  const taken = ids.filter((id) => one(id, undefined));
  expect(ids.filter((id) => other(id, undefined))).toEqual(taken);
  expect(taken.length).toBeGreaterThan(800);
  expect(taken.length).toBeLessThan(1_200);
  // A larger share takes those of a smaller one, too.
  const half = chooseSampler('traceidratio', 0.5);
  expect(taken.every((id) => half(id, undefined))).toBe(true);
});
