import { createLogger } from './logger';
import { stopInTurn } from './stop-in-turn';

const log = createLogger('stub', 'silent');
const forEver = () => new Promise<never>(() => undefined);

describe('the parts of a service', () => {
  it('are stopped one after the other', async () => {
    const told: string[] = [];
    const part = (name: string) => async () => {
      told.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      told.push(`${name} has ended`);
    };
    await stopInTurn({ consumer: part('consumer'), database: part('database') }, log);
    expect(told).toEqual(['consumer begins', 'consumer has ended', 'database begins', 'database has ended']);
  });

  it('are all told to stop where one of them waits for ever, and it is said which', async () => {
    const warn = jest.spyOn(log, 'warn').mockImplementation(() => undefined);
    let isTold = false;
    await stopInTurn(
      { worker: forEver, health: async () => void (isTold = true), database: forEver },
      log,
      50,
    );
    expect(isTold).toBe(true);
    expect(warn).toHaveBeenCalledWith({ late: ['worker', 'database'] }, expect.any(String));
  });

  it('that fail are told of', async () => {
    await expect(stopInTurn({ broken: () => Promise.reject(new Error('no')) }, log)).rejects.toThrow('no');
  });
});
