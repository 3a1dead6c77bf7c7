import { spread } from '../measure/spread';
import { judgeFigure } from './figure';

const figure = { part: 'accept', what: 'orders/s', ours: spread([2500, 2000, 3000]) };
const baseline = { name: 'Prisma', value: spread([1000, 1000, 1000]) };

test('a ratio is judged by its median', () => {
  expect(judgeFigure({ ...figure, baseline, reach: { of: 'ratio', atLeast: 2.5 } })).toMatchObject({
    ratio: { median: 2.5, min: 2, max: 3 },
    reached: true,
  });
  expect(judgeFigure({ ...figure, baseline, reach: { of: 'ratio', atLeast: 2.6 } }).reached).toBe(false);
});

test('a figure may have to reach something by itself, from below or from above', () => {
  expect(judgeFigure({ ...figure, reach: { of: 'ours', atLeast: 2500 } }).reached).toBe(true);
  expect(judgeFigure({ ...figure, reach: { of: 'ours', atMost: 2499 } }).reached).toBe(false);
});

test('what could not be measured is not reached', () => {
  expect(judgeFigure({ ...figure, ours: spread([NaN]), reach: { of: 'ours', atMost: 60 } }).reached).toBe(
    false,
  );
  expect(judgeFigure({ ...figure, reach: { of: 'ratio', atLeast: 1 } }).reached).toBe(false);
});

test('what is only reported is neither reached nor missed', () => {
  expect(judgeFigure({ ...figure, baseline }).reached).toBeUndefined();
});
