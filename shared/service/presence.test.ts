import pino from 'pino';
import { keepPresence, type Query } from './presence';

it('does nothing of what may be paused before it knows, and all of it once it does', async () => {
  let answer: (rows: object[]) => void = () => {};
  const query = (() => new Promise<object[]>((resolve) => (answer = resolve))) as Query;
  const log = pino({ enabled: false });
  const presence = keepPresence({ query, parts: ['gateway', 'email'], log, everyMs: 60_000 });
  expect(['gateway', 'email'].map(presence.share)).toEqual([0, 0]);
  answer([{ part: 'email', by: 'asha', why: '', since: new Date(), resumedMs: null }]);
  await presence.known();
  expect(['gateway', 'email'].map(presence.share)).toEqual([1, 0]);
  const stopped = presence.stop();
  answer([]);
  await stopped;
});
