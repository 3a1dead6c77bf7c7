import type { Request, Response } from 'express';
import { neverPaused, type Pauses } from '../../shared/service/pauses';
import { refuseWhilePaused } from './refuse-while-paused';

const paused = { part: 'order-api', by: 'asha', why: 'stock take', since: new Date() };
const ask = (pauses: Pauses, method: string) => {
  const next = jest.fn();
  const answered = refuseWhilePaused(pauses)({ method } as Request, {} as Response, next);
  return { next, answered: Promise.resolve(answered) };
};

test('a change waits until it is known whether the process is paused; a read does not', async () => {
  let tell = (): void => undefined;
  let isPaused = false;
  const first = new Promise<void>((resolve) => (tell = resolve));
  const pauses = { ...neverPaused, known: () => first, of: () => (isPaused ? paused : undefined) };
  const read = ask(pauses, 'GET');
  await read.answered;
  expect(read.next).toHaveBeenCalledTimes(1);
  const change = ask(pauses, 'POST');
  isPaused = true;
  tell();
  await expect(change.answered).rejects.toMatchObject({ status: 503 });
  expect(change.next).not.toHaveBeenCalled();
});

test('where it cannot be known, a change goes on, to a database that will not take it', async () => {
  const change = ask({ ...neverPaused, known: () => Promise.reject(new Error('away')) }, 'POST');
  await change.answered;
  expect(change.next).toHaveBeenCalledTimes(1);
});
