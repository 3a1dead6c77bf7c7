import { createLogger } from '../../shared/service/logger';
import { until } from '../../shared/testing/until';
import { watchBacklog } from './backlog';

it('is looked at while orders come, and while they are refused', async () => {
  let looks = 0;
  let waiting = 0;
  const database = { $queryRaw: () => Promise.resolve([{ waiting, look: ++looks }]) };
  const backlog = watchBacklog(database as never, 2, createLogger('test', 'silent'));
  try {
    await until('the first look', () => looks === 1);
    waiting = 2;
    for (let asked = 2; asked <= 3; asked++) {
      expect(looks).toBe(asked - 1); // for nobody asked
      expect(backlog.isFull()).toBe(asked === 3);
      await until('another look', () => looks === asked);
    }
    waiting = 0;
    await until('it to see, unasked, that there is room', () => looks === 4);
    expect(() => backlog.refuseWhenFull()).not.toThrow();
  } finally {
    await backlog.stop();
  }
});
