import { spread } from '../measure/spread';
import { formatNumber, formatReport, formatSpread } from './format-report';

test('numbers have as many digits as mean something', () => {
  expect([2312.4, 99.96, 9.876, 0.012, NaN].map(formatNumber)).toEqual(['2,312', '100', '9.88', '0.01', '?']);
});

test('a spread says how far the rounds lie apart, if there are several', () => {
  expect(formatSpread(spread([2, 1, 3]))).toBe('2 (1–3)');
  expect(formatSpread(spread([2]))).toBe('2');
});

test('the whole report', () => {
  const text = formatReport([
    {
      part: 'accept',
      figures: [
        {
          part: 'accept',
          what: 'orders/s',
          ours: spread([2400, 2500, 2600]),
          baseline: { name: 'Prisma', value: spread([1000, 1000, 1000]) },
          reach: { of: 'ratio', atLeast: 3 },
        },
      ],
      cpuMsPerOrder: { 'order-api': 0.5, PostgreSQL: 1.25 },
      remarks: ['by the way'],
      tookMs: 1_400,
      loadBefore: 0.5,
      fdatasyncPerSecond: { before: 5000, after: 4321.4 },
    },
    {
      part: 'relay',
      figures: [],
      remarks: [],
      tookMs: 1_400,
      loadBefore: 0.5,
      fdatasyncPerSecond: { before: 5000, after: 4321.4 },
      failed: 'no broker',
    },
  ]);
  expect(text.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
    'part | figure | ours (min–max) | baseline (min–max) | ratio (min–max) | reach',
    'accept | orders/s | 2,500 (2,400–2,600) | 1,000 (1,000–1,000) Prisma | 2.5 (2.4–2.6) | ratio ≥ 3 | SHORT',
    '',
    'accept: process | CPU ms an order',
    'PostgreSQL | 1.250',
    'order-api | 0.500',
    'all | 1.750',
    '',
    'accept: 1 s; load average 0.5 when it began; the disk took 5,000 fdatasync/s before it, 4,321 after',
    'relay: 1 s; load average 0.5 when it began; the disk took 5,000 fdatasync/s before it, 4,321 after',
    'accept: by the way',
    'relay: could not be measured: no broker',
  ]);
});
